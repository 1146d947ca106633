//! Lists as clients read them: page by page from either end in every order, and by each filter.

use serde_json::{Value, json};
use thrive::{
    access::Actor,
    deadlines::{self, DeadlineKind, NewDeadline},
    disbursements::{DisbursementKind, Payment, PaymentMethod, commands, payment},
    facts::{FactKind, Subject},
    grants::{self, ActionArea, ActionAreaShare, CityShare, DateRange, Grant},
    people::{self, NewPerson, OrganizationKind},
};

use crate::support::{Cast, Service, date, none, request_of, service};

/// One list in one order: the field with its arguments but the page's.
struct List<'a> {
    field: &'a str,
    arguments: String,
}

impl List<'_> {
    async fn page(&self, service: &Service, actor: &Actor, page: &str) -> Value {
        let query = format!(
            "{{ list: {}({} {page}) {{ totalCount edges {{ cursor node {{ id }} }} nodes {{ id }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}",
            self.field, self.arguments
        );
        service.data(actor, &query, none()).await["list"].take()
    }

    /// All ids, read by pages of a size from one end; each page is checked against the whole.
    async fn walk(
        &self,
        service: &Service,
        actor: &Actor,
        size: usize,
        forward: bool,
        whole: &[String],
    ) {
        let (count, from) = if forward { ("first", "after") } else { ("last", "before") };
        let mut cursor = None;
        let mut seen = 0;
        loop {
            let from =
                cursor.map_or(String::new(), |cursor: String| format!("{from}: \"{cursor}\""));
            let page = self.page(service, actor, &format!("{count}: {size} {from}")).await;
            let ids = ids(&page);
            let expected = if forward {
                &whole[seen..whole.len().min(seen + size)]
            } else {
                &whole[(whole.len() - seen).saturating_sub(size)..whole.len() - seen]
            };
            assert_eq!(ids, expected, "{} {} by {size}", self.field, self.arguments);
            let of_edges = page["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| edge["node"]["id"].as_str().unwrap());
            assert!(of_edges.eq(ids.iter()), "edges and nodes are the same");
            assert_eq!(page["totalCount"], whole.len());
            let before = seen > 0;
            seen += ids.len();
            let more = seen < whole.len();
            let (previous, next) = if forward { (before, more) } else { (more, before) };
            let info = &page["pageInfo"];
            assert_eq!(
                (&info["hasPreviousPage"], &info["hasNextPage"]),
                (&json!(previous), &json!(next))
            );
            if !more {
                return;
            }
            cursor =
                info[if forward { "endCursor" } else { "startCursor" }].as_str().map(Into::into);
        }
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap().into())
        .collect()
}

/// Grants, disbursements and deadlines with many equal values to order by, and names in several scripts.
async fn crowd(service: &Service) -> Cast {
    let cast = service.cast().await;
    let titles = [
        "Ñandú",
        "ñandú",
        "ÉCOLE",
        "İstanbul",
        "ΟΔΟΣ",
        "οδος",
        "straße",
        "STRASSE",
        "Zoo",
        "apple",
        "Apple",
        "a|b",
        "日本",
        "Ǆ",
    ];
    for (line, title) in titles.into_iter().enumerate() {
        let mut new = service.draft_of(&cast, &format!("{title}-{line}"), "100.00").await;
        new.title = title.into();
        new.amount = if line % 2 == 0 { "9.00" } else { "1000.00" }.parse().unwrap();
        new.performance.end = date(if line % 3 == 0 { "2027-12-31" } else { "2028-06-30" });
        if line % 4 == 0 {
            (new.encumber_by, new.liquidate_by) = (None, None);
        }
        let grant = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
        let due = date("2026-12-01").plus_days(i64::try_from(line % 3).unwrap());
        deadline(service, &cast, &grant, due).await;
        let named = NewPerson {
            name: title.into(),
            email: format!("person{line}@people.test"),
            phone: None,
            mailing_address: None,
            position: None,
            organization: None,
            city: None,
            fictional: true,
        };
        people::commands::create_person(&service.app, &cast.admin, named).await.unwrap();
        service.tick();
    }
    let grant = service.active_grant(&cast, "D", "1000.00").await;
    for line in 0..12 {
        let amount = ["5.00", "40.00", "5.00"][line % 3];
        let id = service.request(&cast, &grant, &format!("I-{line}"), amount).await.id;
        if line % 2 == 0 {
            commands::approve(&service.app, &cast.approver, id, Default::default()).await.unwrap();
        }
        if line % 4 == 0 {
            let payment = Payment::new(date("2026-11-24"), PaymentMethod::Ach, "R");
            payment::pay(&service.app, &cast.officer, id, payment, &format!("p{line}"))
                .await
                .unwrap();
        } else if line % 2 == 0 {
            let day = date(if line == 2 { "2026-12-24" } else { "2026-12-25" });
            commands::schedule(&service.app, &cast.officer, id, Some(day)).await.unwrap();
        }
        deadline(service, &cast, &grant, date("2026-12-02")).await;
    }
    cast
}

async fn deadline(service: &Service, cast: &Cast, grant: &Grant, due_on: thrive::clock::Date) {
    let Actor::Person(manager) = &cast.manager else { unreachable!() };
    let new = NewDeadline {
        kind: DeadlineKind::Invoice,
        title: "Invoice".into(),
        grant: Some(grant.id),
        city: None,
        due_on,
        due_time: None,
        responsible: vec![manager.person],
    };
    deadlines::commands::create(&service.app, &cast.manager, new).await.unwrap();
}

const ORDERS: &[(&str, &[&str])] = &[
    ("grants", &["CREATED_AT", "NUMBER", "TITLE", "AMOUNT", "PERFORMANCE_END", "LIQUIDATE_BY"]),
    ("disbursements", &["REQUESTED_AT", "AMOUNT", "PAID_ON", "SCHEDULED_FOR"]),
    ("deadlines", &["DUE_ON", "CREATED_AT"]),
];

#[tokio::test]
async fn every_list_in_every_order_is_the_same_by_pages_of_any_size_from_either_end() {
    let service = service().await;
    let cast = crowd(&service).await;
    let mut lists = vec![
        List { field: "people", arguments: String::new() },
        List { field: "grants", arguments: String::new() },
        List { field: "cities", arguments: "filter: { search: \"al\" }".into() },
        List {
            field: "cities",
            arguments: "filter: { search: \"al\" } orderBy: { field: POPULATION, direction: DESC }"
                .into(),
        },
    ];
    for (field, orders) in ORDERS {
        for order in *orders {
            for direction in ["ASC", "DESC"] {
                let arguments = format!("orderBy: {{ field: {order}, direction: {direction} }}");
                lists.push(List { field, arguments });
            }
        }
    }
    for list in &lists {
        let whole = ids(&list.page(&service, &cast.auditor, "first: 200").await);
        assert!(whole.len() >= 12, "{} has {}", list.field, whole.len());
        for size in [1, 4, whole.len() - 1, whole.len()] {
            list.walk(&service, &cast.auditor, size, true, &whole).await;
            list.walk(&service, &cast.auditor, size, false, &whole).await;
        }
    }
    // An order is the reverse of its opposite, ties included.
    for pair in lists[4..].chunks(2) {
        let ascending = ids(&pair[0].page(&service, &cast.auditor, "first: 200").await);
        let mut descending = ids(&pair[1].page(&service, &cast.auditor, "first: 200").await);
        descending.reverse();
        assert_eq!(ascending, descending);
    }
}

#[tokio::test]
async fn an_order_is_of_values_and_not_of_their_digits() {
    let service = service().await;
    let cast = crowd(&service).await;
    let query = "{
        grants(first: 200, orderBy: { field: AMOUNT }) { nodes { amount } }
        disbursements(orderBy: { field: PAID_ON, direction: DESC }) { nodes { paidOn } }
        deadlines(orderBy: { field: DUE_ON }) { nodes { dueOn } }
        cities(first: 3, orderBy: { field: POPULATION, direction: DESC }) { nodes { name } }
    }";
    let answer = service.data(&cast.auditor, query, none()).await;
    let values = |field: &str, value: &str| -> Vec<String> {
        let nodes = answer[field]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node[value].as_str().unwrap_or_default().to_owned()).collect()
    };
    let amounts: Vec<f64> =
        values("grants", "amount").iter().map(|amount| amount.parse().unwrap()).collect();
    assert!(amounts.is_sorted() && amounts[0] < amounts[amounts.len() - 1], "{amounts:?}");
    assert!(values("disbursements", "paidOn").is_sorted_by(|one, other| one >= other));
    assert!(values("deadlines", "dueOn").is_sorted());
    assert_eq!(values("cities", "name"), ["Los Angeles", "San Diego", "San Jose"]);
}

/// Two grants that differ in everything a filter can ask for; each with a disbursement and a deadline.
async fn pair(service: &Service) -> (Cast, Grant, Grant) {
    let cast = service.cast().await;
    let one = service.active_grant(&cast, "ONE", "1000.00").await;
    service.request(&cast, &one, "I-1", "10.00").await;
    deadline(service, &cast, &one, date("2026-11-20")).await;

    service.travel("2026-11-26T18:00:00Z".parse().unwrap());
    let los_angeles = service.city("0644000").await;
    let other_recipient =
        service.organization("Youth Org (test)", OrganizationKind::Cbo, Some(&los_angeles)).await;
    let mut new = service.draft_of(&cast, "TWO", "2000.00").await;
    new.program = service.program("PROP68-SPP").await;
    new.recipient = other_recipient.id;
    new.performance = DateRange { start: date("2026-10-01"), end: date("2027-06-30") };
    new.cities = vec![CityShare { city: los_angeles.id, share_bp: 10_000 }];
    new.action_areas =
        vec![ActionAreaShare { action_area: ActionArea::SafeStableHousing, share_bp: 10_000 }];
    // Of the program's money only disadvantaged communities get advances.
    let recipient = Subject::Organization(other_recipient.id);
    service.fact(&cast, recipient, FactKind::DisadvantagedCommunity, "YES", "2026-01-01").await;
    let two = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    grants::commands::award(&service.app, &cast.approver, two.id, 1).await.unwrap();
    let two = grants::commands::sign(&service.app, &cast.manager, two.id, 2, date("2026-11-26"))
        .await
        .unwrap();
    let role = thrive::access::commands::NewRole {
        organization: Some(other_recipient.id),
        ..thrive::access::commands::NewRole::everywhere(thrive::access::Role::CityFinance)
    };
    let finance = service.actor("Flo Other", role).await;
    let mut request = request_of(&two, "I-2", "20.00");
    request.kind = DisbursementKind::Advance;
    let found = commands::request(&service.app, &finance, request, "two").await.unwrap();
    commands::approve(&service.app, &cast.approver, found.id, Default::default()).await.unwrap();
    let payment = Payment::new(date("2026-11-26"), PaymentMethod::Ach, "R");
    payment::pay(&service.app, &cast.officer, found.id, payment, "pay two").await.unwrap();
    let new = NewDeadline {
        kind: DeadlineKind::Closeout,
        title: "Closeout".into(),
        grant: Some(two.id),
        city: None,
        due_on: date("2027-01-31"),
        due_time: None,
        responsible: vec![match &cast.officer {
            Actor::Person(officer) => officer.person,
            Actor::Anyone => unreachable!(),
        }],
    };
    deadlines::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let suspended =
        grants::commands::suspend(&service.app, &cast.manager, two.id, two.revision).await.unwrap();
    (cast, one, suspended)
}

#[tokio::test]
async fn each_filter_finds_what_it_says_and_its_count_and_totals_agree() {
    let service = service().await;
    let (cast, one, two) = pair(&service).await;
    let program = two.program_id.to_string();
    let (city, recipient) = (cast.city.id.to_string(), cast.recipient.id.to_string());
    let Actor::Person(officer) = &cast.officer else { unreachable!() };
    let (first, both, second): (&[&str], &[&str], &[&str]) = (&["1"], &["1", "2"], &["2"]);
    let of_grants = [
        ("streams: [PROP_64]".into(), first),
        ("streams: [PROP_64, PROP_68]".into(), both),
        ("streams: []".into(), &[]),
        (format!("programs: [\"{program}\"]"), second),
        ("statuses: [SUSPENDED]".into(), second),
        (format!("cities: [\"{city}\"]"), first),
        (format!("recipients: [\"{recipient}\"]"), first),
        ("actionAreas: [SAFE_STABLE_HOUSING]".into(), second),
        ("search: \"tWo\"".into(), second),
        ("search: \"youth CENTER\"".into(), both),
        ("search: \"%\"".into(), &[]),
        ("activeOn: \"2026-09-30\"".into(), first),
        ("activeOn: \"2026-10-01\"".into(), both),
        ("activeOn: \"2027-06-30\"".into(), both),
        ("activeOn: \"2027-07-01\"".into(), first),
        ("updatedSince: \"2026-11-26T18:00:00Z\"".into(), second),
        ("updatedSince: \"2026-11-26T18:00:01Z\"".into(), &[]),
        ("statuses: [ACTIVE], streams: [PROP_68]".into(), &[]),
    ];
    for (filter, expected) in of_grants {
        assert_found(&service, &cast, "grants", &filter, "number", expected, &["ONE", "TWO"]).await;
    }
    let of_disbursements = [
        ("streams: [PROP_64]".into(), first),
        ("statuses: [PAID]".into(), second),
        ("kinds: [REIMBURSEMENT]".into(), first),
        (format!("grants: [\"{}\"]", one.id), first),
        (format!("cities: [\"{city}\"]"), first),
        (format!("recipients: [\"{recipient}\"]"), first),
        ("paidOn: { from: \"2026-11-26\", to: \"2026-11-26\" }".into(), second),
        ("paidOn: { to: \"2026-11-25\" }".into(), &[]),
        ("paidOn: { from: \"2026-11-27\" }".into(), &[]),
        ("requestedOn: { to: \"2026-11-25\" }".into(), first),
        ("requestedOn: { from: \"2026-11-24\", to: \"2026-11-24\" }".into(), first),
        ("requestedOn: { from: \"2026-11-25\" }".into(), second),
        ("updatedSince: \"2026-11-25T00:00:00Z\"".into(), second),
    ];
    for (filter, expected) in of_disbursements {
        assert_found(
            &service,
            &cast,
            "disbursements",
            &filter,
            "invoiceNumber",
            expected,
            &["I-1", "I-2"],
        )
        .await;
        let totals = format!(
            "{{ disbursements(filter: {{ {filter} }}) {{ totals {{ count requested paid }} }} }}"
        );
        let totals =
            service.data(&cast.auditor, &totals, none()).await["disbursements"]["totals"].take();
        let (has_one, has_two) = (expected.contains(&"1"), expected.contains(&"2"));
        let sums = json!({ "count": expected.len(), "requested": if has_one { "10.00" } else { "0.00" },
            "paid": if has_two { "20.00" } else { "0.00" } });
        assert_eq!(totals, sums, "{filter}");
    }
    let of_deadlines = [
        ("kinds: [CLOSEOUT]".into(), second),
        ("statuses: [OVERDUE]".into(), first),
        ("statuses: [OPEN]".into(), second),
        (format!("grants: [\"{}\"]", two.id), second),
        (format!("cities: [\"{city}\"]"), first),
        (format!("responsible: [\"{}\"]", officer.person), second),
        ("dueOn: { to: \"2026-11-20\" }".into(), first),
        ("dueOn: { from: \"2026-11-21\" }".into(), second),
        ("updatedSince: \"2026-11-25T00:00:00Z\"".into(), second),
    ];
    for (filter, expected) in of_deadlines {
        // Beside those that follow from the grants.
        let of_people =
            if filter.starts_with("kinds") { "" } else { ", kinds: [INVOICE, CLOSEOUT]" };
        let filter = format!("{filter}{of_people}");
        assert_found(
            &service,
            &cast,
            "deadlines",
            &filter,
            "title",
            expected,
            &["Invoice", "Closeout"],
        )
        .await;
    }
    assert_found(&service, &cast, "cities", "search: \"ANGELES\"", "name", first, &["Los Angeles"])
        .await;
    let in_capitals = "search: \"CAÑADA\"";
    assert_found(&service, &cast, "cities", in_capitals, "name", first, &["La Cañada Flintridge"])
        .await;
    let large = "populationFrom: 1000000, populationTo: 2000000";
    assert_found(&service, &cast, "cities", large, "name", both, &["San Diego", "San Jose"]).await;
}

/// The list has the expected ones of two, told by one of their fields.
async fn assert_found(
    service: &Service,
    cast: &Cast,
    list: &str,
    filter: &str,
    field: &str,
    expected: &[&str],
    names: &[&str],
) {
    let query =
        format!("{{ {list}(filter: {{ {filter} }}) {{ totalCount nodes {{ {field} }} }} }}");
    let answer = service.data(&cast.auditor, &query, none()).await;
    let nodes = answer[list]["nodes"].as_array().unwrap();
    let mut found: Vec<_> = nodes.iter().map(|node| node[field].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut wanted: Vec<_> =
        expected.iter().map(|number| names[usize::from(*number == "2")]).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{list}: {filter}");
    assert_eq!(answer[list]["totalCount"], wanted.len(), "{list}: {filter}");
}
