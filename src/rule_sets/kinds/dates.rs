//! By when things have to be done: dates that stay apart.

use async_graphql::{InputObject, SimpleObject};
use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::{Findings, Problem, Severity, Situation, Step, check_years};
use crate::{clock::Date, text_enum::text_enum};

text_enum! {
    /// A date of a grant that another one is counted from.
    pub enum DateAnchor {
        /// The last day to sign the agreement.
        EncumberBy = "ENCUMBER_BY",
        /// The last day to pay.
        LiquidateBy = "LIQUIDATE_BY",
        /// The last day of the period of performance.
        PerformanceEnd = "PERFORMANCE_END",
        /// The first day of the period of performance.
        PerformanceStart = "PERFORMANCE_START",
        /// The day of signing.
        SignedOn = "SIGNED_ON",
    }
}

/// A day: a fixed one, or so many months and days from another. A month later is the same day of that month, or its
/// last when it has no such day.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "DueDateInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DueDate {
    /// The day itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Date>,
    /// The date that it is counted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateAnchor>,
    /// Months after it.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub months: i32,
    /// Months after it where the money is federal; as `months` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federal_months: Option<i32>,
    /// Days after it, or before it when below zero.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub days: i32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl DueDate {
    /// The day for a grant; none while the date it is counted from is not known.
    pub fn day(&self, situation: &Situation) -> Option<Date> {
        if self.on.is_some() {
            return self.on;
        }
        let from = match self.from? {
            DateAnchor::EncumberBy => situation.encumber_by?,
            DateAnchor::LiquidateBy => situation.liquidate_by?,
            DateAnchor::PerformanceEnd => situation.performance.end,
            DateAnchor::PerformanceStart => situation.performance.start,
            DateAnchor::SignedOn => situation.signed_on?,
        };
        let months = self.federal_months.filter(|_| situation.federal).unwrap_or(self.months);
        Some(from.plus_months(months).plus_days(self.days.into()))
    }

    /// `anchors` are the dates that are known before this one.
    fn check(&self, anchors: &[DateAnchor]) -> Result<(), Problem> {
        if let Some(from) = self.from.filter(|from| !anchors.contains(from)) {
            let known: Vec<_> = anchors.iter().map(|anchor| anchor.as_str()).collect();
            let message =
                format!("this date is not counted from {from}, but from {}", known.join(", "));
            return Err(Problem::on("from", message));
        }
        if let Some(on) = self.on.filter(|on| !(1990..=2200).contains(&on.year())) {
            return Err(Problem::on(
                "on",
                format!("{on} is not a day that anything is due on: 1990 to 2200"),
            ));
        }
        match (self.on, self.from) {
            (Some(_), None)
                if self.months == 0 && self.days == 0 && self.federal_months.is_none() =>
            {
                Ok(())
            }
            (None, Some(_)) => {
                let most = 1200;
                let months = [self.months, self.federal_months.unwrap_or_default()];
                if months.iter().any(|months| !(0..=most).contains(months)) {
                    return Err(Problem::on("months", format!("months are 0 to {most}")));
                }
                if !(-3660..=3660).contains(&self.days) {
                    return Err(Problem::on("days", "days are -3660 to 3660"));
                }
                Ok(())
            }
            _ => {
                Err(Problem::on("on", "give either `on` alone, or `from` with `months` and `days`"))
            }
        }
    }
}

use DateAnchor::{EncumberBy, LiquidateBy, PerformanceEnd, PerformanceStart, SignedOn};

/// Three kinds of one shape, for three dates that must not be taken for one another.
macro_rules! due_by {
    ($(#[$doc:meta])* $name:ident, $input:literal, $anchors:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
        #[graphql(input_name = $input)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            /// The day. A date that the grant itself names goes before it.
            pub due: DueDate,
        }

        impl $name {
            pub(super) fn check(&self) -> Result<(), Problem> {
                self.due.check($anchors).map_err(|problem| problem.within("due"))
            }
        }
    };
}

due_by! {
    /// ENCUMBER_BY: the last day to sign the agreement (Government Code 16304).
    EncumberByTerms, "EncumberByTermsInput", &[PerformanceStart, PerformanceEnd]
}
due_by! {
    /// LIQUIDATE_BY: the last day to pay (Government Code 16304.1).
    LiquidateByTerms, "LiquidateByTermsInput", &[EncumberBy, PerformanceStart, PerformanceEnd, SignedOn]
}
due_by! {
    /// FINAL_INVOICE_BY: the last day for the recipient's final invoice.
    FinalInvoiceByTerms, "FinalInvoiceByTermsInput",
    &[EncumberBy, LiquidateBy, PerformanceStart, PerformanceEnd, SignedOn]
}

impl EncumberByTerms {
    pub fn day(&self, situation: &Situation) -> Option<Date> {
        situation.encumber_by.or_else(|| self.due.day(situation))
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        let Some(last) = self.day(situation) else { return };
        match step {
            Step::Sign { on } if *on > last => {
                let message = format!(
                    "the money had to be encumbered by {last}; signing on {on} is too late"
                );
                findings.push(Severity::Block, None, Some(last), message);
            }
            Step::Standing { on } if situation.signed_on.is_none() => {
                let late = *on > last;
                let severity = if late { Severity::Warn } else { Severity::Info };
                let message = if late {
                    format!("the agreement was to be signed by {last}")
                } else {
                    format!("the agreement is signed by {last}")
                };
                findings.push(severity, None, Some(last), message);
            }
            _ => {}
        }
    }
}

impl LiquidateByTerms {
    pub fn day(&self, situation: &Situation) -> Option<Date> {
        situation.liquidate_by.or_else(|| self.due.day(situation))
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        let Some(last) = self.day(situation) else { return };
        match step {
            Step::Pay { on, .. } if *on > last => {
                let message = format!(
                    "the money had to be liquidated by {last}; a payment on {on} is too late"
                );
                findings.push(Severity::Block, None, Some(last), message);
            }
            Step::Standing { on } => {
                if let Some(by_rule) = self.due.day(situation).filter(|by_rule| *by_rule < last) {
                    let message = format!(
                        "the grant names {last} as its last day to pay; the rule gives {by_rule}"
                    );
                    findings.push(Severity::Warn, None, Some(by_rule), message);
                }
                let severity = if *on > last { Severity::Warn } else { Severity::Info };
                findings.push(
                    severity,
                    None,
                    Some(last),
                    format!("what is unpaid after {last} reverts"),
                );
            }
            _ => {}
        }
    }
}

impl FinalInvoiceByTerms {
    pub fn day(&self, situation: &Situation) -> Option<Date> {
        situation.final_invoice_by.or_else(|| self.due.day(situation))
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        let Some(last) = self.day(situation) else { return };
        match step {
            Step::Request { on, .. } if *on > last => {
                let message =
                    format!("the final invoice was due on {last}; a request on {on} is too late");
                findings.push(Severity::Block, None, Some(last), message);
            }
            Step::Standing { .. } => {
                findings.push(
                    Severity::Info,
                    None,
                    Some(last),
                    format!("the final invoice is due on {last}"),
                );
            }
            _ => {}
        }
    }
}

/// PERFORMANCE_WINDOW: costs are allowed only inside the period of performance.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "PerformanceWindowTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PerformanceWindowTerms {
    /// Whether costs inside the period count although the agreement was signed after them.
    pub pre_agreement: bool,
}

impl PerformanceWindowTerms {
    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        let (start, end) = match step {
            Step::Request { advance: false, period, .. } => (period.start, period.end),
            Step::Spend { on, .. } => (*on, *on),
            _ => return,
        };
        let allowed = situation.performance;
        if start < allowed.start || end > allowed.end {
            let message = format!(
                "costs from {start} to {end} lie outside the period of performance, {} to {}",
                allowed.start, allowed.end
            );
            findings.push(Severity::Block, None, None, message);
        } else if let Some(signed) =
            situation.signed_on.filter(|signed| !self.pre_agreement && start < *signed)
        {
            let message =
                format!("costs before the agreement was signed on {signed} may be refused");
            findings.push(Severity::Warn, None, None, message);
        }
    }
}

text_enum! {
    /// What records are kept after.
    pub enum RetentionStart {
        /// The last payment.
        FinalPayment = "FINAL_PAYMENT",
        /// The final report.
        FinalReport = "FINAL_REPORT",
    }
}

/// RECORD_RETENTION: how long the recipient keeps its records.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "RecordRetentionTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RecordRetentionTerms {
    /// How many years.
    pub years: i32,
    /// After what.
    pub after: RetentionStart,
}

impl RecordRetentionTerms {
    pub(super) fn check(&self) -> Result<(), Problem> {
        check_years(self.years)
    }

    pub(super) fn evaluate(&self, step: &Step, findings: &mut Findings) {
        let after = match self.after {
            RetentionStart::FinalPayment => "the final payment",
            RetentionStart::FinalReport => "the final report",
        };
        let (due, until) = match step {
            Step::Close { on } => {
                let until = on.plus_months(self.years * 12);
                (Some(until), format!(", counted from today to {until}"))
            }
            Step::Standing { .. } => (None, String::new()),
            _ => return,
        };
        let message = format!("records are kept {} years after {after}{until}", self.years);
        findings.push(Severity::Info, None, due, message);
    }
}
