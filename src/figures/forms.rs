//! The federal forms on which a recipient reports costs and asks for payment, line by line. Pure: figures in, lines
//! out. All figures are cumulative: from the beginning of the grant to the end of the period.

use async_graphql::SimpleObject;
use chrono::Datelike;

use crate::{
    grants::DateRange,
    ledger::GrantBalance,
    money::{Money, Percent},
    rule_sets::{
        bound::Bound,
        kinds::{CapBase, CostCategory, RuleTerms},
    },
    text_enum::text_enum,
};

text_enum! {
    /// Which report an SF-425 is.
    pub enum Sf425Type {
        /// Of three months.
        Quarterly = "QUARTERLY",
        /// Of six months.
        SemiAnnual = "SEMI_ANNUAL",
        /// Of twelve months.
        Annual = "ANNUAL",
        /// The last one.
        Final = "FINAL",
    }
}

text_enum! {
    /// When costs are counted.
    pub enum AccountingBasis {
        /// When they arise.
        Accrual = "ACCRUAL",
        /// When they are paid.
        Cash = "CASH",
    }
}

text_enum! {
    /// What the rate of indirect costs rests on, as far as the grant's rules tell.
    pub enum IndirectRateType {
        /// A rule limits indirect costs to a part of modified total direct costs (2 CFR 200.414(f)).
        DeMinimis = "DE_MINIMIS",
        /// A rule limits indirect costs to a part of the award or of direct costs.
        Limited = "LIMITED",
        /// No rule says; a rate may have been negotiated.
        NotStated = "NOT_STATED",
    }
}

/// Income that the supported activities earned (2 CFR 200.307), in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramIncome {
    pub earned: Money,
    /// Used instead of the award.
    pub deducted: Money,
    /// Used in addition to the award.
    pub added: Money,
}

/// What of a grant's costs is direct and what is indirect, with what rules say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndirectCosts {
    pub kind: IndirectRateType,
    pub limit_bp: Option<i32>,
    pub direct: Money,
    pub indirect: Money,
}

impl IndirectCosts {
    /// Sorts costs by what they were for.
    pub fn of(costs: &[(CostCategory, Money)], bound: Option<&Bound>) -> Self {
        let sum = |indirect: bool| {
            let wanted = costs.iter().filter(|(of, _)| (*of == CostCategory::Indirect) == indirect);
            wanted.map(|(_, amount)| *amount).sum()
        };
        let rules = bound.into_iter().flat_map(|bound| &bound.rules);
        let cap = rules.filter_map(|rule| rule.in_force()).find_map(|terms| match terms {
            RuleTerms::CostCap(cap) if cap.category == CostCategory::Indirect => Some(cap),
            _ => None,
        });
        let kind = match cap.map(|cap| cap.base) {
            Some(CapBase::Mtdc) => IndirectRateType::DeMinimis,
            Some(_) => IndirectRateType::Limited,
            None => IndirectRateType::NotStated,
        };
        let limit_bp = cap.map(|cap| cap.bp);
        Self { kind, limit_bp, direct: sum(false), indirect: sum(true) }
    }
}

/// Line 11 of the SF-425: indirect costs, from the budget lines of that category.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct IndirectExpense {
    /// 11a: what the rate rests on.
    pub rate_type: IndirectRateType,
    /// 11b: indirect costs in hundredths of the base; null where there are no direct costs.
    pub rate: Option<Percent>,
    /// The most that a rule allows, in basis points of its own base; null where no rule limits it.
    pub limit_bp: Option<i32>,
    /// 11c: the period, from the beginning of the grant.
    pub period: DateRange,
    /// 11d: the base: direct costs, in US dollars.
    pub base: Money,
    /// 11e: indirect costs, in US dollars.
    pub charged: Money,
    /// 11f: what of them the grant bears, in US dollars: all that are recorded.
    pub federal_share: Money,
}

/// A line of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
pub struct FormLine {
    /// Its number, such as `10a`.
    pub line: &'static str,
    /// What the form calls it.
    pub description: &'static str,
    /// The amount in US dollars.
    pub amount: Money,
}

/// The lines of a Federal Financial Report, SF-425, in US dollars and cumulative to the end of the period.
#[derive(Clone, Debug, Default, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct Sf425Lines {
    /// 10a: cash that the recipient received: paid, less what came back.
    pub cash_receipts: Money,
    /// 10b: cash that the recipient paid out of it: its costs, at most what it received. What it laid out beyond that is
    /// its own money, until it is reimbursed.
    pub cash_disbursements: Money,
    /// 10c: cash on hand: 10a less 10b.
    pub cash_on_hand: Money,
    /// 10d: authorized: awarded, with its amendments.
    pub authorized: Money,
    /// 10e: the grant's share of expenditures.
    pub expenditures: Money,
    /// 10f: unliquidated obligations: orders that are not yet costs.
    pub unliquidated_obligations: Money,
    /// 10g: the grant's share, 10e and 10f together.
    pub total_share: Money,
    /// 10h: the unobligated balance: 10d less 10g.
    pub unobligated_balance: Money,
    /// 10i: the recipient's share that is required: the match.
    pub recipient_share_required: Money,
    /// 10j: the recipient's share of expenditures: the match that was accepted.
    pub recipient_share_met: Money,
    /// 10k: what the recipient has still to provide: 10i less 10j, not below zero.
    pub recipient_share_remaining: Money,
    /// 10l: program income earned, as accepted reports on periods to that day tell.
    pub income_earned: Money,
    /// 10m: program income used by the deduction alternative; zero, as no report tells it.
    pub income_deducted: Money,
    /// 10n: program income used by the addition alternative; zero, as no report tells it.
    pub income_added: Money,
    /// 10o: program income that was not used: 10l less 10m and 10n.
    pub income_unexpended: Money,
}

impl Sf425Lines {
    /// With their numbers and words, in the order of the form.
    pub fn in_order(&self) -> Vec<FormLine> {
        form_lines(&[
            ("10a", "Cash receipts", self.cash_receipts),
            ("10b", "Cash disbursements", self.cash_disbursements),
            ("10c", "Cash on hand", self.cash_on_hand),
            ("10d", "Total federal funds authorized", self.authorized),
            ("10e", "Federal share of expenditures", self.expenditures),
            ("10f", "Federal share of unliquidated obligations", self.unliquidated_obligations),
            ("10g", "Total federal share", self.total_share),
            ("10h", "Unobligated balance of federal funds", self.unobligated_balance),
            ("10i", "Total recipient share required", self.recipient_share_required),
            ("10j", "Recipient share of expenditures", self.recipient_share_met),
            ("10k", "Remaining recipient share to be provided", self.recipient_share_remaining),
            ("10l", "Total federal program income earned", self.income_earned),
            ("10m", "Program income expended by the deduction alternative", self.income_deducted),
            ("10n", "Program income expended by the addition alternative", self.income_added),
            ("10o", "Unexpended program income", self.income_unexpended),
        ])
    }
}

type Listed = (&'static str, &'static str, Money);

fn form_lines(lines: &[Listed]) -> Vec<FormLine> {
    let line = |(line, description, amount): Listed| FormLine { line, description, amount };
    lines.iter().copied().map(line).collect()
}

/// The lines of an SF-425 from the figures of a grant as of the end of the period.
pub fn sf425_lines(figures: &GrantBalance, income: ProgramIncome) -> Sf425Lines {
    let cash_disbursements = figures.expended.min(figures.disbursed);
    let total_share = [figures.expended, figures.encumbered].into_iter().sum();
    Sf425Lines {
        cash_receipts: figures.disbursed,
        cash_disbursements,
        cash_on_hand: less(figures.disbursed, cash_disbursements),
        authorized: figures.awarded,
        expenditures: figures.expended,
        unliquidated_obligations: figures.encumbered,
        total_share,
        unobligated_balance: less(figures.awarded, total_share),
        recipient_share_required: figures.match_required,
        recipient_share_met: figures.match_met,
        recipient_share_remaining: above_zero(less(figures.match_required, figures.match_met)),
        income_earned: income.earned,
        income_deducted: income.deducted,
        income_added: income.added,
        income_unexpended: less(income.earned, [income.deducted, income.added].into_iter().sum()),
    }
}

/// Line 11 of an SF-425.
pub fn indirect_expense(costs: &IndirectCosts, period: DateRange) -> IndirectExpense {
    IndirectExpense {
        rate_type: costs.kind,
        rate: costs.indirect.percent_of(costs.direct),
        limit_bp: costs.limit_bp,
        period,
        base: costs.direct,
        charged: costs.indirect,
        federal_share: costs.indirect,
    }
}

/// Which report it is, by the months of its period; none where the form has no such report.
pub fn sf425_type(period: DateRange, last: bool) -> Option<Sf425Type> {
    if last {
        return Some(Sf425Type::Final);
    }
    let after = period.end.plus_days(1);
    let (start, end) = (period.start, after);
    if start.day() != 1 || end.day() != 1 {
        return None;
    }
    let month = |day: &crate::clock::Date| day.year() * 12 + day.month0().cast_signed();
    match month(&end) - month(&start) {
        3 => Some(Sf425Type::Quarterly),
        6 => Some(Sf425Type::SemiAnnual),
        12 => Some(Sf425Type::Annual),
        _ => None,
    }
}

/// Line 12 of the SF-270: the alternate computation for advances, in US dollars.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct Sf270Advance {
    /// 12a: what the recipient expects to lay out in the period of the advance.
    pub estimated_outlays: Money,
    /// 12b: the cash that it has on hand when the period begins.
    pub cash_on_hand: Money,
    /// 12c: requested: 12a less 12b, not below zero.
    pub requested: Money,
}

/// The lines of a Request for Advance or Reimbursement, SF-270, in US dollars and cumulative to the end of the period.
#[derive(Clone, Debug, Default, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct Sf270Lines {
    /// 11a: total outlays to date: costs that the grant bears and the match that was accepted.
    pub total_outlays: Money,
    /// 11b: less program income, as accepted reports on periods to that day tell.
    pub program_income: Money,
    /// 11c: net outlays: 11a less 11b.
    pub net_outlays: Money,
    /// 11d: net outlays that are expected in the period of an advance; zero for a reimbursement.
    pub estimated_outlays: Money,
    /// 11e: 11c and 11d together.
    pub total: Money,
    /// 11f: the share of it that is not the grant's: the match that was accepted.
    pub recipient_share: Money,
    /// 11g: the grant's share: 11e less 11f.
    pub federal_share: Money,
    /// 11h: payments that were requested before: paid, withheld, approved, or waiting for a decision.
    pub previously_requested: Money,
    /// 11i: requested now: 11g less 11h, not below zero.
    pub now_requested: Money,
    /// 12: of an advance; null for a reimbursement.
    pub advance: Option<Sf270Advance>,
}

impl Sf270Lines {
    /// With their numbers and words, in the order of the form.
    pub fn in_order(&self) -> Vec<FormLine> {
        let mut lines = vec![
            ("11a", "Total program outlays to date", self.total_outlays),
            ("11b", "Less: cumulative program income", self.program_income),
            ("11c", "Net program outlays", self.net_outlays),
            ("11d", "Estimated net cash outlays for advance period", self.estimated_outlays),
            ("11e", "Total", self.total),
            ("11f", "Non-federal share of amount on line e", self.recipient_share),
            ("11g", "Federal share of amount on line e", self.federal_share),
            ("11h", "Federal payments previously requested", self.previously_requested),
            ("11i", "Federal share now requested", self.now_requested),
        ];
        if let Some(advance) = &self.advance {
            lines.extend([
                (
                    "12a",
                    "Estimated federal cash outlays for advance period",
                    advance.estimated_outlays,
                ),
                (
                    "12b",
                    "Less: estimated balance of federal cash on hand as of beginning of advance period",
                    advance.cash_on_hand,
                ),
                ("12c", "Amount requested", advance.requested),
            ]);
        }
        form_lines(&lines)
    }
}

/// What an advance is asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvanceEstimate {
    pub outlays: Money,
    /// On hand when the period begins.
    pub cash_on_hand: Money,
}

/// The lines of an SF-270 from the figures of a grant as of the end of the period.
pub fn sf270_lines(
    figures: &GrantBalance,
    income: Money,
    advance: Option<AdvanceEstimate>,
) -> Sf270Lines {
    let total_outlays = [figures.expended, figures.match_met].into_iter().sum();
    let net_outlays = less(total_outlays, income);
    let estimated_outlays = advance.map(|advance| advance.outlays).unwrap_or_default();
    let total = [net_outlays, estimated_outlays].into_iter().sum();
    let federal_share = less(total, figures.match_met);
    let previously_requested =
        [figures.disbursed, figures.retained, figures.approved, figures.requested]
            .into_iter()
            .sum();
    let alternate = |advance: AdvanceEstimate| Sf270Advance {
        estimated_outlays: advance.outlays,
        cash_on_hand: advance.cash_on_hand,
        requested: above_zero(less(advance.outlays, advance.cash_on_hand)),
    };
    Sf270Lines {
        total_outlays,
        program_income: income,
        net_outlays,
        estimated_outlays,
        total,
        recipient_share: figures.match_met,
        federal_share,
        previously_requested,
        now_requested: above_zero(less(federal_share, previously_requested)),
        advance: advance.map(alternate),
    }
}

/// Amounts of columns: their differences fit.
fn less(one: Money, other: Money) -> Money {
    one.minus(other).unwrap_or_default()
}

fn above_zero(amount: Money) -> Money {
    amount.max(Money::ZERO)
}
