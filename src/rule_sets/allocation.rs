//! Dividing an amount of a stream's money as its rules say: pure, rules and an amount in,
//! shares out.

use super::{
    Rule,
    kinds::{RuleTerms, SubCapTerms, SubFloorTerms},
};
use crate::{money::Money, text_enum::text_enum};

text_enum! {
    /// Which way a limit binds.
    pub enum LimitKind {
        /// At least so much.
        Floor = "FLOOR",
        /// At most so much.
        Cap = "CAP",
    }
}

/// What a component's money is limited to.
#[derive(Clone, Debug)]
pub struct Limit {
    pub kind: LimitKind,
    pub purpose: String,
    pub bp: i32,
    pub amount: Money,
    pub rule: Rule,
}

/// A component's share of an amount.
#[derive(Clone, Debug)]
pub struct Share {
    pub component: String,
    pub amount: Money,
    /// The rule that divides; none where nothing does, and the share is the whole.
    pub rule: Option<Rule>,
    pub limits: Vec<Limit>,
}

/// The component of an amount that no rule divides.
const WHOLE: &str = "TOTAL";

/// The shares in the order of their computation; they sum to the amount. None when no rule speaks of it.
pub fn shares(rules: &[Rule], amount: Money) -> Option<Vec<Share>> {
    let splits = rules.iter().filter_map(|rule| match &rule.terms {
        RuleTerms::AllocationSplit(terms) => Some((rule, terms)),
        _ => None,
    });
    // A verified one where there is one; of another its status tells.
    let split = splits.min_by_key(|(rule, _)| rule.verified_on.is_none());
    let mut shares = match split {
        Some((rule, terms)) => {
            let share = |part: super::kinds::Part| Share {
                component: part.component,
                amount: part.amount,
                rule: Some(rule.clone()),
                limits: vec![],
            };
            terms.split(amount).into_iter().map(share).collect()
        }
        None => {
            vec![Share { component: WHOLE.into(), amount, rule: None, limits: vec![] }]
        }
    };
    for share in &mut shares {
        share.limits = rules.iter().filter_map(|rule| limit(rule, share)).collect();
    }
    let speaks = split.is_some() || shares.iter().any(|share| !share.limits.is_empty());
    speaks.then_some(shares)
}

fn limit(rule: &Rule, share: &Share) -> Option<Limit> {
    let (kind, component, purpose, bp, amount) = match &rule.terms {
        RuleTerms::SubFloor(terms @ SubFloorTerms { component, purpose, bp }) => {
            (LimitKind::Floor, component, purpose, *bp, terms.of(share.amount))
        }
        RuleTerms::SubCap(terms @ SubCapTerms { component, purpose, bp }) => {
            (LimitKind::Cap, component, purpose, *bp, terms.of(share.amount))
        }
        _ => return None,
    };
    let of = component.as_deref().unwrap_or(WHOLE);
    let limit = Limit { kind, purpose: purpose.clone(), bp, amount, rule: rule.clone() };
    (of == share.component).then_some(limit)
}
