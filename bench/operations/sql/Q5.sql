\set day random(0, 300)
select l.id, l.kind, l.title, l.due_on, g.id, g.title, o.name
  from deadlines l
  left join grants g on g.id = l.grant_id
  left join organizations o on o.id = g.recipient_id
 where l.status = 'OPEN' and l.due_on >= date '{today}' + :day::int and l.due_on <= date '{today}' + :day::int + 30 and {reach}
 order by l.due_on, l.id limit 101;
