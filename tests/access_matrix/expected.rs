//! Who may what, written by hand from the roles' duties, and not read from the table under test.

use thrive::access::Role::{self, *};

/// The columns, in their order: nobody signed in, and each role.
pub const COLUMNS: [Option<Role>; 10] = [
    None,
    Some(CityMember),
    Some(CityFinance),
    Some(Coach),
    Some(Service),
    Some(GrantManager),
    Some(Approver),
    Some(FiscalOfficer),
    Some(ProgramAdmin),
    Some(Auditor),
];

/// What one role may do with what an element of the schema is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing: own, foreign and unknown are answered alike.
    No,
    /// The own; what is foreign is answered as what is unknown.
    Own,
    /// All there is.
    All,
}

/// A cell of the table.
pub fn cell(row: &str, column: usize) -> Cell {
    match row.split_whitespace().nth(column) {
        Some("-") => Cell::No,
        Some("own") => Cell::Own,
        Some("all") => Cell::All,
        other => panic!("`{row}`, column {column}: {other:?}"),
    }
}

/// The row of a field of `Query`, of a type of node, or of a case of one (`Rule, a draft`).
pub fn read(element: &str) -> &'static str {
    row(READ, element)
}

/// The row of a field of `Mutation`.
pub fn done(mutation: &str) -> &'static str {
    row(DONE, mutation)
}

fn row(table: &[(&str, &'static str)], element: &str) -> &'static str {
    let mut rows = table.iter().filter(|(of, _)| *of == element);
    match (rows.next(), rows.next()) {
        (Some((_, row)), None) => row,
        (one, _) => panic!("{element}: {}", if one.is_some() { "two rows" } else { "no row" }),
    }
}

#[rustfmt::skip]
pub const READ: &[(&str, &str)] = &[
    //                                         nobody member finance coach service manager approver officer admin auditor
    ("Query.viewer",                           "all   all    all     all   all     all     all      all     all   all"),
    ("Query.node",                             "-     own    own     own   own     all     all      all     all   all"),
    ("Query.nodes",                            "-     own    own     own   own     all     all      all     all   all"),
    ("Query.city",                             "all   all    all     all   all     all     all      all     all   all"),
    ("Query.cities",                           "all   all    all     all   all     all     all      all     all   all"),
    ("Query.fundingStream",                    "all   all    all     all   all     all     all      all     all   all"),
    ("Query.fundingStreams",                   "all   all    all     all   all     all     all      all     all   all"),
    ("Query.fundingProgram",                   "all   all    all     all   all     all     all      all     all   all"),
    ("Query.holidayCalendars",                 "all   all    all     all   all     all     all      all     all   all"),
    ("Query.splitAllocation",                  "all   all    all     all   all     all     all      all     all   all"),
    // Sums over everything are public; whoever signs in sums what they may see.
    ("Query.fundingSummary",                   "all   own    own     own   own     all     all      all     all   all"),
    ("Query.fundingSummary, of a recipient",   "-     own    own     own   own     all     all      all     all   all"),
    ("Query.eligibility",                      "all   all    all     all   all     all     all      all     all   all"),
    ("Query.eligibility, of an organization",  "-     all    all     all   all     all     all      all     all   all"),
    ("Query.organization",                     "-     all    all     all   all     all     all      all     all   all"),
    ("Query.people",                           "-     own    own     own   own     all     all      all     all   all"),
    ("Query.facts",                            "-     all    all     all   all     all     all      all     all   all"),
    ("Query.grant",                            "-     own    own     own   own     all     all      all     all   all"),
    ("Query.grant, by its number",             "-     own    own     own   own     all     all      all     all   all"),
    ("Query.grants",                           "-     own    own     own   own     all     all      all     all   all"),
    ("Query.allocation",                       "-     own    own     own   own     all     all      all     all   all"),
    ("Query.allocations",                      "-     own    own     own   own     all     all      all     all   all"),
    ("Query.disbursements",                    "-     own    own     own   own     all     all      all     all   all"),
    // A place in what happened to all disbursements, and nothing of what it was.
    ("Query.disbursementCursor",               "-     all    all     all   all     all     all      all     all   all"),
    ("Query.expenditures",                     "-     own    own     own   own     all     all      all     all   all"),
    ("Query.reports",                          "-     own    own     own   own     all     all      all     all   all"),
    ("Query.deadlines",                        "-     own    own     own   own     all     all      all     all   all"),
    ("Query.sustainabilityPlan",               "-     own    own     own   own     all     all      all     all   all"),
    ("Query.sustainabilityPlans",              "-     own    own     own   own     all     all      all     all   all"),
    ("Query.ledgerPeriods",                    "-     all    all     all   all     all     all      all     all   all"),
    // Whose approvals somebody decides: those who see everything, and the two whom it is about.
    ("Query.approvalDelegations",              "-     own    own     own   own     all     all      all     all   all"),
    // The own mail; that of others has addresses in it.
    ("Query.emails",                           "-     own    own     own   own     all     own      own     all   all"),
    ("Query.jobRuns",                          "-     -      -       -     -       all     all      all     all   all"),
    ("Query.auditEntries",                     "-     -      -       -     -       -       -        -       all   all"),
    // Who lets whom in is for those who maintain and who audit it; one's own is in `viewer` and by its id.
    ("Query.accessTokens",                     "-     -      -       -     -       -       -        -       all   all"),

    ("Subscription.disbursementChanged",       "-     own    own     own   own     all     all      all     all   all"),

    ("City",                                   "all   all    all     all   all     all     all      all     all   all"),
    ("County",                                 "all   all    all     all   all     all     all      all     all   all"),
    ("FundingStream",                          "all   all    all     all   all     all     all      all     all   all"),
    ("FundingProgram",                         "all   all    all     all   all     all     all      all     all   all"),
    ("Appropriation",                          "all   all    all     all   all     all     all      all     all   all"),
    ("RuleSet",                                "all   all    all     all   all     all     all      all     all   all"),
    ("RuleSet, a draft",                       "-     -      -       -     -       all     all      all     all   all"),
    ("Rule",                                   "all   all    all     all   all     all     all      all     all   all"),
    ("Rule, a draft",                          "-     -      -       -     -       all     all      all     all   all"),
    ("Organization",                           "-     all    all     all   all     all     all      all     all   all"),
    ("Fact",                                   "-     all    all     all   all     all     all      all     all   all"),
    ("Person",                                 "-     own    own     own   own     all     all      all     all   all"),
    ("Grant",                                  "-     own    own     own   own     all     all      all     all   all"),
    ("GrantDocument",                          "-     own    own     own   own     all     all      all     all   all"),
    ("RuleOverride",                           "-     own    own     own   own     all     all      all     all   all"),
    ("Disbursement",                           "-     own    own     own   own     all     all      all     all   all"),
    ("MatchContribution",                      "-     own    own     own   own     all     all      all     all   all"),
    ("Report",                                 "-     own    own     own   own     all     all      all     all   all"),
    ("Deadline",                               "-     own    own     own   own     all     all      all     all   all"),
    ("SustainabilityPlan",                     "-     own    own     own   own     all     all      all     all   all"),
    ("Allocation",                             "-     own    own     own   own     all     all      all     all   all"),
    ("AllocationReceipt",                      "-     own    own     own   own     all     all      all     all   all"),
    ("AllocationSpend",                        "-     own    own     own   own     all     all      all     all   all"),
    ("ApprovalDelegation",                     "-     own    own     own   own     all     all      all     all   all"),
    ("Email",                                  "-     own    own     own   own     all     own      own     all   all"),
    ("AccessToken",                            "-     own    own     own   own     own     own      own     all   all"),
    ("RoleGrant",                              "-     own    own     own   own     own     own      own     all   all"),
    ("JobRun",                                 "-     -      -       -     -       all     all      all     all   all"),
    ("AuditEntry",                             "-     -      -       -     -       -       -        -       all   all"),
];

#[rustfmt::skip]
pub const DONE: &[(&str, &str)] = &[
    // Places, people and organizations are the program administrators'.
    //                           nobody member finance coach service manager approver officer admin auditor
    ("createCity",               "-     -      -       -     -       -       -        -       all   -"),
    ("createOrganization",       "-     -      -       -     -       all     -        -       all   -"),
    ("createPerson",             "-     -      -       -     -       -       -        -       all   -"),

    // Roles are theirs as well; everybody keeps the own tokens.
    ("grantRole",                "-     -      -       -     -       -       -        -       all   -"),
    ("endRole",                  "-     -      -       -     -       -       -        -       all   -"),
    ("createAccessToken",        "-     own    own     own   own     own     own      own     all   own"),
    ("revokeAccessToken",        "-     own    own     own   own     own     own      own     all   own"),

    // So are streams, programs and rules. An exception from a rule is asked for and decided like money.
    ("createFundingStream",      "-     -      -       -     -       -       -        -       all   -"),
    ("updateFundingStream",      "-     -      -       -     -       -       -        -       all   -"),
    ("createFundingProgram",     "-     -      -       -     -       -       -        -       all   -"),
    ("updateFundingProgram",     "-     -      -       -     -       -       -        -       all   -"),
    ("draftRuleSet",             "-     -      -       -     -       -       -        -       all   -"),
    ("reviseRuleSet",            "-     -      -       -     -       -       -        -       all   -"),
    ("activateRuleSet",          "-     -      -       -     -       -       -        -       all   -"),
    ("proposeRuleOverride",      "-     -      -       -     -       all     -        -       -     -"),
    ("approveRuleOverride",      "-     -      -       -     -       -       all      -       -     -"),
    ("declineRuleOverride",      "-     -      -       -     -       -       all      -       -     -"),
    ("recordFact",               "-     -      -       -     -       all     -        -       all   -"),
    ("recordAppropriation",      "-     -      -       -     -       all     -        -       all   -"),

    // Grants: the manager drafts, the approver decides, the fiscal officer ends them.
    //                           nobody member finance coach service manager approver officer admin auditor
    ("createGrant",              "-     -      -       -     -       all     -        -       -     -"),
    ("awardGrant",               "-     -      -       -     -       -       all      -       -     -"),
    ("signGrant",                "-     -      -       -     -       all     -        -       -     -"),
    ("suspendGrant",             "-     -      -       -     -       all     -        -       -     -"),
    ("resumeGrant",              "-     -      -       -     -       all     -        -       -     -"),
    ("startCloseout",            "-     -      -       -     -       all     -        -       -     -"),
    ("closeGrant",               "-     -      -       -     -       -       -        all     -     -"),
    ("terminateGrant",           "-     -      -       -     -       -       -        all     -     -"),
    ("setGrantAccounting",       "-     -      -       -     -       all     -        all     -     -"),
    ("setBudget",                "-     -      -       -     -       all     -        -       -     -"),
    ("transferBudget",           "-     -      own     -     -       all     -        -       -     -"),
    ("amendGrant",               "-     -      -       -     -       all     -        -       -     -"),
    ("approveAmendment",         "-     -      -       -     -       -       all      -       -     -"),
    ("declineAmendment",         "-     -      -       -     -       -       all      -       -     -"),
    ("addGrantDocument",         "-     -      own     -     -       all     -        all     -     -"),

    // What recipients get by formula, spend and add is told by their own finance staff.
    //                           nobody member finance coach service manager approver officer admin auditor
    ("createAllocation",         "-     -      -       -     -       all     -        -       -     -"),
    ("recordAllocationReceipt",  "-     -      -       -     -       -       -        all     -     -"),
    ("spendAllocation",          "-     -      own     -     -       -       -        all     -     -"),
    ("recordExpenditure",        "-     -      own     -     -       -       -        -       -     -"),
    ("reverseExpenditure",       "-     -      own     -     -       -       -        -       -     -"),
    ("encumber",                 "-     -      own     -     -       -       -        -       -     -"),
    ("liquidate",                "-     -      own     -     -       -       -        -       -     -"),
    ("cancelEncumbrance",        "-     -      own     -     -       -       -        -       -     -"),
    ("recordMatch",              "-     -      own     -     -       -       -        -       -     -"),
    ("acceptMatch",              "-     -      -       -     -       all     -        -       -     -"),
    ("declineMatch",             "-     -      -       -     -       all     -        -       -     -"),

    // Disbursements: the recipient asks, the approver decides, the fiscal officer pays.
    //                           nobody member finance coach service manager approver officer admin auditor
    ("requestDisbursement",      "-     -      own     -     -       -       -        -       -     -"),
    ("resubmitDisbursement",     "-     -      own     -     -       -       -        -       -     -"),
    ("returnDisbursement",       "-     -      -       -     -       all     all      -       -     -"),
    ("approveDisbursement",      "-     -      -       -     -       -       all      -       -     -"),
    ("rejectDisbursement",       "-     -      -       -     -       -       all      -       -     -"),
    ("cancelDisbursement",       "-     -      own     -     -       -       -        all     -     -"),
    ("scheduleDisbursement",     "-     -      -       -     -       -       -        all     -     -"),
    ("payDisbursement",          "-     -      -       -     -       -       -        all     -     -"),
    ("importPayments",           "-     -      -       -     -       -       -        all     -     -"),
    ("reverseDisbursement",      "-     -      -       -     -       -       -        all     -     -"),
    ("recordRefund",             "-     -      -       -     -       -       -        all     -     -"),
    ("disallowCost",             "-     -      -       -     -       -       -        all     -     -"),
    ("accountForAdvance",        "-     -      own     -     -       -       -        -       -     -"),
    ("releaseRetention",         "-     -      -       -     -       -       -        all     -     -"),
    ("delegateApproval",         "-     -      -       -     -       -       all      -       all   -"),
    ("endDelegation",            "-     -      -       -     -       -       all      -       all   -"),
    ("reopenPeriod",             "-     -      -       -     -       -       -        all     all   -"),
    ("closePeriod",              "-     -      -       -     -       -       -        all     -     -"),

    // Reports, deadlines and plans.
    //                           nobody member finance coach service manager approver officer admin auditor
    ("createReport",             "-     -      -       -     -       all     -        -       -     -"),
    ("submitReport",             "-     -      own     -     -       -       -        -       -     -"),
    ("returnReport",             "-     -      -       -     -       all     -        -       -     -"),
    ("acceptReport",             "-     -      -       -     -       all     -        -       -     -"),
    ("certifyReport",            "-     -      -       -     -       -       -        all     -     -"),
    ("createDeadline",           "-     -      -       -     -       all     -        -       all   -"),
    ("completeDeadline",         "-     -      own     own   -       all     -        -       all   -"),
    ("waiveDeadline",            "-     -      -       -     -       all     -        -       all   -"),
    ("snoozeDeadline",           "-     -      -       -     -       all     -        -       all   -"),
    ("createSustainabilityPlan", "-     -      -       own   -       all     -        -       all   -"),
    ("adoptSustainabilityPlan",  "-     -      -       own   -       all     -        -       all   -"),
];
