//! What an act means, given what there is: the things it may be about, and amounts that often fit.

use thrive::clock::Date;

use super::plan::{Act, Op};
use crate::money_model::{Afterwards, Cents, Command, Grant, Kind, OfLine, Stage, Status, always};

/// The command, by somebody who sees the grant, and who now and then tries what cannot be. Where there is
/// nothing to do it with, a cost is recorded or asked to be paid for.
pub fn command(op: &Op, grant: &Grant, today: Date) -> Command {
    if !op.wild && op.who == 0 && grant.stage == Stage::Suspended {
        return Command::Resume;
    }
    // Of a grant that has ended there are adjustments only.
    let act = match op.act {
        _ if op.wild || !grant.has_ended() => op.act,
        _ if op.who == 0 => Act::Adjust(Afterwards::Refund),
        _ => Act::Adjust(Afterwards::Disallowance),
    };
    let chosen = choose(&Op { act, ..op.clone() }, grant, today);
    chosen.unwrap_or_else(|| match op.who {
        0 => spend(op, grant, today),
        _ => request(op, grant, Kind::Reimbursement, today),
    })
}

fn choose(op: &Op, grant: &Grant, today: Date) -> Option<Command> {
    use Status::{Approved, Paid, Requested, Returned, Scheduled};
    let pick = |from: Vec<usize>, all: usize| pick(op, from, all);
    let payment = |statuses: &[Status]| pick(grant.payments_in(statuses), grant.payments());
    let partly = |all: Cents| (op.named > 0).then(|| op.share.of(all));
    let day = today.plus_days(-op.back);
    Some(match op.act {
        Act::Spend => spend(op, grant, today),
        Act::ReverseCost => {
            Command::ReverseCost { cost: pick(grant.standing_costs(), grant.costs())? }
        }
        Act::Encumber => {
            let line = op.which.index(grant.lines);
            let amount = op.share.of(grant.line(line, always()).unobligated / 2);
            Command::Encumber { line, amount, on: day }
        }
        Act::Liquidate => {
            let order = pick(grant.open_orders(), grant.orders())?;
            let amount = partly(grant.open_of_order(order));
            Command::Liquidate { order, amount, incurred: day }
        }
        Act::CancelOrder => {
            let order = pick(grant.open_orders(), grant.orders())?;
            Command::CancelOrder { order, amount: partly(grant.open_of_order(order)) }
        }
        Act::Request(kind) => request(op, grant, kind, today),
        Act::Return => Command::Return { payment: payment(&[Requested])? },
        Act::Reject => Command::Reject { payment: payment(&[Requested])? },
        Act::Cancel => {
            Command::Cancel { payment: payment(&[Requested, Returned, Approved, Scheduled])? }
        }
        Act::Resubmit => resubmit(op, grant, payment(&[Returned])?),
        Act::Approve => approve(op, grant, payment(&[Requested])?),
        Act::Schedule => {
            let day = Some(today.plus_days(op.back));
            Command::Schedule { payment: payment(&[Approved])?, day }
        }
        Act::Unschedule => Command::Schedule { payment: payment(&[Scheduled])?, day: None },
        Act::Pay => {
            let on = if op.named == 0 { day } else { today };
            Command::Pay { payment: payment(&[Approved, Scheduled])?, on }
        }
        Act::Reverse => Command::Reverse { payment: payment(&[Paid])? },
        Act::Adjust(kind) => {
            let payment = pick(grant.adjustable(kind), grant.payments())?;
            adjust(op, grant, payment, kind, (op.back != 0).then_some(day))
        }
        Act::Release => {
            let most = grant.retained(always());
            Command::Release { amount: partly(most) }
        }
        Act::Transfer => {
            let from = op.which.index(grant.lines);
            let to = op.other.index(grant.lines);
            let amount = op.share.of(grant.line(from, always()).unobligated / 4);
            Command::Transfer { from, to, amount }
        }
        Act::ProposeAward => propose(op, grant, true, today),
        Act::ProposeBudget => propose(op, grant, false, today),
        Act::Decide => {
            let amendment = pick(grant.undecided(), grant.amendments())?;
            Command::Decide { amendment, approve: op.named > 0 }
        }
        Act::Suspend => Command::Suspend,
        Act::Resume => Command::Resume,
        Act::StartCloseout => Command::StartCloseout,
        Act::Settle => settle(op, grant, today),
    })
}

/// One of those that it is meant for, or, rarely, any.
fn pick(op: &Op, from: Vec<usize>, all: usize) -> Option<usize> {
    match (op.wild, all) {
        (true, 1..) => Some(op.which.index(all)),
        _ if from.is_empty() => None,
        _ => Some(from[op.which.index(from.len())]),
    }
}

fn spend(op: &Op, grant: &Grant, today: Date) -> Command {
    let line = op.which.index(grant.lines);
    let amount = op.share.of(grant.line(line, always()).unobligated / 2);
    let incurred = today.plus_days(-op.back);
    let counts_from = op.wild.then_some(today);
    Command::Spend { line, amount, incurred, counts_from }
}

/// What a line could still be asked to be paid for.
fn claimable(grant: &Grant, line: usize) -> Cents {
    let line = grant.line(line, always());
    (line.unclaimed + line.unobligated / 3).max(line.unclaimed)
}

/// Parts of what is there of one line or two; now and then they do not sum to the whole.
fn parts(op: &Op, of: &[OfLine], named: usize) -> (Cents, Vec<OfLine>) {
    if of.is_empty() {
        return (op.share.of(0), vec![]);
    }
    let first = op.other.index(of.len());
    let count = named.clamp(1, of.len());
    let part = |place: usize| {
        let (line, all) = of[(first + place) % of.len()];
        (line, op.share.of(all))
    };
    let lines: Vec<_> = (0..count).map(part).collect();
    let sum: Cents = lines.iter().map(|(_, amount)| amount).sum();
    let wrong = Cents::from(op.wild && op.twice);
    (sum + wrong, if named == 0 { vec![] } else { lines })
}

fn request(op: &Op, grant: &Grant, kind: Kind, today: Date) -> Command {
    let end = grant.terms.performance_end;
    let period_end = if op.wild { today } else { today.min(end) };
    // Now and then the invoice of another request.
    let invoice = if op.wild { op.which.index(grant.payments() + 1) } else { grant.payments() };
    let available = grant.available(always());
    if kind == Kind::Advance {
        let most = grant.terms.advances.map_or(available, |bp| available * bp / 10_000);
        let amount = op.share.of(most.min(available) / 2);
        return Command::Request { kind, amount, lines: vec![], invoice, period_end };
    }
    let of: Vec<_> = (0..grant.lines).map(|line| (line, claimable(grant, line))).collect();
    // Named now and then although there is only one, and left out although there are several.
    let (amount, lines) = if grant.lines > 1 && op.named == 0 {
        let unclaimed: Cents = (0..grant.lines).map(|l| grant.line(l, always()).unclaimed).sum();
        (op.share.of(unclaimed.min(available)), vec![])
    } else {
        parts(op, &of, op.named)
    };
    Command::Request { kind, amount, lines, invoice, period_end }
}

fn resubmit(op: &Op, grant: &Grant, payment: usize) -> Command {
    if op.named == 0 {
        return Command::Resubmit { payment, amount: None, lines: None };
    }
    let (amount, lines) = parts(op, &grant.asked_lines(payment), op.named);
    let amount = if amount == 0 { op.share.of(grant.asked(payment)) } else { amount };
    let named = grant.kind_of(payment) != Kind::Advance && op.back == 0;
    Command::Resubmit { payment, amount: Some(amount), lines: named.then_some(lines) }
}

fn approve(op: &Op, grant: &Grant, payment: usize) -> Command {
    let asked = grant.asked_lines(payment);
    // Mostly all of it.
    if op.named == 0 || op.back == 0 {
        return Command::Approve { payment, amount: None, lines: vec![] };
    }
    if asked.len() < 2 || op.wild {
        let amount = Some(op.share.of(grant.asked(payment)));
        return Command::Approve { payment, amount, lines: vec![] };
    }
    let (amount, lines) = parts(op, &asked, op.named);
    Command::Approve { payment, amount: op.twice.then_some(amount), lines }
}

fn adjust(op: &Op, grant: &Grant, payment: usize, kind: Afterwards, on: Option<Date>) -> Command {
    let left = grant.left(payment, kind);
    let (amount, lines) = match kind {
        Afterwards::Accounting if grant.lines > 1 && op.named > 0 => {
            let of = |line| (line, claimable(grant, line).min(left) / 2);
            let of: Vec<_> = (0..grant.lines).map(of).collect();
            parts(op, &of, op.named)
        }
        Afterwards::Accounting => (op.share.of(left), vec![]),
        _ => match grant.claimed_lines(payment).as_slice() {
            [] => (op.share.of(left), vec![]),
            _ if op.named == 0 => (op.share.of(left), vec![]),
            several => parts(op, several, op.named),
        },
    };
    Command::Adjust { payment, kind, amount, lines, on }
}

fn propose(op: &Op, grant: &Grant, award: bool, today: Date) -> Command {
    let on = match op.named {
        0 => None,
        // Some take effect later, and a few before they were decided.
        1 => Some(today.plus_days(op.back)),
        _ => Some(today.plus_days(-op.back)),
    };
    let one = op.which.index(grant.lines);
    let other = op.other.index(grant.lines);
    let amount = op.share.of(grant.line(one, always()).unobligated / 2);
    let up = op.who == 0;
    let changes = match award {
        true if up => vec![(one, amount)],
        true if op.twice && one != other => vec![(one, -amount), (other, amount / 3)],
        true => vec![(one, -amount)],
        false => vec![(one, -amount), (other, amount)],
    };
    Command::Propose { award, changes, on }
}

/// What is open, one after another; at last the end.
fn settle(op: &Op, grant: &Grant, today: Date) -> Command {
    use Status::{Approved, Requested, Scheduled};
    let first = |from: Vec<usize>| from.first().copied();
    if op.wild {
        return if op.who == 0 { Command::Close } else { Command::Terminate };
    }
    if let Some(payment) = first(grant.payments_in(&[Approved, Scheduled])) {
        return match today > grant.terms.liquidate_by {
            true => Command::Cancel { payment },
            false => Command::Pay { payment, on: today },
        };
    }
    if let Some(payment) = first(grant.payments_in(&[Requested])) {
        return match op.named {
            0 => Command::Reject { payment },
            _ => Command::Approve { payment, amount: None, lines: vec![] },
        };
    }
    if let Some(order) = first(grant.open_orders()) {
        return Command::CancelOrder { order, amount: None };
    }
    if grant.retained(always()) > 0 {
        return Command::Release { amount: None };
    }
    let advances = grant.payments_in(&[Status::Paid]).into_iter();
    let mut open = advances.filter(|p| grant.kind_of(*p) == Kind::Advance);
    if let Some(payment) = open.find(|p| grant.left(*p, Afterwards::Refund) > 0) {
        let (kind, lines) = (Afterwards::Refund, vec![]);
        let amount = grant.left(payment, kind);
        return Command::Adjust { payment, kind, amount, lines, on: None };
    }
    let over = today > grant.terms.performance_end;
    match over {
        true if op.back > 0 && grant.stage != Stage::Closing => Command::StartCloseout,
        true => Command::Close,
        false => Command::Terminate,
    }
}
