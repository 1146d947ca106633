\set n random({first_recipient}, {last_recipient})
select g.id, g.number, g.title, g.status, g.amount, s.code, s.name, d.id, d.amount, d.paid_on, d.status
  from (select * from grants
         where recipient_id = (lpad(to_hex(1546300800000 + :n::bigint), 12, '0') || '70028' || lpad(to_hex(:n::bigint), 15, '0'))::uuid
         order by id desc limit 50) g
  join funding_streams s on s.id = g.stream_id
  left join lateral (select x.id, x.amount, x.paid_on, x.status from disbursements x
                      where x.grant_id = g.id order by coalesce(x.paid_on, '-infinity'::date) desc, x.id desc limit 5) d on true;
