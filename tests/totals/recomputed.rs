//! The same summaries, grant by grant from accounts, months and entries: no totals are read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use thrive::{
    App,
    access::Reach,
    clock::Date,
    figures::{
        balances::{self, Of},
        summary::{
            Amounts, Figured, FundingDimension as By, Group, Period, Subject, Summary, group,
        },
    },
    fiscal_year::FiscalYear,
    grants::{
        Grant,
        store::{self, GrantFilter},
    },
    id::GrantId,
    ledger::{AccountKind, GrantBalance},
    money::Money,
    page::{OrderDirection, PageArgs, Window},
    rule_sets::bound::{self, Bound},
    streams::Catalog,
};

/// All grants that are found: there are fewer than a page holds.
async fn listed(db: &mut PgConnection, filter: &GrantFilter, reach: &Reach) -> Vec<Grant> {
    let args = PageArgs { first: Some(200), ..PageArgs::default() };
    let window = Window::new("CREATED_AT", OrderDirection::Asc, args).unwrap();
    store::list(db, &window, filter, reach).await.unwrap()
}

pub async fn summary(app: &App, reach: &Reach, filter: &GrantFilter, by: &[By], of: Of) -> Summary {
    let mut db = app.db.acquire().await.unwrap();
    let found = listed(&mut db, filter, reach).await;
    let ids: Vec<GrantId> = found.iter().map(|grant| grant.id).collect();
    let today = app.clock.today();
    let bound = bound::of_grants(&mut db, &ids, of.as_of.unwrap_or(today)).await.unwrap();
    let lives = balances::of_grants(&mut db, &app.clock, &ids, of).await.unwrap();
    let mut cities = store::cities_of(&mut *db, &ids).await.unwrap();
    let mut areas = store::action_areas_of(&mut *db, &ids).await.unwrap();
    let moved = moved(&mut db, &ids, of.as_of, of.known_at).await;
    let catalog = Catalog::get(app).await.unwrap();
    let last = FiscalYear::of(of.as_of.unwrap_or(today).min(today));

    let mut total = Group::default();
    let mut figured: Vec<Figured> = vec![];
    for grant in found {
        let program = catalog.programs.iter().find(|one| one.id == grant.program_id).unwrap();
        let known = bound.get(&grant.id);
        let shares = cities.remove(&grant.id).unwrap_or_default();
        let subject = Subject {
            stream: program.stream_id,
            program: Some(program.id),
            recipient: Some(grant.recipient_id),
            cities: shares.iter().map(|of| (of.city.id, of.city.county_id, of.share_bp)).collect(),
            areas: areas.remove(&grant.id).unwrap_or_default(),
            match_known: known.is_some_and(balances::match_is_known),
        };
        let life = Amounts::from(&lives[&grant.id]);
        total.add(&subject, 1, &life);
        let periods = if by.contains(&By::FiscalYear) {
            in_years(
                moved.get(&grant.id).map(Vec::as_slice).unwrap_or_default(),
                known,
                last,
                today,
            )
        } else {
            vec![Period { fiscal_year: None, grants: 1, amounts: life }]
        };
        figured.push((subject, periods));
    }
    let groups = if by.is_empty() { vec![] } else { group(&figured, by) };
    Summary { total, groups, stamp: None }
}

type OfYear = (AccountKind, FiscalYear, Money);

async fn moved(
    db: &mut PgConnection,
    grants: &[GrantId],
    as_of: Option<Date>,
    known_at: Option<DateTime<Utc>>,
) -> HashMap<GrantId, Vec<OfYear>> {
    let ids: Vec<_> = grants.iter().map(|grant| grant.0).collect();
    let rows: Vec<(uuid::Uuid, String, i32, Money)> = sqlx::query_as(
        "select a.grant_id, a.kind, extract(year from t.effective_on - interval '6 months')::int,
                sum(case when t.to_account = a.id then t.amount else -t.amount end)
           from ledger_accounts a
           join ledger_transfers t on a.id in (t.from_account, t.to_account)
          where a.grant_id = any($1) and ($2::date is null or t.effective_on <= $2)
            and ($3::timestamptz is null or t.recorded_at <= $3)
          group by 1, 2, 3",
    )
    .bind(ids)
    .bind(as_of.map(|day| day.0))
    .bind(known_at)
    .fetch_all(db)
    .await
    .unwrap();
    let mut moved: HashMap<_, Vec<_>> = HashMap::new();
    for (grant, kind, year, net) in rows {
        moved.entry(GrantId(grant)).or_default().push((
            kind.parse().unwrap(),
            FiscalYear(year),
            net,
        ));
    }
    moved
}

/// The fiscal years of a grant, from its first entry to a last year: flows of each, and stocks at its end.
fn in_years(rows: &[OfYear], bound: Option<&Bound>, last: FiscalYear, today: Date) -> Vec<Period> {
    let Some(first) = rows.iter().map(|(_, year, _)| *year).min() else { return vec![] };
    let mut until = GrantBalance::default();
    let year = |year: i32| {
        let mut flows = GrantBalance::default();
        for (kind, _, net) in rows.iter().filter(|(_, of, _)| of.0 == year) {
            until.count(*kind, *net);
            flows.count(*kind, *net);
        }
        let mut figures = until.clone();
        if let Some(bound) = bound {
            figures.derive(&balances::term(bound, until.awarded, today), Money::ZERO);
        }
        figures.awarded = flows.awarded;
        figures.expended = flows.expended;
        figures.disbursed = flows.disbursed;
        figures.lapsed = flows.lapsed;
        figures.match_met = flows.match_met;
        Period { fiscal_year: Some(FiscalYear(year)), grants: 1, amounts: Amounts::from(&figures) }
    };
    (first.0..=last.0).map(year).collect()
}
