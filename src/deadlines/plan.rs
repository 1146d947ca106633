//! Which deadlines follow from an award and its rules: pure, a grant with its rules in, what
//! is due out. Five dates of a grant stay five dates, each with its own obligation.

use chrono::{Datelike, NaiveTime};
use chrono_tz::Tz;

use super::DeadlineKind;
use crate::{
    clock::{CALIFORNIA, Date, parse_time},
    fiscal_year::FiscalYear,
    grants::{DateRange, GrantStatus},
    holidays::{self, Calendars},
    id::RuleId,
    money::Money,
    rule_sets::{
        Rule,
        bound::Bound,
        kinds::{
            Duty, Frequency, MatchTerms, PeriodAnchor, ReportKind, ReportScheduleTerms, RuleTerms,
            Situation, month_day,
        },
    },
};

/// Something that is due of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which duty it is: the same when its date moves.
    pub obligation: String,
    pub kind: DeadlineKind,
    pub title: String,
    pub due_on: Date,
    pub due_time: Option<NaiveTime>,
    pub zone: Tz,
    pub rule: Option<RuleId>,
    pub period: Option<DateRange>,
    pub duty: Duty,
    /// Nothing is left to do for it.
    pub met: bool,
}

/// What is due of a grant, by its state, its dates and the rules that are in force for it.
pub fn plan(
    status: GrantStatus,
    bound: &Bound,
    calendars: &Calendars,
    today: Date,
) -> Vec<Planned> {
    use GrantStatus::{Active, Awarded, Closing, Suspended};
    if !matches!(status, Awarded | Active | Suspended | Closing) {
        return vec![];
    }
    let mut planned = dates(bound, today);
    for binding in &bound.rules {
        match binding.in_force() {
            Some(RuleTerms::ReportSchedule(terms)) if bound.situation.signed_on.is_some() => {
                planned.extend(reports(
                    &binding.rule.name,
                    binding.rule.id,
                    terms,
                    &bound.situation,
                    calendars,
                ));
            }
            Some(RuleTerms::Match(terms)) => {
                planned.extend(match_check(&binding.rule, terms, &bound.situation));
            }
            _ => {}
        }
    }
    planned
}

/// The dates of the grant itself, or of its rules where it names none.
fn dates(bound: &Bound, today: Date) -> Vec<Planned> {
    let situation = &bound.situation;
    let rule = |wanted: fn(&RuleTerms) -> bool| {
        let mut in_force = bound.rules.iter().filter(|rule| rule.in_force().is_some_and(wanted));
        in_force.next().map(|binding| binding.rule.id)
    };
    let date = |kind: DeadlineKind, title: &str, due_on, rule, duty, met| Planned {
        obligation: kind.as_str().into(),
        kind,
        title: title.into(),
        due_on,
        due_time: None,
        zone: CALIFORNIA,
        rule,
        period: None,
        duty,
        met,
    };
    let mut planned = Vec::new();
    if let Some(day) = situation.encumber_by {
        let rule = rule(|terms| matches!(terms, RuleTerms::EncumberBy(_)));
        let met = situation.signed_on.is_some();
        planned.push(date(
            DeadlineKind::EncumberBy,
            "Sign the agreement",
            day,
            rule,
            Duty::Funder,
            met,
        ));
    }
    let end = situation.performance.end;
    let title = "End of the period of performance";
    planned.push(date(
        DeadlineKind::PerformanceEnd,
        title,
        end,
        None,
        Duty::Recipient,
        end < today,
    ));
    if let Some(day) = situation.final_invoice_by {
        let rule = rule(|terms| matches!(terms, RuleTerms::FinalInvoiceBy(_)));
        planned.push(date(
            DeadlineKind::FinalInvoice,
            "Final invoice",
            day,
            rule,
            Duty::Recipient,
            false,
        ));
    }
    if let Some(day) = situation.liquidate_by {
        let rule = rule(|terms| matches!(terms, RuleTerms::LiquidateBy(_)));
        let title = "Last day to pay: what is unpaid then reverts";
        planned.push(date(DeadlineKind::LiquidateBy, title, day, rule, Duty::Funder, false));
    }
    planned
}

fn match_check(rule: &Rule, terms: &MatchTerms, situation: &Situation) -> Option<Planned> {
    let waived =
        terms.waived_when.as_ref().is_some_and(|when| when.holds(&situation.facts).is_yes());
    let required = terms.required(situation.amount, situation.recipient);
    (!waived && required > Money::ZERO).then(|| Planned {
        obligation: format!("{}/match", rule.name),
        kind: DeadlineKind::MatchCheck,
        title: format!("Match of {required} met"),
        due_on: situation.performance.end,
        due_time: None,
        zone: CALIFORNIA,
        rule: Some(rule.id),
        period: None,
        duty: Duty::Recipient,
        met: false,
    })
}

/// The reports of a schedule. Nothing is due before the agreement was signed.
fn reports(
    name: &str,
    rule: RuleId,
    terms: &ReportScheduleTerms,
    situation: &Situation,
    calendars: &Calendars,
) -> Vec<Planned> {
    let mut planned = Vec::new();
    for period in periods(situation.performance, terms.frequency, terms.anchor) {
        let Some(day) = due_day(terms, &period, situation.subrecipient) else { continue };
        let calendar = terms.calendar.as_deref().unwrap_or(holidays::CALIFORNIA);
        let due_on = calendars.roll(calendar, day, terms.roll);
        if situation.signed_on.is_none_or(|signed| due_on < signed) {
            continue;
        }
        let told = (terms.frequency != Frequency::Once).then_some(period.range);
        let (kind, title) = report_in_words(terms.report, told);
        planned.push(Planned {
            obligation: format!("{name}/{}", period.key),
            kind,
            title,
            due_on,
            due_time: terms.due_time.as_deref().and_then(|text| parse_time(text).ok()),
            zone: terms.zone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(CALIFORNIA),
            rule: Some(rule),
            period: Some(period.range),
            duty: terms.responsible,
            met: false,
        });
    }
    planned
}

/// The due date, before it rolls over weekends and holidays.
fn due_day(terms: &ReportScheduleTerms, period: &Period, subrecipient: bool) -> Option<Date> {
    let own = terms.subrecipient_due_days.filter(|_| subrecipient);
    let days = own.or(terms.final_due_days.filter(|_| period.last)).or(terms.due_days);
    if let Some(days) = days {
        return Some(period.range.end.plus_days(days.into()));
    }
    let (month, day) = month_day(terms.due_month_day.as_deref()?)?;
    let of_year = |year| chrono::NaiveDate::from_ymd_opt(year, month, day).map(Date);
    // A day of the year is counted from the whole period, however early the grant ends within it.
    let end = period.whole_end;
    [end.year(), end.year() + 1].into_iter().filter_map(of_year).find(|due| *due > end)
}

/// A part of the period of performance that a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The same when the period of performance moves.
    pub key: String,
    pub range: DateRange,
    /// Where it would end if the grant went on.
    pub whole_end: Date,
    pub last: bool,
}

/// The periods of a frequency that the period of performance touches, cut to it.
pub fn periods(performance: DateRange, frequency: Frequency, anchor: PeriodAnchor) -> Vec<Period> {
    let Some(months) = frequency.months() else {
        let whole_end = performance.end;
        return vec![Period { key: "once".into(), range: performance, whole_end, last: true }];
    };
    let origin = match anchor {
        PeriodAnchor::FiscalYear => FiscalYear::of(performance.start).first_day(),
        PeriodAnchor::Calendar => Date::first_of(performance.start.year(), 1),
        PeriodAnchor::Award => performance.start,
    };
    let mut periods = Vec::new();
    for count in 0.. {
        // Counted from the origin, so that the 31st does not become the 28th for good.
        let start = origin.plus_months(count * months);
        let end = origin.plus_months((count + 1) * months).plus_days(-1);
        if start > performance.end || end <= start {
            break;
        }
        if end < performance.start {
            continue;
        }
        let key = match anchor {
            PeriodAnchor::Award => format!("{}", count + 1),
            _ => start.to_string(),
        };
        let range =
            DateRange { start: start.max(performance.start), end: end.min(performance.end) };
        periods.push(Period { key, range, whole_end: end, last: end >= performance.end });
    }
    periods
}

/// The deadline of a report, and what it is called: with its period unless that goes without saying.
pub fn report_in_words(report: ReportKind, period: Option<DateRange>) -> (DeadlineKind, String) {
    let (kind, what) = match report {
        ReportKind::Progress => (DeadlineKind::ProgressReport, "Progress report"),
        ReportKind::Financial => (DeadlineKind::FinancialReport, "Financial report"),
        ReportKind::Invoice => (DeadlineKind::Invoice, "Invoice"),
        ReportKind::MatchCheck => (DeadlineKind::MatchCheck, "Report on the match"),
        ReportKind::Closeout => (DeadlineKind::Closeout, "Closeout"),
    };
    let title = match period {
        None => what.into(),
        Some(range) => format!("{what} for {}", in_words(range)),
    };
    (kind, title)
}

/// `1 July to 30 September 2026`
fn in_words(range: DateRange) -> String {
    let start = if range.start.year() == range.end.year() { "%-d %B" } else { "%-d %B %Y" };
    format!("{} to {}", range.start.format(start), range.end.format("%-d %B %Y"))
}
