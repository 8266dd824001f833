-- Schedules of PDF reports by mail, and what each user wants to be mailed.
-- The lists of kinds stand in the program, beside what each does.
alter table due drop constraint if exists due_kind_check;
alter table due add constraint due_kind_check check (kind ~ '^[a-z]+$');
alter table mails drop constraint if exists mails_kind_check;
alter table mails add constraint mails_kind_check check (kind ~ '^[a-z_]+$');

-- due.kind = 'schedule' says when the next report is due.
create table schedules (
    client_id text not null references clients,
    schedule_id text not null,
    schedule_name text not null,
    type text not null check (type in ('daily', 'weekly', 'monthly')),
    days text[] not null default '{}',                           -- weekly: MON ... SUN, monthly: 1 ... 31, daily: none
    "time" text not null,                                        -- HH:MM on the zone's clock
    timezone text not null,
    language text not null check (language in ('en', 'ja')),
    emails text[] not null,
    all_tenants boolean not null,
    tenants text[] not null default '{}',
    last_run bigint not null default 0,                          -- 0 = never
    creation_time bigint not null,
    primary key (client_id, schedule_id)
);
