//! Last quarter's financial report of each signed demo grant, somewhere between due and certified.

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::{
    cast::{Cast, acting},
    story::noon,
};
use crate::{
    App,
    access::Role,
    clock::{CALIFORNIA, Clock, Date},
    grants::{DateRange, Grant},
    money::Money,
    page::{OrderDirection, PageArgs, Window},
    people::Person,
    reports::{NewReport, Report, ReportStatus, Submission, commands, list_store},
    rule_sets::kinds::ReportKind,
};

/// Takes the report as far as its grant's number says; the steps that were taken are left out.
pub async fn last_quarter(
    app: &App,
    cast: &Cast,
    anchor: DateTime<Utc>,
    number: u64,
    grant: &Grant,
    finance: &Person,
) -> anyhow::Result<()> {
    let today = Date(anchor.with_timezone(&CALIFORNIA).date_naive());
    let this_quarter = Date::first_of(today.year(), (today.month() - 1) / 3 * 3 + 1);
    let period = DateRange {
        start: this_quarter.plus_months(-3).max(grant.performance_start),
        end: this_quarter.plus_days(-1).min(grant.performance_end),
    };
    if period.start > period.end {
        return Ok(());
    }
    // Days after the quarter, and not after the moment that the demo data are of.
    let at = |days: i64| {
        let mut app = app.clone();
        app.clock = Clock::fixed((noon(period.end) + TimeDelta::days(days)).min(anchor));
        app
    };
    let manager = acting(&cast.manager, Role::GrantManager);
    let officer = acting(&cast.officer, Role::FiscalOfficer);
    let finance = acting(finance, Role::CityFinance);
    let mut report = match known(app, grant, period).await? {
        Some(report) => report,
        None => {
            let new = NewReport {
                grant: grant.id,
                kind: ReportKind::Financial,
                period,
                due_on: period.end.plus_days(30),
                is_final: period.end == grant.performance_end,
            };
            commands::create(&at(1), &manager, new).await?
        }
    };
    let goal = match number % 6 {
        0 => ReportStatus::Due,
        1 => ReportStatus::Submitted,
        2 => ReportStatus::Returned,
        3 => ReportStatus::Accepted,
        _ => ReportStatus::Certified,
    };
    while report.status != goal {
        let (id, revision) = (report.id, report.revision);
        report = match report.status {
            ReportStatus::Due => {
                let told = submission(number);
                commands::submit(&at(20), &finance, id, revision, told).await?
            }
            ReportStatus::Submitted if goal == ReportStatus::Returned => {
                let reason = "The costs of personnel differ from the invoices: please explain.";
                commands::send_back(&at(26), &manager, id, revision, reason).await?
            }
            ReportStatus::Submitted => commands::accept(&at(28), &manager, id, revision).await?,
            ReportStatus::Accepted => commands::certify(&at(35), &officer, id, revision).await?,
            // Somebody took it further.
            ReportStatus::Returned | ReportStatus::Certified => return Ok(()),
        };
    }
    Ok(())
}

fn submission(number: u64) -> Submission {
    let cents = i64::try_from(number).unwrap_or_default() * 1_725;
    Submission {
        program_income: number.is_multiple_of(4).then(|| Money::from_cents(cents)),
        narrative: Some("Costs as invoiced; no change of scope.".into()),
        ..Submission::default()
    }
}

async fn known(app: &App, grant: &Grant, period: DateRange) -> anyhow::Result<Option<Report>> {
    let all = PageArgs { first: Some(200), ..PageArgs::default() };
    let window = Window::new("DUE_ON", OrderDirection::Asc, all)?;
    let mut found = list_store::of_grants(&app.db, &window, &[grant.id]).await?;
    let found = found.remove(&grant.id).unwrap_or_default();
    let same = |report: &Report| report.kind == ReportKind::Financial && report.about() == period;
    Ok(found.into_iter().find(same))
}
