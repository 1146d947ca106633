//! Two recipients in two cities, in one database: what there can be of both, people of every role of the one, and
//! staff who bring things into the states in which the matrix tries them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thrive::{
    access::{self, Actor, Role, commands::NewRole},
    jobs,
    people::{self, OrganizationKind},
};

use super::{
    answers::{Told, asked},
    expected::COLUMNS,
    mutations::{self, By, Case},
    schema::Schema,
};
use crate::support::{Cast, Service, date, service};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Own,
    Foreign,
}

pub struct Scene {
    pub service: Service,
    pub schema: Schema,
    cast: Cast,
    other_admin: Actor,
    foreign_finance: Actor,
    /// By column: who has not signed in, and a person of each role.
    pub actors: Vec<Actor>,
    /// What there is on either side, by the names that payloads have for it.
    own: Value,
    foreign: Value,
}

/// What there is of each recipient, in the order in which it comes about.
const BEGINNING: &[&str] = &[
    "createPerson",
    "recordFact",
    "createGrant",
    "awardGrant",
    "signGrant",
    "addGrantDocument",
    "proposeRuleOverride",
    "amendGrant",
    "recordExpenditure",
    "encumber",
    "recordMatch",
    "requestDisbursement",
    "createReport",
    "createDeadline",
    "createSustainabilityPlan",
    "createAllocation",
    "recordAllocationReceipt",
    "spendAllocation",
    "delegateApproval",
];

pub async fn scene() -> Scene {
    let service = service().await;
    let cast = service.cast().await;
    let admin = NewRole::everywhere(Role::ProgramAdmin);
    let other_admin = service.actor("Otto Otheradmin", admin).await;
    let city = service.city("0644000").await;
    let kind = OrganizationKind::CityGovernment;
    let recipient = service.organization("City of Los Angeles (test)", kind, Some(&city)).await;
    let role =
        NewRole { organization: Some(recipient.id), ..NewRole::everywhere(Role::CityFinance) };
    let foreign_finance = service.actor("Fred Foreign", role).await;
    let mut actors = vec![];
    for column in COLUMNS {
        actors.push(match column {
            None => Actor::Anyone,
            Some(role) => service.actor(&format!("Matrix {role}"), of_matrix(role, &cast)).await,
        });
    }
    let side = async |city: &thrive::cities::City, organization: thrive::id::OrganizationId| {
        json!({
            "city": { "id": city.id.to_string(), "name": city.name, "geoid": city.geoid },
            "county": { "id": city.county_id.to_string() },
            "organization": { "id": organization.to_string() },
            "formula": { "id": service.program("MHSA-COUNTY").await.to_string() },
        })
    };
    let own = side(&cast.city, cast.recipient.id).await;
    let foreign = side(&city, recipient.id).await;
    let schema = Schema::live();
    let mut scene =
        Scene { service, schema, cast, other_admin, foreign_finance, actors, own, foreign };
    scene.begin().await;
    scene
}

/// A role of the matrix, bound to Fresno or to what is Fresno's.
fn of_matrix(role: Role, cast: &Cast) -> NewRole {
    let everywhere = NewRole::everywhere(role);
    match role {
        Role::CityMember | Role::Coach => NewRole { city: Some(cast.city.id), ..everywhere },
        Role::CityFinance | Role::Service => {
            NewRole { organization: Some(cast.recipient.id), ..everywhere }
        }
        _ => everywhere,
    }
}

pub fn person(actor: &Actor) -> Option<String> {
    actor.identity().map(|identity| identity.person.to_string())
}

impl Scene {
    async fn begin(&mut self) {
        self.program().await;
        for side in [Side::Own, Side::Foreign] {
            let mut things = self.things(side).clone();
            things["responsible"] = json!({ "id": person(self.by(By::Finance, side)) });
            let approver = match side {
                Side::Own => self.actor(Role::Approver),
                Side::Foreign => &self.cast.approver,
            };
            things["approver"] = json!({ "id": person(approver) });
            things["delegate"] = json!({ "id": person(&self.cast.officer) });
            for step in BEGINNING {
                self.step(side, mutations::of(step), &mut things).await;
            }
            self.keep(side, things);
            for (mutation, made, name) in [
                ("draftRuleSet", "ruleSet", "draft"),
                ("recordAppropriation", "appropriation", "appropriation"),
            ] {
                let case = mutations::of(mutation);
                let mut tried = self.prepared(side, case).await;
                self.step(side, case, &mut tried).await;
                let mut things = self.things(side).clone();
                things[name] = tried[made].clone();
                if name == "draft" {
                    things["draftRule"] = tried[made]["rules"][0].clone();
                }
                self.keep(side, things);
            }
        }
        self.mail().await;
        self.found().await;
    }

    /// A program that keeps a part of each payment back, for the grants of both sides.
    async fn program(&mut self) {
        let stream = "{ fundingStream(code: \"OTHER\") { id code revision } }";
        let stream = self.service.data(&self.cast.admin, stream, json!({})).await;
        let mut things = json!({ "stream": stream["fundingStream"] });
        for step in ["createFundingProgram", "draftRuleSet", "activateRuleSet"] {
            self.step(Side::Own, mutations::of(step), &mut things).await;
        }
        things["rule"] = things["ruleSet"]["rules"][0].clone();
        for side in [&mut self.own, &mut self.foreign] {
            for (name, thing) in things.as_object().unwrap() {
                side[name] = thing.clone();
            }
        }
    }

    /// A message to each person of the matrix and to somebody foreign.
    async fn mail(&self) {
        for (side, people) in [
            (Side::Own, self.actors.iter().filter_map(person).collect::<Vec<_>>()),
            (Side::Foreign, person(&self.foreign_finance).into_iter().collect()),
        ] {
            let input = json!({ "cityId": self.things(side)["city"]["id"], "kind": "OTHER", "title": "A photograph",
                                "dueOn": "2026-12-01", "responsibleIds": people });
            let wanted = "deadline { id }";
            let (name, input_type) = ("createDeadline", "CreateDeadlineInput");
            let made =
                self.service.mutate(&self.cast.manager, name, input_type, wanted, input).await;
            assert_eq!(made["userErrors"], json!([]), "{made}");
        }
        let (app, today) = (&self.service.app, Some(date("2026-11-24")));
        jobs::run_by_hand(app, "deadline_reminders", today, false).await.unwrap();
    }

    /// What comes about by itself, as an auditor finds it.
    async fn found(&mut self) {
        for side in [Side::Own, Side::Foreign] {
            let query = "query ($grant: ID!, $people: [ID!]!) { jobRuns(filter: { jobs: [\"deadline_reminders\"] }) { nodes { id } }
                         auditEntries(first: 1, filter: { grants: [$grant] }) { nodes { id } }
                         emails(filter: { people: $people }) { nodes { id } } }";
            let mut things = self.things(side).clone();
            let to = person(self.by(By::Finance, side));
            let variables = json!({ "grant": things["grant"]["id"], "people": [to] });
            let mut found = self.service.data(&self.cast.auditor, query, variables).await;
            for (list, name) in
                [("jobRuns", "jobRun"), ("auditEntries", "auditEntry"), ("emails", "email")]
            {
                things[name] = found[list]["nodes"][0].take();
                assert!(things[name].is_object(), "{side:?}: {name}");
            }
            self.personal(&to.unwrap_or_default(), &mut things).await;
            self.keep(side, things);
        }
    }

    /// What is a person's own: a token and a role.
    async fn personal(&self, id: &str, things: &mut Value) {
        let query = "query ($id: ID!) { node(id: $id) { ... on Person { roles { id } } }
                     accessTokens(filter: { people: [$id] }) { nodes { id } } }";
        let found = self.service.data(&self.cast.auditor, query, json!({ "id": id })).await;
        things["self"] = json!({ "id": id });
        things["roleGrant"] = found["node"]["roles"][0].clone();
        things["accessToken"] = found["accessTokens"]["nodes"][0].clone();
    }

    /// As `prepared`, for a person of the matrix.
    pub async fn prepared_for(&self, column: usize, case: &Case) -> Value {
        let mut things = self.prepared(Side::Own, case).await;
        if let (Some(id), true) = (person(&self.actors[column]), case.needs.is_empty()) {
            self.personal(&id, &mut things).await;
        }
        things
    }

    /// What is on the own side, with what is a person's own where that is not the whole side's.
    pub async fn own_of(&self, column: usize) -> Value {
        let mut things = self.own.clone();
        let Some(identity) = self.actors[column].identity() else { return things };
        let id = identity.person.to_string();
        let query =
            "query ($people: [ID!]!) { emails(filter: { people: $people }) { nodes { id } } }";
        let mut found =
            self.service.data(&self.cast.auditor, query, json!({ "people": [id] })).await;
        things["email"] = found["emails"]["nodes"][0].take();
        self.personal(&id, &mut things).await;
        // An approver's own are those that somebody else decides.
        if identity.role != Role::Approver {
            let (app, manager) = (&self.service.app, NewRole::everywhere(Role::GrantManager));
            let person = people::store::find_people(&app.db, &[identity.person]).await.unwrap();
            access::commands::create_token(app, &person[0], &manager, 30).await.unwrap();
            things["delegate"] = json!({ "id": id });
            self.step(Side::Own, mutations::of("delegateApproval"), &mut things).await;
        }
        things
    }

    pub fn things(&self, side: Side) -> &Value {
        match side {
            Side::Own => &self.own,
            Side::Foreign => &self.foreign,
        }
    }

    fn keep(&mut self, side: Side, things: Value) {
        match side {
            Side::Own => self.own = things,
            Side::Foreign => self.foreign = things,
        }
    }

    pub fn actor(&self, role: Role) -> &Actor {
        let column = COLUMNS.iter().position(|column| *column == Some(role)).unwrap();
        &self.actors[column]
    }

    pub fn auditor(&self) -> &Actor {
        &self.cast.auditor
    }

    fn by(&self, by: By, side: Side) -> &Actor {
        match (by, side) {
            (By::Admin, _) => &self.cast.admin,
            (By::OtherAdmin, _) => &self.other_admin,
            (By::Manager, _) => &self.cast.manager,
            (By::Approver, _) => &self.cast.approver,
            (By::Officer, _) => &self.cast.officer,
            (By::Finance, Side::Own) => &self.cast.finance,
            (By::Finance, Side::Foreign) => &self.foreign_finance,
        }
    }

    /// What is on a side, with what a mutation needs made anew and in the right state.
    pub async fn prepared(&self, side: Side, case: &Case) -> Value {
        let mut things = self.things(side).clone();
        if case.name == "accountForAdvance" {
            things["kind"] = "ADVANCE".into();
        }
        for step in mutations::steps_before(case) {
            self.step(side, step, &mut things).await;
        }
        self.refresh(&mut things).await;
        things
    }

    /// Does it, and notes what it made.
    pub async fn step(&self, side: Side, case: &Case, things: &mut Value) {
        self.refresh(things).await;
        let (payload, field) = self.tried(self.by(case.by, side), case, things).await;
        assert_eq!(payload["userErrors"], json!([]), "{}, to set the scene", case.name);
        things[&field] = payload[&field].clone();
    }

    /// A grant's revision moves with what happens to it.
    async fn refresh(&self, things: &mut Value) {
        if things["grant"].is_null() {
            return;
        }
        let query = "query ($id: ID!) { grant(id: $id) { revision } }";
        let variables = json!({ "id": things["grant"]["id"] });
        let found = self.service.data(&self.cast.auditor, query, variables).await;
        things["grant"]["revision"] = found["grant"]["revision"].clone();
    }

    /// Sends it, and answers the payload and the field of what was changed.
    pub async fn tried(&self, actor: &Actor, case: &Case, things: &Value) -> (Value, String) {
        let shape = self.schema.shape(case.name);
        let wanted = format!("{} {{ {} }}", shape.field, shape.selection);
        let input = (case.input)(things);
        let service = &self.service;
        let payload = service.mutate(actor, case.name, &shape.input_type, &wanted, input).await;
        (payload, shape.field)
    }

    /// As `tried`, with all that is told by the answer.
    pub async fn refused(&self, actor: &Actor, case: &Case, things: &Value) -> (Value, Told) {
        let shape = self.schema.shape(case.name);
        let document = format!(
            "mutation ($input: {}!) {{ {}(input: $input) {{
                {} {{ {} }} userErrors {{ code message field rule {{ id }} }} }} }}",
            shape.input_type, case.name, shape.field, shape.selection
        );
        let variables = json!({ "input": (case.input)(things) });
        asked(&self.service, actor, &document, variables).await
    }

    /// How much was done by whomever.
    pub async fn entries(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from audit_entries");
        count.fetch_one(&self.service.app.db).await.unwrap()
    }

    /// All rows of every table, in short.
    pub async fn rows(&self) -> BTreeMap<String, String> {
        let owner = self.service.as_owner().await;
        let tables = "select table_name::text from information_schema.tables
                       where table_schema = 'public' and table_type = 'BASE TABLE'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&owner).await.unwrap();
        let mut rows = BTreeMap::new();
        for table in tables {
            let digest = format!(
                "select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t"
            );
            let digest = sqlx::query_scalar(sqlx::AssertSqlSafe(digest));
            rows.insert(table, digest.fetch_one(&owner).await.unwrap());
        }
        rows
    }
}

/// The same things with ids that nobody has: each keeps its prefix.
pub fn unknown(things: &Value) -> Value {
    match things {
        Value::String(text) => match text.split_once('_') {
            Some((kind, id)) if id.len() == 32 => format!("{kind}_{:032x}", 0xdead_u32).into(),
            _ => text.clone().into(),
        },
        Value::Array(all) => all.iter().map(unknown).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, thing)| (name.clone(), unknown(thing))).collect()
        }
        other => other.clone(),
    }
}
