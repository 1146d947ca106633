-- Days on which nothing is due, by jurisdiction: the state's, a county's or a
-- city's list, each loaded from a file that cites where it is from.
create table holiday_calendars (
    code   text primary key check (code ~ '^[A-Z][A-Z0-9_]{1,39}$'),
    name   text not null check (btrim(name) <> ''),
    source text not null check (btrim(source) <> '')
);

create table holidays (
    calendar_code text not null references holiday_calendars,
    day           date not null,
    name          text not null check (btrim(name) <> ''),
    primary key (calendar_code, day)
);
-- An import replaces the years that it brings.
grant delete on holidays to thrive_app;
