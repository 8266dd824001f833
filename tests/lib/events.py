"""A reader of an event stream on a thread of its own, as an EventSource would be."""
import http.client
import json
import socket
import threading
import time

from lib.contract import CONTRACT
from lib.gateway import wait_for


class Stream:
    """Collects `blocks` ({id, event, data, at}); `last_id` is the last id seen, `over` is set when the stream has ended."""

    def __init__(self, by, query="", last_id=None, token="own", url=None, read=True):
        host, port = (url or by.url).split("//")[1].split(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=60)
        headers = by.headers() if token == "own" else {}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.connection.request("GET", by.path("events") + query, headers=headers)
        self.reply = self.connection.getresponse()
        self.socket = self.connection.sock or self.reply.fp.raw._sock
        self.blocks, self.raw, self.last_id, self.over, self.clean = [], "", last_id, threading.Event(), False
        self.status = self.reply.status
        if self.status != 200:
            self.problem = json.loads(self.reply.read())
            self.close()
        elif read:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            text = ""
            while line := self.reply.readline():
                text += line.decode()
                if line == b"\n":
                    self._take(text)
                    text = ""
            self.clean = True
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.over.set()

    def _take(self, text):
        self.raw += text
        for block in CONTRACT.events(text):
            self.blocks.append({**block, "at": time.time(), "comment": text.startswith(":")})
            self.last_id = int(block["id"]) if block["id"] else self.last_id

    @property
    def rows(self):
        return [json.loads(b["data"]) for b in list(self.blocks) if b["data"] and b["event"] != "error"]

    @property
    def errors(self):
        return [json.loads(b["data"]) for b in list(self.blocks) if b["event"] == "error"]

    def wait_rows(self, n, seconds=20):
        wait_for(lambda: len(self.rows) >= n, seconds, message=f"{len(self.rows)} of {n} rows")
        return self.rows

    def wait_open(self):
        wait_for(lambda: self.blocks, 10)
        return self

    def close(self):
        """As a caller does that goes away; also from another thread than the one that reads."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.status != 200:
            self.connection.close()
