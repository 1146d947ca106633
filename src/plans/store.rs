use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{PlanStatus, PlanYear, SustainabilityPlan};
use crate::{
    access::Reach,
    clock::Date,
    fiscal_year::FiscalYear,
    id::{CityId, PlanId},
    money::Money,
    page::{Count, Position, Window, figures_of, page_of},
};

/// The plans with these ids that an actor may see.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[PlanId],
) -> sqlx::Result<Vec<SustainabilityPlan>> {
    sqlx::query_as!(
        SustainabilityPlan,
        "select id, city_id, edition, status, summary, adopted_on, created_by, revision, created_at, updated_at
           from sustainability_plans
          where id = any($1) and ($2::bool or city_id = any($3::uuid[]))
          order by id",
        ids as _,
        reach.everything,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

/// Holds a city, so that editions are counted and adopted one after another.
pub async fn lock_city(tx: &mut PgConnection, city: CityId) -> sqlx::Result<()> {
    sqlx::query!("select id from cities where id = $1 for no key update", city as _)
        .fetch_optional(tx)
        .await?;
    Ok(())
}

pub async fn next_edition(tx: &mut PgConnection, city: CityId) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"select coalesce(max(edition), 0) + 1 as "next!" from sustainability_plans where city_id = $1"#,
        city as _,
    )
    .fetch_one(tx)
    .await
}

pub async fn insert(
    tx: &mut PgConnection,
    plan: &SustainabilityPlan,
    years: &[PlanYear],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sustainability_plans (id, city_id, edition, status, summary, created_by, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
        plan.id as _,
        plan.city_id as _,
        plan.edition,
        plan.status as _,
        plan.summary,
        plan.created_by as _,
        plan.created_at,
    )
    .execute(&mut *tx)
    .await?;
    let starts: Vec<i32> = years.iter().map(|year| year.fiscal_year.0).collect();
    let costs: Vec<_> = years.iter().map(|year| year.cost.decimal()).collect();
    let secured: Vec<_> = years.iter().map(|year| year.secured.decimal()).collect();
    sqlx::query!(
        "insert into sustainability_plan_years (plan_id, starts_year, cost, secured)
         select $1, * from unnest($2::int[], $3::numeric[], $4::numeric[])",
        plan.id as _,
        &starts,
        &costs,
        &secured,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Adopts a plan whose city the caller holds, in place of the one adopted before.
pub async fn adopt(
    tx: &mut PgConnection,
    plan: &SustainabilityPlan,
    on: Date,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update sustainability_plans set status = 'SUPERSEDED', revision = revision + 1, updated_at = $2
          where city_id = $1 and status = 'ADOPTED'",
        plan.city_id as _,
        at,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update sustainability_plans set status = 'ADOPTED', adopted_on = $2, revision = revision + 1, updated_at = $3
          where id = $1",
        plan.id as _,
        on as _,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(Clone, Debug, Default)]
pub struct PlanFilter {
    pub cities: Option<Vec<CityId>>,
    pub statuses: Option<Vec<PlanStatus>>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select p.*, coalesce(left($8::text, 0), '') as sort_key
               from sustainability_plans p
              where ($9::bool or p.city_id = any($10::uuid[]))
                and ($11::uuid[] is null or p.city_id = any($11))
                and ($12::text[] is null or p.status = any($12))
                and ($13::timestamptz is null or p.updated_at >= $13)",
            $($window)*
            $reach.everything,
            $reach.cities.as_slice() as _,
            $filter.cities.as_deref() as _,
            $filter.statuses.as_deref() as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &PlanFilter,
    reach: &Reach,
) -> sqlx::Result<Vec<SustainabilityPlan>> {
    listed!(
        page_of,
        (
            SustainabilityPlan,
            "id, city_id, edition, status, summary, adopted_on, created_by, revision, created_at, updated_at"
        ),
        (window,),
        filter,
        reach
    )
    .fetch_all(db)
    .await
}

pub async fn count(
    db: impl PgExecutor<'_>,
    filter: &PlanFilter,
    reach: &Reach,
) -> sqlx::Result<i64> {
    Ok(listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, reach)
        .fetch_one(db)
        .await?
        .count)
}

pub fn position(plan: &SustainabilityPlan) -> Position {
    Position { key: String::new(), id: plan.id.0 }
}

/// The years of many plans, the earliest first.
pub async fn years_of(
    db: impl PgExecutor<'_>,
    plans: &[PlanId],
) -> sqlx::Result<HashMap<PlanId, Vec<PlanYear>>> {
    let rows = sqlx::query!(
        r#"
        select plan_id, starts_year as "fiscal_year: FiscalYear", cost as "cost: Money", secured as "secured: Money"
          from sustainability_plan_years where plan_id = any($1) order by plan_id, starts_year
        "#,
        plans as _,
    )
    .fetch_all(db)
    .await?;
    let mut years: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let year = PlanYear { fiscal_year: row.fiscal_year, cost: row.cost, secured: row.secured };
        years.entry(row.plan_id).or_default().push(year);
    }
    Ok(years)
}
