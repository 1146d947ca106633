//! Lists and forms as files: the same rows as the list, with the same rights, page after page.

use futures_util::StreamExt;
use poem::{
    http::StatusCode,
    test::{TestClient, TestResponse},
};
use serde_json::{Value, json};
use thrive::{
    access::{Role, commands::NewRole},
    grants, http,
};

use crate::{
    forms::spent_grant,
    support::{Cast, Service, none, service},
};

/// What a path answers to somebody in a role.
async fn get(service: &Service, role: Option<NewRole>, path: &str) -> TestResponse {
    let client = TestClient::new(http::routes(&service.app));
    let mut request = client.get(path);
    if let Some(role) = role {
        let name = format!("Reader {}", service.app.clock.now().timestamp_micros());
        service.tick();
        let person = service.person(&name).await;
        let made = thrive::access::commands::create_token(&service.app, &person, &role, 30).await;
        let (_, secret) = made.unwrap();
        request = request.header("authorization", format!("Bearer {}", secret.reveal()));
    }
    request.send().await
}

fn auditor() -> Option<NewRole> {
    Some(NewRole::everywhere(Role::Auditor))
}

async fn text(response: TestResponse) -> String {
    response.assert_status_is_ok();
    response.0.into_body().into_string().await.unwrap()
}

/// The rows of a CSV file by the names of their columns.
fn rows(text: &str) -> Vec<Value> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        names.iter().zip(record.iter()).map(|(name, cell)| (name.to_owned(), json!(cell))).collect()
    };
    reader.records().map(|record| Value::Object(row(record.unwrap()))).collect()
}

fn escaped(filter: &Value) -> String {
    serde_urlencoded::to_string([("filter", filter.to_string())]).unwrap()
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap_or("null")).collect()
}

async fn scene() -> (Service, Cast) {
    let service = service().await;
    let cast = service.cast().await;
    spent_grant(&service, &cast).await;
    (service, cast)
}

#[tokio::test]
async fn an_export_has_the_rows_of_its_list_whatever_the_filter() {
    let (service, cast) = scene().await;
    let grant = service.active_grant(&cast, "G-2", "500.00").await;
    service.request(&cast, &grant, "A-1", "10.00").await;
    service.tick();
    service.request(&cast, &grant, "A-2", "20.00").await;
    service.draft(&cast, "G-3", "5.00").await;
    let lists = [
        ("grants", "GrantFilter", json!({})),
        ("grants", "GrantFilter", json!({ "statuses": ["ACTIVE"] })),
        ("grants", "GrantFilter", json!({ "search": "g-2" })),
        ("disbursements", "DisbursementFilter", json!({})),
        ("disbursements", "DisbursementFilter", json!({ "statuses": ["REQUESTED"] })),
        ("disbursements", "DisbursementFilter", json!({ "grants": [grant.id.to_string()] })),
        ("disbursements", "DisbursementFilter", json!({ "paidOn": { "from": "2026-11-01" } })),
        ("expenditures", "ExpenditureFilter", json!({})),
        ("expenditures", "ExpenditureFilter", json!({ "categories": ["INDIRECT"] })),
        ("expenditures", "ExpenditureFilter", json!({ "incurredOn": { "to": "2026-11-01" } })),
        ("expenditures", "ExpenditureFilter", json!({ "reversed": true })),
    ];
    let mut sizes = vec![];
    for (list, filter_type, filter) in lists {
        let query = format!(
            "query ($filter: {filter_type}!) {{ {list}(filter: $filter, first: 200) {{ totalCount nodes {{ id }} }} }}"
        );
        let listed = service.data(&cast.manager, &query, json!({ "filter": filter })).await;
        let mut listed = listed[list]["nodes"].as_array().unwrap().clone();
        listed.sort_by_key(|row| row["id"].as_str().unwrap().to_owned());
        let path = |ending: &str| format!("/export/{list}.{ending}?{}", escaped(&filter));
        let of_csv = rows(&text(get(&service, auditor(), &path("csv")).await).await);
        assert_eq!(column(&of_csv, "id"), column(&listed, "id"), "{list} {filter}");
        let of_json = text(get(&service, auditor(), &path("jsonl")).await).await;
        let of_json: Vec<Value> =
            of_json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(column(&of_json, "id"), column(&listed, "id"), "{list} {filter}");
        sizes.push(listed.len());
    }
    assert_eq!(sizes, [3, 2, 1, 3, 2, 2, 1, 2, 1, 0, 0]);
}

#[tokio::test]
async fn an_export_of_many_pages_is_whole_and_in_order() {
    let service = service().await;
    let cast = service.cast().await;
    let mut numbers = vec![];
    for number in 0..205 {
        service.tick();
        numbers.push(service.draft(&cast, &format!("G-{number:03}"), "5.00").await.number);
    }
    let found = rows(&text(get(&service, auditor(), "/export/grants.csv").await).await);
    assert_eq!(column(&found, "number"), numbers);
}

/// So many entries of the audit log, from one statement.
async fn write_entries(service: &Service, count: i32) {
    sqlx::query(
        "insert into organizations (id, name, kind, fictional, created_at)
         select gen_random_uuid(), 'Entered ' || n, 'CBO', true, '2026-11-24' from generate_series(1, $1) n",
    )
    .bind(count)
    .execute(&service.app.db)
    .await
    .unwrap();
}

const ENTERED: &str = "%7B%22tables%22:[%22organizations%22]%7D";

#[tokio::test]
async fn an_export_of_many_chunks_is_whole_and_goes_on_behind_any_of_its_rows() {
    let service = service().await;
    write_entries(&service, 2_500).await;
    let path = format!("/export/audit_entries.jsonl?filter={ENTERED}");
    let whole = text(get(&service, auditor(), &path).await).await;
    let lines: Vec<_> = whole.lines().collect();
    assert_eq!(lines.len(), 2_500);
    let names: std::collections::HashSet<String> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["after"]["name"].to_string())
        .collect();
    assert_eq!(names.len(), 2_500, "each entry once");
    for place in [0, 998, 999, 1_000, 2_498, 2_499] {
        let last: Value = serde_json::from_str(lines[place]).unwrap();
        let path = format!("{path}&after={}", last["id"].as_str().unwrap());
        let rest = text(get(&service, auditor(), &path).await).await;
        assert!(rest.lines().eq(lines[place + 1..].iter().copied()), "behind {place}");
    }
}

#[tokio::test]
async fn each_list_goes_on_behind_a_row_that_was_read() {
    let (service, cast) = scene().await;
    let grant = service.active_grant(&cast, "G-2", "500.00").await;
    service.request(&cast, &grant, "A-1", "10.00").await;
    for list in ["grants", "disbursements", "expenditures"] {
        let path = format!("/export/{list}.csv");
        let all = rows(&text(get(&service, auditor(), &path).await).await);
        assert!(all.len() > 1, "{list}");
        for (place, row) in all.iter().enumerate() {
            let path = format!("{path}?after={}", row["id"].as_str().unwrap());
            let rest = rows(&text(get(&service, auditor(), &path).await).await);
            assert_eq!(rest, all[place + 1..], "{list}");
        }
        // A line of names and no rows is a file as well.
        let path = format!("{path}?after={}", all.last().unwrap()["id"].as_str().unwrap());
        assert!(text(get(&service, auditor(), &path).await).await.starts_with("id,"));
    }
}

/// How many statements the service has under way, and transactions open.
async fn under_way(service: &Service) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity
          where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()",
    )
    .fetch_one(&service.as_owner().await)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_nothing_in_the_database_and_one_that_leaves_ends_it() {
    let service = service().await;
    write_entries(&service, 9_000).await;
    let path = format!("/export/audit_entries.csv?filter={ENTERED}");
    let response = get(&service, auditor(), &path).await;
    response.assert_status_is_ok();
    let mut body = response.0.into_body().into_bytes_stream();
    let first = body.next().await.unwrap().unwrap();
    assert!(first.len() < 200_000, "{}", first.len());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(under_way(&service).await, 0);
    drop(body);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(under_way(&service).await, 0);
    assert_eq!(service.app.db.num_idle(), service.app.db.size() as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_in_the_middle_breaks_the_file_off() {
    let service = service().await;
    write_entries(&service, 9_000).await;
    let path = format!("/export/audit_entries.csv?filter={ENTERED}");
    let response = get(&service, auditor(), &path).await;
    response.assert_status_is_ok();
    let mut body = response.0.into_body().into_bytes_stream();
    body.next().await.unwrap().unwrap();
    let owner = service.as_owner().await;
    sqlx::query("alter table audit_entries rename to gone").execute(&owner).await.unwrap();
    let mut ended = None;
    while let Some(piece) = body.next().await {
        ended = piece.err();
    }
    assert_eq!(ended.map(|error| error.to_string()), Some("the export broke off".to_owned()));
}

#[tokio::test]
async fn cells_hold_what_the_list_says_and_no_formula() {
    let (service, _) = scene().await;
    let response = get(&service, auditor(), "/export/grants.csv").await;
    let header = |name: &str| response.0.header(name).unwrap().to_owned();
    assert_eq!(header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(header("content-disposition"), "attachment; filename=\"grants-2026-11-24.csv\"");
    assert_eq!(header("cache-control"), "no-store");
    let whole = text(response).await;
    assert!(whole.starts_with("id,number,title,status,stream,streamName,"), "{whole}");
    let grant = &rows(&whole)[0];
    for (name, cell) in [
        ("number", "'=F-1"),
        ("recipient", "City of Fresno (test)"),
        ("cities", "Fresno (10000)"),
        ("actionAreas", "YOUTH_DEVELOPMENT (10000)"),
        ("awarded", "1000.00"),
        ("disbursed", "300.00"),
        ("remaining", "700.00"),
        ("expended", "440.00"),
        ("encumbered", "150.00"),
        ("vendorNumber", ""),
        ("asOf", ""),
    ] {
        assert_eq!(grant[name], cell, "{name}");
    }
    let earlier = "/export/grants.csv?asOf=2026-11-23";
    let earlier = rows(&text(get(&service, auditor(), earlier).await).await);
    assert_eq!(
        (&earlier[0]["awarded"], &earlier[0]["asOf"]),
        (&json!("0.00"), &json!("2026-11-23"))
    );

    let paid = rows(&text(get(&service, auditor(), "/export/disbursements.csv").await).await);
    for (name, cell) in [
        ("invoiceNumber", "'=HYPERLINK(1)"),
        ("requestedAmount", "300.00"),
        ("approvedAmount", "300.00"),
        ("paidAmount", "300.00"),
        ("grantAwarded", "1000.00"),
        ("grantRemaining", "700.00"),
        ("paidOn", "2026-11-24"),
    ] {
        assert_eq!(paid[0][name], cell, "{name}");
    }
    let costs = rows(&text(get(&service, auditor(), "/export/expenditures.csv").await).await);
    for (name, cell) in [
        ("vendor", "'+1 Supplies"),
        ("reference", "'-17"),
        ("description", "'@home, \"quoted\"\r\nand on a second line"),
        ("amount", "400.00"),
        ("lineCategory", "PERSONNEL"),
        ("lineApproved", "900.00"),
        ("lineRemaining", "350.00"),
    ] {
        assert_eq!(costs[0][name], cell, "{name}");
    }
    // Programs read what was written.
    let lines = text(get(&service, auditor(), "/export/expenditures.jsonl").await).await;
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["reference"], "-17");
    assert_eq!(first["encumbranceNumber"], Value::Null);
}

#[tokio::test]
async fn an_export_shows_what_its_reader_may_see_and_nothing_to_anybody_else() {
    let (service, cast) = scene().await;
    let oakland = service.city("0653000").await;
    let member = |city| NewRole { city: Some(city), ..NewRole::everywhere(Role::CityMember) };
    for list in ["grants", "disbursements", "expenditures"] {
        let path = format!("/export/{list}.csv");
        let theirs = text(get(&service, Some(member(oakland.id)), &path).await).await;
        assert_eq!(rows(&theirs), Vec::<Value>::new(), "{list}");
        let own = text(get(&service, Some(member(cast.city.id)), &path).await).await;
        assert!(!rows(&own).is_empty(), "{list}");
        get(&service, None, &path).await.assert_status(StatusCode::UNAUTHORIZED);
    }
    let client = TestClient::new(http::routes(&service.app));
    let request = client.get("/export/grants.csv").header("authorization", "Bearer thrive_nobody");
    request.send().await.assert_status(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_audit_log_is_exported_to_those_who_may_read_it() {
    let (service, _) = scene().await;
    let path = "/export/audit_entries.csv?filter=%7B%22actions%22:[%22signGrant%22],%22tables%22:[%22grants%22]%7D";
    let log = rows(&text(get(&service, auditor(), path).await).await);
    assert!(!log.is_empty());
    for entry in &log {
        assert_eq!(
            (&entry["action"], &entry["role"]),
            (&json!("signGrant"), &json!("GRANT_MANAGER"))
        );
        let after: Value = serde_json::from_str(entry["after"].as_str().unwrap()).unwrap();
        assert_eq!(after["status"], "ACTIVE");
    }
    let manager = Some(NewRole::everywhere(Role::GrantManager));
    get(&service, manager, path).await.assert_status(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_cannot_be_exported_is_told_before_anything_is_sent() {
    let (service, _) = scene().await;
    for (path, status, told) in [
        ("/export/people.csv", StatusCode::NOT_FOUND, "there are grants, disbursements"),
        ("/export/grants.xlsx", StatusCode::NOT_FOUND, "there are grants, disbursements"),
        ("/export/sf425.jsonl", StatusCode::NOT_FOUND, "there are grants, disbursements"),
        ("/export/grants.csv?filter=[]", StatusCode::BAD_REQUEST, "`filter` is a JSON object"),
        ("/export/grants.csv?filter={\"serach\":\"x\"}", StatusCode::BAD_REQUEST, "serach"),
        ("/export/grants.csv?filter={\"statuses\":[\"NEW\"]}", StatusCode::BAD_REQUEST, "NEW"),
        ("/export/grants.csv?asOf=yesterday", StatusCode::BAD_REQUEST, "`yesterday` is not a date"),
        ("/export/grants.csv?as_of=2026-01-01", StatusCode::BAD_REQUEST, "as_of"),
        ("/export/grants.csv?after=grant_1", StatusCode::BAD_REQUEST, "`after` is the `id`"),
        (
            "/export/disbursements.csv?after=5",
            StatusCode::BAD_REQUEST,
            "expected an id of the form disb_",
        ),
        (
            "/export/audit_entries.csv?after=audit_00000000000000000000000000000000",
            StatusCode::BAD_REQUEST,
            "no entry of the log",
        ),
        ("/export/disbursements.csv?asOf=2026-01-01", StatusCode::BAD_REQUEST, "`asOf` is for"),
        (
            "/export/sf425.csv?grant=G-9&from=2026-10-01&to=2026-12-31",
            StatusCode::NOT_FOUND,
            "no such grant",
        ),
        (
            "/export/sf425.csv?grant==F-1&from=2026-10-01&to=soon",
            StatusCode::BAD_REQUEST,
            "`soon` is not a date",
        ),
        (
            "/export/sf425.csv?grant==F-1&from=2026-12-31&to=2026-12-01",
            StatusCode::BAD_REQUEST,
            "ends before",
        ),
        (
            "/export/sf270.csv?grant==F-1&from=2026-10-01&to=2026-12-31&final=true",
            StatusCode::BAD_REQUEST,
            "`final`",
        ),
    ] {
        let path = path
            .replace('"', "%22")
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('[', "%5B")
            .replace(']', "%5D");
        let path = path.replace("grant==", "grant=%3D");
        let response = get(&service, auditor(), &path).await;
        assert_eq!(response.0.status(), status, "{path}");
        let body = response.0.into_body().into_string().await.unwrap();
        assert!(body.contains(told), "{path}\n{body}");
    }
}

#[tokio::test]
async fn forms_are_files_with_the_numbers_and_words_of_the_form() {
    let (service, cast) = scene().await;
    let grant = grants::store::find_by_number(&service.app.db, "=F-1").await.unwrap().unwrap();
    let path = format!("/export/sf425.csv?grant={grant}&from=2026-10-01&to=2026-12-31");
    let response = get(&service, auditor(), &path).await;
    let name = response.0.header("content-disposition").unwrap().to_owned();
    assert_eq!(name, "attachment; filename=\"sf425-_F-1-2026-12-31.csv\"");
    let found = rows(&text(response).await);
    let line = |line: &str| -> Vec<Value> {
        let of = found.iter().filter(|row| row["line"] == line);
        of.map(|row| row["value"].clone()).collect()
    };
    assert_eq!(line("2"), [json!("'=F-1")]);
    assert_eq!(line("6"), [json!("QUARTERLY")]);
    assert_eq!(line("8"), [json!("2026-07-01"), json!("2028-06-30")]);
    assert_eq!(line("10a"), [json!("300.00")]);
    assert_eq!(line("10h"), [json!("410.00")]);
    assert_eq!(line("11d"), [json!("400.00")]);
    assert_eq!(found[8]["description"], "Cash receipts");

    let path =
        "/export/sf270.csv?grant=%3DF-1&from=2026-12-01&to=2026-12-31&estimatedOutlays=50.00";
    let found = rows(&text(get(&service, auditor(), path).await).await);
    let last = found.last().unwrap();
    assert_eq!(
        last,
        &json!({ "line": "12c", "description": "Amount requested", "value": "50.00" })
    );

    // As the API: no grant of another's, and nothing without a token.
    let oakland = service.city("0653000").await;
    let member = NewRole { city: Some(oakland.id), ..NewRole::everywhere(Role::CityMember) };
    get(&service, Some(member), path).await.assert_status(StatusCode::NOT_FOUND);
    get(&service, None, path).await.assert_status(StatusCode::UNAUTHORIZED);
    let asked = service.data(&cast.manager, "{ grants { totalCount } }", none()).await;
    assert_eq!(asked["grants"]["totalCount"], 1);
}
