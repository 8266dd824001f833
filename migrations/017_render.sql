-- A row that brings its body along when it is inserted is taken as it is (bulk loads); every change is rendered, as before.
do $$
declare kind text;
begin
    foreach kind in array array['incident', 'comment', 'attachment', 'response'] loop
        execute format('drop trigger render on %ss', kind);
        execute format('create trigger render before update on %1$ss for each row execute function %1$s_render()', kind);
        execute format('create trigger render_new before insert on %1$ss for each row when (new.body = '''')'
                       ' execute function %1$s_render()', kind);
        execute format('alter table %1$ss enable always trigger render, enable always trigger render_new', kind);
    end loop;
end $$;
