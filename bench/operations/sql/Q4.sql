select s.code, s.name, t.fiscal_year, t.awarded, t.disbursed, t.available_to_disburse
  from bench_totals t join funding_streams s on s.id = t.stream_id order by t.fiscal_year, t.awarded desc;
