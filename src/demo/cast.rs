//! Who is in the demo data.

use anyhow::Context;

use crate::{
    App,
    access::{self, Actor, Identity, Reach, Role, TokenScope, commands::NewRole},
    audit,
    cities::{self, City},
    facts::{self, FactKind, NewFact, Subject},
    id::OrganizationId,
    people::{self, NewOrganization, NewPerson, Organization, OrganizationKind, Person},
};

/// The first person entered: the moment of that is the anchor of all dates.
pub const MANAGER_EMAIL: &str = "gwen.manager@demo.example";

/// Cities of every size and region, by GEOID.
const CITIES: [&str; 34] = [
    "0627000", "0644000", "0664000", "0653000", "0643000", "0603526", "0675000", "0669000",
    "0665000", "0662000", "0618394", "0602476", "0615044", "0636546", "0624680", "0613392",
    "0654652", "0659920", "0602252", "0659892", "0600562", "0602364", "0658072", "0622804",
    "0653322", "0622230", "0616322", "0660466", "0680238", "0682590", "0600296", "0683850",
    "0601444", "0611530",
];

/// Somebody who can sign in, and as what.
pub struct Login {
    pub person: Person,
    pub role: NewRole,
}

pub struct Cast {
    pub cities: Vec<City>,
    /// Who can receive, with its finance officer; the place is that of its city in `cities`.
    pub recipients: Vec<(Organization, Person)>,
    pub manager: Person,
    pub approver: Person,
    pub officer: Person,
    others: Vec<(Person, Role)>,
}

/// Enters whoever is not there yet.
pub async fn assemble(app: &App) -> anyhow::Result<Cast> {
    let manager = person(app, "Gwen Park", MANAGER_EMAIL, "Grant manager", None, None).await?;
    let act = organization(app, "ACT program office", OrganizationKind::ProgramAdministrator, None)
        .await?
        .id;
    let staff =
        async |name, email, position| person(app, name, email, position, Some(act), None).await;
    let approver = staff("Abel Novak", "abel.approver@demo.example", "Program director").await?;
    let officer = staff("Odile Ferrer", "odile.fiscal@demo.example", "Fiscal officer").await?;
    let admin = staff("Priya Anand", "priya.admin@demo.example", "Program administrator").await?;
    let auditor = staff("Arlo Quist", "arlo.auditor@demo.example", "Internal auditor").await?;
    let coach = staff("Carmen Duarte", "carmen.coach@demo.example", "Coach").await?;
    let service = staff("Dashboard", "dashboard@demo.example", "A program that reads").await?;

    let mut found = Vec::new();
    for geoid in CITIES {
        let city = cities::store::find_by_geoid(&app.db, geoid).await?;
        found.push(city.with_context(|| format!("the reference list lacks the city {geoid}"))?);
    }
    let mut recipients = Vec::new();
    for (place, city) in found.iter().enumerate() {
        // Not every recipient is a city: counties and community organizations receive for cities too.
        let (name, kind) = match place % 5 {
            3 => (format!("{} Youth Alliance", city.name), OrganizationKind::Cbo),
            4 => {
                (format!("Behavioral health services for {}", city.name), OrganizationKind::County)
            }
            _ => (format!("City of {}", city.name), OrganizationKind::CityGovernment),
        };
        let recipient = organization(app, &name, kind, Some(city)).await?;
        let email = format!("finance.{}@demo.example", city.geoid);
        let name = FINANCE_NAMES[place % FINANCE_NAMES.len()];
        let finance =
            person(app, name, &email, "Finance director", Some(recipient.id), Some(city)).await?;
        entitle(app, &finance, recipient.id).await?;
        tell_facts(app, &manager, &recipient, place).await?;
        recipients.push((recipient, finance));
    }
    let member = person(
        app,
        "Mina Solano",
        "mina.member@demo.example",
        "Council member",
        None,
        found.first(),
    )
    .await?;
    let others = vec![
        (admin, Role::ProgramAdmin),
        (auditor, Role::Auditor),
        (coach, Role::Coach),
        (service, Role::Service),
        (member, Role::CityMember),
    ];
    Ok(Cast { cities: found, recipients, manager, approver, officer, others })
}

/// Some of the recipients serve disadvantaged communities.
pub fn is_disadvantaged(place: usize) -> bool {
    !place.is_multiple_of(3)
}

/// Lets finance staff act for their organization: its deadlines are theirs.
async fn entitle(app: &App, finance: &Person, recipient: OrganizationId) -> anyhow::Result<()> {
    let role = NewRole { organization: Some(recipient), ..NewRole::everywhere(Role::CityFinance) };
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "thrive demo").await?;
    access::store::give_role(&mut tx, &role.granted(app, finance.id)).await?;
    Ok(tx.commit().await?)
}

/// What rules ask of a recipient. It is told of the fictional organization, not of the real city.
async fn tell_facts(
    app: &App,
    manager: &Person,
    recipient: &Organization,
    place: usize,
) -> anyhow::Result<()> {
    let subject = Subject::Organization(recipient.id);
    let today = app.clock.today();
    if facts::store::known(&app.db, &[subject], today).await?.contains_key(&subject) {
        return Ok(());
    }
    let disadvantaged = is_disadvantaged(place);
    let level = ["PILOT", "VANGUARD", "AFFILIATE", "PILOT"][place % 4];
    let told = [
        (FactKind::CannabisOrdinance, if place % 7 == 6 { "BANS_RETAIL" } else { "NO_BAN" }),
        (FactKind::MedianIncomeShare, if disadvantaged { "5640" } else { "10210" }),
        (FactKind::DisadvantagedCommunity, if disadvantaged { "YES" } else { "NO" }),
        (FactKind::ParticipationLevel, level),
    ];
    for (kind, value) in told {
        let new = NewFact {
            subject,
            kind,
            value: value.into(),
            as_of: today.plus_months(-60),
            source: "Fictional, for the demonstration".into(),
            source_url: None,
        };
        facts::commands::record(app, &acting(manager, Role::GrantManager), new).await?;
    }
    Ok(())
}

const FINANCE_NAMES: [&str; 12] = [
    "Lena Brandt",
    "Tomas Oyelaran",
    "Ines Calder",
    "Hugo Pacheco",
    "Yara Whitfield",
    "Sam Ishikawa",
    "Nadia Kolar",
    "Bruno Estrada",
    "Willa Chen",
    "Rafael Lund",
    "Opal Mercer",
    "Dev Raman",
];

impl Cast {
    /// A login for each role: the finance officer and the member are Fresno's, the coach has five cities.
    pub fn logins(self) -> anyhow::Result<Vec<Login>> {
        let city = self.cities.first().context("the demo has cities")?.id;
        let (recipient, finance) =
            self.recipients.into_iter().next().context("the demo has recipients")?;
        let mut logins = vec![
            Login { person: self.manager, role: NewRole::everywhere(Role::GrantManager) },
            Login { person: self.approver, role: NewRole::everywhere(Role::Approver) },
            Login { person: self.officer, role: NewRole::everywhere(Role::FiscalOfficer) },
            Login {
                person: finance,
                role: NewRole {
                    organization: Some(recipient.id),
                    ..NewRole::everywhere(Role::CityFinance)
                },
            },
        ];
        for (person, role) in self.others {
            let city = matches!(role, Role::Coach | Role::CityMember).then_some(city);
            logins.push(Login { person, role: NewRole { city, ..NewRole::everywhere(role) } });
        }
        Ok(logins)
    }
}

/// A person of the demo, signed in.
pub fn acting(person: &Person, role: Role) -> Actor {
    let organizations = match role {
        Role::CityFinance => person.organization_id.into_iter().collect(),
        _ => vec![],
    };
    let reach = Reach { everything: role.reaches_everything(), cities: vec![], organizations };
    Actor::Person(Identity {
        person: person.id,
        role,
        reach,
        approval_limit: None,
        request_id: None,
        scope: TokenScope::ReadWrite,
    })
}

async fn organization(
    app: &App,
    name: &str,
    kind: OrganizationKind,
    city: Option<&City>,
) -> anyhow::Result<Organization> {
    let name = format!("{name} (fictional)");
    if let Some(found) = people::store::find_organization(&app.db, &name).await? {
        return Ok(found);
    }
    let new = NewOrganization {
        name,
        kind,
        city: city.map(|city| city.id),
        county: city.map(|city| city.county_id).filter(|_| kind == OrganizationKind::County),
        fictional: true,
    };
    let entered_by = people::store::find_by_email(&app.db, MANAGER_EMAIL)
        .await?
        .context("the manager comes first")?;
    Ok(people::commands::create_organization(app, &acting(&entered_by, Role::ProgramAdmin), new)
        .await?)
}

async fn person(
    app: &App,
    name: &str,
    email: &str,
    position: &str,
    organization: Option<OrganizationId>,
    city: Option<&City>,
) -> anyhow::Result<Person> {
    if let Some(found) = people::store::find_by_email(&app.db, email).await? {
        return Ok(found);
    }
    let new = NewPerson {
        name: format!("{name} (fictional)"),
        email: email.into(),
        phone: None,
        mailing_address: None,
        position: Some(position.into()),
        organization,
        city: city.map(|city| city.id),
        fictional: true,
    };
    Ok(people::commands::enter_person(app, "thrive demo", new).await?)
}
