//! What can be done to reports, as clients ask for it.

use async_graphql::{Context, InputObject, Object};

use crate::{
    Result,
    clock::Date,
    grants::DateRange,
    graphql::{ContextExt, payload},
    id::{GrantId, ReportId},
    money::Money,
    reports::{NewReport, Report, Submission, commands},
    rule_sets::kinds::ReportKind,
};

/// A report that no rule schedules.
#[derive(InputObject)]
struct CreateReportInput {
    /// The grant: signed, and not ended.
    grant_id: GrantId,
    /// What it is about: PROGRESS, FINANCIAL or CLOSEOUT.
    kind: ReportKind,
    /// The days that it is about, from the first day of the period of performance on.
    period: DateRange,
    /// The day on which it is due, in California; not before the period ends.
    due_on: Date,
    /// Whether it is the last of its kind.
    #[graphql(name = "final", default)]
    is_final: bool,
}

/// A report as it is handed in. What is left out is not told.
#[derive(InputObject)]
struct SubmitReportInput {
    /// The due or returned report.
    report_id: ReportId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// Program income of the period in US dollars, zero or more, that no other report tells (2 CFR 200.307).
    program_income: Option<Money>,
    /// Interest earned on advances in the period in US dollars, zero or more, that no other report tells (2 CFR 200.305).
    interest_earned: Option<Money>,
    /// What was done.
    narrative: Option<String>,
    /// Where the report's file is: an address that begins with https:// or http://; with `sha256`.
    url: Option<String>,
    /// The SHA-256 of the file's bytes, in 64 hexadecimal digits of lower case; with `url`.
    sha256: Option<String>,
}

/// A report to be corrected.
#[derive(InputObject)]
struct ReturnReportInput {
    /// The submitted report.
    report_id: ReportId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// Why, in words for the recipient.
    reason: String,
}

/// Names a report and the revision of it that you read.
#[derive(InputObject)]
struct DecideReportInput {
    /// The report.
    report_id: ReportId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
}

payload!(
    /// What came of `createReport`.
    CreateReportPayload {
        /// The new report; null when it was refused.
        report: Report
    }
);
payload!(
    /// What came of `submitReport`.
    SubmitReportPayload {
        /// The submitted report; null when it was refused.
        report: Report
    }
);
payload!(
    /// What came of `returnReport`.
    ReturnReportPayload {
        /// The returned report; null when it was refused.
        report: Report
    }
);
payload!(
    /// What came of `acceptReport`.
    AcceptReportPayload {
        /// The accepted report; null when it was refused.
        report: Report
    }
);
payload!(
    /// What came of `certifyReport`.
    CertifyReportPayload {
        /// The certified report; null when it was refused.
        report: Report
    }
);

#[derive(Default)]
pub struct ReportMutation;

#[Object]
impl ReportMutation {
    /// Enters a report that no rule schedules, with a deadline for the recipient's finance staff. Needs GRANT_MANAGER.
    async fn create_report(
        &self,
        ctx: &Context<'_>,
        input: CreateReportInput,
    ) -> Result<CreateReportPayload> {
        let new = NewReport {
            grant: input.grant_id,
            kind: input.kind,
            period: input.period,
            due_on: input.due_on,
            is_final: input.is_final,
        };
        commands::create(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Hands in a report that is due or was returned, and completes its deadline. Whoever hands it in vouches for the recipient
    /// that it is true, complete and accurate (2 CFR 200.415). Needs CITY_FINANCE of the recipient; refused while the
    /// period still runs.
    async fn submit_report(
        &self,
        ctx: &Context<'_>,
        input: SubmitReportInput,
    ) -> Result<SubmitReportPayload> {
        let submission = Submission {
            program_income: input.program_income,
            interest_earned: input.interest_earned,
            narrative: input.narrative,
            url: input.url,
            sha256: input.sha256,
        };
        commands::submit(ctx.app(), ctx.actor(), input.report_id, input.revision, submission)
            .await
            .try_into()
    }

    /// Sends a submitted report back for correction: its deadline is open again. Needs GRANT_MANAGER.
    async fn return_report(
        &self,
        ctx: &Context<'_>,
        input: ReturnReportInput,
    ) -> Result<ReturnReportPayload> {
        let reason = &input.reason;
        commands::send_back(ctx.app(), ctx.actor(), input.report_id, input.revision, reason)
            .await
            .try_into()
    }

    /// Finds a submitted report in order. Needs GRANT_MANAGER, another person than whoever handed it in.
    async fn accept_report(
        &self,
        ctx: &Context<'_>,
        input: DecideReportInput,
    ) -> Result<AcceptReportPayload> {
        commands::accept(ctx.app(), ctx.actor(), input.report_id, input.revision).await.try_into()
    }

    /// Makes an accepted report final: nothing of it changes any more, it keeps the grant's figures as of the end of its period,
    /// and, unless it is a progress report, nothing more is posted for the grant into days up to then. Needs
    /// FISCAL_OFFICER, another person than whoever handed it in and whoever accepted it; refused until the period is over.
    async fn certify_report(
        &self,
        ctx: &Context<'_>,
        input: DecideReportInput,
    ) -> Result<CertifyReportPayload> {
        commands::certify(ctx.app(), ctx.actor(), input.report_id, input.revision).await.try_into()
    }
}
