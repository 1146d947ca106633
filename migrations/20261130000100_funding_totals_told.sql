-- The rollup and what is not folded into it, row by row: whoever sums groups by what was asked.
create view funding_totals_told as
select program_id, fiscal_year, grants, drafts, awarded, available, requested, approved, retained, disbursed, lapsed,
       unobligated, encumbered, expended, advance_outstanding, match_met
  from funding_totals
 union all
select program_id, fiscal_year, grants, drafts, awarded, available, requested, approved, retained, disbursed, lapsed,
       unobligated, encumbered, expended, advance_outstanding, match_met
  from funding_total_changes;

create or replace view funding_totals_now as
select program_id, fiscal_year, sum(grants)::bigint as grants, sum(drafts)::bigint as drafts,
       sum(awarded)::bigint as awarded, sum(available)::bigint as available, sum(requested)::bigint as requested,
       sum(approved)::bigint as approved, sum(retained)::bigint as retained, sum(disbursed)::bigint as disbursed,
       sum(lapsed)::bigint as lapsed, sum(unobligated)::bigint as unobligated, sum(encumbered)::bigint as encumbered,
       sum(expended)::bigint as expended, sum(advance_outstanding)::bigint as advance_outstanding,
       sum(match_met)::bigint as match_met
  from funding_totals_told
 group by program_id, fiscal_year;

revoke insert, update on funding_totals_told from thrive_app;
