use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{Fact, FactKind, Known, KnownFact, Subject};
use crate::{
    clock::Date,
    id::{CityId, CountyId, FactId, OrganizationId},
    page::{Count, Position, Window, figures_of, page_of},
};

pub async fn insert(tx: &mut PgConnection, fact: &Fact) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into facts (id, city_id, county_id, organization_id, kind, value, as_of, source, source_url,
                            recorded_by, recorded_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        fact.id as _,
        fact.city_id as _,
        fact.county_id as _,
        fact.organization_id as _,
        fact.kind as _,
        fact.value,
        fact.as_of as _,
        fact.source,
        fact.source_url,
        fact.recorded_by as _,
        fact.recorded_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn find(db: impl PgExecutor<'_>, ids: &[FactId]) -> sqlx::Result<Vec<Fact>> {
    sqlx::query_as!(
        Fact,
        "select id, city_id, county_id, organization_id, kind, value, as_of, source, source_url, recorded_by, recorded_at
           from facts where id = any($1) order by id",
        ids as _,
    )
    .fetch_all(db)
    .await
}

/// What is known of each subject as of a day: the latest fact of each kind, or else the
/// population of the 2020 Census, taken on 1 April 2020.
pub async fn known(
    db: impl PgExecutor<'_>,
    subjects: &[Subject],
    on: Date,
) -> sqlx::Result<HashMap<Subject, Known>> {
    let cities: Vec<CityId> = subjects.iter().filter_map(|subject| subject.city()).collect();
    let counties: Vec<CountyId> = subjects.iter().filter_map(|subject| subject.county()).collect();
    let organizations: Vec<OrganizationId> =
        subjects.iter().filter_map(|subject| subject.organization()).collect();
    let rows = sqlx::query_as!(
        KnownRow,
        r#"
        select fact_id as "fact_id?: FactId", city_id as "city_id?: CityId", county_id as "county_id?: CountyId",
               organization_id as "organization_id?: OrganizationId", kind as "kind!: FactKind", value as "value!",
               as_of as "as_of!: Date"
          from facts_known($1, $2, $3, $4)
        "#,
        cities as _,
        counties as _,
        organizations as _,
        on as _,
    )
    .fetch_all(db)
    .await?;
    Ok(by_subject(rows))
}

/// A fact of `facts_known`.
#[derive(serde::Deserialize)]
pub struct KnownRow {
    fact_id: Option<FactId>,
    city_id: Option<CityId>,
    county_id: Option<CountyId>,
    organization_id: Option<OrganizationId>,
    kind: FactKind,
    value: String,
    as_of: Date,
}

/// What is known of whom.
pub fn by_subject(rows: Vec<KnownRow>) -> HashMap<Subject, Known> {
    let mut known: HashMap<_, Known> = HashMap::new();
    for row in rows {
        let subject = row
            .city_id
            .map(Subject::City)
            .or(row.county_id.map(Subject::County))
            .or(row.organization_id.map(Subject::Organization));
        let Some(subject) = subject else { continue };
        let fact = KnownFact { value: row.value, as_of: row.as_of, fact: row.fact_id };
        known.entry(subject).or_default().insert(row.kind, fact);
    }
    known
}

/// As `known`, each subject on a day of its own.
pub async fn known_on(
    db: impl PgExecutor<'_>,
    asked: &[(Subject, Date)],
) -> sqlx::Result<HashMap<(Subject, Date), Known>> {
    let cities: Vec<Option<CityId>> = asked.iter().map(|(subject, _)| subject.city()).collect();
    let counties: Vec<Option<CountyId>> =
        asked.iter().map(|(subject, _)| subject.county()).collect();
    let organizations: Vec<Option<OrganizationId>> =
        asked.iter().map(|(subject, _)| subject.organization()).collect();
    let days: Vec<Date> = asked.iter().map(|(_, day)| *day).collect();
    let rows = sqlx::query!(
        r#"
        select distinct on (asked.place, kind)
               asked.place as "place!", fact_id as "fact?: FactId", kind as "kind!: FactKind", value as "value!",
               as_of as "as_of!: Date"
          from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[])
               with ordinality as asked (city_id, county_id, organization_id, day, place)
         cross join lateral (
               select id as fact_id, kind, value, as_of, recorded_at
                 from facts f
                where f.city_id = asked.city_id or f.county_id = asked.county_id
                   or f.organization_id = asked.organization_id
                union all
               select null, 'POPULATION', population::text, date '2020-04-01', '-infinity'
                 from cities where id = asked.city_id and population is not null
                union all
               select null, 'POPULATION', population::text, date '2020-04-01', '-infinity'
                 from counties where id = asked.county_id and population is not null) as all_facts
         where as_of <= asked.day
         order by asked.place, kind, as_of desc, recorded_at desc, fact_id desc
        "#,
        cities as _,
        counties as _,
        organizations as _,
        days as _,
    )
    .fetch_all(db)
    .await?;
    let mut known: HashMap<_, Known> = HashMap::new();
    for row in rows {
        let place = usize::try_from(row.place - 1).unwrap_or_default();
        let Some(subject_on) = asked.get(place) else { continue };
        let fact = KnownFact { value: row.value, as_of: row.as_of, fact: row.fact };
        known.entry(*subject_on).or_default().insert(row.kind, fact);
    }
    Ok(known)
}

#[derive(Clone, Debug, Default)]
pub struct FactFilter {
    pub cities: Option<Vec<CityId>>,
    pub counties: Option<Vec<CountyId>>,
    pub organizations: Option<Vec<OrganizationId>>,
    pub kinds: Option<Vec<FactKind>>,
    pub as_of_from: Option<Date>,
    pub as_of_to: Option<Date>,
    pub updated_since: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr) => {
        $shape!(
            $($head)*,
            "select f.*, case when $8::text = 'AS_OF' then to_char(f.as_of, 'YYYY-MM-DD') collate \"C\" else '' end as sort_key
               from facts f
              where ($9::uuid[] is null and $10::uuid[] is null and $11::uuid[] is null
                     or f.city_id = any($9) or f.county_id = any($10) or f.organization_id = any($11))
                and ($12::text[] is null or f.kind = any($12))
                and ($13::date is null or f.as_of >= $13)
                and ($14::date is null or f.as_of <= $14)
                and ($15::timestamptz is null or f.recorded_at >= $15)",
            $($window)*
            $filter.cities.as_deref() as _,
            $filter.counties.as_deref() as _,
            $filter.organizations.as_deref() as _,
            $filter.kinds.as_deref() as _,
            $filter.as_of_from as _,
            $filter.as_of_to as _,
            $filter.updated_since
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &FactFilter,
) -> sqlx::Result<Vec<Fact>> {
    listed!(
        page_of,
        (
            Fact,
            "id, city_id, county_id, organization_id, kind, value, as_of, source, source_url, recorded_by, recorded_at"
        ),
        (window,),
        filter
    )
    .fetch_all(db)
    .await
}

pub async fn count(db: impl PgExecutor<'_>, filter: &FactFilter) -> sqlx::Result<i64> {
    let row =
        listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter).fetch_one(db).await?;
    Ok(row.count)
}

/// Where a fact stands in the list; the same text as the statement's `sort_key`.
pub fn position(fact: &Fact) -> Position {
    Position { key: fact.as_of.to_string(), id: fact.id.0 }
}
