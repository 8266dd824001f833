-- Who stands behind an API connection: the user who made it, or who made the connection that made it. '' = nobody: the command line.
alter table sessions add column made_by_user text not null default '';
