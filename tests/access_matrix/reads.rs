//! How each query field and each type of node is asked for what is own, foreign or unknown.

use serde_json::{Value, json};

/// Makes the text of a query, or of a part of it, of things by their names.
type Text = fn(&Value) -> String;

#[derive(Clone, Copy)]
pub enum Read {
    /// A node: where its id is among the things.
    Node(&'static str),
    /// A document of its own, and where in its answer there is something.
    One(Text, &'static str),
    List(List),
}

#[derive(Clone, Copy)]
pub struct List {
    pub field: &'static str,
    /// The thing that it holds.
    pub thing: &'static str,
    /// Only what is about one side.
    pub filter: Text,
    /// Sums, if it has some.
    pub totals: &'static str,
    /// Whether the filter for one's own side leaves nothing out that one sees.
    pub whole: bool,
}

impl Read {
    /// The document that asks for these things.
    pub fn document(self, things: &Value) -> String {
        match self {
            Self::Node(thing) => {
                format!("{{ node(id: {}) {{ __typename id }} }}", id(things, thing))
            }
            Self::One(text, _) => text(things),
            Self::List(list) => {
                list.document(&format!(", filter: {{ {} }}", (list.filter)(things)))
            }
        }
    }

    /// Where in the answer there is something.
    pub fn place(self) -> String {
        match self {
            Self::Node(_) => "/data/node".into(),
            Self::One(_, place) => place.into(),
            Self::List(list) => format!("/data/{}/nodes", list.field),
        }
    }
}

impl List {
    pub fn document(self, filter: &str) -> String {
        let Self { field, totals, .. } = self;
        format!("{{ {field}(first: 200{filter}) {{ totalCount {totals} nodes {{ id }} }} }}")
    }
}

/// An id as a document has it.
fn id(things: &Value, thing: &str) -> String {
    let found = &things[thing]["id"];
    assert!(found.is_string(), "no {thing}");
    found.to_string()
}

const fn list(field: &'static str, thing: &'static str, filter: Text) -> Read {
    Read::List(List { field, thing, filter, totals: "", whole: true })
}

const fn sums(
    field: &'static str,
    thing: &'static str,
    filter: Text,
    totals: &'static str,
) -> Read {
    Read::List(List { field, thing, filter, totals, whole: true })
}

/// One whose filter for the own side leaves out what one sees besides.
const fn part(field: &'static str, thing: &'static str, filter: Text) -> Read {
    Read::List(List { field, thing, filter, totals: "", whole: false })
}

fn of_recipient(t: &Value) -> String {
    format!("recipients: [{}]", id(t, "organization"))
}

fn of_city(t: &Value) -> String {
    format!("cities: [{}]", id(t, "city"))
}

fn of_self(t: &Value) -> String {
    format!("people: [{}]", id(t, "self"))
}

/// The cases; those of one element are told apart after a comma.
pub const CASES: &[(&str, Read)] = &[
    ("Query.viewer", Read::One(|_| "{ viewer { seesEverything } }".into(), "/data/viewer")),
    (
        "Query.node",
        Read::One(|t| format!("{{ node(id: {}) {{ id }} }}", id(t, "grant")), "/data/node"),
    ),
    (
        "Query.nodes",
        Read::One(
            |t| format!("{{ nodes(ids: [{}]) {{ id }} }}", id(t, "disbursement")),
            "/data/nodes/0",
        ),
    ),
    (
        "Query.city",
        Read::One(|t| format!("{{ city(id: {}) {{ name }} }}", id(t, "city")), "/data/city"),
    ),
    ("Query.cities", part("cities", "city", |t| format!("search: {}", t["city"]["name"]))),
    (
        "Query.fundingStream",
        Read::One(|_| "{ fundingStream(code: \"OTHER\") { name } }".into(), "/data/fundingStream"),
    ),
    (
        "Query.fundingStreams",
        Read::One(|_| "{ fundingStreams { name } }".into(), "/data/fundingStreams"),
    ),
    (
        "Query.fundingProgram",
        Read::One(
            |_| "{ fundingProgram(code: \"MHSA-COUNTY\") { name } }".into(),
            "/data/fundingProgram",
        ),
    ),
    (
        "Query.holidayCalendars",
        Read::One(|_| "{ holidayCalendars { name } }".into(), "/data/holidayCalendars"),
    ),
    (
        "Query.splitAllocation",
        Read::One(
            |t| {
                let (program, on) = (id(t, "formula"), "on: \"2025-03-15\"");
                format!(
                    "{{ splitAllocation(program: {program}, amount: \"100.00\", {on}) {{ amount }} }}"
                )
            },
            "/data/splitAllocation",
        ),
    ),
    (
        "Query.fundingSummary",
        Read::One(
            |t| {
                let what = "grantCount total { awarded requested expended }";
                format!(
                    "{{ fundingSummary(groupBy: [], filter: {{ {} }}) {{ {what} }} }}",
                    of_city(t)
                )
            },
            "/data/fundingSummary/grantCount",
        ),
    ),
    (
        "Query.fundingSummary, of a recipient",
        Read::One(
            |t| {
                let (filter, what) = (of_recipient(t), "grantCount total { awarded requested }");
                format!("{{ fundingSummary(groupBy: [], filter: {{ {filter} }}) {{ {what} }} }}")
            },
            "/data/fundingSummary/grantCount",
        ),
    ),
    ("Query.eligibility", Read::One(|t| eligibility(t, "city"), "/data/eligibility")),
    (
        "Query.eligibility, of an organization",
        Read::One(|t| eligibility(t, "organization"), "/data/eligibility"),
    ),
    (
        "Query.organization",
        Read::One(
            |t| format!("{{ organization(id: {}) {{ name }} }}", id(t, "organization")),
            "/data/organization",
        ),
    ),
    (
        "Query.people",
        part("people", "person", |t| format!("organizations: [{}]", id(t, "organization"))),
    ),
    ("Query.facts", list("facts", "fact", of_city)),
    (
        "Query.grant",
        Read::One(|t| format!("{{ grant(id: {}) {{ id title }} }}", id(t, "grant")), "/data/grant"),
    ),
    (
        "Query.grant, by its number",
        Read::One(
            |t| format!("{{ grant(number: {}) {{ id title }} }}", t["grant"]["number"]),
            "/data/grant",
        ),
    ),
    ("Query.grants", list("grants", "grant", of_recipient)),
    (
        "Query.allocation",
        Read::One(
            |t| format!("{{ allocation(id: {}) {{ id }} }}", id(t, "allocation")),
            "/data/allocation",
        ),
    ),
    (
        "Query.allocations",
        sums("allocations", "allocation", of_recipient, "totals { count received spent unspent }"),
    ),
    (
        "Query.disbursements",
        sums("disbursements", "disbursement", of_recipient, "totals { count requested approved }"),
    ),
    (
        "Query.disbursementCursor",
        Read::One(|_| "{ disbursementCursor }".into(), "/data/disbursementCursor"),
    ),
    (
        "Query.expenditures",
        sums("expenditures", "expenditure", of_recipient, "totals { count amount }"),
    ),
    ("Query.reports", sums("reports", "report", of_recipient, "totals { count }")),
    ("Query.deadlines", list("deadlines", "deadline", of_city)),
    (
        "Query.sustainabilityPlan",
        Read::One(
            |t| format!("{{ sustainabilityPlan(id: {}) {{ id }} }}", id(t, "sustainabilityPlan")),
            "/data/sustainabilityPlan",
        ),
    ),
    ("Query.sustainabilityPlans", list("sustainabilityPlans", "sustainabilityPlan", of_city)),
    (
        "Query.ledgerPeriods",
        Read::One(|_| "{ ledgerPeriods { nodes { month } } }".into(), "/data/ledgerPeriods/nodes"),
    ),
    (
        "Query.approvalDelegations",
        list("approvalDelegations", "delegation", |t| format!("people: [{}]", id(t, "delegate"))),
    ),
    ("Query.emails", list("emails", "email", of_self)),
    ("Query.jobRuns", part("jobRuns", "jobRun", |_| "jobs: [\"deadline_reminders\"]".into())),
    (
        "Query.auditEntries",
        part("auditEntries", "auditEntry", |t| format!("grants: [{}]", id(t, "grant"))),
    ),
    ("Query.accessTokens", part("accessTokens", "accessToken", of_self)),
    ("City", Read::Node("city")),
    ("County", Read::Node("county")),
    ("FundingStream", Read::Node("stream")),
    ("FundingProgram", Read::Node("program")),
    ("Appropriation", Read::Node("appropriation")),
    ("RuleSet", Read::Node("ruleSet")),
    ("RuleSet, a draft", Read::Node("draft")),
    ("Rule", Read::Node("rule")),
    ("Rule, a draft", Read::Node("draftRule")),
    ("Organization", Read::Node("organization")),
    ("Fact", Read::Node("fact")),
    ("Person", Read::Node("person")),
    ("Grant", Read::Node("grant")),
    ("GrantDocument", Read::Node("document")),
    ("RuleOverride", Read::Node("ruleOverride")),
    ("Disbursement", Read::Node("disbursement")),
    ("MatchContribution", Read::Node("contribution")),
    ("Report", Read::Node("report")),
    ("Deadline", Read::Node("deadline")),
    ("SustainabilityPlan", Read::Node("sustainabilityPlan")),
    ("Allocation", Read::Node("allocation")),
    ("AllocationReceipt", Read::Node("receipt")),
    ("AllocationSpend", Read::Node("spend")),
    ("ApprovalDelegation", Read::Node("delegation")),
    ("Email", Read::Node("email")),
    ("AccessToken", Read::Node("accessToken")),
    ("RoleGrant", Read::Node("roleGrant")),
    ("JobRun", Read::Node("jobRun")),
    ("AuditEntry", Read::Node("auditEntry")),
];

fn eligibility(t: &Value, subject: &str) -> String {
    let (subject, program) = (id(t, subject), id(t, "program"));
    format!("{{ eligibility(subject: {subject}, program: {program}) {{ answer }} }}")
}

/// Whether nothing is told: nothing found, nothing counted, or an error.
pub fn tells_nothing(answer: &Value, place: &str) -> bool {
    match answer.pointer(place) {
        None | Some(Value::Null) => true,
        Some(Value::Array(all)) => all.is_empty(),
        Some(found) => found == &json!(0),
    }
}
