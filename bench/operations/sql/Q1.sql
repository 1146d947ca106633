\set n random(1, 20000)
select g.id, g.number, g.title, g.status, g.amount, g.signed_on, o.id, o.name, s.code, s.name
  from grants g
  join organizations o on o.id = g.recipient_id
  join funding_streams s on s.id = g.stream_id
 where g.id = (lpad(to_hex(1546300800000 + :n::bigint), 12, '0') || '70018' || lpad(to_hex(:n::bigint), 15, '0'))::uuid;
