//! What people may do, by the words of the documents: every reason that speaks against it, and
//! what it adds to the lists.

use thrive::{
    clock::Date,
    error::UserErrorCode::{
        self, AmountNotPositive, ApprovalLimitExceeded, BudgetNotWhole, InsufficientAvailable,
        InvalidDates, InvalidInput, InvalidState, OutsidePeriod, RuleViolated,
    },
};

use super::{
    Amendment, By, Cents, Change, Command, Cost, Ended, Grant, OfLine, Order, Part, Stage,
    basis_points, figures::always,
};

/// The reasons that hold; none lets it happen.
pub(super) fn unless(reasons: &[(bool, UserErrorCode)]) -> Result<(), Vec<UserErrorCode>> {
    let held: Vec<_> = reasons.iter().filter(|(holds, _)| *holds).map(|(_, code)| *code).collect();
    if held.is_empty() { Ok(()) } else { Err(held) }
}

/// What comes of the second, unless the first speaks against it, or either does.
pub(super) fn with<T>(
    one: Result<(), Vec<UserErrorCode>>,
    other: Result<T, Vec<UserErrorCode>>,
) -> Result<T, Vec<UserErrorCode>> {
    match (one, other) {
        (Ok(()), other) => other,
        (Err(mut reasons), other) => {
            reasons.extend(other.err().unwrap_or_default());
            Err(reasons)
        }
    }
}

/// The day from which what was done counts.
pub(super) type Decision = Result<Date, Vec<UserErrorCode>>;

impl Grant {
    pub(super) fn decide(&mut self, command: &Command, by: By) -> Decision {
        use Command::*;
        match command {
            Spend { line, amount, incurred, counts_from } => {
                self.spend(*line, *amount, *incurred, *counts_from, by)
            }
            ReverseCost { cost } => self.reverse_cost(*cost, by),
            Encumber { line, amount, on } => self.encumber(*line, *amount, *on, by),
            Liquidate { order, amount, incurred } => self.liquidate(*order, *amount, *incurred, by),
            CancelOrder { order, amount } => self.cancel_order(*order, *amount, by),
            Transfer { from, to, amount } => self.transfer(*from, *to, *amount, by),
            Propose { award, changes, on } => self.propose(*award, changes, *on, by),
            Decide { amendment, approve } => self.decide_amendment(*amendment, *approve, by),
            Suspend => self.turn(Stage::Suspended, &[Stage::Active], by),
            Resume => self.turn(Stage::Active, &[Stage::Suspended], by),
            StartCloseout => {
                let early = by.today <= self.terms.performance_end;
                unless(&[(early, OutsidePeriod), (!self.is_in(START), InvalidState)])?;
                self.turn(Stage::Closing, START, by)
            }
            Close => self.end(Stage::Closed, by),
            Terminate => self.end(Stage::Terminated, by),
            _ => self.decide_payment(command, by),
        }
    }

    pub(super) fn is_in(&self, stages: &[Stage]) -> bool {
        stages.contains(&self.stage)
    }

    fn turn(&mut self, to: Stage, from: &[Stage], by: By) -> Decision {
        unless(&[(!self.is_in(from), InvalidState)])?;
        self.stage = to;
        Ok(by.today)
    }

    /// A grant ends when nothing is open; what nobody used lapses, and so do costs that nobody claimed.
    fn end(&mut self, to: Stage, by: By) -> Decision {
        let early = to == Stage::Closed && by.today <= self.terms.performance_end;
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (early, OutsidePeriod),
            (!self.is_settled(), InvalidState),
        ])?;
        let lines: Vec<_> = (0..self.lines).map(|line| self.line(line, always())).collect();
        self.ended = Some(Ended {
            on: by.today,
            available: self.available(always()),
            unclaimed: lines.iter().map(|line| line.unclaimed).collect(),
            unobligated: lines.iter().map(|line| line.unobligated).collect(),
        });
        self.stage = to;
        Ok(by.today)
    }

    fn outside(&self, day: Date) -> bool {
        day < self.terms.performance_start || day > self.terms.performance_end
    }

    fn spend(
        &mut self,
        line: usize,
        amount: Cents,
        incurred: Date,
        counts_from: Option<Date>,
        by: By,
    ) -> Decision {
        let earliest = incurred.max(self.terms.awarded_on);
        let on = counts_from.unwrap_or(earliest);
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (amount <= 0, AmountNotPositive),
            (self.outside(incurred), OutsidePeriod),
            (incurred > by.today || on < earliest || on > by.today, InvalidDates),
            (amount > self.line(line, always()).unobligated, InsufficientAvailable),
        ])?;
        self.costs.push(Cost { line, amount, on, reversed_on: None });
        Ok(on)
    }

    fn reverse_cost(&mut self, cost: usize, by: By) -> Decision {
        let Cost { line, amount, reversed_on, .. } = self.costs[cost];
        unless(&[
            (!self.is_in(LIVE) || reversed_on.is_some(), InvalidState),
            (amount > self.line(line, always()).unclaimed, InvalidState),
        ])?;
        self.costs[cost].reversed_on = Some(by.today);
        Ok(by.today)
    }

    fn encumber(&mut self, line: usize, amount: Cents, ordered_on: Date, by: By) -> Decision {
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (amount <= 0, AmountNotPositive),
            (self.outside(ordered_on), OutsidePeriod),
            (ordered_on > by.today, InvalidDates),
            (amount > self.line(line, always()).unobligated, InsufficientAvailable),
        ])?;
        let on = ordered_on.max(self.terms.awarded_on);
        self.orders.push(Order { line, amount, ordered_on, on, done: vec![] });
        Ok(on)
    }

    fn liquidate(
        &mut self,
        order: usize,
        amount: Option<Cents>,
        incurred: Date,
        by: By,
    ) -> Decision {
        let open = self.open_of_order(order);
        let amount = amount.unwrap_or(open);
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (amount <= 0, AmountNotPositive),
            (amount > open, InsufficientAvailable),
            (self.outside(incurred), OutsidePeriod),
            (incurred > by.today, InvalidDates),
        ])?;
        let order = &mut self.orders[order];
        let on = incurred.max(order.ordered_on).max(self.terms.awarded_on);
        order.done.push((on, amount));
        self.costs.push(Cost { line: order.line, amount, on, reversed_on: None });
        Ok(on)
    }

    fn cancel_order(&mut self, order: usize, amount: Option<Cents>, by: By) -> Decision {
        let open = self.open_of_order(order);
        let amount = amount.unwrap_or(open);
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (amount <= 0, AmountNotPositive),
            (amount > open, InsufficientAvailable),
        ])?;
        self.orders[order].done.push((by.today, amount));
        Ok(by.today)
    }

    fn transfer(&mut self, from: usize, to: usize, amount: Cents, by: By) -> Decision {
        let most = self.terms.transfers.map(|bp| basis_points(self.award(), bp));
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (from == to, InvalidInput),
            (amount <= 0, AmountNotPositive),
            (amount > self.line(from, always()).unobligated, InsufficientAvailable),
            (most.is_some_and(|most| self.transferred + amount > most), RuleViolated),
        ])?;
        self.transferred += amount;
        self.budget.push(Change { on: by.today, lines: vec![(from, -amount), (to, amount)] });
        Ok(by.today)
    }

    pub(super) fn award(&self) -> Cents {
        (0..self.lines).map(|line| self.line(line, always()).budget).sum()
    }

    fn propose(
        &mut self,
        award: bool,
        changes: &[OfLine],
        wanted_on: Option<Date>,
        _: By,
    ) -> Decision {
        let sum: Cents = changes.iter().map(|(_, amount)| amount).sum();
        unless(&[
            (!self.is_in(LIVE), InvalidState),
            (changes.is_empty(), InvalidInput),
            (changes.iter().any(|(_, amount)| *amount == 0), AmountNotPositive),
            (names_twice(changes), InvalidInput),
            (award && sum == 0, InvalidInput),
            (!award && sum != 0, BudgetNotWhole),
        ])?;
        let changes = changes.to_vec();
        self.amendments.push(Amendment { changes, wanted_on, decided: false, waits_for: None });
        Ok(always())
    }

    fn decide_amendment(&mut self, amendment: usize, approve: bool, by: By) -> Decision {
        let proposed = self.amendments[amendment].clone();
        unless(&[(proposed.decided, InvalidState)])?;
        if approve {
            let on = proposed.wanted_on.unwrap_or(by.today);
            let up: Cents = proposed.changes.iter().map(|(_, amount)| (*amount).max(0)).sum();
            let down: Cents = proposed.changes.iter().map(|(_, amount)| (-*amount).max(0)).sum();
            let allowed = unless(&[
                (!self.is_in(LIVE), InvalidState),
                (by.limit.is_some_and(|limit| up.max(down) > limit), ApprovalLimitExceeded),
                (on < self.terms.awarded_on, OutsidePeriod),
            ]);
            if on <= by.today {
                with(allowed, self.check_changes(&proposed.changes))?;
                self.amend(proposed.changes, on);
            } else {
                allowed?;
                self.amendments[amendment].waits_for = Some(on);
            }
            self.amendments[amendment].decided = true;
            return Ok(on);
        }
        self.amendments[amendment].decided = true;
        Ok(by.today)
    }

    /// What moves between lines is counted from the budget that was last approved (2 CFR 200.308).
    fn amend(&mut self, lines: Vec<OfLine>, on: Date) {
        self.budget.push(Change { on, lines });
        self.transferred = 0;
    }

    /// No more leaves a line, or the award, than is left of it.
    fn check_changes(&self, changes: &[OfLine]) -> Result<(), Vec<UserErrorCode>> {
        let short = |(line, amount): &OfLine| -amount > self.line(*line, always()).unobligated;
        let less: Cents = -changes.iter().map(|(_, amount)| amount).sum::<Cents>();
        unless(&[
            (changes.iter().any(short), InsufficientAvailable),
            (less > self.available(always()), InsufficientAvailable),
        ])
    }

    /// Approved amendments whose day has come.
    pub fn due(&self, today: Date) -> Vec<usize> {
        let waits = |place: &usize| self.amendments[*place].waits_for.is_some_and(|on| on <= today);
        let mut due: Vec<_> = (0..self.amendments.len()).filter(waits).collect();
        due.sort_by_key(|place| self.amendments[*place].waits_for);
        due
    }

    /// What a job does on the day of an amendment.
    pub fn apply_due(&mut self, amendment: usize, today: Date) -> super::Verdict {
        let before = self.clone();
        let found = self.amendments[amendment].clone();
        let on = found.waits_for.unwrap_or(today);
        let live = unless(&[(!self.is_in(LIVE), InvalidState)]);
        with(live, self.check_changes(&found.changes))?;
        self.amend(found.changes, on);
        self.amendments[amendment].waits_for = None;
        if self.is_sound(on) {
            return Ok(());
        }
        *self = before;
        Err(vec![InsufficientAvailable])
    }

    /// Which lines bear costs: those that are named, the only one, or, of costs that were recorded
    /// and that nobody claimed, as many as are needed in the lines' order.
    pub(super) fn bear(
        &self,
        amount: Cents,
        named: &[OfLine],
    ) -> Result<Vec<Part>, Vec<UserErrorCode>> {
        let unclaimed = |line| self.line(line, always()).unclaimed;
        let part = |line: usize, amount: Cents| {
            let told = (amount - unclaimed(line)).max(0);
            Part { line, amount, told, approved: 0 }
        };
        if named.is_empty() && self.lines > 1 {
            let recorded: Cents = (0..self.lines).map(unclaimed).sum();
            unless(&[(amount > recorded, InvalidInput)])?;
            let mut left = amount;
            let mut parts: Vec<_> = (0..self.lines)
                .map(|line| {
                    let taken = left.min(unclaimed(line));
                    left -= taken;
                    part(line, taken)
                })
                .collect();
            parts.retain(|part| part.amount > 0);
            return Ok(parts);
        }
        let named = if named.is_empty() { &[(0, amount)] } else { named };
        let parts: Vec<_> = named.iter().map(|(line, amount)| part(*line, *amount)).collect();
        let short = |part: &Part| part.told > self.line(part.line, always()).unobligated;
        let short = unless(&[(parts.iter().any(short), InsufficientAvailable)]);
        with(check_named(named, amount), short)?;
        Ok(parts)
    }
}

/// Lines that are named are each named once, with more than nothing, and sum to the amount.
pub(super) fn check_named(named: &[OfLine], amount: Cents) -> Result<(), Vec<UserErrorCode>> {
    let sum: Cents = named.iter().map(|(_, amount)| amount).sum();
    unless(&[
        (sum != amount, BudgetNotWhole),
        (sum != amount || names_twice(named), InvalidInput),
        (named.iter().any(|(_, amount)| *amount <= 0), AmountNotPositive),
    ])
}

fn names_twice(lines: &[OfLine]) -> bool {
    (1..lines.len()).any(|place| lines[..place].iter().any(|(line, _)| *line == lines[place].0))
}

/// Stages in which costs arise and budgets move.
pub(super) const LIVE: &[Stage] = &[Stage::Active, Stage::Suspended, Stage::Closing];
/// Stages in which money is asked for, decided on and paid.
pub(super) const PAYING: &[Stage] = &[Stage::Active, Stage::Closing];
const START: &[Stage] = &[Stage::Active, Stage::Suspended];
