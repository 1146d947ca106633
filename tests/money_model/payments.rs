//! What people may do with disbursements, before they are paid and afterwards.

use thrive::{
    clock::Date,
    error::UserErrorCode::{
        self, AlreadyExists, AmountNotPositive, ApprovalLimitExceeded, InsufficientAvailable,
        InvalidDates, InvalidInput, InvalidState, OutsidePeriod, RuleViolated, SeparationOfDuties,
    },
};

use super::{
    Adjustment, Afterwards, By, Cents, Command, Grant, Kind, OfLine, Part, Payment, Sent, Status,
    basis_points,
    decisions::{Decision, LIVE, PAYING, check_named, unless, with},
    divided,
    figures::always,
};

/// What is asked for, first or again.
struct Ask<'a> {
    kind: Kind,
    amount: Cents,
    lines: &'a [OfLine],
    period_end: Date,
}

impl Grant {
    pub(super) fn decide_payment(&mut self, command: &Command, by: By) -> Decision {
        use Command::*;
        match command {
            Request { kind, amount, lines, invoice, period_end } => {
                let ask = Ask { kind: *kind, amount: *amount, lines, period_end: *period_end };
                self.request(&ask, *invoice, by)
            }
            Resubmit { payment, amount, lines } => {
                self.resubmit(*payment, *amount, lines.as_deref(), by)
            }
            Return { payment } => self.stop(*payment, Status::Returned, &[Status::Requested], by),
            Reject { payment } => self.stop(*payment, Status::Rejected, &[Status::Requested], by),
            Cancel { payment } => {
                use Status::{Approved, Requested, Returned, Scheduled};
                let from = [Requested, Returned, Approved, Scheduled];
                self.stop(*payment, Status::Cancelled, &from, by)
            }
            Approve { payment, amount, lines } => self.approve(*payment, *amount, lines, by),
            Schedule { payment, day } => self.schedule(*payment, *day, by),
            Pay { payment, on } => self.pay(*payment, *on, by),
            Reverse { payment } => self.reverse(*payment, by),
            Adjust { payment, kind, amount, lines, on } => {
                let on = on.unwrap_or(by.today);
                self.adjust(*payment, *kind, *amount, lines, on, by)
            }
            Release { amount } => self.release(*amount, by),
            other => panic!("not about payments: {other:?}"),
        }
    }

    /// Whether the grant and its money bear a request, and which lines do.
    fn bears(&self, ask: &Ask, by: By) -> Result<Vec<Part>, Vec<UserErrorCode>> {
        let advance = ask.kind == Kind::Advance;
        let most = self.terms.advances.map(|bp| basis_points(self.award(), bp));
        let outstanding = self.outstanding() + ask.amount;
        let allowed = unless(&[
            (!self.is_in(PAYING), InvalidState),
            (ask.amount <= 0, AmountNotPositive),
            (ask.period_end > self.terms.performance_end, OutsidePeriod),
            (by.today > self.terms.final_invoice_by, OutsidePeriod),
            (by.today > self.terms.liquidate_by, OutsidePeriod),
            (advance && !ask.lines.is_empty(), InvalidInput),
            (advance && most.is_some_and(|most| outstanding > most), RuleViolated),
            (ask.amount > self.available(always()), InsufficientAvailable),
        ]);
        with(allowed, if advance { Ok(vec![]) } else { self.bear(ask.amount, ask.lines) })
    }

    fn request(&mut self, ask: &Ask, invoice: usize, by: By) -> Decision {
        let live = |payment: &&Payment| {
            !matches!(payment.status, Status::Rejected | Status::Cancelled | Status::Reversed)
        };
        let known = self.payments.iter().filter(live).any(|payment| payment.invoice == invoice);
        let parts = with(unless(&[(known, AlreadyExists)]), self.bears(ask, by))?;
        self.payments.push(Payment {
            kind: ask.kind,
            status: Status::Requested,
            invoice,
            period_end: ask.period_end,
            requester: Some(by.person),
            approver: None,
            sent: vec![Sent::new(by.today, ask.amount, parts)],
            afterwards: vec![],
            releases: vec![],
        });
        Ok(by.today)
    }

    /// What is not said stays; lines stay where the amount does.
    fn resubmit(
        &mut self,
        payment: usize,
        amount: Option<Cents>,
        lines: Option<&[OfLine]>,
        by: By,
    ) -> Decision {
        let found = &self.payments[payment];
        unless(&[(found.status != Status::Returned, InvalidState)])?;
        let before = found.live();
        let asked = amount.unwrap_or(before.amount);
        let same = before.parts.iter().map(|part| (part.line, part.amount)).collect();
        let lines = match lines {
            Some(lines) => lines.to_vec(),
            None if asked == before.amount => same,
            None => vec![],
        };
        let (kind, period_end) = (found.kind, found.period_end);
        let ask = Ask { kind, amount: asked, lines: &lines, period_end };
        let parts = self.bears(&ask, by)?;
        let found = &mut self.payments[payment];
        found.requester = Some(by.person);
        found.status = Status::Requested;
        found.sent.push(Sent::new(by.today, asked, parts));
        Ok(by.today)
    }

    fn allows(&self, payment: usize, from: &[Status]) -> bool {
        from.contains(&self.payments[payment].status)
    }

    fn stop(&mut self, payment: usize, to: Status, from: &[Status], by: By) -> Decision {
        unless(&[(!self.is_in(LIVE) || !self.allows(payment, from), InvalidState)])?;
        let found = &mut self.payments[payment];
        let before = std::mem::replace(&mut found.status, to);
        if before != Status::Returned {
            found.last().stopped_on = Some(by.today);
        }
        Ok(by.today)
    }

    fn approve(
        &mut self,
        payment: usize,
        amount: Option<Cents>,
        lines: &[OfLine],
        by: By,
    ) -> Decision {
        let allowed = self.is_in(PAYING) && self.allows(payment, &[Status::Requested]);
        unless(&[(!allowed, InvalidState)])?;
        let found = &mut self.payments[payment];
        let asked = found.live().amount;
        let named: Cents = lines.iter().map(|(_, amount)| amount).sum();
        let amount = amount.unwrap_or(if lines.is_empty() { asked } else { named });
        let parts = &found.live().parts;
        let asked_of = |line: usize| parts.iter().find(|part| part.line == line);
        let more = |(line, amount): &OfLine| asked_of(*line).is_none_or(|p| *amount > p.amount);
        let unnamed = lines.is_empty() && amount < asked && parts.len() > 1;
        let allowed = unless(&[
            (found.requester == Some(by.person), SeparationOfDuties),
            (amount <= 0, AmountNotPositive),
            (amount > asked || unnamed || lines.iter().any(more), InvalidInput),
            (by.limit.is_some_and(|limit| amount > limit), ApprovalLimitExceeded),
        ]);
        with(allowed, if lines.is_empty() { Ok(()) } else { check_named(lines, amount) })?;
        let sent = found.last();
        let only = sent.parts.len() == 1;
        for part in &mut sent.parts {
            let named = lines.iter().find(|(line, _)| *line == part.line);
            part.approved = match named {
                Some((_, amount)) => *amount,
                None if !lines.is_empty() => 0,
                None if only => amount,
                None => part.amount,
            };
        }
        sent.approved = Some((by.today, amount));
        found.approver = Some(by.person);
        found.status = Status::Approved;
        Ok(by.today)
    }

    /// No money moves.
    fn schedule(&mut self, payment: usize, day: Option<Date>, by: By) -> Decision {
        let (from, to, stages) = match day {
            Some(_) => (Status::Approved, Status::Scheduled, PAYING),
            None => (Status::Scheduled, Status::Approved, LIVE),
        };
        unless(&[
            (!self.is_in(stages) || !self.allows(payment, &[from]), InvalidState),
            (day.is_some_and(|day| day < by.today), InvalidDates),
            (day.is_some_and(|day| day > self.terms.liquidate_by), OutsidePeriod),
        ])?;
        self.payments[payment].status = to;
        Ok(by.today)
    }

    fn pay(&mut self, payment: usize, on: Date, by: By) -> Decision {
        let from = [Status::Approved, Status::Scheduled];
        unless(&[(!self.is_in(PAYING) || !self.allows(payment, &from), InvalidState)])?;
        let late = on > self.terms.liquidate_by;
        let retention = self.terms.retention;
        let found = &mut self.payments[payment];
        let (approved_on, amount) = found.live().approved.expect("it was approved");
        let others = [found.requester, found.approver];
        unless(&[
            (others.contains(&Some(by.person)), SeparationOfDuties),
            (on > by.today || on < approved_on, InvalidDates),
            (late, OutsidePeriod),
        ])?;
        let withheld = match found.kind {
            Kind::Reimbursement | Kind::Milestone => basis_points(amount, retention),
            Kind::Advance | Kind::Release => 0,
        };
        found.last().paid = Some((on, withheld));
        found.status = Status::Paid;
        Ok(on)
    }

    /// A payment is taken back as a whole.
    fn reverse(&mut self, payment: usize, by: By) -> Decision {
        let paid = self.is_in(LIVE) && self.allows(payment, &[Status::Paid]);
        unless(&[(!paid, InvalidState)])?;
        let (_, withheld) = self.payments[payment].live().paid(always());
        unless(&[
            (!self.payments[payment].afterwards.is_empty(), InvalidState),
            (self.held(payment, always()) < withheld, InvalidState),
        ])?;
        let found = &mut self.payments[payment];
        found.last().reversed_on = Some(by.today);
        found.status = Status::Reversed;
        Ok(by.today)
    }

    fn adjust(
        &mut self,
        payment: usize,
        kind: Afterwards,
        amount: Cents,
        lines: &[OfLine],
        on: Date,
        by: By,
    ) -> Decision {
        let found = &self.payments[payment];
        let advance = found.kind == Kind::Advance;
        unless(&[(found.status != Status::Paid, InvalidState)])?;
        let sent = found.live();
        let (paid_on, _) = sent.paid.expect("it was paid");
        let (paid, withheld) = sent.paid(always());
        let sum = |kind| found.sum(kind, always());
        let left = paid - sum(Afterwards::Refund) - sum(Afterwards::Disallowance);
        let most = match kind {
            Afterwards::Disallowance if advance => {
                sum(Afterwards::Accounting) - sum(Afterwards::Disallowance)
            }
            _ if advance => found.open(always()),
            // What is withheld never reached the recipient.
            Afterwards::Refund => left - self.held(payment, always()),
            _ => left,
        };
        let live = kind != Afterwards::Accounting || self.is_in(LIVE);
        let allowed = unless(&[
            (!live || found.kind == Kind::Release, InvalidState),
            (kind == Afterwards::Accounting && !advance, InvalidState),
            (amount <= 0, AmountNotPositive),
            (on < paid_on || on > by.today, InvalidDates),
            (amount > most, InsufficientAvailable),
        ]);
        // The share of what is withheld in proportion, and at least what exceeds the cash that is left of the payment.
        let held = self.held(payment, always());
        let held = match kind {
            Afterwards::Disallowance => {
                divided(amount * withheld, paid).max(amount - (left - held)).min(held)
            }
            _ => 0,
        };
        let parts = match kind {
            Afterwards::Accounting => self.bear(amount, lines),
            Afterwards::Refund if advance => Ok(vec![]),
            _ => self.given_back_by(payment, amount, lines),
        };
        // Costs arise in the period, also those that an accounting tells of.
        let tells = parts.as_ref().map_or(true, |parts| parts.iter().any(|part| part.told > 0));
        let accounts = kind == Afterwards::Accounting;
        let late = accounts && tells && on > self.terms.performance_end;
        let in_time = unless(&[(late, OutsidePeriod), (late, RuleViolated)]);
        let parts = with(allowed, with(in_time, parts))?;
        let told = parts.iter().map(|part| (part.line, part.told)).collect();
        let borne = parts.iter().map(|part| (part.line, part.amount)).collect();
        let lapses = self.has_ended();
        let adjustment = Adjustment { kind, amount, held, lines: borne, told, on, lapses };
        self.payments[payment].afterwards.push(adjustment);
        Ok(on)
    }

    /// Of which lines paid costs come back: those that are named, the only one, or all.
    fn given_back_by(
        &self,
        payment: usize,
        amount: Cents,
        named: &[OfLine],
    ) -> Result<Vec<Part>, Vec<UserErrorCode>> {
        let paid = |line| (line, self.payments[payment].claimed(line, always()));
        let paid: Vec<_> = (0..self.lines).map(paid).filter(|(_, left)| *left > 0).collect();
        let all: Cents = paid.iter().map(|(_, amount)| amount).sum();
        let lines = match (named, paid.as_slice()) {
            ([], [(only, _)]) => vec![(*only, amount)],
            ([], _) => {
                unless(&[(all != amount, InvalidInput)])?;
                paid.clone()
            }
            (named, _) => named.to_vec(),
        };
        let left = |line: usize| paid.iter().find(|(of, _)| *of == line).map_or(0, |(_, n)| *n);
        let more = |(line, amount): &OfLine| *amount > left(*line);
        let more = unless(&[(lines.iter().any(more), InsufficientAvailable)]);
        with(check_named(&lines, amount), more)?;
        let part = |(line, amount)| Part { line, amount, told: 0, approved: 0 };
        Ok(lines.into_iter().map(part).collect())
    }

    /// Of the oldest payments first.
    fn release(&mut self, amount: Option<Cents>, by: By) -> Decision {
        let all = self.retained(always());
        let amount = amount.unwrap_or(all);
        unless(&[
            (!self.is_in(PAYING), InvalidState),
            (amount <= 0, AmountNotPositive),
            (amount > all, InsufficientAvailable),
        ])?;
        let held = |place: usize| (place, self.held(place, always()));
        let mut held: Vec<_> =
            (0..self.payments.len()).map(held).filter(|(_, held)| *held > 0).collect();
        held.sort_by_key(|(place, _)| self.payments[*place].live().paid.map(|(on, _)| on));
        let mut left = amount;
        let mut releases = vec![];
        for (place, held) in held {
            let part = left.min(held);
            if part > 0 {
                releases.push((place, part));
            }
            left -= part;
        }
        let mut sent = Sent::new(by.today, amount, vec![]);
        sent.approved = Some((by.today, amount));
        self.payments.push(Payment {
            kind: Kind::Release,
            status: Status::Approved,
            invoice: usize::MAX,
            period_end: by.today,
            requester: None,
            approver: Some(by.person),
            sent: vec![sent],
            afterwards: vec![],
            releases,
        });
        Ok(by.today)
    }
}

impl Payment {
    fn last(&mut self) -> &mut Sent {
        self.sent.last_mut().expect("it was sent in")
    }
}

impl Sent {
    fn new(on: Date, amount: Cents, parts: Vec<Part>) -> Self {
        Self { on, amount, parts, stopped_on: None, approved: None, paid: None, reversed_on: None }
    }
}
