//! How large a grant is, how it is paid, and what the recipient adds.

use async_graphql::{InputObject, SimpleObject};
use serde::{Deserialize, Serialize};

use super::{Condition, Findings, Frequency, Problem, Severity, Situation, Step, Truth, check_bp};
use crate::{
    money::{Announced, Money},
    people::OrganizationKind,
    text_enum::text_enum,
};

text_enum! {
    /// What a match is a part of.
    pub enum MatchBase {
        /// The grant's own amount: 20 percent of 200,000.00 is 40,000.00.
        Grant = "GRANT",
        /// The whole cost, grant and match together: 20 percent of it beside a grant of 200,000.00 is 50,000.00.
        TotalCost = "TOTAL_COST",
    }
}

text_enum! {
    /// What a match is made of.
    pub enum MatchSource {
        /// Money.
        Cash = "CASH",
        /// Goods and services of the recipient's own or of others.
        InKind = "IN_KIND",
        /// The work of volunteers.
        Volunteer = "VOLUNTEER",
        /// Money of the federal government.
        Federal = "FEDERAL",
    }
}

/// The match of certain recipients.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "RecipientMatchInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RecipientMatch {
    /// Which recipients.
    pub recipients: Vec<OrganizationKind>,
    /// Their part in basis points.
    pub bp: i32,
}

/// MATCH: the recipient adds its own part to the grant.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "MatchTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MatchTerms {
    /// The part in basis points: 2,000 is 20 percent.
    pub bp: i32,
    /// What the part is taken of.
    pub base: MatchBase,
    /// What the match may be made of.
    pub sources: Vec<MatchSource>,
    /// Recipients with a part of their own.
    #[graphql(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_recipient: Vec<RecipientMatch>,
    /// No match is required where this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_when: Option<Condition>,
}

impl MatchTerms {
    /// What a recipient adds to an amount: nothing where it is waived.
    pub fn required_of(&self, amount: Money, situation: &Situation) -> Money {
        let waived = self.waived_when.as_ref().map(|waiver| waiver.holds(&situation.facts));
        match waived {
            Some(Truth::Yes) => Money::ZERO,
            _ => self.required(amount, situation.recipient),
        }
    }

    /// What a recipient adds to an amount, unless it is waived.
    pub fn required(&self, amount: Money, recipient: OrganizationKind) -> Money {
        let own = self.by_recipient.iter().find(|own| own.recipients.contains(&recipient));
        let bp = own.map_or(self.bp, |own| own.bp);
        let required = match self.base {
            MatchBase::Grant => amount.part_half_up(bp),
            MatchBase::TotalCost => amount.ratio_half_up(bp, 10_000 - bp),
        };
        required.unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let check = |bp: i32| {
            check_bp(bp, "bp")?;
            if self.base == MatchBase::TotalCost && bp == 10_000 {
                return Err(Problem::on(
                    "bp",
                    "the whole cost cannot be the match: nothing is left to grant",
                ));
            }
            Ok(())
        };
        check(self.bp)?;
        for (place, own) in self.by_recipient.iter().enumerate() {
            check(own.bp).map_err(|problem| problem.within(place).within("byRecipient"))?;
        }
        Problem::unless_some(&self.sources, "sources")?;
        Condition::check_optional(self.waived_when.as_ref(), "waivedWhen")
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        match step {
            Step::Standing { .. } => {}
            Step::Match { source } => return self.judge_source(*source, findings),
            Step::MatchPace { awarded, drawn, met } => {
                let required = self.required_of(*awarded, situation);
                return judge_pace(required, *awarded, *drawn, *met, findings);
            }
            _ => return,
        }
        let required = self.required(situation.amount, situation.recipient);
        let of = match self.base {
            MatchBase::Grant => "of the grant",
            MatchBase::TotalCost => "of the whole cost",
        };
        let Some(waiver) = &self.waived_when else {
            let message = format!("a match of {required} is required, a part {of}");
            return findings.push(Severity::Info, Some(required), None, message);
        };
        let known = waiver.holds(&situation.facts);
        let (severity, amount, message) = match known {
            Truth::Yes => (
                Severity::Info,
                Money::ZERO,
                format!("the match of {required} is waived: {}", waiver.said(&situation.facts)),
            ),
            Truth::No => (
                Severity::Info,
                required,
                format!(
                    "a match of {required} is required, a part {of}; no waiver: {}",
                    waiver.said(&situation.facts)
                ),
            ),
            Truth::Unknown => (
                Severity::Warn,
                required,
                format!("a match of {required} is required unless {waiver}: record that fact"),
            ),
        };
        findings.push(severity, Some(amount), None, message);
    }

    fn judge_source(&self, source: MatchSource, findings: &mut Findings) {
        if !self.sources.contains(&source) {
            let listed: Vec<_> = self.sources.iter().map(|source| source.as_str()).collect();
            let message =
                format!("the match may be made of {}, and not of {source}", listed.join(", "));
            findings.push(Severity::Block, None, None, message);
        }
    }
}

/// The match keeps pace when the same part of it is met as is drawn of the award.
fn judge_pace(required: Money, awarded: Money, drawn: Money, met: Money, findings: &mut Findings) {
    let due = required.share_half_up(drawn, awarded).unwrap_or_default();
    if !due.is_positive() {
        return;
    }
    let behind = due.minus(met).unwrap_or_default();
    let (severity, amount, stands) = if behind.is_positive() {
        (Severity::Warn, behind, format!("the match is {behind} behind"))
    } else {
        (Severity::Info, Money::ZERO, "the match keeps pace".into())
    };
    let message = format!(
        "{stands}: {met} is accepted, and {due} goes with {drawn} of the award's {awarded}"
    );
    findings.push(severity, Some(amount), None, message);
}

text_enum! {
    /// How a grant is paid.
    pub enum PayWay {
        /// After costs have arisen.
        Reimbursement = "REIMBURSEMENT",
        /// Before they arise.
        Advance = "ADVANCE",
        /// Either.
        Both = "BOTH",
    }
}

/// PAY_METHOD: whether a grant is paid in advance, how far, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "PayMethodTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PayMethodTerms {
    /// How it is paid.
    pub method: PayWay,
    /// The most that may be outstanding in advance, in basis points of the award.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_advance_bp: Option<i32>,
    /// Advances are for those of whom this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance_when: Option<Condition>,
    /// Advances are for awards below this amount, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance_below: Option<Money>,
    /// So many months there are to spend an advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_within_months: Option<i32>,
    /// How often advances are accounted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accountability: Option<Frequency>,
}

impl PayMethodTerms {
    /// The most that may be outstanding in advance.
    pub fn most(&self, award: Money) -> Money {
        match (self.method, self.max_advance_bp) {
            (PayWay::Reimbursement, _) => Money::ZERO,
            (_, Some(bp)) => award.part_half_up(bp).unwrap_or_default(),
            (_, None) => award,
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let of_advances = self.max_advance_bp.is_some()
            || self.advance_when.is_some()
            || self.advance_below.is_some()
            || self.spend_within_months.is_some()
            || self.accountability.is_some();
        if self.method == PayWay::Reimbursement && of_advances {
            return Err(Problem::on(
                "method",
                "REIMBURSEMENT has no advances, and so no terms of them",
            ));
        }
        if let Some(bp) = self.max_advance_bp {
            check_bp(bp, "maxAdvanceBp")?;
        }
        if self.advance_below.is_some_and(|most| !most.is_positive()) {
            return Err(Problem::on("advanceBelow", "the amount has to be more than zero"));
        }
        if self.spend_within_months.is_some_and(|months| !(1..=120).contains(&months)) {
            return Err(Problem::on("spendWithinMonths", "months are 1 to 120"));
        }
        Condition::check_optional(self.advance_when.as_ref(), "advanceWhen")
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        match step {
            Step::Request { advance: true, amount, outstanding, .. } => {
                self.evaluate_advance(situation, *amount, *outstanding, findings);
            }
            Step::Request { advance: false, .. } if self.method == PayWay::Advance => {
                let message = "this grant is paid in advance only: ask for an ADVANCE";
                findings.push(Severity::Block, None, None, message);
            }
            Step::Standing { .. } => {
                let message = match self.method {
                    PayWay::Reimbursement => "paid by reimbursement only".into(),
                    _ => {
                        format!("at most {} is outstanding in advance", self.most(situation.amount))
                    }
                };
                findings.push(Severity::Info, Some(self.most(situation.amount)), None, message);
            }
            _ => {}
        }
    }

    fn evaluate_advance(
        &self,
        situation: &Situation,
        amount: Money,
        outstanding: Money,
        findings: &mut Findings,
    ) {
        let none = Some(Money::ZERO);
        if self.method == PayWay::Reimbursement {
            let message = "this grant is paid by reimbursement only: ask for a REIMBURSEMENT";
            return findings.push(Severity::Block, none, None, message);
        }
        if let Some(condition) = &self.advance_when {
            match condition.holds(&situation.facts) {
                Truth::Yes => {}
                Truth::No => {
                    let message = format!(
                        "advances are paid where {condition}; {}",
                        condition.said(&situation.facts)
                    );
                    return findings.push(Severity::Block, none, None, message);
                }
                Truth::Unknown => {
                    let message = format!(
                        "advances are paid where {condition}, which is not known: record that fact"
                    );
                    return findings.push(Severity::Block, none, None, message);
                }
            }
        }
        if let Some(limit) = self.advance_below.filter(|limit| situation.amount >= *limit) {
            let message =
                format!("advances are for awards below {limit}; this one is {}", situation.amount);
            return findings.push(Severity::Block, none, None, message);
        }
        let most = self.most(situation.amount);
        let asked = outstanding.plus(amount);
        if asked.is_none_or(|asked| asked > most) {
            let message = format!(
                "at most {most} is outstanding in advance; {outstanding} is already, and {amount} was asked for"
            );
            return findings.push(Severity::Block, Some(most), None, message);
        }
        if let Some(months) = self.spend_within_months {
            let message = format!("an advance is spent within {months} months");
            findings.push(Severity::Info, Some(amount), None, message);
        }
    }
}

text_enum! {
    /// When retained money is released.
    pub enum RetentionRelease {
        /// When the grant is closed out.
        Closeout = "CLOSEOUT",
        /// When the final report is accepted.
        FinalReport = "FINAL_REPORT",
        /// When a milestone is reached.
        Milestone = "MILESTONE",
    }
}

/// RETENTION: the funder withholds a part of each request for a time.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "RetentionTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RetentionTerms {
    /// The part of each request in basis points.
    pub bp: i32,
    /// When it is released.
    pub release: RetentionRelease,
}

impl RetentionTerms {
    /// What is withheld of a request, rounded half up.
    pub fn withheld(&self, request: Money) -> Money {
        request.part_half_up(self.bp).unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        check_bp(self.bp, "bp")
    }

    pub(super) fn evaluate(&self, step: &Step, findings: &mut Findings) {
        let release = match self.release {
            RetentionRelease::Closeout => "closeout",
            RetentionRelease::FinalReport => "the final report is accepted",
            RetentionRelease::Milestone => "the milestone is reached",
        };
        let amount = match step {
            Step::Request { amount, advance: false, .. }
            | Step::Pay { amount, retains: true, .. } => amount,
            Step::Release { over, closing } => {
                let early = !over && !closing && self.release != RetentionRelease::Milestone;
                if early {
                    let message = format!("what is withheld is released when {release} comes");
                    findings.push(Severity::Block, None, None, message);
                }
                return;
            }
            Step::Standing { .. } => {
                let message = format!(
                    "{} basis points of each request are withheld until {release}",
                    self.bp
                );
                return findings.push(Severity::Info, None, None, message);
            }
            _ => return,
        };
        let withheld = self.withheld(*amount);
        let paid = amount.minus(withheld).unwrap_or_default();
        let message =
            format!("of {amount}, {withheld} is withheld until {release} and {paid} is paid");
        findings.push(Severity::Info, Some(withheld), None, message);
    }
}

/// AWARD_RANGE: how large an award is. Give `min` and `max`, or the amount as it was announced.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject, InputObject, Serialize, Deserialize)]
#[graphql(input_name = "AwardRangeTermsInput")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AwardRangeTerms {
    /// The least, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Money>,
    /// The most, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Money>,
    /// The amount in the words of an announcement, such as `Between $500 and $10,000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<String>,
}

impl AwardRangeTerms {
    /// The least and the most.
    pub fn bounds(&self) -> (Option<Money>, Option<Money>) {
        match self.announced.as_deref().map(Announced::read) {
            Some(Announced::Exactly(amount)) => (Some(amount), Some(amount)),
            Some(Announced::Between(min, max)) => (Some(min), Some(max)),
            Some(Announced::Unparsed) | None => (self.min, self.max),
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if let Some(text) = &self.announced {
            if self.min.is_some() || self.max.is_some() {
                return Err(Problem::on(
                    "announced",
                    "give `min` and `max`, or `announced`, not both",
                ));
            }
            if Announced::read(text) == Announced::Unparsed {
                let message = format!(
                    "`{text}` is not an amount such as `$10,000` or `Between $500 and $10,000`"
                );
                return Err(Problem::on("announced", message));
            }
        }
        match self.bounds() {
            (None, None) => Err(Problem::on("min", "give `min`, `max` or both")),
            (Some(min), Some(max)) if max < min => {
                Err(Problem::on("max", format!("the most, {max}, is below the least, {min}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn evaluate(&self, situation: &Situation, step: &Step, findings: &mut Findings) {
        if !matches!(step, Step::Award | Step::Standing { .. }) {
            return;
        }
        let (min, max) = self.bounds();
        let severity = if matches!(step, Step::Award) { Severity::Block } else { Severity::Warn };
        let amount = situation.amount;
        if let Some(min) = min.filter(|min| amount < *min) {
            let message = format!("an award is at least {min}; this one is {amount}");
            findings.push(severity, Some(min), None, message);
        }
        if let Some(max) = max.filter(|max| amount > *max) {
            let message = format!("an award is at most {max}; this one is {amount}");
            findings.push(severity, Some(max), None, message);
        }
    }
}
