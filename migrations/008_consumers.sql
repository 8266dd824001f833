-- How far readers of changes/list and events have got. A name belongs to its owner: a user or an API connection. Like a heartbeat
-- an acknowledgement is no change of the client: it is not in the ledger.
create table consumers (
    client_id text not null references clients,
    owner text not null,                                         -- user_id or session_id
    name text not null,
    owner_name text not null,
    position bigint not null,
    last_seen bigint not null,
    primary key (client_id, owner, name)
);

-- A stream that was opened by a ticket ends when the token that bought the ticket would have.
alter table tickets add column token_expires_at bigint not null default 0;
