//! Sums that are kept beside the ledger: of grants, of their fiscal years, and of all grants of a program. Amounts are
//! whole cents.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, Postgres, QueryBuilder, Row, postgres::PgRow};

use super::wanted::Shown;
use crate::{
    access::Reach,
    clock::Date,
    fiscal_year::FiscalYear,
    grants::store::{GrantFilter, listed},
    id::{GrantId, OrganizationId, ProgramId, StreamId},
    ledger::GrantBalance,
    money::Money,
    streams::StreamCode,
};

/// Sums over grants of a program, of a stream, or one of them: of a fiscal year, or of all there was for those whose
/// first entry is in that year. Figures that were not asked for are zero.
#[derive(Clone, Debug)]
pub struct Sums {
    pub grant_id: Option<GrantId>,
    /// None of grants of several.
    pub program_id: Option<ProgramId>,
    pub stream_id: StreamId,
    pub recipient_id: Option<OrganizationId>,
    /// None of grants without entries.
    pub year: Option<FiscalYear>,
    pub grants: i64,
    pub awarded: i64,
    pub available: i64,
    pub requested: i64,
    pub approved: i64,
    pub retained: i64,
    pub disbursed: i64,
    pub lapsed: i64,
    pub unobligated: i64,
    pub encumbered: i64,
    pub expended: i64,
    pub advance_outstanding: i64,
    pub match_met: i64,
    pub cash_on_hand: i64,
    pub reimbursement_due: i64,
    /// Of who may do what, where it was read in the same statement.
    pub stamp: Option<i64>,
}

impl Sums {
    pub fn balance(&self) -> GrantBalance {
        GrantBalance {
            awarded: Money::from_cents(self.awarded),
            available_to_disburse: Money::from_cents(self.available),
            requested: Money::from_cents(self.requested),
            approved: Money::from_cents(self.approved),
            retained: Money::from_cents(self.retained),
            disbursed: Money::from_cents(self.disbursed),
            lapsed: Money::from_cents(self.lapsed),
            unobligated: Money::from_cents(self.unobligated),
            encumbered: Money::from_cents(self.encumbered),
            expended: Money::from_cents(self.expended),
            advance_outstanding: Money::from_cents(self.advance_outstanding),
            match_met: Money::from_cents(self.match_met),
            cash_on_hand: Money::from_cents(self.cash_on_hand),
            reimbursement_due: Money::from_cents(self.reimbursement_due),
            ..GrantBalance::default()
        }
    }
}

/// What sums are told apart by, beside program and year, and which figures they have.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    pub by_grant: bool,
    pub by_recipient: bool,
    pub figures: Shown,
}

/// Sums of what a source has of the grants that a filter finds. With a plan of its own for each set of
/// parameters PostgreSQL folds the `case` away, so that figures that nobody asked for cost nothing.
macro_rules! sums_of {
    ($source:tt, $parts:expr, $until:expr, $rows:tt, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Sums,
            r#"select s.grant_id as "grant_id?: GrantId", s.program_id as "program_id?: ProgramId",
                   p.stream_id as "stream_id!: StreamId", s.recipient_id as "recipient_id?: OrganizationId",
                   s.year as "year?: FiscalYear", s.grants as "grants!", s.awarded as "awarded!", s.available as "available!",
                   s.requested as "requested!", s.approved as "approved!", s.retained as "retained!",
                   s.disbursed as "disbursed!", s.lapsed as "lapsed!", s.unobligated as "unobligated!",
                   s.encumbered as "encumbered!", s.expended as "expended!",
                   s.advance_outstanding as "advance_outstanding!", s.match_met as "match_met!",
                   s.cash_on_hand as "cash_on_hand!", s.reimbursement_due as "reimbursement_due!", null::bigint as stamp
              from (select case when $23::bool then g.id end as grant_id, g.program_id,
                           case when $23 or $24::bool then g.recipient_id end as recipient_id, t.year, count(*) as grants,
                           coalesce(sum(case when $25::int & 1 <> 0 then t.awarded end), 0)::bigint as awarded,
                           coalesce(sum(case when $25 & 2 <> 0 then t.available end), 0)::bigint as available,
                           coalesce(sum(case when $25 & 4 <> 0 then t.requested end), 0)::bigint as requested,
                           coalesce(sum(case when $25 & 8 <> 0 then t.approved end), 0)::bigint as approved,
                           coalesce(sum(case when $25 & 16 <> 0 then t.retained end), 0)::bigint as retained,
                           coalesce(sum(case when $25 & 32 <> 0 then t.disbursed end), 0)::bigint as disbursed,
                           coalesce(sum(case when $25 & 64 <> 0 then t.lapsed end), 0)::bigint as lapsed,
                           coalesce(sum(case when $25 & 128 <> 0 then t.unobligated end), 0)::bigint as unobligated,
                           coalesce(sum(case when $25 & 256 <> 0 then t.encumbered end), 0)::bigint as encumbered,
                           coalesce(sum(case when $25 & 512 <> 0 then t.expended end), 0)::bigint as expended,
                           coalesce(sum(case when $25 & 1024 <> 0 then t.advance_outstanding end), 0)::bigint
                               as advance_outstanding,
                           coalesce(sum(case when $25 & 2048 <> 0 then t.match_met end), 0)::bigint as match_met,
                           coalesce(sum(case when $25 & 4096 <> 0 then greatest(t.disbursed - t.expended, 0) end), 0)::bigint
                               as cash_on_hand,
                           coalesce(sum(case when $25 & 8192 <> 0 then greatest(t.expended - t.disbursed, 0) end), 0)::bigint
                               as reimbursement_due
                      from ("# + $rows + ") g " + $source + " on t.grant_id = g.id
                     where num_nulls($1::bool, $2::text, $3::uuid, $4::text, $5::uuid, $6::bool, $7::bigint) = 7
                     group by 1, 2, 3, 4) s
              join funding_programs p on p.id = s.program_id",
            None::<bool>, None::<&str>, None::<uuid::Uuid>, None::<&str>, None::<uuid::Uuid>, None::<bool>, None::<i64>,
            "", $($argument,)* $parts.by_grant, $parts.by_recipient, $parts.figures.0, $until as _,
        )
    };
}

/// Of their whole lives, with the year of the first entry; also of grants that have none.
pub async fn of_grants(
    db: impl PgExecutor<'_>,
    filter: &GrantFilter,
    reach: &Reach,
    parts: Parts,
) -> sqlx::Result<Vec<Sums>> {
    listed!(
        sums_of,
        (
            "left join (select *, first_year as year from grant_totals where num_nulls($26::int) = 1) t",
            parts,
            None::<i32>
        ),
        (),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

/// Of their fiscal years, to a last one.
pub async fn of_years(
    db: impl PgExecutor<'_>,
    filter: &GrantFilter,
    reach: &Reach,
    parts: Parts,
    until: Option<FiscalYear>,
) -> sqlx::Result<Vec<Sums>> {
    listed!(
        sums_of,
        (
            "join (select *, fiscal_year as year from grant_year_totals
                    where $26::int is null or fiscal_year <= $26) t",
            parts,
            until
        ),
        (),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

/// Sums of many grants and their years from some source.
macro_rules! years_of {
    ($db:expr, $source:tt, $($argument:expr),*) => {
        sqlx::query_as!(
            Sums,
            r#"select y.grant_id as "grant_id?: GrantId", g.program_id as "program_id?", p.stream_id, g.recipient_id as "recipient_id?",
                      y.fiscal_year as "year?: FiscalYear", 1::bigint as "grants!",
                      sum(y.awarded)::bigint as "awarded!", sum(y.available)::bigint as "available!",
                      sum(y.requested)::bigint as "requested!", sum(y.approved)::bigint as "approved!",
                      sum(y.retained)::bigint as "retained!", sum(y.disbursed)::bigint as "disbursed!",
                      sum(y.lapsed)::bigint as "lapsed!", sum(y.unobligated)::bigint as "unobligated!",
                      sum(y.encumbered)::bigint as "encumbered!", sum(y.expended)::bigint as "expended!",
                      sum(y.advance_outstanding)::bigint as "advance_outstanding!", sum(y.match_met)::bigint as "match_met!",
                      0::bigint as "cash_on_hand!", 0::bigint as "reimbursement_due!", null::bigint as stamp
                 from ("# + $source + ") y
                 join grants g on g.id = y.grant_id
                 join funding_programs p on p.id = g.program_id
                group by y.grant_id, g.program_id, p.stream_id, g.recipient_id, y.fiscal_year",
            $($argument,)*
        )
        .fetch_all($db)
        .await
    };
}

/// What many grants had moved in each fiscal year to a day: whole years and whole months from their totals, and the
/// entries of the part month.
pub async fn of_years_to(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    day: Date,
) -> sqlx::Result<Vec<Sums>> {
    years_of!(
        db,
        "select grant_id, fiscal_year, awarded, available, requested, approved, retained, disbursed, lapsed, unobligated,
                encumbered, expended, advance_outstanding, match_met
           from grant_year_totals where grant_id = any($1::uuid[]) and fiscal_year < fiscal_year_of($2::date)
          union all
         select grant_id, fiscal_year, awarded, available, requested, approved, retained, disbursed, lapsed, unobligated,
                encumbered, expended, advance_outstanding, match_met
           from grant_months
          where grant_id = any($1) and month >= make_date(fiscal_year_of($2), 7, 1) and month < date_trunc('month', $2)
          union all
         select grant_id, fiscal_year, awarded, available, requested, approved, retained, disbursed, lapsed, unobligated,
                encumbered, expended, advance_outstanding, match_met
           from grant_entries
          where grant_id = any($1) and effective_on between date_trunc('month', $2) and $2",
        grants as _,
        day as _
    )
}

/// The same of what was known at a moment: month totals do not tell when an entry was made.
pub async fn of_years_known(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
    day: Option<Date>,
    moment: DateTime<Utc>,
) -> sqlx::Result<Vec<Sums>> {
    years_of!(
        db,
        "select * from grant_entries
          where grant_id = any($1::uuid[]) and ($2::date is null or effective_on <= $2) and recorded_at <= $3",
        grants as _,
        day as _,
        moment
    )
}

/// Columns of the rollup.
const COLUMNS: [(Shown, &str); 12] = [
    (Shown::AWARDED, "awarded"),
    (Shown::AVAILABLE, "available"),
    (Shown::REQUESTED, "requested"),
    (Shown::APPROVED, "approved"),
    (Shown::RETAINED, "retained"),
    (Shown::DISBURSED, "disbursed"),
    (Shown::LAPSED, "lapsed"),
    (Shown::UNOBLIGATED, "unobligated"),
    (Shown::ENCUMBERED, "encumbered"),
    (Shown::EXPENDED, "expended"),
    (Shown::ADVANCE_OUTSTANDING, "advance_outstanding"),
    (Shown::MATCH_MET, "match_met"),
];

/// All grants of some streams and programs, as filters name them, or of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everything<'a> {
    pub streams: Option<&'a [StreamCode]>,
    pub stream_ids: Option<&'a [StreamId]>,
    pub programs: Option<&'a [ProgramId]>,
    pub with_drafts: bool,
}

/// Sums over everything of each stream, or of each program, by fiscal year to a last one, from the rollup. Grants count in
/// the year of their first entry; those without one, with or without drafts, in none. Put together from what is
/// declared here: a column that nobody asked for costs as much as one that somebody did.
pub async fn of_everything(
    db: impl PgExecutor<'_>,
    of: Everything<'_>,
    by_program: bool,
    figures: Shown,
    until: Option<FiscalYear>,
) -> sqlx::Result<Vec<Sums>> {
    let program = if by_program { "t.program_id" } else { "null::uuid" };
    let drafts = if of.with_drafts { "0" } else { "sum(t.drafts)" };
    let shown: Vec<_> = COLUMNS.iter().filter(|(figure, _)| figures.has(*figure)).collect();
    let mut sql = QueryBuilder::<Postgres>::new("select p.stream_id, t.fiscal_year, ");
    sql.push(program).push(", (sum(t.grants) - ").push(drafts).push(")::bigint");
    sql.push(", (select stamp from access_stamp)");
    for (_, column) in &shown {
        sql.push(", sum(t.").push(column).push(")::bigint");
    }
    sql.push(
        " from funding_totals_told t join funding_programs p on p.id = t.program_id where true",
    );
    if let Some(until) = until {
        sql.push(" and (t.fiscal_year is null or t.fiscal_year <= ").push_bind(until.0).push(")");
    }
    if let Some(codes) = of.streams {
        let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
        sql.push(" and p.stream_id in (select id from funding_streams where code = any(");
        sql.push_bind(codes).push("))");
    }
    if let Some(streams) = of.stream_ids {
        sql.push(" and p.stream_id = any(").push_bind(streams).push(")");
    }
    if let Some(programs) = of.programs {
        sql.push(" and p.id = any(").push_bind(programs).push(")");
    }
    sql.push(" group by 1, 2, 3");
    let rows = sql.build().fetch_all(db).await?;

    let place = |figure| shown.iter().position(|(known, _)| *known == figure);
    let sums = |row: PgRow| {
        // They come last, in their order.
        let first = row.len() - shown.len();
        let sum = |figure| place(figure).map_or(Ok(0), |place| row.try_get(first + place));
        Ok(Sums {
            grant_id: None,
            stream_id: row.try_get(0)?,
            year: row.try_get(1)?,
            program_id: row.try_get(2)?,
            recipient_id: None,
            grants: row.try_get(3)?,
            stamp: row.try_get(4)?,
            awarded: sum(Shown::AWARDED)?,
            available: sum(Shown::AVAILABLE)?,
            requested: sum(Shown::REQUESTED)?,
            approved: sum(Shown::APPROVED)?,
            retained: sum(Shown::RETAINED)?,
            disbursed: sum(Shown::DISBURSED)?,
            lapsed: sum(Shown::LAPSED)?,
            unobligated: sum(Shown::UNOBLIGATED)?,
            encumbered: sum(Shown::ENCUMBERED)?,
            expended: sum(Shown::EXPENDED)?,
            advance_outstanding: sum(Shown::ADVANCE_OUTSTANDING)?,
            match_met: sum(Shown::MATCH_MET)?,
            cash_on_hand: 0,
            reimbursement_due: 0,
        })
    };
    let mut rows = rows.into_iter().map(sums).collect::<sqlx::Result<Vec<_>>>()?;
    // The row without a year counts all grants: of none, where there are drafts only, nothing is told.
    rows.retain(|row| row.year.is_some() || row.grants != 0);
    let whose = |row: &Sums| (row.stream_id, row.program_id);
    let mut begun: HashMap<_, i64> = HashMap::new();
    for row in rows.iter().filter(|row| row.year.is_some()) {
        *begun.entry(whose(row)).or_default() += row.grants;
    }
    for row in rows.iter_mut().filter(|row| row.year.is_none()) {
        row.grants -= begun.get(&whose(row)).copied().unwrap_or_default();
    }
    Ok(rows)
}
