//! Random walks of the pay chain by the commands that people use, against an independent model:
//! after every step the ledger says what the model says, and at the end it says so of every day.

use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use thrive::{
    clock::Date,
    disbursements::{Disbursement, DisbursementStatus, Payment, PaymentMethod, commands, payment},
    error::UserErrorCode::{self, InsufficientAvailable, InvalidState},
    figures::balances::{self, Of},
    grants::{self, Grant},
    id::DisbursementId,
    ledger::GrantBalance,
    money::Money,
};

use crate::support::{Cast, Service, assert_ledger_agrees, refusal, request_of, service, start};

#[derive(Clone, Copy, Debug)]
enum Step {
    Return,
    Resubmit { cents: Option<i64> },
    Approve,
    Reject,
    Cancel,
    Schedule,
    Unschedule,
    Pay,
    Reverse,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Request {
        cents: i64,
    },
    /// A step of the disbursement that the index points to.
    Take {
        which: Index,
        step: Step,
    },
    Suspend,
    Resume,
}

/// What a grant is awarded in cents, and what happens so many days after one another.
fn stories() -> impl Strategy<Value = (i64, Vec<(i64, Event)>)> {
    let step = prop_oneof![
        2 => Just(Step::Return),
        2 => prop::option::of(1_i64..60_000).prop_map(|cents| Step::Resubmit { cents }),
        5 => Just(Step::Approve),
        1 => Just(Step::Reject),
        2 => Just(Step::Cancel),
        2 => Just(Step::Schedule),
        1 => Just(Step::Unschedule),
        4 => Just(Step::Pay),
        1 => Just(Step::Reverse),
    ];
    let event = prop_oneof![
        6 => (1_i64..60_000).prop_map(|cents| Event::Request { cents }),
        20 => (any::<Index>(), step).prop_map(|(which, step)| Event::Take { which, step }),
        1 => Just(Event::Suspend),
        2 => Just(Event::Resume),
    ];
    (1_i64..150_000, prop::collection::vec((0_i64..20, event), 1..30))
}

/// A disbursement as the model knows it.
#[derive(Clone, Copy)]
struct Known {
    id: DisbursementId,
    cents: i64,
    status: DisbursementStatus,
}

/// What the ledger should say, told from the states of the disbursements alone.
#[derive(Default)]
struct Model {
    awarded: i64,
    suspended: bool,
    disbursements: Vec<Known>,
}

impl Model {
    fn sum(&self, statuses: &[DisbursementStatus]) -> i64 {
        self.disbursements
            .iter()
            .filter(|known| statuses.contains(&known.status))
            .map(|known| known.cents)
            .sum()
    }

    fn available(&self) -> i64 {
        use DisbursementStatus::*;
        self.awarded - self.sum(&[Requested, Approved, Scheduled, Paid])
    }

    fn balance(&self) -> GrantBalance {
        use DisbursementStatus::*;
        GrantBalance {
            awarded: Money::from_cents(self.awarded),
            requested: Money::from_cents(self.sum(&[Requested])),
            approved: Money::from_cents(self.sum(&[Approved, Scheduled])),
            disbursed: Money::from_cents(self.sum(&[Paid])),
            available_to_disburse: Money::from_cents(self.available()),
            ..GrantBalance::default()
        }
    }

    fn request(&self, cents: i64) -> Result<(), UserErrorCode> {
        match cents {
            _ if self.suspended => Err(InvalidState),
            _ if cents > self.available() => Err(InsufficientAvailable),
            _ => Ok(()),
        }
    }

    /// What becomes of a disbursement by a step, or why nothing does.
    fn take(&self, known: Known, step: Step) -> Result<Known, UserErrorCode> {
        use DisbursementStatus::*;
        let becomes = |status| Ok(Known { status, ..known });
        match (known.status, step) {
            (Requested, Step::Return) => becomes(Returned),
            (Requested, Step::Reject) => becomes(Rejected),
            (Requested | Returned | Approved | Scheduled, Step::Cancel) => becomes(Cancelled),
            (Scheduled, Step::Unschedule) => becomes(Approved),
            (Paid, Step::Reverse) => becomes(Reversed),
            _ if self.suspended => Err(InvalidState),
            (Returned, Step::Resubmit { cents }) => {
                let cents = cents.unwrap_or(known.cents);
                self.request(cents).map(|()| Known { cents, status: Requested, ..known })
            }
            (Requested, Step::Approve) => becomes(Approved),
            (Approved, Step::Schedule) => becomes(Scheduled),
            (Approved | Scheduled, Step::Pay) => becomes(Paid),
            _ => Err(InvalidState),
        }
    }
}

struct Walk<'a> {
    service: &'a Service,
    cast: &'a Cast,
    grant: Grant,
    model: Model,
    taken: u32,
}

impl Walk<'_> {
    /// Does it by a command, and in the model: both must agree on what comes of it.
    async fn go(&mut self, event: Event) {
        self.taken += 1;
        match event {
            Event::Request { cents } => {
                let invoice = format!("{} {}", self.grant.number, self.taken);
                let new = request_of(&self.grant, &invoice, &Money::from_cents(cents).to_string());
                let made =
                    commands::request(&self.service.app, &self.cast.finance, new, &invoice).await;
                match self.model.request(cents) {
                    Err(code) => assert_eq!(refusal(made).code, code),
                    Ok(()) => {
                        let (id, status) = (made.unwrap().id, DisbursementStatus::Requested);
                        self.model.disbursements.push(Known { id, cents, status });
                    }
                }
            }
            Event::Take { .. } if self.model.disbursements.is_empty() => {}
            Event::Take { which, step } => {
                let place = which.index(self.model.disbursements.len());
                let known = self.model.disbursements[place];
                let outcome = self.command(known.id, step).await;
                match self.model.take(known, step) {
                    Err(code) => assert_eq!(refusal(outcome).code, code, "{step:?}"),
                    Ok(becomes) => {
                        let changed = outcome.unwrap();
                        let expected = (becomes.status, Money::from_cents(becomes.cents));
                        assert_eq!((changed.status, changed.amount), expected, "{step:?}");
                        self.model.disbursements[place] = becomes;
                    }
                }
            }
            Event::Suspend => self.switch(true).await,
            Event::Resume => self.switch(false).await,
        }
    }

    async fn command(&self, id: DisbursementId, step: Step) -> thrive::Result<Disbursement> {
        let (app, cast) = (&self.service.app, self.cast);
        let today = app.clock.today();
        let key = format!("{} {}", self.grant.number, self.taken);
        match step {
            Step::Return => commands::return_to_requester(app, &cast.approver, id, "why").await,
            Step::Reject => commands::reject(app, &cast.approver, id, "why").await,
            Step::Cancel => commands::cancel(app, &cast.officer, id, "why").await,
            Step::Resubmit { cents } => {
                let amount = cents.map(Money::from_cents);
                let details = commands::NewRequestDetails { amount, ..Default::default() };
                commands::resubmit(app, &cast.finance, id, details, &key).await
            }
            Step::Approve => commands::approve(app, &cast.approver, id, Default::default()).await,
            Step::Schedule => {
                commands::schedule(app, &cast.officer, id, Some(today.plus_days(7))).await
            }
            Step::Unschedule => commands::schedule(app, &cast.officer, id, None).await,
            Step::Pay => {
                let payment = Payment::new(today, PaymentMethod::Ach, "R");
                payment::pay(app, &cast.officer, id, payment, &key).await
            }
            Step::Reverse => payment::reverse(app, &cast.officer, id, "why", &key).await,
        }
    }

    async fn switch(&mut self, suspend: bool) {
        let (app, manager) = (&self.service.app, &self.cast.manager);
        let (id, revision) = (self.grant.id, self.grant.revision);
        let outcome = match suspend {
            true => grants::commands::suspend(app, manager, id, revision).await,
            false => grants::commands::resume(app, manager, id, revision).await,
        };
        if self.model.suspended == suspend {
            assert_eq!(refusal(outcome).code, InvalidState);
        } else {
            self.grant = outcome.unwrap();
            self.model.suspended = suspend;
        }
    }

    async fn check(&self, as_of: Option<Date>, expected: &GrantBalance) {
        let app = &self.service.app;
        let mut db = app.db.acquire().await.unwrap();
        let of = Of { as_of, known_at: None };
        let balance = balances::of_grant(&mut db, &app.clock, self.grant.id, of).await.unwrap();
        // Of the pay chain: the figures of an amount that this walk knows.
        let pay_chain = |balance: &GrantBalance| {
            [
                balance.awarded,
                balance.requested,
                balance.approved,
                balance.disbursed,
                balance.retained,
                balance.lapsed,
                balance.available_to_disburse,
            ]
        };
        assert_eq!(pay_chain(&balance), pay_chain(expected));
    }
}

async fn walk(service: &Service, cast: &Cast, number: &str, awarded: i64, events: &[(i64, Event)]) {
    service.travel(start());
    let grant = service.active_grant(cast, number, &Money::from_cents(awarded).to_string()).await;
    let mut walk =
        Walk { service, cast, grant, model: Model { awarded, ..Model::default() }, taken: 0 };
    let mut ends_of_days = vec![(service.app.clock.today(), walk.model.balance())];
    for (days, event) in events {
        let later = service.app.clock.now() + chrono::TimeDelta::days(*days);
        service.travel(later);
        let today = service.app.clock.today();
        walk.go(*event).await;
        let balance = walk.model.balance();
        walk.check(None, &balance).await;
        walk.check(Some(today), &balance).await;
        assert_ledger_agrees(&service.app.db, walk.grant.id).await;
        // A day stays as it was up to the day before the next event.
        let eve = (today.plus_days(-1), ends_of_days.last().unwrap().1.clone());
        ends_of_days.retain(|(day, _)| *day != today);
        if ends_of_days.last().is_some_and(|(day, _)| *day < eve.0) {
            ends_of_days.push(eve);
        }
        ends_of_days.push((today, balance));
    }
    for (day, balance) in &ends_of_days {
        walk.check(Some(*day), balance).await;
    }
}

#[test]
fn random_walks_of_the_pay_chain_agree_with_an_independent_model_to_the_cent() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (service, cast) = runtime.block_on(async {
        let service = service().await;
        let cast = service.cast().await;
        (service, cast)
    });
    let cases = if std::env::var_os("THRIVE_TEST_THOROUGH").is_some() { 500 } else { 24 };
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Default::default()
    };
    let number = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&stories(), |(awarded, events)| {
        number.set(number.get() + 1);
        runtime.block_on(walk(&service, &cast, &format!("W-{}", number.get()), awarded, &events));
        Ok(())
    });
    outcome.unwrap();
}
