//! Answers straight from rows are the executor's, to the letter: random queries over the demonstration's data, for
//! everybody in it, with fragments, aliases, directives, filters, orders and cursors.

use async_graphql::{Request, Variables};
use fastrand::Rng;
use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use serde_json::{Value, json};
use thrive::{
    access::{self, Actor},
    demo,
    graphql::{self, parsed::Document},
    rows::{Answered, Json},
};

use crate::support::{Service, service};

/// Of an object: fields that can be selected, those with a selection of their own by type.
const GRANT: &[&str] = &[
    "id",
    "number",
    "title",
    "status",
    "amount",
    "encumberBy",
    "liquidateBy",
    "finalInvoiceBy",
    "awardedAt",
    "signedOn",
    "closingSince",
    "endedOn",
    "revision",
    "createdAt",
    "updatedAt",
    "performance DateRange",
    "accounting AccountingKeys",
    "stream FundingStream",
    "program FundingProgram",
    "recipient Organization",
    "disbursements DisbursementConnection",
];
const DISBURSEMENT: &[&str] = &[
    "id",
    "status",
    "kind",
    "amount",
    "approvedAmount",
    "retained",
    "paidAmount",
    "invoiceNumber",
    "requestedAt",
    "approvedAt",
    "submission",
    "opening",
    "scheduledFor",
    "paidOn",
    "method",
    "reference",
    "reason",
    "revision",
    "updatedAt",
    "period DateRange",
    "accounting PaymentAccounting",
    "grant Grant",
];
const DEADLINE: &[&str] = &[
    "id",
    "kind",
    "title",
    "dueOn",
    "zone",
    "snoozedUntil",
    "reason",
    "settledAt",
    "revision",
    "createdAt",
    "updatedAt",
    "grant Grant",
];
const ORGANIZATION: &[&str] = &["id", "name", "kind", "fictional", "createdAt"];
const STREAM: &[&str] =
    &["id", "code", "name", "level", "statute", "effectiveFrom", "effectiveTo", "revision"];
const PROGRAM: &[&str] =
    &["id", "code", "name", "agency", "kind", "citation", "verifiedOn", "revision"];

fn fields_of(of_type: &str) -> &'static [&'static str] {
    match of_type {
        "Grant" => GRANT,
        "Disbursement" => DISBURSEMENT,
        "Deadline" => DEADLINE,
        "Organization" => ORGANIZATION,
        "FundingStream" => STREAM,
        "FundingProgram" => PROGRAM,
        "DateRange" => &["start", "end"],
        "AccountingKeys" => &["vendorNumber", "purchaseOrder", "fundString"],
        "PaymentAccounting" => &["vendorNumber", "purchaseOrder", "fundString", "warrantNumber"],
        "FundingKey" => &[
            "stream FundingStream",
            "program FundingProgram",
            "actionArea",
            "fiscalYear",
            "city City",
        ],
        "City" => &["id", "name"],
        "FundingFigures" => &[
            "awarded",
            "encumbered",
            "expended",
            "requested",
            "approved",
            "disbursed",
            "retained",
            "lapsed",
            "availableToDisburse",
            "unobligated",
            "cashOnHand",
            "reimbursementDue",
            "advanceOutstanding",
            "matchRequired",
            "matchMet",
            "matchGap",
            "burnRate",
            "spentPercent",
        ],
        "PageInfo" => &["hasPreviousPage", "hasNextPage", "startCursor", "endCursor"],
        other => panic!("{other}"),
    }
}

/// Writes queries.
struct Author {
    rng: Rng,
    fragments: String,
    number: usize,
}

impl Author {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(..of.len())]
    }

    fn often(&mut self) -> bool {
        self.rng.u8(..10) < 3
    }

    /// Braces and what is in them. Pages are selected of a row of a list only.
    fn selection(&mut self, of_type: &str, listed: bool) -> String {
        // Something is always left, whatever is skipped.
        let mut text = "__typename ".to_owned();
        for _ in 0..self.rng.usize(1..7) {
            let field = self.field(of_type, listed);
            let wrapped = match self.rng.u8(..12) {
                0 => format!("... {{ {field} }} "),
                1 => format!("... on {of_type} @include(if: $yes) {{ {field} }} "),
                2 => {
                    self.number += 1;
                    let name = format!("F{}", self.number);
                    self.fragments
                        .push_str(&format!("fragment {name} on {of_type} {{ {field} }} "));
                    format!("...{name} ")
                }
                _ => field,
            };
            text.push_str(&wrapped);
        }
        format!("{{ {text}}}")
    }

    fn field(&mut self, of_type: &str, listed: bool) -> String {
        if self.rng.u8(..12) == 0 {
            return "__typename ".into();
        }
        let field = self.one(fields_of(of_type));
        let (name, below) = field.split_once(' ').unwrap_or((field, ""));
        let directive = match self.rng.u8(..10) {
            0 => "@skip(if: $no) ",
            1 if below.is_empty() => "@skip(if: $yes) ",
            _ => "",
        };
        // The same key always stands for the same field, as it has to.
        let alias = if self.often() { format!("its_{name}: ") } else { String::new() };
        match below {
            "" => format!("{alias}{name} {directive}"),
            "DisbursementConnection" if !listed => "id ".into(),
            "DisbursementConnection" => {
                self.number += 1;
                let order = self.one(&["REQUESTED_AT", "AMOUNT", "PAID_ON", "SCHEDULED_FOR"]);
                let direction = self.one(&["ASC", "DESC"]);
                let size = self.one(&["first: 0", "first: 2", "last: 3", "first: 50"]);
                let number = self.number;
                let page = self.connection("Disbursement");
                format!(
                    "page{number}: {name}({size}, orderBy: {{ field: {order}, direction: {direction} }}) {page}"
                )
            }
            below => format!("{alias}{name} {directive}{} ", self.selection(below, false)),
        }
    }

    fn connection(&mut self, of_type: &str) -> String {
        let mut text = String::new();
        for _ in 0..self.rng.usize(1..4) {
            let part = match self.rng.u8(..6) {
                0 => "__typename ".into(),
                1 => format!("pageInfo {} ", self.selection("PageInfo", false)),
                2 | 3 => {
                    format!("edges {{ cursor __typename node {} }} ", self.selection(of_type, true))
                }
                _ => format!("nodes {} ", self.selection(of_type, true)),
            };
            text.push_str(&part);
        }
        format!("{{ {text}}} ")
    }
}

/// A root field, and what it is asked with.
struct Question {
    declared: String,
    call: String,
    selection: String,
    variables: Value,
    /// Whether it takes the cursors `$after` and `$before`.
    paged: bool,
}

/// Ids of what there is, to be asked for.
struct World {
    service: Service,
    actors: Vec<Actor>,
    grants: Vec<String>,
    organizations: Vec<String>,
    cities: Vec<String>,
}

async fn world() -> World {
    let service = service().await;
    let app = &service.app;
    let mut actors = vec![];
    for login in demo::load(app).await.unwrap() {
        let made = access::commands::create_token(app, &login.person, &login.role, 30).await;
        let (_, secret) = made.unwrap();
        let found = access::store::identify(&app.db, &secret, app.clock.now()).await.unwrap();
        actors.push(Actor::Person(found.unwrap()));
    }
    let texts = async |query: &'static str| {
        sqlx::query_scalar::<_, String>(query).fetch_all(&app.db).await.unwrap()
    };
    let grants = texts("select 'grant_' || replace(id::text, '-', '') from grants").await;
    let organizations =
        texts("select distinct 'org_' || replace(recipient_id::text, '-', '') from grants").await;
    let cities =
        texts("select distinct 'city_' || replace(city_id::text, '-', '') from grant_cities").await;
    World { grants, organizations, cities, actors, service }
}

impl World {
    /// A root field with arguments for its variables.
    fn question(&self, author: &mut Author) -> Question {
        if author.rng.u8(..5) == 0 {
            return self.summary(author);
        }
        let (name, of_type, orders, filter) = match author.rng.u8(..4) {
            0 => {
                return Question {
                    declared: "$id: ID!".into(),
                    call: "grant(id: $id)".into(),
                    selection: author.selection("Grant", true),
                    variables: json!({ "id": author.rng.choice(&self.grants).unwrap() }),
                    paged: false,
                };
            }
            1 => (
                "grants",
                "Grant",
                ["CREATED_AT", "NUMBER", "TITLE", "AMOUNT", "PERFORMANCE_END", "LIQUIDATE_BY"]
                    .as_slice(),
                self.grant_filter(author),
            ),
            2 => (
                "disbursements",
                "Disbursement",
                ["REQUESTED_AT", "AMOUNT", "PAID_ON", "SCHEDULED_FOR"].as_slice(),
                self.disbursement_filter(author),
            ),
            _ => (
                "deadlines",
                "Deadline",
                ["DUE_ON", "CREATED_AT"].as_slice(),
                self.deadline_filter(author),
            ),
        };
        let mut order = String::new();
        if author.rng.bool() {
            let (field, direction) = (author.one(orders), author.one(&["ASC", "DESC"]));
            order = format!("orderBy: {{ field: {field}, direction: {direction} }}, ");
        }
        let (end, size) = (author.one(&["first", "last"]), author.rng.u8(..8));
        Question {
            declared: format!("$filter: {of_type}Filter!, $after: String, $before: String"),
            call: format!(
                "{name}(filter: $filter, {order}{end}: {size}, after: $after, before: $before)"
            ),
            selection: author.connection(of_type),
            variables: json!({ "filter": filter }),
            paged: true,
        }
    }

    /// Sums, by nothing that has to be read by itself.
    fn summary(&self, author: &mut Author) -> Question {
        let dimensions = ["STREAM", "FISCAL_YEAR", "PROGRAM", "ACTION_AREA"];
        let by: Vec<_> = dimensions.into_iter().filter(|_| author.rng.bool()).collect();
        let filter = if author.rng.bool() { json!({}) } else { self.grant_filter(author) };
        let day = author.one(&["", ", asOf: \"2026-06-30\"", ", asOf: \"2026-09-15\""]);
        let key = author.selection("FundingKey", false);
        let [figures, total] = [(); 2].map(|()| author.selection("FundingFigures", false));
        Question {
            declared: "$filter: GrantFilter!, $by: [FundingDimension!]!".into(),
            call: format!("fundingSummary(filter: $filter, groupBy: $by{day})"),
            selection: format!(
                "{{ grantCount unknownMatchCount asOf knownAt computedAt total {total}
                    groups {{ __typename grantCount unknownMatchCount figures {figures} key {key} }} }}"
            ),
            variables: json!({ "filter": filter, "by": by }),
            paged: false,
        }
    }

    fn some(&self, author: &mut Author, of: &[String]) -> Value {
        let count = author.rng.usize(..3);
        (0..count).map(|_| json!(of[author.rng.usize(..of.len())])).collect()
    }

    fn grant_filter(&self, author: &mut Author) -> Value {
        let mut filter = json!({});
        let streams = ["PROP_64", "PROP_68", "MHSA", "BHSA", "ACT_DIRECT", "OTHER"];
        let choices = [
            ("streams", json!([author.one(&streams)])),
            ("streams", json!([author.one(&streams), author.one(&streams)])),
            ("statuses", json!(["ACTIVE", "CLOSING", "AWARDED"])),
            ("cities", self.some(author, &self.cities)),
            ("recipients", self.some(author, &self.organizations)),
            ("actionAreas", json!(["YOUTH_DEVELOPMENT"])),
            ("search", json!("a")),
            ("accountingKey", json!("V-1")),
            ("activeOn", json!("2026-10-01")),
            ("updatedSince", json!("2026-10-01T00:00:00Z")),
        ];
        while author.often() {
            let (name, value) = author.rng.choice(choices.iter()).unwrap();
            filter[name] = value.clone();
        }
        filter
    }

    fn disbursement_filter(&self, author: &mut Author) -> Value {
        let mut filter = json!({});
        let streams = ["PROP_64", "PROP_68", "MHSA", "BHSA"];
        let days = json!({ "from": "2026-08-01", "to": "2026-10-20" });
        let choices = [
            ("streams", json!([author.one(&streams)])),
            ("statuses", json!(["PAID", "REQUESTED"])),
            ("kinds", json!(["ADVANCE"])),
            ("grants", self.some(author, &self.grants)),
            ("cities", self.some(author, &self.cities)),
            ("recipients", self.some(author, &self.organizations)),
            ("paidOn", days.clone()),
            ("paidOn", json!({ "to": "2026-09-15" })),
            ("requestedOn", days.clone()),
            ("scheduledFor", days),
            ("accountingKey", json!("PO-1")),
            ("updatedSince", json!("2026-10-01T00:00:00Z")),
        ];
        while author.often() {
            let (name, value) = author.rng.choice(choices.iter()).unwrap();
            filter[name] = value.clone();
        }
        filter
    }

    fn deadline_filter(&self, author: &mut Author) -> Value {
        let mut filter = json!({});
        let choices = [
            ("kinds", json!(["PROGRESS_REPORT", "FINANCIAL_REPORT"])),
            ("statuses", json!(["OPEN"])),
            ("statuses", json!(["OVERDUE"])),
            ("statuses", json!(["OPEN", "OVERDUE"])),
            ("statuses", json!(["COMPLETED", "OPEN"])),
            ("statuses", json!([])),
            ("grants", self.some(author, &self.grants)),
            ("cities", self.some(author, &self.cities)),
            ("dueOn", json!({ "from": "2026-10-01", "to": "2027-01-31" })),
            ("updatedSince", json!("2026-10-01T00:00:00Z")),
        ];
        while author.often() {
            let (name, value) = author.rng.choice(choices.iter()).unwrap();
            filter[name] = value.clone();
        }
        filter
    }

    /// Both answers to a question, which are the same.
    async fn both(&self, seed: u64, actor: &Actor, query: &str, variables: &Value) -> Value {
        let Service { app, schema, .. } = &self.service;
        let request = || Request::new(query).variables(Variables::from_json(variables.clone()));
        let document = std::sync::Arc::new(Document::parse(query).unwrap());
        let executed = graphql::run(app, schema, actor.clone(), request(), &document).await;
        assert!(executed.errors.is_empty(), "{query}\n{variables}\n{:?}", executed.errors);
        let executed = serde_json::to_string(&executed).unwrap();
        let straight = match graphql::straight(app, actor, None, &request(), &document).await {
            Answered::Written(text) => String::from_utf8(text).unwrap(),
            Answered::Failed { field, error } => panic!("{query}\n{variables}\n{field}: {error:?}"),
            Answered::NotCovered => panic!("not covered: {query}\n{variables}"),
            Answered::Stale => panic!("nothing was remembered"),
        };
        assert_eq!(straight, executed, "seed {seed}\n{query}\n{variables}\n{:?}", actor.role());
        serde_json::from_str(&straight).unwrap()
    }

    async fn compare(&self, seed: u64) -> usize {
        let rng = Rng::with_seed(seed);
        let mut author = Author { rng, fragments: String::new(), number: 0 };
        let actor = self.actors[author.rng.usize(..self.actors.len())].clone();
        let Question { declared, call, selection, mut variables, paged } =
            self.question(&mut author);
        variables["yes"] = json!(true);
        variables["no"] = json!(false);
        let ends = if paged {
            format!("ends: {call} {{ pageInfo {{ startCursor endCursor }} }}")
        } else {
            String::new()
        };
        let query = format!(
            "query Q({declared}, $yes: Boolean!, $no: Boolean!) {{
                ... @include(if: $yes) {{ __typename }} ... @include(if: $no) {{ none: __typename }} asked: {call} {selection} {ends}
             }} {}",
            author.fragments
        );
        let mut pages = 0;
        // On from where the page before ended, or back from there.
        while pages < 3 {
            let answer = self.both(seed, &actor, &query, &variables).await;
            pages += 1;
            let (cursor, at) =
                if author.rng.bool() { ("after", "endCursor") } else { ("before", "startCursor") };
            let from = answer["data"]["ends"]["pageInfo"][at].clone();
            if from.is_null() {
                break;
            }
            variables["after"] = Value::Null;
            variables["before"] = Value::Null;
            variables[cursor] = from;
        }
        pages
    }
}

#[tokio::test]
async fn whatever_is_read_straight_from_rows_is_what_the_executor_answers() {
    let world = world().await;
    let asked: Option<u64> =
        std::env::var("THRIVE_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    let count = if std::env::var_os("THRIVE_TEST_THOROUGH").is_some() { 20_000 } else { 400 };
    let (first, count) = asked.map_or((fastrand::u64(..u64::MAX / 2), count), |seed| (seed, 1));
    let mut pages = 0;
    // Several at once: while PostgreSQL reads for one, another is compared.
    let mut compared =
        stream::iter(first..first + count).map(|seed| world.compare(seed)).buffer_unordered(4);
    while let Some(found) = compared.next().await {
        pages += found;
    }
    assert!(pages as u64 >= count, "{pages}");
}

proptest! {
    #[test]
    fn amounts_are_written_as_they_are(cents in -99_999_999_999_999_i64..=99_999_999_999_999) {
        let digits = cents.unsigned_abs();
        // Groups of four digits around the point, as PostgreSQL sends them; it leaves out zeros at the ends.
        let (whole, part) = (digits / 100, (digits % 100) * 100);
        let mut groups = vec![];
        let mut rest = whole;
        while rest > 0 {
            groups.insert(0, (rest % 10_000) as i16);
            rest /= 10_000;
        }
        let mut weight = groups.len() as i16 - 1;
        groups.push(part as i16);
        while groups.last() == Some(&0) {
            groups.pop();
        }
        let leading = groups.iter().take_while(|group| **group == 0).count();
        groups.drain(..leading);
        weight -= leading as i16;
        let sign = if cents < 0 { 0x4000 } else { 0 };
        let words = [groups.len() as i16, weight, sign, 2].into_iter().chain(groups);
        let bytes: Vec<u8> = words.flat_map(i16::to_be_bytes).collect();
        let mut json = Json::default();
        json.money(&bytes).unwrap();
        let expected = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, digits / 100, digits % 100);
        prop_assert_eq!(String::from_utf8(json.0).unwrap(), expected);
    }
}
