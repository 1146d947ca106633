//! What happens in the demo data: each grant's life from its draft to today. Every
//! step asks first whether it was taken, so that an interrupted load can go on.

use std::collections::HashMap;

use anyhow::Context;
use chrono::{DateTime, Days, Months, TimeDelta, Utc};
use fastrand::Rng;

use super::{
    cast::{self, Cast, acting},
    reports,
};
use crate::{
    App,
    access::{Reach, Role},
    clock::{CALIFORNIA, Clock, Date},
    deadlines::{self, DeadlineKind, NewDeadline, Settlement},
    disbursements::{
        self, Approval, Disbursement, DisbursementKind, DisbursementStatus, NewCertification,
        NewRequest, Payment, PaymentMethod,
    },
    documents::{self, DocumentKind, NewDocument},
    facts::{self, Subject},
    fiscal_year::FiscalYear,
    grants::{
        self, AccountingKeys, ActionArea, ActionAreaShare, CityShare, DateRange, Grant,
        GrantStatus, NewGrant,
    },
    id::DisbursementId,
    ledger,
    money::Money,
    page::{OrderDirection, PageArgs, Window},
    people::Person,
    plans::{self, NewPlan, PlanYear},
    rule_sets::{
        self,
        eligibility::{self, Answer},
    },
    streams::{Catalog, FundingProgram},
};

/// How many cities have a sustainability plan.
pub const PLANS: i64 = 12;

/// One grant, with its disbursements and deadlines.
struct Story<'a> {
    app: &'a App,
    cast: &'a Cast,
    anchor: DateTime<Utc>,
    number: u64,
    random: Rng,
}

pub async fn tell(
    app: &App,
    cast: &Cast,
    anchor: DateTime<Utc>,
    number: u64,
) -> anyhow::Result<()> {
    // Its own seed, so that a grant's story is the same whatever came before.
    let random = Rng::with_seed(0x0007_4112_0000 + number);
    let mut story = Story { app, cast, anchor, number, random };
    let grant = story.begin().await?;
    if matches!(grant.status, GrantStatus::Active) {
        story.disburse(&grant).await?;
    }
    story.deadlines(&grant).await?;
    if matches!(grant.status, GrantStatus::Active) {
        let (_, _, finance) = story.recipient();
        reports::last_quarter(app, cast, anchor, number, &grant, finance).await?;
    }
    if number % 20 == 7 && grant.status == GrantStatus::Active {
        let revision = grant.revision;
        grants::commands::suspend(
            app,
            &acting(&cast.manager, Role::GrantManager),
            grant.id,
            revision,
        )
        .await?;
    }
    Ok(())
}

impl Story<'_> {
    /// The service as it was at a moment.
    fn at(&self, moment: DateTime<Utc>) -> App {
        let mut app = self.app.clone();
        app.clock = Clock::fixed(moment.min(self.anchor));
        app
    }

    fn recipient(&self) -> (usize, &crate::people::Organization, &Person) {
        let place = usize::try_from(self.number).unwrap_or_default() % self.cast.recipients.len();
        let (organization, finance) = &self.cast.recipients[place];
        (place, organization, finance)
    }

    /// The grant, drafted, awarded and signed as far as its story goes.
    async fn begin(&mut self) -> anyhow::Result<Grant> {
        let new = self.draft().await?;
        let reach = Reach { everything: true, ..Reach::default() };
        let drafted_at = noon(new.performance.start) - TimeDelta::days(40);
        let manager = acting(&self.cast.manager, Role::GrantManager);
        let mut grant = match grants::store::find_by_number(&self.app.db, &new.number).await? {
            Some(id) => grants::store::find(&self.app.db, &reach, &[id])
                .await?
                .pop()
                .context("the grant is there")?,
            None => grants::commands::create(&self.at(drafted_at), &manager, new).await?,
        };
        // A few remain drafts, a few remain unsigned.
        if grant.status == GrantStatus::Draft && self.number % 15 != 14 {
            let approver = acting(&self.cast.approver, Role::Approver);
            let app = self.at(drafted_at + TimeDelta::days(12));
            grant = grants::commands::award(&app, &approver, grant.id, grant.revision).await?;
        }
        if grant.status == GrantStatus::Awarded && self.number % 15 != 13 {
            let app = self.at(drafted_at + TimeDelta::days(30));
            let today = app.clock.today();
            grant = grants::commands::sign(&app, &manager, grant.id, grant.revision, today).await?;
        }
        if grant.signed_on.is_some() && self.number % 3 != 2 {
            self.record_resolution(&grant).await?;
        }
        Ok(grant)
    }

    /// The council's resolution, where somebody thought of entering it.
    async fn record_resolution(&self, grant: &Grant) -> anyhow::Result<()> {
        let kind = DocumentKind::Resolution;
        if documents::store::having(&self.app.db, &[grant.id], kind).await?.contains(&grant.id) {
            return Ok(());
        }
        let new = NewDocument {
            grant: grant.id,
            kind,
            title: format!("Resolution for {} (fictional)", grant.number),
            dated_on: grant.signed_on.unwrap_or(grant.performance_start),
            url: format!("https://documents.example/{}", grant.number.to_lowercase()),
            sha256: format!("{:064x}", self.number),
        };
        let manager = acting(&self.cast.manager, Role::GrantManager);
        documents::commands::add(&self.at(self.anchor), &manager, new).await?;
        Ok(())
    }

    async fn draft(&mut self) -> anyhow::Result<NewGrant> {
        let (place, organization, _) = self.recipient();
        let recipient = organization.id;
        let months_ago = 2 + u32::try_from(self.number * 7 % 26)?;
        let today = Date(self.anchor.with_timezone(&CALIFORNIA).date_naive());
        let start = Date(
            first_of_month(today).checked_sub_months(Months::new(months_ago)).context("a date")?,
        );
        let length = [24, 30, 36, 48][self.random.usize(..4)];
        let end =
            Date(start.checked_add_months(Months::new(length)).context("a date")? - Days::new(1));
        let program = self.program(start).await?;
        let city = &self.cast.cities[place];
        let neighbor = &self.cast.cities[(place + 1) % self.cast.cities.len()];
        // Most grants are for one city; some are shared with another.
        let cities = match self.number % 4 {
            0 => vec![
                CityShare { city: city.id, share_bp: 6_667 },
                CityShare { city: neighbor.id, share_bp: 3_333 },
            ],
            _ => vec![CityShare { city: city.id, share_bp: 10_000 }],
        };
        let areas = ActionArea::ALL;
        let area = areas[self.random.usize(..areas.len())];
        let second =
            areas[(areas.iter().position(|each| *each == area).unwrap_or(0) + 2) % areas.len()];
        let shares = if self.number.is_multiple_of(3) {
            vec![(area, 7_500), (second, 2_500)]
        } else {
            vec![(area, 10_000)]
        };
        Ok(NewGrant {
            number: format!("DEMO-{}-{:03}", program.code, self.number + 1),
            title: format!("{} in {}", PURPOSES[self.random.usize(..PURPOSES.len())], city.name),
            program: program.id,
            recipient,
            parent: None,
            amount: Money::from_cents(i64::from(self.random.u32(90..1_800)) * 100_000),
            performance: DateRange { start, end },
            encumber_by: Some(Date(start.checked_add_months(Months::new(9)).context("a date")?)),
            liquidate_by: Some(Date(end.checked_add_months(Months::new(12)).context("a date")?)),
            final_invoice_by: Some(Date(end.0 + Days::new(90))),
            cities,
            action_areas: shares
                .into_iter()
                .map(|(action_area, share_bp)| ActionAreaShare { action_area, share_bp })
                .collect(),
            budget: vec![],
            accounting: AccountingKeys::default(),
        })
    }

    /// A program that the recipient is eligible for, of a stream that can be granted on that day: MHSA before July
    /// 2026, BHSA from then on.
    async fn program(&self, on: Date) -> anyhow::Result<FundingProgram> {
        let listed = Catalog::get(self.app).await?;
        let in_force = |program: &&FundingProgram| {
            let mut streams = listed.streams.iter();
            streams.any(|stream| stream.id == program.stream_id && stream.is_active_on(on))
        };
        let (_, recipient, _) = self.recipient();
        let subject = Subject::Organization(recipient.id);
        let mut db = self.app.db.acquire().await?;
        let facts = facts::store::known(&mut *db, &[subject], on).await?;
        let facts = facts.get(&subject).cloned().unwrap_or_default();
        let mut open = Vec::new();
        for program in listed.programs.iter().filter(in_force) {
            if NOT_GRANTED.contains(&program.code.as_str()) {
                continue;
            }
            let rules = rule_sets::commands::in_force(&mut db, program.id, on).await?;
            let rules = rules.map(|(_, rules)| rules).unwrap_or_default();
            let asked = eligibility::requirements(&rules, recipient.kind, &facts);
            if eligibility::verdict(&asked) != Answer::No {
                open.push(program);
            }
        }
        let place = usize::try_from(self.number)? % open.len();
        Ok(open[place].clone())
    }

    /// Invoices from the start of performance to today, told in the order of time; most are paid.
    async fn disburse(&mut self, grant: &Grant) -> anyhow::Result<()> {
        let (place, _, finance) = self.recipient();
        let finance = finance.clone();
        let balance =
            ledger::store::balance(&self.app.db, grant.id, ledger::AccountKind::SrcPay).await?;
        let awarded = Money::ZERO.minus(balance).unwrap_or(Money::ZERO);
        let first = noon(grant.performance_start) + TimeDelta::days(8);
        let last = self.anchor.min(noon(grant.performance_end));
        let span = (last - first).num_days().max(INVOICES.into());
        let mut invoices = vec![];
        for number in 0..INVOICES {
            // Between two and five hundredths of the award, to the cent.
            let share = self.random.i32(200..500);
            let amount = awarded.part_half_up(share).context("a share of an amount")?;
            let requested_at =
                first + TimeDelta::days(span * i64::from(number) / i64::from(INVOICES));
            let advance = number == 0 && cast::is_disadvantaged(place);
            let fate = self.random.u32(..100);
            invoices.push(Invoice { number, amount, requested_at, advance, fate });
        }
        let mut chapters: Vec<_> = invoices.iter().flat_map(Invoice::chapters).collect();
        chapters.sort_by_key(|(at, chapter, invoice)| (*at, *chapter, invoice.number));
        let mut made = HashMap::new();
        for (at, chapter, invoice) in chapters {
            let app = self.at(at);
            match chapter {
                Chapter::Request => {
                    let new = self.request(grant, invoice, &app);
                    let key = format!("demo {} {}", self.number, invoice.number);
                    let actor = acting(&finance, Role::CityFinance);
                    let request = disbursements::commands::request(&app, &actor, new, &key).await?;
                    made.insert(invoice.number, request.id);
                }
                Chapter::Decide => {
                    self.decide(&app, &finance, made[&invoice.number], invoice).await?
                }
                Chapter::Pay => self.pay(&app, made[&invoice.number], invoice).await?,
            }
        }
        let wrong = invoices.iter().filter(|invoice| invoice.fate == 99);
        let wrong: Vec<_> = wrong.map(|invoice| made[&invoice.number]).collect();
        self.reverse(&wrong).await
    }

    fn request(&self, grant: &Grant, invoice: &Invoice, app: &App) -> NewRequest {
        let day = app.clock.today();
        let start = grant.performance_start.max(day.plus_days(-30));
        NewRequest {
            grant: grant.id,
            kind: if invoice.advance {
                DisbursementKind::Advance
            } else {
                DisbursementKind::Reimbursement
            },
            amount: invoice.amount,
            invoice_number: format!("INV-{:03}-{:02}", self.number + 1, invoice.number + 1),
            period: DateRange { start, end: day.max(start) },
            lines: vec![],
            certification: certification(),
            evidence: vec![],
            opening: false,
        }
    }

    async fn found(&self, id: DisbursementId) -> anyhow::Result<Disbursement> {
        let reach = Reach { everything: true, ..Reach::default() };
        let found = disbursements::store::find(&self.app.db, &reach, &[id]).await?.pop();
        found.context("the disbursement is there")
    }

    /// The last invoices are still on their way; of the others most are approved.
    async fn decide(
        &self,
        app: &App,
        finance: &Person,
        id: DisbursementId,
        invoice: &Invoice,
    ) -> anyhow::Result<()> {
        use disbursements::commands;
        if self.found(id).await?.status != DisbursementStatus::Requested {
            return Ok(());
        }
        let approver = acting(&self.cast.approver, Role::Approver);
        match (invoice.from_last(), invoice.fate) {
            (1, 0..70) => return Ok(()),
            (_, 90..93) => {
                let reason =
                    "The invoice lacks the sign-in sheets: please add them and send it again.";
                commands::return_to_requester(app, &approver, id, reason).await?;
            }
            (_, 93..96) => {
                let reason = "These costs are outside the approved scope.";
                commands::reject(app, &approver, id, reason).await?;
            }
            (_, 96..98) => {
                let actor = acting(finance, Role::CityFinance);
                commands::cancel(app, &actor, id, "Sent by mistake.").await?;
            }
            _ => {
                commands::approve(app, &approver, id, Approval::default()).await?;
            }
        }
        Ok(())
    }

    async fn pay(&self, app: &App, id: DisbursementId, invoice: &Invoice) -> anyhow::Result<()> {
        if self.found(id).await?.status != DisbursementStatus::Approved {
            return Ok(());
        }
        let officer = acting(&self.cast.officer, Role::FiscalOfficer);
        let fate = invoice.fate;
        match (invoice.from_last(), fate) {
            (1 | 2, 70..) => return Ok(()),
            (2, _) => {
                let day = Date(self.anchor.with_timezone(&CALIFORNIA).date_naive())
                    .plus_days((fate % 20).into());
                let app = self.at(self.anchor);
                disbursements::commands::schedule(&app, &officer, id, Some(day)).await?;
                return Ok(());
            }
            _ => {}
        }
        let method =
            if fate.is_multiple_of(2) { PaymentMethod::Warrant } else { PaymentMethod::Ach };
        let reference = format!("W-{:06}", 100_000 + self.number * 100 + u64::from(fate));
        let paid = Payment::new(app.clock.today(), method, &reference);
        let key = format!("demo pay {id}");
        disbursements::payment::pay(app, &officer, id, paid, &key).await?;
        Ok(())
    }

    /// Takes payments back that went wrong, once everything before is told.
    async fn reverse(&self, wrong: &[DisbursementId]) -> anyhow::Result<()> {
        let officer = acting(&self.cast.officer, Role::FiscalOfficer);
        let reach = Reach { everything: true, ..Reach::default() };
        let found = disbursements::store::find(&self.app.db, &reach, wrong).await?;
        for payment in found.iter().filter(|one| one.status == DisbursementStatus::Paid) {
            let key = format!("demo reverse {}", payment.id);
            let reason = "Paid to the wrong vendor number.";
            let app = self.at(self.anchor);
            disbursements::payment::reverse(&app, &officer, payment.id, reason, &key).await?;
        }
        Ok(())
    }

    /// Deadlines around today: late ones, near ones, far ones.
    async fn deadlines(&mut self, grant: &Grant) -> anyhow::Result<()> {
        let window = Window::new(
            "DUE_ON",
            OrderDirection::Asc,
            PageArgs { first: Some(200), ..PageArgs::default() },
        )?;
        let mut known = deadlines::store::of_grants(&self.app.db, &window, &[grant.id]).await?;
        let known = known.remove(&grant.id).unwrap_or_default();
        if known.iter().any(|deadline| deadline.obligation.is_none()) {
            return Ok(());
        }
        let today = Date(self.anchor.with_timezone(&CALIFORNIA).date_naive());
        let offset = i64::try_from(self.number)?;
        let mut due = vec![
            (
                DeadlineKind::ProgressReport,
                "Quarterly progress report",
                today.plus_days(offset * 13 % 75 - 18),
            ),
            (
                DeadlineKind::Invoice,
                "Invoice for last quarter",
                today.plus_days(offset * 5 % 50 - 6),
            ),
        ];
        // The grant's own dates are deadlines by themselves.
        if self.number.is_multiple_of(3) {
            due.push((
                DeadlineKind::FinancialReport,
                "Annual financial report",
                today.plus_days(offset % 40 + 5),
            ));
        }
        let manager = acting(&self.cast.manager, Role::GrantManager);
        let (_, _, finance) = self.recipient();
        let app = self.at(self.anchor - TimeDelta::days(45));
        for (place, (kind, title, due_on)) in due.into_iter().enumerate() {
            let mut responsible = vec![finance.id];
            if place == 0 {
                responsible.push(self.cast.manager.id);
            }
            let new = NewDeadline {
                kind,
                title: title.into(),
                grant: Some(grant.id),
                city: None,
                due_on,
                due_time: None,
                responsible,
            };
            let entered = deadlines::commands::create(&app, &manager, new).await?;
            if place == 1 && self.number.is_multiple_of(6) {
                let done = self.at(self.anchor - TimeDelta::days(2));
                deadlines::commands::settle(
                    &done,
                    &manager,
                    entered.id,
                    entered.revision,
                    Settlement::Completed,
                )
                .await?;
            }
        }
        Ok(())
    }
}

/// Money that counties get by formula, and support that is no money.
const NOT_GRANTED: [&str; 3] = ["MHSA-COUNTY", "BHSA-COUNTY", "ACT-GRANT-SUPPORT"];

const PURPOSES: [&str; 10] = [
    "Youth leadership academy",
    "Neighborhood park and play spaces",
    "Peer counseling in schools",
    "Safe routes and street lighting",
    "Family resource center",
    "After-school arts and sports",
    "Trauma-informed early learning",
    "Youth council and budgeting",
    "Housing navigators for families",
    "Community health workers",
];

/// A plan for each of the first cities that has none.
pub async fn plans(app: &App, cast: &Cast) -> anyhow::Result<()> {
    let manager = acting(&cast.manager, Role::GrantManager);
    let reach = Reach { everything: true, ..Reach::default() };
    let this_year = FiscalYear::of(app.clock.today()).0;
    for (place, city) in cast.cities.iter().enumerate().take(usize::try_from(PLANS)?) {
        let filter = plans::store::PlanFilter { cities: Some(vec![city.id]), ..Default::default() };
        if plans::store::count(&app.db, &filter, &reach).await? > 0 {
            continue;
        }
        let mut random = Rng::with_seed(place.try_into()?);
        let cost = i64::from(random.u32(200..900)) * 100_000;
        let years = (0..4).map(|year| PlanYear {
            fiscal_year: FiscalYear(this_year + year),
            cost: Money::from_cents(cost + cost / 25 * i64::from(year)),
            // What is secured thins out as grants end.
            secured: Money::from_cents(cost * i64::from(95 - year * 28) / 100),
        });
        let new = NewPlan {
            city: city.id,
            summary: format!(
                "How {} keeps its youth and family programs when the present grants end.",
                city.name
            ),
            years: years.collect(),
        };
        let plan = plans::commands::create(app, &manager, new).await?;
        if place % 3 != 2 {
            plans::commands::adopt(app, &manager, plan.id, plan.revision, app.clock.today())
                .await?;
        }
    }
    Ok(())
}

fn first_of_month(day: Date) -> chrono::NaiveDate {
    use chrono::Datelike;
    day.with_day(1).unwrap_or(day.0)
}

/// Noon in California.
pub fn noon(day: Date) -> DateTime<Utc> {
    crate::clock::instant(CALIFORNIA, day.and_hms_opt(12, 0, 0).unwrap_or_default())
}

/// The official who certifies the requests.
fn certification() -> Option<NewCertification> {
    let (name, title) = ("Fictional Official".into(), "Finance Director".into());
    Some(NewCertification { name, title })
}

const INVOICES: i32 = 12;

/// What becomes of an invoice, as its fate in hundredths says.
struct Invoice {
    number: i32,
    amount: Money,
    requested_at: DateTime<Utc>,
    advance: bool,
    fate: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Chapter {
    Request,
    Decide,
    Pay,
}

impl Invoice {
    fn from_last(&self) -> i32 {
        INVOICES - self.number
    }

    /// When what happens.
    fn chapters(&self) -> [(DateTime<Utc>, Chapter, &Self); 3] {
        let after = |days| self.requested_at + TimeDelta::days(days);
        [
            (after(0), Chapter::Request, self),
            (after(5), Chapter::Decide, self),
            (after(16), Chapter::Pay, self),
        ]
    }
}
