//! Who may have somebody decide in their place, and how far that goes.

use super::{ApprovalDelegation, Authority, DelegationAction, NewDelegation};
use crate::{
    Refusal,
    access::{Actor, Identity, Role},
    clock::Date,
    error::UserErrorCode::{
        ApprovalLimitExceeded, Forbidden, InvalidDates, InvalidInput, InvalidState,
        SeparationOfDuties,
    },
    id::PersonId,
    money::Money,
};

/// In these roles a person may decide in an approver's place.
pub const DELEGATES: &[Role] =
    &[Role::GrantManager, Role::FiscalOfficer, Role::ProgramAdmin, Role::Approver];

/// Nobody is away for longer.
const MOST_DAYS: i64 = 366;

/// The approver in whose place it is: oneself, or whom a program admin names.
pub fn approver(by: &Identity, named: Option<PersonId>) -> Result<PersonId, Refusal> {
    match (by.role, named) {
        (Role::Approver, None) => Ok(by.person),
        (Role::Approver, Some(named)) if named == by.person => Ok(by.person),
        (Role::ProgramAdmin, Some(named)) => Ok(named),
        (Role::ProgramAdmin, None) => {
            let message = "say in `approverId` which approver is away";
            Err(Refusal::new(InvalidInput, message).on("approverId"))
        }
        _ => {
            let message = "an approver delegates the own approvals only: ask a program admin";
            Err(Refusal::new(Forbidden, message).on("approverId"))
        }
    }
}

/// `approves` and `helps` are whether the one holds APPROVER, and the other a role of delegates.
pub fn check(
    new: &NewDelegation,
    approver: PersonId,
    by: PersonId,
    approves: bool,
    helps: bool,
    today: Date,
) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.reason, "reason")?;
    if new.starts_on < today {
        let message = format!("{} is past: it begins on {today} or later", new.starts_on);
        return Err(Refusal::new(InvalidDates, message).on("from"));
    }
    if new.ends_on < new.starts_on {
        let message = format!("it ends on {}, before it begins on {}", new.ends_on, new.starts_on);
        return Err(Refusal::new(InvalidDates, message).on("until"));
    }
    if new.starts_on.days_until(new.ends_on) >= MOST_DAYS {
        let message = "it is for an absence, of a year at most: give another approver the role";
        return Err(Refusal::new(InvalidDates, message).on("until"));
    }
    if !approves {
        let message = "only a person who holds APPROVER has somebody decide instead; what was delegated is not passed on";
        return Err(Refusal::new(InvalidInput, message).on("approverId"));
    }
    if new.delegate == approver || new.delegate == by {
        let message =
            "it is another person who decides: neither the approver nor whoever enters it";
        return Err(Refusal::new(SeparationOfDuties, message).on("toId"));
    }
    if !helps {
        let message =
            "the person holds none of GRANT_MANAGER, FISCAL_OFFICER, PROGRAM_ADMIN and APPROVER";
        return Err(Refusal::new(InvalidInput, message).on("toId"));
    }
    Ok(())
}

pub fn check_end(of: &ApprovalDelegation, actor: &Actor, today: Date) -> Result<(), Refusal> {
    if of.actions_for(actor, today).contains(&DelegationAction::End) {
        return Ok(());
    }
    if of.ended_at.is_some() || of.ends_on < today {
        return Err(Refusal::new(InvalidState, "the delegation has ended already"));
    }
    let message = "the approver ends it, or a program admin";
    Err(Refusal::new(Forbidden, message))
}

/// By which power an amount is approved: the own one where that goes far enough.
pub fn authority(
    powers: &[Authority],
    amount: Money,
    requested_by: Option<PersonId>,
) -> Result<Authority, Refusal> {
    let mut fitting = powers.iter().copied().filter(|power| power.fits(requested_by)).peekable();
    if fitting.peek().is_none() {
        let message = "the approver in whose place you decide asked for it: ask another approver";
        return Err(Refusal::new(SeparationOfDuties, message));
    }
    let mut least = None;
    for power in fitting {
        if power.covers(amount) {
            return Ok(power);
        }
        least = least.max(power.limit);
    }
    let most = least.unwrap_or_default();
    let message = format!(
        "{amount} is above your approval limit of {most}: ask an approver with a higher one"
    );
    Err(Refusal::new(ApprovalLimitExceeded, message))
}
