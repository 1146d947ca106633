//! What a plan has to look like.

use std::collections::HashSet;

use super::{NewPlan, PlanStatus, SustainabilityPlan};
use crate::{
    Refusal,
    error::UserErrorCode::{AmountNotPositive, InvalidInput, InvalidState},
    money::Money,
};

pub fn check_new(new: &NewPlan) -> Result<(), Refusal> {
    Refusal::unless_filled(&new.summary, "summary")?;
    if new.years.is_empty() {
        return Err(
            Refusal::new(InvalidInput, "a plan covers at least one fiscal year").on("years")
        );
    }
    let mut named = HashSet::new();
    for year in &new.years {
        if !named.insert(year.fiscal_year) {
            let message = format!("{} is there twice", year.fiscal_year);
            return Err(Refusal::new(InvalidInput, message).on("years"));
        }
        if year.cost < Money::ZERO || year.secured < Money::ZERO {
            let message = format!("cost and secured of {} are zero or more", year.fiscal_year);
            return Err(Refusal::new(AmountNotPositive, message).on("years"));
        }
    }
    Ok(())
}

pub fn check_adoption(plan: &SustainabilityPlan, read: i32) -> Result<(), Refusal> {
    if plan.status != PlanStatus::Draft {
        return Err(Refusal::new(
            InvalidState,
            format!("the plan is {}; only a DRAFT is adopted", plan.status),
        ));
    }
    Refusal::unless_current("plan", read, plan.revision)
}
