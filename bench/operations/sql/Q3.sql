\set stream random(1, 6)
\set day random(0, {days})
\set later random(0, 3)
\set back case when :later = 0 then random(1, 150) else 0 end
select d.id, d.amount, d.paid_on, d.status, g.id, g.title, o.id, o.name
  from disbursements d
  join grants g on g.id = d.grant_id
  join organizations o on o.id = g.recipient_id
 where d.stream_id = ('01935b8e-0000-7000-8000-00000000000' || :stream::int)::uuid and {reach}
   and coalesce(d.paid_on, '-infinity'::date) >= date '{first_day}' + :day::int
   and (coalesce(d.paid_on, '-infinity'::date), d.id) < (date '{first_day}' + :day::int + 180 - :back::int, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
 order by coalesce(d.paid_on, '-infinity'::date) desc, d.id desc limit 101;
