//! How many statements an answer takes, however many rows it has.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use thrive::{
    allocations,
    cities::{self, City},
    deadlines::{self, DeadlineKind, NewDeadline},
    fiscal_year::FiscalYear,
    grants::DateRange,
    page::{OrderDirection, PageArgs, Window},
    people::{self, NewPerson},
    plans::{self, NewPlan, PlanYear},
    reports::{self, NewReport},
    rule_sets::kinds::ReportKind,
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

use crate::support::{Cast, Service, date, money, service};

/// Counts what the driver sends: it tells each statement.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Counter {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Said once on each new connection, whatever is asked.
        let greeting = format!("{value:?}").contains("set role");
        if field.name() == "summary" && !greeting {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The answer, and how many statements it took. The test's runtime has one thread, so all are seen.
pub async fn counted(service: &Service, cast: &Cast, query: &str) -> (serde_json::Value, usize) {
    let (answer, statements) = count(service.ask(&cast.manager, query, json!({}))).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    (answer["data"].clone(), statements)
}

/// What comes of something, and how many statements it took.
pub async fn count<T>(done: impl Future<Output = T>) -> (T, usize) {
    // While there is one subscriber only, a callsite asks that of the thread which comes first, and
    // another test's thread has none; with two, all are asked.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let counter = Counter::default();
    let guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(counter.clone()));
    let outcome = done.await;
    drop(guard);
    (outcome, counter.0.load(Ordering::Relaxed))
}

/// 200 grants, some with disbursements and reports, all with a deadline; 200 people and plans.
async fn many(service: &Service) -> Cast {
    let cast = service.cast().await;
    for number in 0..200 {
        let name = format!("G-{number:03}");
        let grant = if number % 8 == 0 {
            let grant = service.active_grant(&cast, &name, "10000.00").await;
            let voucher = json!({ "idempotencyKey": name, "grantId": grant.id.to_string(), "contributor": "City",
                "source": "CASH", "amount": "5.00", "contributedOn": "2026-10-01", "description": "Paint", "reference": name });
            let made = service
                .mutate(
                    &cast.finance,
                    "recordMatch",
                    "RecordMatchInput",
                    "contribution { id }",
                    voucher,
                )
                .await;
            let accepted = json!({ "contributionId": made["contribution"]["id"] });
            let wanted = "contribution { id }";
            service
                .mutate(&cast.manager, "acceptMatch", "AcceptMatchInput", wanted, accepted)
                .await;
            for invoice in 0..6 {
                service.request(&cast, &grant, &format!("{name}-{invoice}"), "100.00").await;
                let day = date("2026-07-01").plus_days(invoice);
                let new = NewReport {
                    grant: grant.id,
                    kind: ReportKind::Progress,
                    period: DateRange { start: day, end: day },
                    due_on: date("2026-11-01"),
                    is_final: false,
                };
                reports::commands::create(&service.app, &cast.manager, new).await.unwrap();
            }
            grant
        } else {
            service.draft(&cast, &name, "10000.00").await
        };
        let thrive::access::Actor::Person(manager) = &cast.manager else { unreachable!() };
        let new = NewDeadline {
            kind: DeadlineKind::Invoice,
            title: "Invoice".into(),
            grant: Some(grant.id),
            city: None,
            due_on: date("2026-12-01"),
            due_time: None,
            responsible: vec![manager.person],
        };
        deadlines::commands::create(&service.app, &cast.manager, new).await.unwrap();
        let new = NewPerson {
            name: name.clone(),
            email: format!("{name}@people.test"),
            phone: None,
            mailing_address: None,
            position: None,
            organization: Some(cast.recipient.id),
            city: Some(cast.city.id),
            fictional: true,
        };
        people::commands::create_person(&service.app, &cast.admin, new).await.unwrap();
        let year = PlanYear {
            fiscal_year: FiscalYear(2027),
            cost: money("10.00"),
            secured: money("4.00"),
        };
        let new = NewPlan { city: cast.city.id, summary: name, years: vec![year] };
        plans::commands::create(&service.app, &cast.manager, new).await.unwrap();
    }
    cast
}

#[tokio::test]
async fn no_list_runs_a_statement_per_row() {
    let service = service().await;
    let cast = many(&service).await;
    let grants = |size: i32| {
        format!(
            "{{ grants(first: {size}) {{ nodes {{ number stream {{ code }} program {{ name }} recipient {{ name }}
               cities {{ shareBp city {{ name }} }} balance {{ awarded availableToDisburse }}
               disbursements(first: 5) {{ nodes {{ amount status }} }} }} }} }}"
        )
    };
    let deadlines = |size: i32| {
        format!(
            "{{ deadlines(first: {size}) {{ totalCount nodes {{ title responsible {{ name }} grant {{ number
               recipient {{ name city {{ name county {{ name }} }} }} deadlines(first: 2) {{ totalCount nodes {{ title }} }} }} }} }} }}"
        )
    };
    let disbursements = |size: i32| {
        format!(
            "{{ disbursements(first: {size}) {{ totals {{ count }} nodes {{ amount requestedBy {{ name }} events {{ status
               person {{ name }} }} grant {{ number actionAreas {{ shareBp }} draftedBy {{ name }} disbursements(first: 1) {{
               totals {{ requested }} }} }} }} }} }}"
        )
    };
    let cities =
        |size: i32| format!("{{ cities(first: {size}) {{ nodes {{ name county {{ name }} }} }} }}");
    let people = |size: i32| {
        format!(
            "{{ people(first: {size}, filter: {{ search: \"g-\" }}) {{ totalCount nodes {{ name email city {{ name }}
               organization {{ name city {{ name }} }} }} }} }}"
        )
    };
    let rules = |size: i32| {
        format!(
            "{{ grants(first: {size}, filter: {{ statuses: [ACTIVE] }}) {{ nodes {{ ruleOverrides {{ reason }}
               ruleSet {{ version program {{ code }} rules {{ name }} changes {{ name }} }}
               findings {{ message rule {{ ruleSet {{ version }} }} override {{ reason }} }} }} }} }}"
        )
    };
    let facts = |size: i32| {
        format!(
            "{{ grants(first: {size}) {{ nodes {{ cities {{ city {{ facts {{ value recordedBy {{ name }} }} }} }} }} }} }}"
        )
    };
    let moved = |size: i32| {
        format!(
            "{{ deadlines(first: {size}) {{ nodes {{ rule {{ citation }} history {{ reason }} period {{ start }} }} }} }}"
        )
    };
    let steps = |size: i32| {
        format!(
            "{{ disbursements(first: {size}) {{ nodes {{ findings {{ message rule {{ citation }} }} }} }} }}"
        )
    };
    let matched = |size: i32| {
        format!(
            "{{ grants(first: {size}, filter: {{ statuses: [ACTIVE] }}) {{ nodes {{
               matchContributions(first: 5) {{ totals {{ amount }} nodes {{ unused flags allowedActions recordedBy {{ name }}
               acceptances {{ amount }} }} }}
               matchAcceptances(first: 5) {{ totalAmount nodes {{ contribution {{ reference }} }} }} }} }} }}"
        )
    };
    let books = |size: i32| {
        format!(
            "{{ grants(first: {size}, filter: {{ statuses: [ACTIVE] }}) {{ nodes {{
               budget {{ title expended unobligated }} closeout {{ complete items {{ step done }} }}
               amendments {{ kind lines {{ amount }} }} expenditures(first: 2) {{ totals {{ amount }} nodes {{ line {{ title }} }} }}
               encumbrances(first: 2) {{ totalCount nodes {{ open }} }} }} }} }}"
        )
    };
    let plans = |size: i32| {
        format!(
            "{{ sustainabilityPlans(first: {size}) {{ totalCount nodes {{ gap years {{ gap }} city {{ name }}
               createdBy {{ name }} }} }} }}"
        )
    };

    let reports = |size: i32| {
        format!(
            "{{ reports(first: {size}, filter: {{ overdueOn: \"2026-11-24\" }}) {{ totalCount totals {{ programIncome }} nodes {{
               dueOn isOverdue allowedActions submittedBy {{ name }} deadline {{ title report {{ id }} }}
               certifiedFigures {{ amount }} events {{ status person {{ name }} }}
               grant {{ number reports(first: 2) {{ totalCount nodes {{ kind }} }} }} }} }} }}"
        )
    };

    let city = thrive::facts::Subject::City(cast.city.id);
    let kind = thrive::facts::FactKind::CannabisOrdinance;
    service.fact(&cast, city, kind, "NO_BAN", "2026-01-01").await;
    // 25 of the grants are active, with 150 disbursements and as many reports.
    for (what, query, most, there_are) in [
        ("grants", &grants as &dyn Fn(i32) -> String, 13, 200),
        ("grants", &books, 11, 25),
        ("grants", &matched, 10, 25),
        ("disbursements", &steps, 12, 150),
        ("deadlines", &deadlines, 10, 200),
        ("disbursements", &disbursements, 11, 150),
        ("grants", &rules, 12, 25),
        ("grants", &facts, 5, 200),
        ("deadlines", &moved, 4, 200),
        ("cities", &cities, 2, 200),
        ("people", &people, 5, 200),
        ("sustainabilityPlans", &plans, 5, 200),
        ("reports", &reports, 11, 150),
    ] {
        let mut counts = Vec::new();
        for size in [1, 50, 200] {
            let (answer, count) = counted(&service, &cast, &query(size)).await;
            let expected = size.min(there_are);
            assert_eq!(
                answer[what]["nodes"].as_array().unwrap().len(),
                expected as usize,
                "{what}"
            );
            counts.push(count);
        }
        assert!(counts[0] > 0, "the counter counts");
        assert!(counts.iter().all(|count| *count == counts[0]), "{what}: {counts:?}");
        assert!(counts[0] <= most, "{what} took {} statements", counts[0]);
    }
}

#[tokio::test]
async fn allocations_and_appropriations_take_as_many_statements_however_many_they_are() {
    let service = service().await;
    let cast = service.cast().await;
    let (app, program) = (&service.app, service.program("MHSA-COUNTY").await);
    for number in 0..12 {
        let name = format!("County {number}");
        let kind = people::OrganizationKind::Cbo;
        let recipient = service.organization(&name, kind, Some(&cast.city)).await.id;
        let made =
            allocations::commands::create(app, &cast.manager, program, recipient).await.unwrap();
        for year in [2023, 2024, 2025] {
            let new = allocations::NewReceipt {
                allocation: made.id,
                received_on: date(&format!("{year}-03-15")),
                amount: money("1000.00"),
                reference: format!("{year}"),
            };
            let key = format!("{number} {year}");
            allocations::commands::receive(app, &cast.officer, new, &key).await.unwrap();
        }
        let new = allocations::NewSpend {
            allocation: made.id,
            component: "CSS".into(),
            amount: money("800.00"),
            spent_on: date("2025-04-01"),
            description: "Services".into(),
            reference: None,
        };
        allocations::commands::spend(app, &cast.officer, new, &name).await.unwrap();
    }
    let query = |size: i32| {
        format!(
            "{{ allocations(first: {size}) {{ totalCount nodes {{ program {{ code }} recipient {{ name }} atRiskOfReversion
               createdBy {{ name }} balance {{ unspent components {{ burnRate }} }} projection {{ projectedReversion }}
               reserves(asOf: \"2026-06-30\") {{ most }}
               receipts {{ totalCount nodes {{ rule {{ name }} components {{ revertsOn }} allocation {{ id }} }} }}
               spends {{ totalCount nodes {{ recordedBy {{ name }} layers {{ amount receipt {{ receivedOn }} }} }} }} }} }}
               fundingStreams {{ appropriations {{ leftToAward history {{ amount }} }} }} }}"
        )
    };
    let mut counts = Vec::new();
    for size in [1, 6, 12] {
        let (answer, count) = counted(&service, &cast, &query(size)).await;
        let nodes = answer["allocations"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), size as usize);
        assert_eq!(nodes[0]["spends"]["nodes"][0]["layers"].as_array().unwrap().len(), 2);
        counts.push(count);
    }
    assert!(counts.iter().all(|count| *count == counts[0] && *count <= 31), "{counts:?}");
}

#[tokio::test]
async fn pages_in_either_direction_are_the_whole_list_in_its_order() {
    let service = service().await;
    let filter = cities::store::CityFilter { search: Some("san".into()), ..Default::default() };
    for order in ["NAME", "POPULATION"] {
        for direction in [OrderDirection::Asc, OrderDirection::Desc] {
            let whole = walk(&service, &filter, order, direction, 200, false).await;
            assert!(whole.len() > 20);
            let mut sorted = whole.clone();
            let key = |city: &City| (cities::store::position(order, city).key, city.id.0);
            sorted.sort_by_key(key);
            if direction == OrderDirection::Desc {
                sorted.reverse();
            }
            let ids = |list: &[City]| list.iter().map(|city| city.id).collect::<Vec<_>>();
            assert_eq!(ids(&whole), ids(&sorted));
            for size in [1, 2, 7] {
                for backward in [false, true] {
                    let pages = walk(&service, &filter, order, direction, size, backward).await;
                    assert_eq!(
                        ids(&pages),
                        ids(&whole),
                        "{order} {direction:?} by {size}, backward: {backward}"
                    );
                }
            }
        }
    }
}

/// Reads page after page, from either end.
async fn walk(
    service: &Service,
    filter: &cities::store::CityFilter,
    order: &'static str,
    direction: OrderDirection,
    size: i32,
    backward: bool,
) -> Vec<City> {
    let mut all: Vec<City> = Vec::new();
    let mut cursor = None;
    loop {
        let args = if backward {
            PageArgs { last: Some(size), before: cursor.clone(), ..PageArgs::default() }
        } else {
            PageArgs { first: Some(size), after: cursor.clone(), ..PageArgs::default() }
        };
        let window = Window::new(order, direction, args).unwrap();
        let rows = cities::store::list(&service.app.db, &window, filter).await.unwrap();
        let page = window.page(
            rows,
            |city| cities::store::position(order, city),
            async_graphql::EmptyMutation,
        );
        let (more, last) = if backward {
            (page.has_previous_page, page.edges.first().map(|edge| edge.cursor.clone()))
        } else {
            (page.has_next_page, page.edges.last().map(|edge| edge.cursor.clone()))
        };
        let rows = page.edges.into_iter().map(|edge| edge.node);
        if backward {
            all.splice(0..0, rows);
        } else {
            all.extend(rows);
        }
        if !more {
            return all;
        }
        cursor = last;
    }
}
