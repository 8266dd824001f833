-- What connectors declare that they can carry out beyond the table of types and systems (contract B2).
-- [{type, systems, asset_ids}], as tasks/declare checked it; no asset_ids = whatever the connection sees.
alter table sessions add column capabilities jsonb not null default '[]';

create function capability_covers(c jsonb, type text, system text, asset_id text) returns boolean language sql immutable parallel safe as $$
    select c ->> 'type' = $2 and c -> 'systems' ? $3 and (c -> 'asset_ids' = '[]' or c -> 'asset_ids' ? $4) $$;

-- The asset's system where the table does not have the type for it: only who declared that carries it out. '' = the table has it.
alter table responses add column declared_system text not null default '';
