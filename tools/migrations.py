"""Writes a C table of the SQL files given, sorted by name: tools/migrations.py OUT FILE.sql ..."""
import os
import sys

LINE = '    {{"{name}",\n{text}, {size}}},\n'


def quoted(line):
    return '     "' + "".join(f"\\{b:03o}" if b < 32 or b > 126 or b in b'"\\?' else chr(b) for b in line) + '"'


def main(out, files):
    text = '#include "migrations/migrate.h"\n\nconst struct migration migrations[] = {\n'
    for path in sorted(files, key=os.path.basename):
        with open(path, "rb") as f:
            data = f.read()
        lines = "\n".join(quoted(line) for line in data.splitlines(keepends=True)) or '     ""'
        text += LINE.format(name=os.path.basename(path)[:-4], text=lines, size=len(data))
    text += "};\nconst size_t migrations_n = sizeof migrations / sizeof *migrations;\n"
    with open(out, "w", encoding="ascii") as f:
        f.write(text)


main(sys.argv[1], sys.argv[2:])
