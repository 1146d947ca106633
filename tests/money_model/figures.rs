//! Every figure as of a day, by its formula, from what counts by then.

use chrono::Datelike;
use thrive::clock::Date;

use super::{Afterwards, Cents, Grant, Kind, Payment, Sent, Stage, divided};

/// The figures of a grant, by their names in the API.
pub type Figures = Vec<(&'static str, Cents)>;

/// Where the money of a budget line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineFigures {
    pub budget: Cents,
    pub unobligated: Cents,
    pub encumbered: Cents,
    pub unclaimed: Cents,
    pub pending: Cents,
    pub claimed: Cents,
}

/// Later than all.
pub fn always() -> Date {
    Date(chrono::NaiveDate::MAX)
}

fn by(day: Option<Date>, on: Date) -> bool {
    day.is_some_and(|day| day <= on)
}

impl Sent {
    /// What is waiting for a decision.
    fn requested(&self, on: Date) -> Cents {
        let decided = by(self.stopped_on, on) || by(self.approved.map(|(day, _)| day), on);
        if self.on <= on && !decided { self.amount } else { 0 }
    }

    /// What is decided and not paid.
    fn approved(&self, on: Date) -> Cents {
        let over = by(self.stopped_on, on) || by(self.paid.map(|(day, _)| day), on);
        match self.approved {
            Some((day, amount)) if day <= on && !over => amount,
            _ => 0,
        }
    }

    /// What was paid and stands, with what was withheld of it.
    pub fn paid(&self, on: Date) -> (Cents, Cents) {
        match (self.approved, self.paid) {
            (Some((_, amount)), Some((day, withheld))) if day <= on => {
                if by(self.reversed_on, on) {
                    (0, 0)
                } else {
                    (amount, withheld)
                }
            }
            _ => (0, 0),
        }
    }

    /// Costs of a line that the request tells of: what of it is not approved was none of them.
    fn told(&self, line: usize, on: Date) -> Cents {
        if self.on > on || by(self.stopped_on, on) {
            return 0;
        }
        let approved = by(self.approved.map(|(day, _)| day), on);
        let parts = self.parts.iter().filter(|part| part.line == line);
        parts
            .map(|part| match approved {
                true => part.told - part.told.min(part.amount - part.approved),
                false => part.told,
            })
            .sum()
    }

    fn pending(&self, line: usize, on: Date) -> Cents {
        let parts = self.parts.iter().filter(|part| part.line == line);
        let of = |approved: bool| -> Cents {
            parts.map(|part| if approved { part.approved } else { part.amount }).sum()
        };
        let over = by(self.stopped_on, on) || by(self.paid.map(|(day, _)| day), on);
        if self.on > on || over { 0 } else { of(by(self.approved.map(|(day, _)| day), on)) }
    }

    fn claimed(&self, line: usize, on: Date) -> Cents {
        if !by(self.paid.map(|(day, _)| day), on) || by(self.reversed_on, on) {
            return 0;
        }
        self.parts.iter().filter(|part| part.line == line).map(|part| part.approved).sum()
    }
}

impl Payment {
    pub fn live(&self) -> &Sent {
        self.sent.last().expect("it was sent in")
    }

    /// What became of it afterwards, in one way.
    pub fn sum(&self, kind: Afterwards, on: Date) -> Cents {
        self.afterwards.iter().filter(|a| a.kind == kind && a.on <= on).map(|a| a.amount).sum()
    }

    /// What of a line's paid costs was given back by refunds of costs and by disallowances.
    pub fn given_back(&self, line: usize, on: Date) -> Cents {
        let back =
            self.afterwards.iter().filter(|a| a.kind != Afterwards::Accounting && a.on <= on);
        back.flat_map(|a| &a.lines).filter(|(of, _)| *of == line).map(|(_, amount)| amount).sum()
    }

    fn accounted(&self, line: usize, on: Date) -> Cents {
        let kept =
            self.afterwards.iter().filter(|a| a.kind == Afterwards::Accounting && a.on <= on);
        kept.flat_map(|a| &a.lines).filter(|(of, _)| *of == line).map(|(_, amount)| amount).sum()
    }

    fn told(&self, line: usize, on: Date) -> Cents {
        let by_requests: Cents = self.sent.iter().map(|sent| sent.told(line, on)).sum();
        let by_accounting = self.afterwards.iter().filter(|a| a.on <= on).flat_map(|a| &a.told);
        let by_accounting = by_accounting.filter(|(of, _)| *of == line);
        by_requests + by_accounting.map(|(_, amount)| amount).sum::<Cents>()
    }

    /// Costs of a line that it paid for and that stand.
    pub fn claimed(&self, line: usize, on: Date) -> Cents {
        let sent: Cents = self.sent.iter().map(|sent| sent.claimed(line, on)).sum();
        sent + self.accounted(line, on) - self.given_back(line, on)
    }

    /// Paid in advance, and neither accounted for nor refunded.
    pub fn open(&self, on: Date) -> Cents {
        if self.kind != Kind::Advance {
            return 0;
        }
        let closed = self.sum(Afterwards::Refund, on) + self.sum(Afterwards::Accounting, on);
        self.live().paid(on).0 - closed
    }

    /// What reached the recipient, less what came back.
    fn disbursed(&self, on: Date) -> Cents {
        let (paid, withheld) = self.live().paid(on);
        let back =
            self.afterwards.iter().filter(|a| a.kind != Afterwards::Accounting && a.on <= on);
        paid - withheld - back.map(|a| a.amount - a.held).sum::<Cents>()
    }
}

impl Grant {
    /// Of a payment, what is withheld and was not given up.
    pub(super) fn held(&self, payment: usize, on: Date) -> Cents {
        let (_, withheld) = self.payments[payment].live().paid(on);
        let given_up: Cents =
            self.payments[payment].afterwards.iter().filter(|a| a.on <= on).map(|a| a.held).sum();
        let stands =
            |sent: &Sent| sent.on <= on && !by(sent.stopped_on, on) && !by(sent.reversed_on, on);
        let released = self.payments.iter().filter(|release| stands(release.live()));
        let released = released.flat_map(|release| &release.releases);
        let released = released.filter(|(of, _)| *of == payment).map(|(_, amount)| amount);
        withheld - given_up - released.sum::<Cents>()
    }

    fn of_payments(&self, of: impl Fn(&Payment) -> Cents) -> Cents {
        self.payments.iter().map(of).sum()
    }

    pub fn available(&self, on: Date) -> Cents {
        let awarded: Cents = self.budget.iter().filter(|change| change.on <= on).map(sum_of).sum();
        awarded
            - self.disbursed(on)
            - self.requested(on)
            - self.approved(on)
            - self.retained(on)
            - self.lapsed(on)
    }

    fn disbursed(&self, on: Date) -> Cents {
        self.of_payments(|payment| payment.disbursed(on))
    }

    fn requested(&self, on: Date) -> Cents {
        let asked = |payment: &&Payment| payment.kind != Kind::Release;
        let sent = self.payments.iter().filter(asked).flat_map(|payment| &payment.sent);
        sent.map(|sent| sent.requested(on)).sum()
    }

    fn approved(&self, on: Date) -> Cents {
        self.of_payments(|payment| payment.sent.iter().map(|sent| sent.approved(on)).sum())
    }

    pub fn retained(&self, on: Date) -> Cents {
        (0..self.payments.len()).map(|payment| self.held(payment, on)).sum()
    }

    fn lapsed(&self, on: Date) -> Cents {
        let at_the_end = self.ended.iter().filter(|ended| ended.on <= on).map(|e| e.available);
        let later = self.payments.iter().flat_map(|payment| &payment.afterwards);
        let later = later.filter(|a| a.lapses && a.on <= on).map(|a| a.amount);
        at_the_end.sum::<Cents>() + later.sum::<Cents>()
    }

    /// Advances that are asked for, to be paid, or paid and open.
    pub(super) fn outstanding(&self) -> Cents {
        let on = always();
        let advances = self.payments.iter().filter(|payment| payment.kind == Kind::Advance);
        let of = |payment: &Payment| {
            let sent = payment.live();
            sent.requested(on) + sent.approved(on) + payment.open(on)
        };
        advances.map(of).sum()
    }

    fn expended(&self, line: usize, on: Date) -> Cents {
        let stands =
            |cost: &&super::Cost| cost.line == line && cost.on <= on && !by(cost.reversed_on, on);
        let recorded: Cents = self.costs.iter().filter(stands).map(|cost| cost.amount).sum();
        let ended = self.ended.iter().filter(|ended| ended.on <= on);
        let left: Cents = ended.map(|ended| ended.unclaimed[line]).sum();
        recorded + self.of_payments(|p| p.told(line, on) - p.given_back(line, on)) - left
    }

    fn encumbered(&self, line: usize, on: Date) -> Cents {
        let orders = self.orders.iter().filter(|order| order.line == line && order.on <= on);
        let open = |order: &super::Order| {
            let done = order.done.iter().filter(|(day, _)| *day <= on);
            order.amount - done.map(|(_, amount)| amount).sum::<Cents>()
        };
        orders.map(open).sum()
    }

    pub fn line(&self, line: usize, on: Date) -> LineFigures {
        let changes = self.budget.iter().filter(|change| change.on <= on);
        let changes = changes.flat_map(|change| &change.lines).filter(|(of, _)| *of == line);
        let budget: Cents = changes.map(|(_, amount)| amount).sum();
        let (expended, encumbered) = (self.expended(line, on), self.encumbered(line, on));
        let in_claims = |sent: &Sent| sent.pending(line, on);
        let pending = self.of_payments(|payment| payment.sent.iter().map(in_claims).sum());
        let claimed = self.of_payments(|payment| payment.claimed(line, on));
        let lapsed = self.lapsed_of(line, on);
        LineFigures {
            budget,
            unobligated: budget - expended - encumbered - lapsed,
            encumbered,
            unclaimed: expended - pending - claimed,
            pending,
            claimed,
        }
    }

    /// What of a line's budget no cost can use any more.
    fn lapsed_of(&self, line: usize, on: Date) -> Cents {
        let ended = self.ended.iter().filter(|ended| ended.on <= on);
        let then: Cents = ended.map(|e| e.unobligated[line] + e.unclaimed[line]).sum();
        let later = self.payments.iter().flat_map(|payment| &payment.afterwards);
        let later = later.filter(|a| a.lapses && a.on <= on).flat_map(|a| &a.lines);
        then + later.filter(|(of, _)| *of == line).map(|(_, amount)| amount).sum::<Cents>()
    }

    /// Every figure that is an amount as of a day, when today is another.
    pub fn figures(&self, on: Date, today: Date) -> Figures {
        let lines: Vec<_> = (0..self.lines).map(|line| self.line(line, on)).collect();
        let sum = |of: fn(&LineFigures) -> Cents| lines.iter().map(of).sum::<Cents>();
        let awarded = sum(|line| line.budget);
        let expended = sum(|line| line.unclaimed + line.pending + line.claimed);
        let disbursed = self.disbursed(on);
        // Of the three whole months before, and what the months to come would cost alike.
        let month = on.min(today);
        let this_month = Date::first_of(month.year(), month.month());
        let all_expended = |on| (0..self.lines).map(|line| self.expended(line, on)).sum::<Cents>();
        let recent = all_expended(this_month.plus_days(-1))
            - all_expended(this_month.plus_months(-3).plus_days(-1));
        let end = self.terms.performance_end;
        let months = (end.year() - month.year()) * 12 + end.month() as i32 - month.month() as i32;
        let to_come = divided(recent * Cents::from(months.max(0)), 3);
        vec![
            ("awarded", awarded),
            ("encumbered", sum(|line| line.encumbered)),
            ("expended", expended),
            ("requested", self.requested(on)),
            ("approved", self.approved(on)),
            ("disbursed", disbursed),
            ("retained", self.retained(on)),
            ("lapsed", self.lapsed(on)),
            ("availableToDisburse", self.available(on)),
            ("unobligated", sum(|line| line.unobligated)),
            ("cashOnHand", (disbursed - expended).max(0)),
            ("reimbursementDue", (expended - disbursed).max(0)),
            ("advanceOutstanding", self.of_payments(|payment| payment.open(on))),
            ("matchRequired", 0),
            ("matchMet", 0),
            ("matchGap", 0),
            ("burnRate", divided(recent, 3)),
            ("projectedEndBalance", awarded - expended - to_come),
        ]
    }

    /// What may never be: money that is not there, on a day from which something counts or later.
    pub(super) fn is_sound(&self, from: Date) -> bool {
        let later = self.days().into_iter().filter(|day| *day > from);
        [from].into_iter().chain(later).all(|day| self.is_sound_on(day))
    }

    fn is_sound_on(&self, on: Date) -> bool {
        let of = |line| {
            let of = self.line(line, on);
            [of.unobligated, of.encumbered, of.unclaimed, of.pending, of.claimed]
        };
        let lines = (0..self.lines).flat_map(of);
        let held = (0..self.payments.len()).map(|payment| self.held(payment, on));
        let open = self.payments.iter().map(|payment| payment.open(on));
        let pay = [self.available(on), self.disbursed(on)];
        lines.chain(held).chain(open).chain(pay).all(|amount| amount >= 0)
    }

    /// The days on which a figure changes.
    pub fn days(&self) -> Vec<Date> {
        let mut days: Vec<Date> = self.budget.iter().map(|change| change.on).collect();
        days.extend(self.costs.iter().flat_map(|c| [Some(c.on), c.reversed_on]).flatten());
        days.extend(
            self.orders.iter().flat_map(|o| o.done.iter().map(|(day, _)| *day).chain([o.on])),
        );
        for payment in &self.payments {
            days.extend(payment.afterwards.iter().map(|a| a.on));
            for sent in &payment.sent {
                let decided = sent.approved.map(|(day, _)| day);
                let paid = sent.paid.map(|(day, _)| day);
                days.extend(
                    [Some(sent.on), sent.stopped_on, decided, paid, sent.reversed_on]
                        .iter()
                        .flatten(),
                );
            }
        }
        days.extend(self.ended.iter().map(|ended| ended.on));
        days.sort_unstable();
        days.dedup();
        days
    }

    /// What keeps the grant from being ended, whatever its period says.
    pub(super) fn is_settled(&self) -> bool {
        let on = always();
        let lines: Vec<_> = (0..self.lines).map(|line| self.line(line, on)).collect();
        let encumbered: Cents = lines.iter().map(|line| line.encumbered).sum();
        let expended: Cents = lines.iter().map(|l| l.unclaimed + l.pending + l.claimed).sum();
        let open = self.of_payments(|payment| payment.open(on));
        let waiting = self.requested(on) + self.approved(on) + self.retained(on);
        waiting + encumbered + open == 0 && self.disbursed(on) <= expended
    }

    /// What is there to choose from.
    pub fn open_of_order(&self, order: usize) -> Cents {
        let order = &self.orders[order];
        order.amount - order.done.iter().map(|(_, amount)| amount).sum::<Cents>()
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Closed | Stage::Terminated)
    }
}

fn sum_of(change: &super::Change) -> Cents {
    change.lines.iter().map(|(_, amount)| amount).sum()
}
