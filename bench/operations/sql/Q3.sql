\set stream random(1, 6)
\set day random(0, {days})
\set later random(0, 3)
\set back case when :later = 0 then random(1, 150) else 0 end
select d.id, d.amount, d.paid_on, d.status, g.id, g.title, o.id, o.name
  from disbursements d
  join grants g on g.id = d.grant_id
  join organizations o on o.id = g.recipient_id
 where {of_stream} and {reach}
   and d.paid_on >= date '{first_day}' + :day::int
   and (d.paid_on, d.id) < (date '{first_day}' + :day::int + 180 - :back::int, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 order by d.paid_on desc, d.id desc limit 101;
