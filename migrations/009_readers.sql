-- Readers of the ledger: webhooks, notifications. Each is done with its client's ledger up to a position; whoever reads on takes
-- the row for a while (due_at lies ahead, epoch counts the takings), so that no two workers run one reader at once.
create table readers (
    client_id text not null references clients,
    kind text not null check (kind ~ '^[a-z]+$'),
    reader_id text not null,
    position bigint not null,                                    -- of the last ledger row that it is done with
    due_at bigint not null,                                      -- ms; not before: taken, put off, or (the greatest number) paused
    epoch bigint not null default 0,
    failures integer not null default 0,                         -- in a row
    failing_since bigint not null default 0,                     -- ms; of the first of them
    primary key (client_id, kind, reader_id)
) with (fillfactor = 50);
