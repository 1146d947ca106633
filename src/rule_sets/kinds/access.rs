//! Who may receive, and what has to be in hand before money is paid.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::{Condition, Findings, Problem, ReportKind, Severity, Situation, Step, Truth};
use crate::people::OrganizationKind;

/// ELIGIBILITY: who may receive, and what has to be true of them.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "EligibilityTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EligibilityTerms {
    /// The recipients that may apply; any when empty.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<OrganizationKind>,
    /// What facts have to say, all of them.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Condition>,
}

impl EligibilityTerms {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.recipients.is_empty() && self.requires.is_empty() {
            return Err(Problem::on("recipients", "give `recipients`, `requires` or both"));
        }
        for (place, condition) in self.requires.iter().enumerate() {
            condition.check().map_err(|problem| problem.within(place).within("requires"))?;
        }
        Ok(())
    }

    /// Whether recipients of a kind may apply.
    pub fn admits(&self, recipient: OrganizationKind) -> bool {
        self.recipients.is_empty() || self.recipients.contains(&recipient)
    }

    /// The recipients in words.
    pub fn admitted(&self) -> String {
        self.recipients.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        let refused = match step {
            Step::Award => Severity::Block,
            Step::Standing { .. } => Severity::Warn,
            _ => return,
        };
        if !self.admits(situation.recipient) {
            let message =
                format!("recipients are {}; this one is {}", self.admitted(), situation.recipient);
            findings.push(refused, None, None, message);
        }
        for condition in &self.requires {
            match condition.holds(&situation.facts) {
                Truth::Yes => {}
                Truth::No => {
                    let message =
                        format!("eligible where {condition}; {}", condition.said(&situation.facts));
                    findings.push(refused, None, None, message);
                }
                Truth::Unknown => {
                    let message =
                        format!("eligible where {condition}, which is not known: record that fact");
                    findings.push(Severity::Warn, None, None, message);
                }
            }
        }
    }
}

/// PAYMENT_GATE: what has to be in hand before anything is paid.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "PaymentGateTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PaymentGateTerms {
    /// A signed agreement.
    #[graphql(default)]
    #[serde(default)]
    pub agreement: bool,
    /// The governing body's resolution.
    #[graphql(default)]
    #[serde(default)]
    pub resolution: bool,
    /// Reports of these kinds that have come due are handed in: PROGRESS, FINANCIAL or CLOSEOUT.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<ReportKind>,
    /// Nothing that the recipient was to hand in is overdue.
    #[graphql(default)]
    #[serde(default)]
    pub no_overdue: bool,
}

/// What is in hand for a payment. What nobody has recorded is not known, and no is not assumed.
#[derive(Clone, Debug, Default)]
pub struct InHand {
    pub agreement: Option<bool>,
    pub resolution: Option<bool>,
    /// What was to be handed in and is overdue, in words.
    pub overdue: Vec<(Option<ReportKind>, String)>,
}

impl PaymentGateTerms {
    fn in_words(&self) -> String {
        let mut asked = Vec::new();
        if self.agreement {
            asked.push("the signed agreement".to_string());
        }
        if self.resolution {
            asked.push("the governing body's resolution".into());
        }
        asked.extend(self.reports.iter().map(|report| format!("{report} reports that are due")));
        if self.no_overdue {
            asked.push("everything that is due".into());
        }
        asked.join(", ")
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let gates = |report: &ReportKind| {
            matches!(report, ReportKind::Progress | ReportKind::Financial | ReportKind::Closeout)
        };
        if let Some(other) = self.reports.iter().find(|report| !gates(report)) {
            let message = format!("{other} is no report: PROGRESS, FINANCIAL and CLOSEOUT are");
            return Err(Problem::on("reports", message));
        }
        if self.agreement || self.resolution || self.no_overdue || !self.reports.is_empty() {
            return Ok(());
        }
        Err(Problem::on("agreement", "a gate names at least one thing to be in hand"))
    }

    pub(super) fn evaluate(&self, step: &Step, findings: &mut Findings) {
        if let Step::Standing { .. } = step {
            let message = format!("nothing is paid without {}", self.in_words());
            return findings.push(Severity::Info, None, None, message);
        }
        let Step::Pay { in_hand, .. } = step else { return };
        let documents = [
            (self.agreement, in_hand.agreement, "the signed agreement"),
            (self.resolution, in_hand.resolution, "the governing body's resolution"),
        ];
        for (needed, held, what) in documents {
            match held {
                _ if !needed => {}
                Some(true) => {}
                Some(false) => {
                    findings.push(
                        Severity::Block,
                        None,
                        None,
                        format!("nothing is paid without {what}"),
                    );
                }
                None => {
                    let message = format!(
                        "nothing is paid without {what}; none is recorded: enter it by `addGrantDocument`"
                    );
                    findings.push(Severity::Block, None, None, message);
                }
            }
        }
        for (report, title) in &in_hand.overdue {
            if self.no_overdue || report.is_some_and(|report| self.reports.contains(&report)) {
                let message = format!("nothing is paid while this is overdue: {title}");
                findings.push(Severity::Block, None, None, message);
            }
        }
    }
}
