-- What each user wants to be mailed about, and how far that was done.
alter table users add column timezone text not null default 'UTC';
alter table users add column notify text[] not null default '{incidents,responses,comments,licence}';

-- A user's next mail tells of the ledger rows above after_position. pending: due.kind = 'notify' says when it goes out.
create table notices (
    client_id text not null references clients,
    user_id text not null,
    after_position bigint not null,
    pending boolean not null,
    mailed_at bigint not null default 0,
    primary key (client_id, user_id)
);

-- A client with users has a reader of its ledger for them, which begins where the first of them came.
create function users_reader() returns trigger language plpgsql as $$
begin
    insert into readers (client_id, kind, reader_id, position, due_at)
    select client_id, 'notify', 'users', position, 0 from clocks where client_id = new.client_id
    on conflict do nothing;
    return null;
end $$;
create trigger reader after insert on users for each row execute function users_reader();
alter table users enable always trigger reader;
