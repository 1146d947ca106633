use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{AccountingKeys, ActionArea, ActionAreaShare, Grant, GrantStatus, NewGrant};
use crate::{
    access::Reach,
    cities::City,
    clock::Date,
    id::{CityId, GrantId, OrganizationId, PersonId, ProgramId, RuleSetId, StreamId},
    page::{Count, Position, Window, figures_of, page_of},
    streams::StreamCode,
};

/// The grants with these ids that an actor may see.
pub async fn find(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[GrantId],
) -> sqlx::Result<Vec<Grant>> {
    sqlx::query_as!(
        Grant,
        "select id, number, title, status, program_id, recipient_id, parent_id, amount, performance_start,
                performance_end, encumber_by, liquidate_by, final_invoice_by, drafted_by, awarded_by, awarded_at,
                signed_on, rule_set_id, vendor_number, purchase_order, fund_string, closing_since, ended_on,
                revision, created_at, updated_at
           from grants g
          where id = any($1)
            and ($2::bool or recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
          order by id",
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await
}

pub async fn find_by_number(
    db: impl PgExecutor<'_>,
    number: &str,
) -> sqlx::Result<Option<GrantId>> {
    sqlx::query_scalar!(
        r#"select id as "id: GrantId" from grants where lower(btrim(number)) = lower(btrim($1))"#,
        number,
    )
    .fetch_optional(db)
    .await
}

/// Reads a grant that the actor may see and holds it until the transaction ends:
/// whatever moves its money waits.
pub async fn lock(
    tx: &mut PgConnection,
    reach: &Reach,
    id: GrantId,
) -> sqlx::Result<Option<Grant>> {
    sqlx::query_as!(
        Grant,
        "select id, number, title, status, program_id, recipient_id, parent_id, amount, performance_start,
                performance_end, encumber_by, liquidate_by, final_invoice_by, drafted_by, awarded_by, awarded_at,
                signed_on, rule_set_id, vendor_number, purchase_order, fund_string, closing_since, ended_on,
                revision, created_at, updated_at
           from grants g
          where id = $1
            and ($2::bool or recipient_id = any($3::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($4::uuid[])))
            for no key update",
        id as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_optional(tx)
    .await
}

pub async fn insert(
    tx: &mut PgConnection,
    id: GrantId,
    new: &NewGrant,
    drafted_by: PersonId,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into grants (id, number, title, status, program_id, recipient_id, parent_id, amount,
                             performance_start, performance_end, encumber_by, liquidate_by, final_invoice_by,
                             drafted_by, created_at, updated_at, vendor_number, purchase_order, fund_string)
         values ($1, $2, $3, 'DRAFT', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16, $17)",
        id as _,
        new.number.trim(),
        new.title.trim(),
        new.program as _,
        new.recipient as _,
        new.parent as _,
        new.amount as _,
        new.performance.start as _,
        new.performance.end as _,
        new.encumber_by as _,
        new.liquidate_by as _,
        new.final_invoice_by as _,
        drafted_by as _,
        at,
        new.accounting.vendor_number,
        new.accounting.purchase_order,
        new.accounting.fund_string,
    )
    .execute(&mut *tx)
    .await?;
    let cities: Vec<CityId> = new.cities.iter().map(|share| share.city).collect();
    let shares: Vec<i32> = new.cities.iter().map(|share| share.share_bp).collect();
    sqlx::query!(
        "insert into grant_cities (grant_id, city_id, share_bp) select $1, * from unnest($2::uuid[], $3::int[])",
        id as _,
        cities as _,
        &shares,
    )
    .execute(&mut *tx)
    .await?;
    let areas: Vec<ActionArea> = new.action_areas.iter().map(|share| share.action_area).collect();
    let shares: Vec<i32> = new.action_areas.iter().map(|share| share.share_bp).collect();
    sqlx::query!(
        "insert into grant_action_areas (grant_id, action_area, share_bp)
         select $1, * from unnest($2::text[], $3::int[])",
        id as _,
        areas as _,
        &shares,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What a change of state writes.
pub struct Change {
    pub status: GrantStatus,
    pub awarded_by: Option<PersonId>,
    pub awarded_at: Option<DateTime<Utc>>,
    pub signed_on: Option<Date>,
    pub rule_set_id: Option<RuleSetId>,
    pub closing_since: Option<Date>,
    pub ended_on: Option<Date>,
}

impl Change {
    pub fn to(grant: &Grant, status: GrantStatus) -> Self {
        Self {
            status,
            awarded_by: grant.awarded_by,
            awarded_at: grant.awarded_at,
            signed_on: grant.signed_on,
            rule_set_id: grant.rule_set_id,
            closing_since: grant.closing_since,
            ended_on: grant.ended_on,
        }
    }
}

pub async fn change(
    tx: &mut PgConnection,
    id: GrantId,
    to: &Change,
    at: DateTime<Utc>,
) -> sqlx::Result<Grant> {
    sqlx::query_as!(
        Grant,
        "update grants
            set status = $2, awarded_by = $3, awarded_at = $4, signed_on = $5, rule_set_id = $6,
                closing_since = $8, ended_on = $9, revision = revision + 1, updated_at = $7
          where id = $1
         returning id, number, title, status, program_id, recipient_id, parent_id, amount, performance_start,
                   performance_end, encumber_by, liquidate_by, final_invoice_by, drafted_by, awarded_by, awarded_at,
                   signed_on, rule_set_id, vendor_number, purchase_order, fund_string, closing_since, ended_on,
                revision, created_at, updated_at",
        id as _,
        to.status as _,
        to.awarded_by as _,
        to.awarded_at,
        to.signed_on as _,
        to.rule_set_id as _,
        at,
        to.closing_since as _,
        to.ended_on as _,
    )
    .fetch_one(tx)
    .await
}

#[derive(Clone, Debug, Default)]
pub struct GrantFilter {
    pub streams: Option<Vec<StreamCode>>,
    pub stream_ids: Option<Vec<StreamId>>,
    pub programs: Option<Vec<ProgramId>>,
    pub statuses: Option<Vec<GrantStatus>>,
    pub cities: Option<Vec<CityId>>,
    pub recipients: Option<Vec<OrganizationId>>,
    pub action_areas: Option<Vec<ActionArea>>,
    pub search: Option<String>,
    pub accounting_key: Option<String>,
    pub active_on: Option<Date>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $reach:expr) => {
        $shape!(
            $($head)*,
            "select g.*, case $8::text when 'NUMBER' then lower(g.number collate \"C\")
                                       when 'TITLE' then lower(g.title collate \"C\")
                                       when 'AMOUNT' then lpad(g.amount::text, 20, '0') collate \"C\"
                                       when 'PERFORMANCE_END' then to_char(g.performance_end, 'YYYY-MM-DD') collate \"C\"
                                       when 'LIQUIDATE_BY'
                                       then coalesce(to_char(g.liquidate_by, 'YYYY-MM-DD'), '') collate \"C\"
                                       else '' end as sort_key
               from grants g
              where ($9::bool or g.recipient_id = any($10::uuid[])
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($11::uuid[])))
                and ($12::text[] is null
                     or g.program_id in (select p.id from funding_programs p join funding_streams s on s.id = p.stream_id
                                          where s.code = any($12)))
                and ($13::uuid[] is null or g.program_id = any($13))
                and ($14::text[] is null or g.status = any($14))
                and ($15::uuid[] is null
                     or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($15)))
                and ($16::uuid[] is null or g.recipient_id = any($16))
                and ($17::text[] is null
                     or exists (select from grant_action_areas a
                                 where a.grant_id = g.id and a.action_area = any($17)))
                and ($18::text is null or strpos(lower(g.number || ' ' || g.title), lower($18)) > 0)
                and ($22::text is null or lower(btrim($22)) in (lower(btrim(g.vendor_number)), lower(btrim(g.purchase_order)),
                                                                 lower(btrim(g.fund_string))))
                and ($19::date is null or $19 between g.performance_start and g.performance_end)
                and ($20::timestamptz is null or g.updated_at >= $20)
                and ($21::uuid[] is null
                     or g.program_id in (select p.id from funding_programs p where p.stream_id = any($21)))",
            $($window)*
            $reach.everything,
            $reach.organizations.as_slice() as _,
            $reach.cities.as_slice() as _,
            $filter.streams.as_deref() as _,
            $filter.programs.as_deref() as _,
            $filter.statuses.as_deref() as _,
            $filter.cities.as_deref() as _,
            $filter.recipients.as_deref() as _,
            $filter.action_areas.as_deref() as _,
            $filter.search.as_deref(),
            $filter.active_on as _,
            $filter.updated_since,
            $filter.stream_ids.as_deref() as _,
            $filter.accounting_key.as_deref()
        )
    };
}
pub(crate) use listed;

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &GrantFilter,
    reach: &Reach,
) -> sqlx::Result<Vec<Grant>> {
    listed!(
        page_of,
        (
            Grant,
            "id, number, title, status, program_id, recipient_id, parent_id, amount, performance_start,
             performance_end, encumber_by, liquidate_by, final_invoice_by, drafted_by, awarded_by, awarded_at,
             signed_on, rule_set_id, vendor_number, purchase_order, fund_string, closing_since, ended_on,
                revision, created_at, updated_at"
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
    filter: &GrantFilter,
    reach: &Reach,
) -> sqlx::Result<i64> {
    let row = listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, reach)
        .fetch_one(db)
        .await?;
    Ok(row.count)
}

/// Where a grant stands in an order; the same text as the statement's `sort_key`.
pub fn position(order: &str, grant: &Grant) -> Position {
    let key = match order {
        "NUMBER" => grant.number.to_ascii_lowercase(),
        "TITLE" => grant.title.to_ascii_lowercase(),
        "AMOUNT" => format!("{:0>20}", grant.amount.to_string()),
        "PERFORMANCE_END" => grant.performance_end.to_string(),
        "LIQUIDATE_BY" => grant.liquidate_by.map(|day| day.to_string()).unwrap_or_default(),
        _ => String::new(),
    };
    Position { key, id: grant.id.0 }
}

/// A city of a grant with its share.
#[derive(Clone, Debug)]
pub struct CityOfGrant {
    pub city: City,
    pub share_bp: i32,
}

/// The cities of many grants, the largest share first.
pub async fn cities_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<CityOfGrant>>> {
    let rows = sqlx::query!(
        r#"
        select s.grant_id as "grant: GrantId", s.share_bp, c.id, c.geoid, c.gnis, c.name, c.county_id, c.population,
               c.incorporated_on, c.created_at
          from grant_cities s
          join cities c on c.id = s.city_id
         where s.grant_id = any($1)
         order by s.grant_id, s.share_bp desc, c.id
        "#,
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut cities: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let city = City {
            id: row.id,
            geoid: row.geoid,
            gnis: row.gnis,
            name: row.name,
            county_id: row.county_id,
            population: row.population,
            incorporated_on: row.incorporated_on,
            created_at: row.created_at,
        };
        cities.entry(row.grant).or_default().push(CityOfGrant { city, share_bp: row.share_bp });
    }
    Ok(cities)
}

/// The action areas of many grants, the largest share first.
pub async fn action_areas_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<ActionAreaShare>>> {
    let rows = sqlx::query!(
        "select grant_id, action_area, share_bp from grant_action_areas
          where grant_id = any($1) order by grant_id, share_bp desc, action_area",
        grants as _,
    )
    .fetch_all(db)
    .await?;
    let mut areas: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let share = ActionAreaShare { action_area: row.action_area, share_bp: row.share_bp };
        areas.entry(row.grant_id).or_default().push(share);
    }
    Ok(areas)
}

/// Gives a grant that the caller holds the names that the accounting system has for it.
pub async fn set_accounting(
    tx: &mut PgConnection,
    id: GrantId,
    keys: &AccountingKeys,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update grants
            set vendor_number = $2, purchase_order = $3, fund_string = $4, revision = revision + 1, updated_at = $5
          where id = $1",
        id as _,
        keys.vendor_number,
        keys.purchase_order,
        keys.fund_string,
        at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Grants after one, in the order of their ids, whose last day to pay lies before a day, by their own terms or by their
/// rules, and that have something left that was neither asked for nor spent.
pub async fn unliquidated(
    db: impl PgExecutor<'_>,
    on: Date,
    after: Option<GrantId>,
    limit: i64,
) -> sqlx::Result<Vec<GrantId>> {
    sqlx::query_scalar!(
        r#"select g.id as "id: GrantId" from grants g
            where g.status in ('AWARDED', 'ACTIVE', 'SUSPENDED', 'CLOSING') and ($2::uuid is null or g.id > $2)
              and coalesce(g.liquidate_by, (select min(d.due_on) from deadlines d
                                             where d.grant_id = g.id and d.kind = 'LIQUIDATE_BY' and d.obligation is not null
                                               and d.status <> 'WITHDRAWN')) < $1
              and exists (select from ledger_accounts a
                           where a.grant_id = g.id and a.kind in ('AVAILABLE', 'UNOBLIGATED') and a.balance > 0)
            order by g.id limit $3"#,
        on as _,
        after as _,
        limit,
    )
    .fetch_all(db)
    .await
}

pub mod exported;
