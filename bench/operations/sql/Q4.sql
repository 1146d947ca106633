select t.*, s.code, s.name from ({totals}) t join funding_streams s on s.id = t.stream_id;
