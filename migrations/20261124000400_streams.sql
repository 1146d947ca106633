-- A stream is where money comes from by law; a program is how an agency hands
-- it out. A stream ends and names its successor: what was granted under the old
-- law stays there.
create table funding_streams (
    id             uuid primary key,
    code           text not null check (code in ('ACT_DIRECT', 'MHSA', 'BHSA', 'PROP_68', 'PROP_64', 'OTHER')),
    name           text not null,
    level          text not null check (level in ('STATE', 'FEDERAL', 'LOCAL', 'PHILANTHROPY')),
    statute        text,
    effective_from date not null,
    effective_to   date,
    successor_id   uuid references funding_streams,
    constraint funding_streams_code_once unique (code),
    constraint funding_streams_dates check (effective_to >= effective_from)
);

create table funding_programs (
    id          uuid primary key,
    stream_id   uuid not null references funding_streams,
    parent_id   uuid references funding_programs,
    code        text not null,
    name        text not null,
    agency      text not null,
    kind        text not null check (kind in ('COMPETITIVE', 'FORMULA', 'PASS_THROUGH')),
    citation    text not null,
    -- When somebody last compared the row with its citation; null is never.
    verified_on date,
    constraint funding_programs_code_once unique (code)
);
create index on funding_programs (stream_id);

insert into funding_streams (id, code, name, level, statute, effective_from, effective_to, successor_id) values
('01935b8e-0000-7000-8000-000000000002', 'BHSA', 'Behavioral Health Services Act', 'STATE',
 'Proposition 1 (2024); Welfare and Institutions Code section 5892', '2026-07-01', null, null),
('01935b8e-0000-7000-8000-000000000001', 'MHSA', 'Mental Health Services Act', 'STATE',
 'Proposition 63 (2004); Welfare and Institutions Code section 5890 and following, as in force to 30 June 2026',
 '2005-01-01', '2026-06-30', '01935b8e-0000-7000-8000-000000000002'),
('01935b8e-0000-7000-8000-000000000003', 'PROP_68', 'Parks, Environment, and Water Bond', 'STATE',
 'Proposition 68 (2018); Public Resources Code division 45, section 80000 and following', '2018-06-06', null, null),
('01935b8e-0000-7000-8000-000000000004', 'PROP_64', 'Cannabis Tax Fund', 'STATE',
 'Proposition 64 (2016); Revenue and Taxation Code section 34019', '2016-11-09', null, null),
('01935b8e-0000-7000-8000-000000000005', 'ACT_DIRECT', 'All Children Thrive direct grants', 'STATE',
 'All Children Thrive-California Technical Assistance Plan, section IV', '2018-07-01', null, null),
('01935b8e-0000-7000-8000-000000000006', 'OTHER', 'Other funding', 'LOCAL', null, '2018-07-01', null, null);

insert into funding_programs (id, stream_id, code, name, agency, kind, citation, verified_on) values
('01935b8e-0000-7000-8001-000000000001', '01935b8e-0000-7000-8000-000000000001', 'MHSA-PEI',
 'Prevention and Early Intervention', 'County behavioral health departments', 'FORMULA',
 'Welfare and Institutions Code section 5892(a), as in force to 30 June 2026', null),
('01935b8e-0000-7000-8001-000000000002', '01935b8e-0000-7000-8000-000000000001', 'MHSSA',
 'Mental Health Student Services Act grants',
 'Mental Health Services Oversight and Accountability Commission', 'COMPETITIVE',
 'MHSOAC request for applications, Mental Health Student Services Act', null),
('01935b8e-0000-7000-8001-000000000003', '01935b8e-0000-7000-8000-000000000002', 'BHSA-BHSS',
 'Behavioral Health Services and Supports', 'County behavioral health departments', 'FORMULA',
 'Welfare and Institutions Code section 5892(a)', null),
('01935b8e-0000-7000-8001-000000000004', '01935b8e-0000-7000-8000-000000000002', 'BHSA-PREVENTION',
 'Population-based prevention', 'California Department of Public Health', 'COMPETITIVE',
 'Welfare and Institutions Code section 5892(f)(1)(E)', null),
('01935b8e-0000-7000-8001-000000000005', '01935b8e-0000-7000-8000-000000000003', 'PROP68-PERCAPITA',
 'Per Capita Program', 'California Department of Parks and Recreation', 'FORMULA',
 'Public Resources Code section 80061(a); Budget item 3790-101-6088(b)', null),
('01935b8e-0000-7000-8001-000000000006', '01935b8e-0000-7000-8000-000000000003', 'PROP68-SPP',
 'Statewide Park Development and Community Revitalization Program',
 'California Department of Parks and Recreation', 'COMPETITIVE',
 'Statewide Park Program, round 4 (applications due 12 March 2021)', null),
('01935b8e-0000-7000-8001-000000000007', '01935b8e-0000-7000-8000-000000000004', 'PROP64-PHS',
 'Public Health and Safety Grant Program', 'Board of State and Community Corrections', 'COMPETITIVE',
 'Revenue and Taxation Code section 34019(f)(3)(C)', null),
('01935b8e-0000-7000-8001-000000000008', '01935b8e-0000-7000-8000-000000000004', 'PROP64-EYC',
 'Elevate Youth California', 'Department of Health Care Services', 'PASS_THROUGH',
 'Revenue and Taxation Code section 34019(f)(1); Elevate Youth California round announcements', null),
('01935b8e-0000-7000-8001-000000000009', '01935b8e-0000-7000-8000-000000000005', 'ACT-DIRECT',
 'Direct grants to support ACT initiatives', 'All Children Thrive-California', 'COMPETITIVE',
 'All Children Thrive-California Technical Assistance Plan, Table I', null),
('01935b8e-0000-7000-8001-000000000010', '01935b8e-0000-7000-8000-000000000006', 'OTHER',
 'Other funding', 'As named by the grant', 'COMPETITIVE',
 'None: figures of these grants follow their own agreements', null);
