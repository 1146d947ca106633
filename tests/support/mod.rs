//! A whole service around a database of its own, with the clock held still, and
//! people, a recipient and grants to begin with.

pub mod at_once;
mod checks;
pub mod cluster;
pub mod money;
pub mod process;
pub mod proxy;
pub mod raw;

use std::sync::atomic::{AtomicU32, Ordering};

use async_graphql::{Request, Variables};
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};
use thrive::{
    App,
    access::{self, Actor, Identity, Reach, Role, commands::NewRole},
    cities::{self, City},
    clock::{Clock, Date},
    config::MailConfig,
    db,
    disbursements::{self, Disbursement, DisbursementKind, NewRequest},
    documents::{self, DocumentKind, NewDocument},
    email::Outgoing,
    facts::{self, Fact, FactKind, NewFact, Subject},
    grants::{
        self, AccountingKeys, ActionArea, ActionAreaShare, CityShare, DateRange, Grant, NewGrant,
    },
    graphql::{self, Schema},
    id::{GrantId, ProgramId},
    money::Money,
    people::{self, NewOrganization, NewPerson, Organization, OrganizationKind, Person},
    streams::Catalog,
};

pub use checks::{assert_ledger_agrees, codes, refusal, refused_by};

const TEMPLATE: &str = "thrive_template";

/// When every test begins: a Tuesday morning in California.
pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 24, 18, 0, 0).unwrap()
}

/// A migrated database of the test's own. Answers how to reach it as the service and as the owner.
pub async fn database() -> (PgConnectOptions, PgConnectOptions) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = cluster::shared();
    let base =
        PgConnectOptions::new_without_pgpass().socket(&cluster.socket_dir).port(cluster.port);
    let mut admin =
        PgConnection::connect_with(&base.clone().username("postgres").database("postgres"))
            .await
            .unwrap();
    // One process at a time makes the template or copies it.
    admin.execute("select pg_advisory_lock(1)").await.unwrap();
    let made: bool = sqlx::query_scalar(
        "select exists (select from pg_database where datname = $1 and datistemplate)",
    )
    .bind(TEMPLATE)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    if !made {
        admin.execute("drop database if exists thrive_template").await.unwrap();
        let (_, owner) =
            db::prepare_cluster(&cluster.socket_dir, cluster.port, TEMPLATE).await.unwrap();
        db::migrate(&owner, &Clock::fixed(start())).await.unwrap();
        admin.execute("alter database thrive_template is_template true").await.unwrap();
    }
    let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let create = format!("create database {name} template {TEMPLATE} owner {}", db::OWNER);
    admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    admin.close().await.unwrap();
    let base = base.database(&name);
    (base.clone().username(db::SERVICE), base.username(db::OWNER))
}

/// The address of a database with nothing in it; `USER` stands for the role.
pub async fn empty_database() -> String {
    // Whatever else, the roles are there.
    let (service, _) = database().await;
    let name = format!("{}_empty", service.get_database().unwrap());
    let cluster = cluster::shared();
    let mut admin = PgConnection::connect_with(&service.username("postgres").database("postgres"))
        .await
        .unwrap();
    let create = format!("create database {name} owner {}", db::OWNER);
    admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    format!(
        "postgres://USER@localhost:{}/{name}?host={}",
        cluster.port,
        cluster.socket_dir.display()
    )
}

/// A service around a database of its own. Its mail goes to a directory.
pub struct Service {
    pub app: App,
    pub schema: Schema,
    pub service_options: PgConnectOptions,
    pub owner_options: PgConnectOptions,
    pub mail_dir: tempfile::TempDir,
}

pub async fn service() -> Service {
    service_with_mail(None).await
}

/// As `service`, with mail leaving as configured.
pub async fn service_with_mail(mail: Option<MailConfig>) -> Service {
    let (service_options, owner_options) = database().await;
    let pool = db::pool(&service_options, 8).await.unwrap();
    let mail_dir = tempfile::tempdir().unwrap();
    let mail = mail.unwrap_or_else(|| MailConfig {
        url: format!("file://{}", mail_dir.path().display()),
        from: "Thrive <thrive@thrive.test>".into(),
        timeout: std::time::Duration::from_secs(5),
        ca_file: None,
    });
    let app = App::open(pool, Clock::fixed(start()), Outgoing::open(&mail).unwrap()).await.unwrap();
    Service { app, schema: graphql::schema(), service_options, owner_options, mail_dir }
}

impl Service {
    /// Sends a GraphQL request on someone's behalf and returns the whole answer.
    pub async fn ask(&self, actor: &Actor, query: &str, variables: Value) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables));
        let answer = graphql::execute(&self.app, &self.schema, actor.clone(), request).await;
        serde_json::to_value(answer).unwrap()
    }

    /// The `data` of an answer without errors.
    pub async fn data(&self, actor: &Actor, query: &str, variables: Value) -> Value {
        let answer = self.ask(actor, query, variables).await;
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].clone()
    }

    /// A mutation's payload: what of it is asked for, and the user errors.
    pub async fn mutate(
        &self,
        actor: &Actor,
        mutation: &str,
        input_type: &str,
        wanted: &str,
        input: Value,
    ) -> Value {
        let query = format!(
            "mutation ($input: {input_type}!) {{
                {mutation}(input: $input) {{ {wanted} userErrors {{ code message field }} }}
            }}"
        );
        let mut data = self.data(actor, &query, json!({ "input": input })).await;
        data[mutation].take()
    }

    /// The owner's own connections: for what the service may not do.
    pub async fn as_owner(&self) -> PgPool {
        PgPool::connect_with(self.owner_options.clone()).await.unwrap()
    }

    /// The address of its database, for another process.
    pub fn database_url(&self) -> String {
        let cluster = cluster::shared();
        let name = self.service_options.get_database().unwrap();
        format!(
            "postgres://{}@localhost:{}/{name}?host={}",
            db::SERVICE,
            cluster.port,
            cluster.socket_dir.display()
        )
    }

    /// Moves the clock.
    pub fn travel(&self, to: DateTime<Utc>) {
        self.app.clock.set(to);
    }

    /// Lets a second pass, for things that are told apart by when they happened.
    pub fn tick(&self) {
        self.travel(self.app.clock.now() + chrono::TimeDelta::seconds(1));
    }

    pub async fn city(&self, geoid: &str) -> City {
        cities::store::find_by_geoid(&self.app.db, geoid).await.unwrap().unwrap()
    }

    pub async fn organization(
        &self,
        name: &str,
        kind: OrganizationKind,
        city: Option<&City>,
    ) -> Organization {
        let new = NewOrganization {
            name: name.into(),
            kind,
            city: city.map(|city| city.id),
            county: None,
            fictional: true,
        };
        people::commands::create_organization(&self.app, &root(&[Role::ProgramAdmin]), new)
            .await
            .unwrap()
    }

    pub async fn person(&self, name: &str) -> Person {
        let email = format!("{}@people.test", name.to_lowercase().replace(' ', "."));
        let new = NewPerson {
            name: name.into(),
            email,
            phone: None,
            mailing_address: None,
            position: None,
            organization: None,
            city: None,
            fictional: true,
        };
        people::commands::create_person(&self.app, &root(&[Role::ProgramAdmin]), new).await.unwrap()
    }

    /// A new person in a role, signed in through a real token.
    pub async fn actor(&self, name: &str, role: NewRole) -> Actor {
        let person = self.person(name).await;
        let (_, secret) =
            access::commands::create_token(&self.app, &person, &role, 30).await.unwrap();
        let identity =
            access::store::identify(&self.app.db, &secret, self.app.clock.now()).await.unwrap();
        Actor::Person(identity.unwrap())
    }

    /// People in the roles that move money, and a recipient in Fresno.
    pub async fn cast(&self) -> Cast {
        let city = self.city("0627000").await;
        let recipient = self
            .organization("City of Fresno (test)", OrganizationKind::CityGovernment, Some(&city))
            .await;
        Cast {
            manager: self.actor("Mara Manager", NewRole::everywhere(Role::GrantManager)).await,
            approver: self.actor("Ada Approver", NewRole::everywhere(Role::Approver)).await,
            officer: self.actor("Omar Officer", NewRole::everywhere(Role::FiscalOfficer)).await,
            finance: self
                .actor(
                    "Fay Finance",
                    NewRole {
                        organization: Some(recipient.id),
                        ..NewRole::everywhere(Role::CityFinance)
                    },
                )
                .await,
            admin: self.actor("Pat Admin", NewRole::everywhere(Role::ProgramAdmin)).await,
            auditor: self.actor("Aud Auditor", NewRole::everywhere(Role::Auditor)).await,
            city,
            recipient,
        }
    }

    /// Records a fact.
    pub async fn fact(
        &self,
        cast: &Cast,
        subject: Subject,
        kind: FactKind,
        value: &str,
        as_of: &str,
    ) -> Fact {
        let new = NewFact {
            subject,
            kind,
            value: value.into(),
            as_of: date(as_of),
            source: "A test".into(),
            source_url: None,
        };
        facts::commands::record(&self.app, &cast.manager, new).await.unwrap()
    }

    /// The id of a program.
    pub async fn program(&self, code: &str) -> ProgramId {
        let listed = Catalog::get(&self.app).await.unwrap();
        listed.programs.iter().find(|program| program.code == code).unwrap().id
    }

    /// What `draft_of` describes, as a draft.
    pub async fn draft(&self, cast: &Cast, number: &str, amount: &str) -> Grant {
        let new = self.draft_of(cast, number, amount).await;
        grants::commands::create(&self.app, &cast.manager, new).await.unwrap()
    }

    /// A grant of Prop 64 to the cast's recipient for the cast's city, 2026-07-01 to 2028-06-30.
    pub async fn draft_of(&self, cast: &Cast, number: &str, amount: &str) -> NewGrant {
        NewGrant {
            number: number.into(),
            title: format!("Youth center {number}"),
            program: self.program("PROP64-PHS").await,
            recipient: cast.recipient.id,
            parent: None,
            amount: amount.parse().unwrap(),
            performance: DateRange { start: date("2026-07-01"), end: date("2028-06-30") },
            encumber_by: Some(date("2027-06-30")),
            liquidate_by: Some(date("2028-12-31")),
            final_invoice_by: Some(date("2028-09-30")),
            cities: vec![CityShare { city: cast.city.id, share_bp: 10_000 }],
            action_areas: vec![ActionAreaShare {
                action_area: ActionArea::YouthDevelopment,
                share_bp: 10_000,
            }],
            budget: vec![],
            accounting: AccountingKeys::default(),
        }
    }

    /// A grant that is awarded and signed, with its resolution: money can be requested and paid.
    pub async fn active_grant(&self, cast: &Cast, number: &str, amount: &str) -> Grant {
        let signed = self.signed_grant(cast, number, amount).await;
        self.resolution(cast, &signed).await;
        signed
    }

    /// A grant that is awarded and signed, and has no documents.
    pub async fn signed_grant(&self, cast: &Cast, number: &str, amount: &str) -> Grant {
        let draft = self.draft(cast, number, amount).await;
        let awarded = grants::commands::award(&self.app, &cast.approver, draft.id, draft.revision)
            .await
            .unwrap();
        let today = self.app.clock.today();
        grants::commands::sign(&self.app, &cast.manager, draft.id, awarded.revision, today)
            .await
            .unwrap()
    }

    /// Enters the resolution of a grant's governing body, without which nothing is paid.
    pub async fn resolution(&self, cast: &Cast, grant: &Grant) {
        enter_resolution(&self.app, cast, grant.id).await;
    }

    pub async fn request(
        &self,
        cast: &Cast,
        grant: &Grant,
        invoice: &str,
        amount: &str,
    ) -> Disbursement {
        let new = request_of(grant, invoice, amount);
        disbursements::commands::request(&self.app, &cast.finance, new, &format!("key {invoice}"))
            .await
            .unwrap()
    }
}

/// As `Service::resolution`, by the clock of this service.
pub async fn enter_resolution(app: &App, cast: &Cast, grant: GrantId) {
    let new = NewDocument {
        grant,
        kind: DocumentKind::Resolution,
        title: "Resolution".into(),
        dated_on: app.clock.today(),
        url: "https://city.test/resolution".into(),
        sha256: format!("{:064x}", grant.0.as_u128()),
    };
    documents::commands::add(app, &cast.manager, new).await.unwrap();
}

pub struct Cast {
    pub manager: Actor,
    pub approver: Actor,
    pub officer: Actor,
    pub finance: Actor,
    pub admin: Actor,
    pub auditor: Actor,
    pub city: City,
    pub recipient: Organization,
}

pub fn request_of(grant: &Grant, invoice: &str, amount: &str) -> NewRequest {
    NewRequest {
        grant: grant.id,
        kind: DisbursementKind::Reimbursement,
        amount: amount.parse().unwrap(),
        invoice_number: invoice.into(),
        period: DateRange { start: date("2026-10-01"), end: date("2026-10-31") },
        lines: vec![],
        certification: None,
        evidence: vec![],
        opening: false,
    }
}

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// Somebody who is nobody's person, for setting the scene.
fn root(roles: &[Role]) -> Actor {
    Actor::Person(Identity {
        person: thrive::id::PersonId(uuid::Uuid::nil()),
        role: roles[0],
        reach: Reach { everything: true, ..Reach::default() },
        approval_limit: None,
        request_id: None,
    })
}

/// No variables.
pub fn none() -> Value {
    json!({})
}
