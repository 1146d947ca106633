//! Who does what, by the commands that people use, and what comes of it.

use chrono::TimeDelta;
use thrive::{
    App, Result,
    access::{Actor, Reach, Role, commands::NewRole},
    budgets::{
        AmendmentKind, Direction, NewAmendment, NewAmendmentLine, NewTransfer, PeriodChange,
        amendments, commands as budgets,
    },
    clock::{Clock, Date},
    disbursements::{
        AdjustmentKind, Approval, DisbursementKind, LineAmount, NewAdjustment, NewRequest, Payment,
        PaymentMethod, adjustments, commands as disbursements, payment, retention,
    },
    grants::{self, DateRange},
    id::{
        AmendmentId, BudgetLineId, DisbursementId, EncumbranceId, ExpenditureId, GrantId, ProgramId,
    },
    money::Money,
    spending::{
        NewEncumbrance, NewExpenditure,
        commands::{self as spending, Liquidation},
    },
};

use crate::{
    money_model::{Afterwards, By, Cents, Command, Kind, OfLine, Person},
    support::{Cast, Service, date, start},
};

/// The most that the second approver may approve.
pub const LIMIT: Cents = 1_000_000;

/// Two people of each role, and some of them in two: who asked or approved does not pay.
pub struct People {
    finance: [Actor; 2],
    approvers: [Actor; 2],
    officers: [Actor; 2],
    managers: [Actor; 2],
    pub cast: Cast,
    pub programs: [ProgramId; 3],
}

impl People {
    pub async fn hired(service: &Service, programs: [ProgramId; 3], cast: Cast) -> Self {
        let recipient = Some(cast.recipient.id);
        let at_recipient =
            NewRole { organization: recipient, ..NewRole::everywhere(Role::CityFinance) };
        let second = service.actor("Flo Finance", at_recipient).await;
        let manager = service.actor("Max Manager", NewRole::everywhere(Role::GrantManager)).await;
        let approver = in_role(&second, Role::Approver, Some(LIMIT));
        let officer = in_role(&cast.approver, Role::FiscalOfficer, None);
        Self {
            finance: [cast.finance.clone(), second],
            approvers: [cast.approver.clone(), approver],
            officers: [cast.officer.clone(), officer],
            managers: [cast.manager.clone(), manager],
            cast,
            programs,
        }
    }

    /// The person of the model, with the limit of what they may approve.
    pub fn who(command: &Command, which: usize) -> (Person, Option<Cents>) {
        use Command::*;
        const FINANCE: [Person; 2] = [0, 1];
        const APPROVERS: [Person; 2] = [2, 1];
        const OFFICERS: [Person; 2] = [3, 2];
        const MANAGERS: [Person; 2] = [4, 5];
        let limit = (which == 1).then_some(LIMIT);
        match command {
            Approve { .. } | Reject { .. } | Decide { .. } => (APPROVERS[which], limit),
            Return { .. } => (APPROVERS[which], limit),
            Schedule { .. } | Pay { .. } | Reverse { .. } | Release { .. } => {
                (OFFICERS[which], None)
            }
            Adjust { kind: Afterwards::Accounting, .. } => (FINANCE[which], None),
            Adjust { .. } | Close | Terminate => (OFFICERS[which], None),
            Propose { .. } | Suspend | Resume | StartCloseout => (MANAGERS[which], None),
            _ => (FINANCE[which], None),
        }
    }
}

/// The same person in another role.
fn in_role(actor: &Actor, role: Role, limit: Option<Cents>) -> Actor {
    let mut identity = actor.identity().unwrap().clone();
    identity.role = role;
    identity.reach = Reach { everything: true, ..Reach::default() };
    identity.approval_limit = limit.map(Money::from_cents);
    Actor::Person(identity)
}

/// A grant as the service knows it, with what the model knows by its place.
pub struct Real {
    pub id: GrantId,
    pub lines: Vec<BudgetLineId>,
    pub costs: Vec<ExpenditureId>,
    pub orders: Vec<EncumbranceId>,
    pub payments: Vec<DisbursementId>,
    pub amendments: Vec<AmendmentId>,
}

/// The service at the moment of a history, with its clock held by nobody else.
pub fn at_start(service: &Service) -> App {
    let mut app = service.app.clone();
    app.clock = Clock::fixed(start());
    app
}

/// Lets days pass, and a second, so that what is done later comes later.
pub fn pass(app: &App, days: i64) {
    app.clock.set(app.clock.now() + TimeDelta::days(days) + TimeDelta::seconds(1));
}

fn money(cents: Cents) -> Money {
    Money::from_cents(cents)
}

impl Real {
    fn amounts(&self, lines: &[OfLine]) -> Vec<LineAmount> {
        let of = |(line, amount): &OfLine| LineAmount {
            line: self.lines[*line],
            amount: money(*amount),
        };
        lines.iter().map(of).collect()
    }

    /// Does it; what it makes is known from then on.
    pub async fn take(
        &mut self,
        app: &App,
        people: &People,
        command: &Command,
        which: usize,
        key: &str,
    ) -> Result<()> {
        use Command::*;
        let finance = &people.finance[which];
        match command {
            Spend { line, amount, incurred, counts_from } => {
                let new = NewExpenditure {
                    grant: self.id,
                    line: Some(self.lines[*line]),
                    amount: money(*amount),
                    incurred_on: *incurred,
                    effective_on: *counts_from,
                    vendor: None,
                    reference: None,
                    description: "A cost".into(),
                    opening: false,
                };
                let made = spending::expend(app, finance, new, key).await?;
                known(&mut self.costs, made.id);
            }
            ReverseCost { cost } => {
                spending::reverse(app, finance, self.costs[*cost], "why", key).await?;
            }
            Encumber { line, amount, on } => {
                let new = NewEncumbrance {
                    grant: self.id,
                    line: Some(self.lines[*line]),
                    amount: money(*amount),
                    number: key.into(),
                    vendor: "A vendor".into(),
                    description: "An order".into(),
                    encumbered_on: *on,
                    opening: false,
                };
                let made = spending::encumber(app, finance, new, key).await?;
                known(&mut self.orders, made.id);
            }
            Liquidate { order, amount, incurred } => {
                let amount = amount.map(money);
                let cost = Liquidation { amount, incurred_on: *incurred, reference: None };
                let made =
                    spending::liquidate(app, finance, self.orders[*order], cost, key).await?;
                known(&mut self.costs, made.id);
            }
            CancelOrder { order, amount } => {
                let amount = amount.map(money);
                spending::cancel(app, finance, self.orders[*order], amount, "why", key).await?;
            }
            Transfer { from, to, amount } => {
                let new = NewTransfer {
                    grant: self.id,
                    from: self.lines[*from],
                    to: self.lines[*to],
                    amount: money(*amount),
                    reason: "why".into(),
                };
                budgets::transfer(app, finance, new, key).await?;
            }
            Propose { award, changes, on } => {
                let new = self.amendment(*award, changes, *on);
                let made = amendments::propose(app, &people.managers[which], new).await?;
                self.amendments.push(made.id);
            }
            Decide { amendment, approve } => {
                let (approver, id) = (&people.approvers[which], self.amendments[*amendment]);
                match approve {
                    true => amendments::approve(app, approver, id).await?,
                    false => amendments::decline(app, approver, id, "why").await?,
                };
            }
            Suspend | Resume | StartCloseout | Close | Terminate => {
                self.turn(app, people, command, which).await?;
            }
            _ => self.pay(app, people, command, which, key).await?,
        }
        Ok(())
    }

    async fn pay(
        &mut self,
        app: &App,
        people: &People,
        command: &Command,
        which: usize,
        key: &str,
    ) -> Result<()> {
        use Command::*;
        let (finance, approver) = (&people.finance[which], &people.approvers[which]);
        let officer = &people.officers[which];
        let id = |payment: &usize| self.payments[*payment];
        match command {
            Request { kind, amount, lines, invoice, period_end } => {
                let new = NewRequest {
                    grant: self.id,
                    kind: kind_of(*kind),
                    amount: money(*amount),
                    invoice_number: format!("Invoice {invoice}"),
                    period: DateRange { start: date("2026-10-01"), end: *period_end },
                    lines: self.amounts(lines),
                    certification: None,
                    evidence: vec![],
                    opening: false,
                };
                let made = disbursements::request(app, finance, new, key).await?;
                known(&mut self.payments, made.id);
            }
            Resubmit { payment, amount, lines } => {
                let details = disbursements::NewRequestDetails {
                    amount: amount.map(money),
                    lines: lines.as_ref().map(|lines| self.amounts(lines)),
                    ..Default::default()
                };
                disbursements::resubmit(app, finance, id(payment), details, key).await?;
            }
            Return { payment } => {
                disbursements::return_to_requester(app, approver, id(payment), "why").await?;
            }
            Reject { payment } => {
                disbursements::reject(app, approver, id(payment), "why").await?;
            }
            Cancel { payment } => {
                disbursements::cancel(app, finance, id(payment), "why").await?;
            }
            Approve { payment, amount, lines } => {
                let approval = Approval { amount: amount.map(money), lines: self.amounts(lines) };
                disbursements::approve(app, approver, id(payment), approval).await?;
            }
            Schedule { payment, day } => {
                disbursements::schedule(app, officer, id(payment), *day).await?;
            }
            Pay { payment, on } => {
                let paid = Payment::new(*on, PaymentMethod::Ach, key);
                payment::pay(app, officer, id(payment), paid, key).await?;
            }
            Reverse { payment } => {
                payment::reverse(app, officer, id(payment), "why", key).await?;
            }
            Adjust { payment, kind, amount, lines, on } => {
                let new = NewAdjustment {
                    kind: afterwards(*kind),
                    amount: money(*amount),
                    lines: self.amounts(lines),
                    effective_on: *on,
                    reference: None,
                    reason: "why".into(),
                };
                let by = if *kind == Afterwards::Accounting { finance } else { officer };
                adjustments::record(app, by, id(payment), new, key).await?;
            }
            Release { amount } => {
                let amount = amount.map(money);
                let made = retention::release(app, officer, self.id, amount, "why", key).await?;
                known(&mut self.payments, made.id);
            }
            other => panic!("not about payments: {other:?}"),
        }
        Ok(())
    }

    fn amendment(&self, award: bool, changes: &[OfLine], on: Option<Date>) -> NewAmendment {
        let change = |(line, amount): &OfLine| changed(self.lines[*line], *amount);
        NewAmendment {
            grant: self.id,
            kind: if award { AmendmentKind::Amount } else { AmendmentKind::Budget },
            reason: "why".into(),
            document: None,
            effective_on: on,
            lines: changes.iter().map(change).collect(),
            period: PeriodChange::default(),
            title: None,
            scope: None,
        }
    }

    async fn turn(
        &self,
        app: &App,
        people: &People,
        command: &Command,
        which: usize,
    ) -> Result<()> {
        let everything = Reach { everything: true, ..Reach::default() };
        let found = grants::store::find(&app.db, &everything, &[self.id]).await?.pop().unwrap();
        let (id, revision) = (self.id, found.revision);
        let (manager, officer) = (&people.managers[which], &people.officers[which]);
        match command {
            Command::Suspend => grants::commands::suspend(app, manager, id, revision).await?,
            Command::Resume => grants::commands::resume(app, manager, id, revision).await?,
            Command::Close => grants::commands::close(app, officer, id, revision).await?,
            Command::Terminate => grants::commands::terminate(app, officer, id, revision).await?,
            _ => grants::commands::start_closeout(app, manager, id, revision).await?,
        };
        Ok(())
    }
}

/// What is answered again is known already.
fn known<T: PartialEq>(all: &mut Vec<T>, made: T) {
    if !all.contains(&made) {
        all.push(made);
    }
}

fn changed(line: BudgetLineId, amount: Cents) -> NewAmendmentLine {
    NewAmendmentLine {
        line: Some(line),
        category: None,
        title: None,
        direction: if amount < 0 { Direction::Decrease } else { Direction::Increase },
        amount: money(amount.abs()),
    }
}

fn kind_of(kind: Kind) -> DisbursementKind {
    match kind {
        Kind::Reimbursement => DisbursementKind::Reimbursement,
        Kind::Milestone => DisbursementKind::Milestone,
        Kind::Advance => DisbursementKind::Advance,
        Kind::Release => DisbursementKind::RetentionRelease,
    }
}

fn afterwards(kind: Afterwards) -> AdjustmentKind {
    match kind {
        Afterwards::Refund => AdjustmentKind::Refund,
        Afterwards::Disallowance => AdjustmentKind::Disallowance,
        Afterwards::Accounting => AdjustmentKind::Accounting,
    }
}

/// Somebody who acts now.
pub fn by(command: &Command, which: usize, app: &App) -> By {
    let (person, limit) = People::who(command, which);
    By { person, limit, today: app.clock.today() }
}
