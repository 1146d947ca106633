//! What there is to choose from: the lists as whoever writes a history sees them.

use super::{Afterwards, Cents, Grant, Kind, OfLine, Status, figures::always};

impl Grant {
    pub fn costs(&self) -> usize {
        self.costs.len()
    }

    pub fn orders(&self) -> usize {
        self.orders.len()
    }

    pub fn payments(&self) -> usize {
        self.payments.len()
    }

    pub fn amendments(&self) -> usize {
        self.amendments.len()
    }

    pub fn standing_costs(&self) -> Vec<usize> {
        (0..self.costs.len()).filter(|cost| self.costs[*cost].reversed_on.is_none()).collect()
    }

    pub fn open_orders(&self) -> Vec<usize> {
        (0..self.orders.len()).filter(|order| self.open_of_order(*order) > 0).collect()
    }

    pub fn undecided(&self) -> Vec<usize> {
        let waits = |place: &usize| !self.amendments[*place].decided;
        (0..self.amendments.len()).filter(waits).collect()
    }

    pub fn payments_in(&self, statuses: &[Status]) -> Vec<usize> {
        let is = |place: &usize| statuses.contains(&self.payments[*place].status);
        (0..self.payments.len()).filter(is).collect()
    }

    /// Paid, and with so much left for what may become of it.
    pub fn adjustable(&self, kind: Afterwards) -> Vec<usize> {
        let open = |place: &usize| self.left(*place, kind) > 0;
        self.payments_in(&[Status::Paid]).into_iter().filter(open).collect()
    }

    pub fn left(&self, payment: usize, kind: Afterwards) -> Cents {
        let found = &self.payments[payment];
        let claimed: Cents = self.claimed_lines(payment).iter().map(|(_, amount)| amount).sum();
        match (kind, found.kind) {
            (_, Kind::Release) => 0,
            (Afterwards::Disallowance, _) | (Afterwards::Refund, Kind::Reimbursement) => claimed,
            (Afterwards::Refund, Kind::Milestone) => claimed,
            (_, Kind::Advance) => found.open(always()),
            (Afterwards::Accounting, _) => 0,
        }
    }

    pub fn kind_of(&self, payment: usize) -> Kind {
        self.payments[payment].kind
    }

    /// What was asked for, last.
    pub fn asked(&self, payment: usize) -> Cents {
        self.payments[payment].live().amount
    }

    /// Which lines bear what was asked for, last.
    pub fn asked_lines(&self, payment: usize) -> Vec<OfLine> {
        self.payments[payment].live().parts.iter().map(|part| (part.line, part.amount)).collect()
    }

    /// Which lines' costs it paid for, as far as they stand.
    pub fn claimed_lines(&self, payment: usize) -> Vec<OfLine> {
        let of = |line| (line, self.payments[payment].claimed(line, always()));
        (0..self.lines).map(of).filter(|(_, amount)| *amount > 0).collect()
    }
}
