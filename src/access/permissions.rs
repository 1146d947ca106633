//! Who may do and see what: the one table. Commands and resolvers name a row of it, `thrive permissions` prints
//! it, and an element of the schema without a row fails the tests.

use super::Role::{self, *};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, also without a token.
    Everyone,
    /// Whoever has signed in, in any role.
    SignedIn,
    Roles(&'static [Role]),
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing in it is anybody's.
    Public,
    /// What touches the own cities and organizations; staff and auditors reach all.
    Reach,
    /// What the own organization holds.
    Organization,
    /// The own; the roles that see contacts see everybody's.
    Own,
    /// All of Thrive.
    All,
}

use Scope::{All, Organization, Own, Public, Reach};
use Who::{Everyone, Roles, SignedIn};

macro_rules! permissions {
    ($($name:ident: $element:literal, $who:expr, $scope:expr, $note:literal;)*) => {
        /// Something that may be done or seen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Permission {
            $($name,)*
        }

        impl Permission {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it is called in code.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            fn row(self) -> (&'static str, Who, Scope, &'static str) {
                match self {
                    $(Self::$name => ($element, $who, $scope, $note),)*
                }
            }
        }
    };
}

permissions! {
    // What is public.
    ReadViewer: "Query.viewer", Everyone, Own, "who is asking";
    ReadNode: "Query.node", Everyone, Reach, "each type by its own row below";
    ReadNodes: "Query.nodes", Everyone, Reach, "each type by its own row below";
    ReadCity: "Query.city", Everyone, Public, "";
    ReadCities: "Query.cities", Everyone, Public, "";
    ReadStream: "Query.fundingStream", Everyone, Public, "rule sets in the making: staff";
    ReadStreams: "Query.fundingStreams", Everyone, Public, "";
    ReadProgram: "Query.fundingProgram", Everyone, Public, "";
    ReadHolidays: "Query.holidayCalendars", Everyone, Public, "";
    ReadFundingSummary: "Query.fundingSummary", Everyone, Reach, "sums only; without signing in over all grants that are no drafts, and none of a single recipient";
    ReadSplit: "Query.splitAllocation", Everyone, Public, "";
    ReadEligibility: "Query.eligibility", Everyone, Public, "an organization's: who has signed in";

    // What is read.
    ReadOrganization: "Query.organization", SignedIn, All, "";
    ReadPeople: "Query.people", SignedIn, Reach, "contact addresses: see Person";
    ReadFacts: "Query.facts", SignedIn, All, "";
    ReadGrant: "Query.grant", SignedIn, Reach, "";
    ReadGrants: "Query.grants", SignedIn, Reach, "";
    ReadAllocation: "Query.allocation", SignedIn, Reach, "";
    ReadAllocations: "Query.allocations", SignedIn, Reach, "";
    ReadDisbursements: "Query.disbursements", SignedIn, Reach, "";
    ReadDisbursementCursor: "Query.disbursementCursor", SignedIn, All, "a place in the feed, and nothing of what is there";
    ReadExpenditures: "Query.expenditures", SignedIn, Reach, "";
    ReadReports: "Query.reports", SignedIn, Reach, "";
    ReadDeadlines: "Query.deadlines", SignedIn, Reach, "and those one is responsible for";
    ReadPlan: "Query.sustainabilityPlan", SignedIn, Reach, "";
    ReadPlans: "Query.sustainabilityPlans", SignedIn, Reach, "";
    ReadPeriods: "Query.ledgerPeriods", SignedIn, All, "";
    ReadDelegations: "Query.approvalDelegations", SignedIn, Own, "staff see all";
    ReadEmails: "Query.emails", SignedIn, Own, "the mail that one received";
    ReadTokens: "Query.accessTokens", Roles(&[ProgramAdmin, Auditor]), All, "`viewer` has the own";
    ReadJobRuns: "Query.jobRuns", Roles(&[GrantManager, Approver, FiscalOfficer, ProgramAdmin, Auditor]), All, "";
    ReadAuditEntries: "Query.auditEntries", Roles(&[ProgramAdmin, Auditor]), All, "";

    // What is followed.
    FollowDisbursements: "Subscription.disbursementChanged", SignedIn, Reach, "checked for each change";

    // Anything by its id.
    NodeCity: "City", Everyone, Public, "";
    NodeCounty: "County", Everyone, Public, "";
    NodeStream: "FundingStream", Everyone, Public, "";
    NodeProgram: "FundingProgram", Everyone, Public, "";
    NodeRuleSet: "RuleSet", Everyone, Public, "in the making: staff";
    NodeRule: "Rule", Everyone, Public, "in the making: staff";
    NodeOrganization: "Organization", SignedIn, All, "";
    NodePerson: "Person", SignedIn, Reach, "";
    NodeFact: "Fact", SignedIn, All, "";
    NodeGrant: "Grant", SignedIn, Reach, "";
    NodeDisbursement: "Disbursement", SignedIn, Reach, "";
    NodeDeadline: "Deadline", SignedIn, Reach, "and those one is responsible for";
    NodePlan: "SustainabilityPlan", SignedIn, Reach, "";
    NodeRuleOverride: "RuleOverride", SignedIn, Reach, "";
    NodeDocument: "GrantDocument", SignedIn, Reach, "";
    NodeReport: "Report", SignedIn, Reach, "";
    NodeAllocation: "Allocation", SignedIn, Reach, "";
    NodeReceipt: "AllocationReceipt", SignedIn, Reach, "";
    NodeSpend: "AllocationSpend", SignedIn, Reach, "";
    NodeAppropriation: "Appropriation", Everyone, Public, "";
    NodeContribution: "MatchContribution", SignedIn, Reach, "";
    NodeDelegation: "ApprovalDelegation", SignedIn, Own, "staff see all";
    NodeEmail: "Email", SignedIn, Own, "the mail that one received";
    NodeToken: "AccessToken", SignedIn, Own, "PROGRAM_ADMIN and AUDITOR see all";
    NodeRoleGrant: "RoleGrant", SignedIn, Own, "PROGRAM_ADMIN and AUDITOR see all";
    NodeJobRun: "JobRun", Roles(&[GrantManager, Approver, FiscalOfficer, ProgramAdmin, Auditor]), All, "";
    NodeAuditEntry: "AuditEntry", Roles(&[ProgramAdmin, Auditor]), All, "";

    // Personal data.
    SeeAccess: "Person.roles, Viewer.accessTokens", Roles(&[ProgramAdmin, Auditor]), All, "everybody sees the own";
    SeeContacts: "Person.email, Person.phone, Person.mailingAddress, Email.recipient", Roles(&[GrantManager, ProgramAdmin, Auditor]), All, "everybody sees the own";

    // Who may act.
    CreateAccessToken: "Mutation.createAccessToken", SignedIn, Own, "PROGRAM_ADMIN: for programs too";
    RevokeAccessToken: "Mutation.revokeAccessToken", SignedIn, Own, "PROGRAM_ADMIN: any";
    GrantRole: "Mutation.grantRole", Roles(&[ProgramAdmin]), All, "not to themselves";
    EndRole: "Mutation.endRole", Roles(&[ProgramAdmin]), All, "";

    // Places, people, organizations.
    CreateCity: "Mutation.createCity", Roles(&[ProgramAdmin]), All, "";
    CreateOrganization: "Mutation.createOrganization", Roles(&[ProgramAdmin, GrantManager]), All, "";
    CreatePerson: "Mutation.createPerson", Roles(&[ProgramAdmin]), All, "";

    // Streams, programs and their rules.
    CreateFundingStream: "Mutation.createFundingStream", Roles(&[ProgramAdmin]), All, "";
    UpdateFundingStream: "Mutation.updateFundingStream", Roles(&[ProgramAdmin]), All, "";
    CreateFundingProgram: "Mutation.createFundingProgram", Roles(&[ProgramAdmin]), All, "";
    UpdateFundingProgram: "Mutation.updateFundingProgram", Roles(&[ProgramAdmin]), All, "";
    DraftRuleSet: "Mutation.draftRuleSet", Roles(&[ProgramAdmin]), All, "";
    ReviseRuleSet: "Mutation.reviseRuleSet", Roles(&[ProgramAdmin]), All, "";
    ActivateRuleSet: "Mutation.activateRuleSet", Roles(&[ProgramAdmin]), All, "not who drafted it";
    ProposeRuleOverride: "Mutation.proposeRuleOverride", Roles(&[GrantManager]), All, "";
    ApproveRuleOverride: "Mutation.approveRuleOverride", Roles(&[Approver]), All, "not who proposed it";
    DeclineRuleOverride: "Mutation.declineRuleOverride", Roles(&[Approver]), All, "not who proposed it";
    RecordFact: "Mutation.recordFact", Roles(&[GrantManager, ProgramAdmin]), All, "";
    RecordAppropriation: "Mutation.recordAppropriation", Roles(&[ProgramAdmin, GrantManager]), All, "";

    // Grants.
    CreateGrant: "Mutation.createGrant", Roles(&[GrantManager]), All, "";
    AwardGrant: "Mutation.awardGrant", Roles(&[Approver]), All, "not who drafted it; up to the limit on the role";
    SignGrant: "Mutation.signGrant", Roles(&[GrantManager]), All, "";
    SuspendGrant: "Mutation.suspendGrant", Roles(&[GrantManager]), All, "";
    ResumeGrant: "Mutation.resumeGrant", Roles(&[GrantManager]), All, "";
    StartCloseout: "Mutation.startCloseout", Roles(&[GrantManager]), All, "";
    CloseGrant: "Mutation.closeGrant", Roles(&[FiscalOfficer]), All, "";
    TerminateGrant: "Mutation.terminateGrant", Roles(&[FiscalOfficer]), All, "";
    SetGrantAccounting: "Mutation.setGrantAccounting", Roles(&[GrantManager, FiscalOfficer]), All, "";
    SetBudget: "Mutation.setBudget", Roles(&[GrantManager]), All, "";
    TransferBudget: "Mutation.transferBudget", Roles(&[GrantManager, CityFinance]), Organization, "managers: all grants";
    AmendGrant: "Mutation.amendGrant", Roles(&[GrantManager]), All, "";
    ApproveAmendment: "Mutation.approveAmendment", Roles(&[Approver]), All, "not who proposed it; up to the limit on the role";
    DeclineAmendment: "Mutation.declineAmendment", Roles(&[Approver]), All, "not who proposed it";
    AddGrantDocument: "Mutation.addGrantDocument", Roles(&[GrantManager, CityFinance, FiscalOfficer]), Organization, "staff: all grants";

    // Allocations of a stream.
    CreateAllocation: "Mutation.createAllocation", Roles(&[GrantManager]), All, "";
    RecordAllocationReceipt: "Mutation.recordAllocationReceipt", Roles(&[FiscalOfficer]), All, "";
    SpendAllocation: "Mutation.spendAllocation", Roles(&[FiscalOfficer, CityFinance]), Organization, "staff: all allocations";

    // What recipients spend.
    RecordExpenditure: "Mutation.recordExpenditure", Roles(&[CityFinance]), Organization, "";
    ReverseExpenditure: "Mutation.reverseExpenditure", Roles(&[CityFinance]), Organization, "";
    Encumber: "Mutation.encumber", Roles(&[CityFinance]), Organization, "";
    Liquidate: "Mutation.liquidate", Roles(&[CityFinance]), Organization, "";
    CancelEncumbrance: "Mutation.cancelEncumbrance", Roles(&[CityFinance]), Organization, "";
    RecordMatch: "Mutation.recordMatch", Roles(&[CityFinance]), Organization, "";
    AcceptMatch: "Mutation.acceptMatch", Roles(&[GrantManager]), All, "not who recorded it";
    DeclineMatch: "Mutation.declineMatch", Roles(&[GrantManager]), All, "not who recorded it";

    // Disbursements: who asks, who approves and who pays are three.
    RequestDisbursement: "Mutation.requestDisbursement", Roles(&[CityFinance]), Organization, "";
    ResubmitDisbursement: "Mutation.resubmitDisbursement", Roles(&[CityFinance]), Organization, "";
    ReturnDisbursement: "Mutation.returnDisbursement", Roles(&[Approver, GrantManager]), All, "and an approver's delegate";
    ApproveDisbursement: "Mutation.approveDisbursement", Roles(&[Approver]), All, "and an approver's delegate; not who asked for it; up to the limit on the role";
    RejectDisbursement: "Mutation.rejectDisbursement", Roles(&[Approver]), All, "and an approver's delegate";
    CancelDisbursement: "Mutation.cancelDisbursement", Roles(&[CityFinance, FiscalOfficer]), Organization, "officers: all grants";
    ScheduleDisbursement: "Mutation.scheduleDisbursement", Roles(&[FiscalOfficer]), All, "";
    PayDisbursement: "Mutation.payDisbursement", Roles(&[FiscalOfficer]), All, "neither who asked for it nor who approved it";
    ImportPayments: "Mutation.importPayments", Roles(&[FiscalOfficer]), All, "as payDisbursement, line by line; by `POST /import/payments.csv` too";
    ReverseDisbursement: "Mutation.reverseDisbursement", Roles(&[FiscalOfficer]), All, "";
    RecordRefund: "Mutation.recordRefund", Roles(&[FiscalOfficer]), All, "";
    DisallowCost: "Mutation.disallowCost", Roles(&[FiscalOfficer]), All, "";
    AccountForAdvance: "Mutation.accountForAdvance", Roles(&[CityFinance]), Organization, "";
    ReleaseRetention: "Mutation.releaseRetention", Roles(&[FiscalOfficer]), All, "";
    DelegateApproval: "Mutation.delegateApproval", Roles(&[Approver, ProgramAdmin]), Own, "admins: for any approver, not to themselves";
    EndDelegation: "Mutation.endDelegation", Roles(&[Approver, ProgramAdmin]), Own, "admins: any";
    ClosePeriod: "Mutation.closePeriod", Roles(&[FiscalOfficer]), All, "";
    ReopenPeriod: "Mutation.reopenPeriod", Roles(&[FiscalOfficer, ProgramAdmin]), All, "not who closed it";

    // Reports, deadlines, plans.
    CreateReport: "Mutation.createReport", Roles(&[GrantManager]), All, "";
    SubmitReport: "Mutation.submitReport", Roles(&[CityFinance]), Organization, "";
    ReturnReport: "Mutation.returnReport", Roles(&[GrantManager]), All, "";
    AcceptReport: "Mutation.acceptReport", Roles(&[GrantManager]), All, "not who handed it in";
    CertifyReport: "Mutation.certifyReport", Roles(&[FiscalOfficer]), All, "neither who handed it in nor who accepted it";
    CreateDeadline: "Mutation.createDeadline", Roles(&[GrantManager, ProgramAdmin]), All, "";
    CompleteDeadline: "Mutation.completeDeadline", Roles(&[GrantManager, ProgramAdmin, CityFinance, Coach]), Reach, "finance staff: what they are responsible for and their organization's";
    WaiveDeadline: "Mutation.waiveDeadline", Roles(&[GrantManager, ProgramAdmin]), All, "";
    SnoozeDeadline: "Mutation.snoozeDeadline", Roles(&[GrantManager, ProgramAdmin]), All, "";
    CreateSustainabilityPlan: "Mutation.createSustainabilityPlan", Roles(&[GrantManager, ProgramAdmin, Coach]), Reach, "";
    AdoptSustainabilityPlan: "Mutation.adoptSustainabilityPlan", Roles(&[GrantManager, ProgramAdmin, Coach]), Reach, "";
}

impl Permission {
    /// The element of the schema: a field of a root, a type of node, or fields with personal data.
    pub fn element(self) -> &'static str {
        self.row().0
    }

    pub fn who(self) -> Who {
        self.row().1
    }

    pub fn scope(self) -> Scope {
        self.row().2
    }

    /// Whether it changes anything: a token that only reads may not.
    pub fn changes(self) -> bool {
        self.element().starts_with("Mutation.")
    }

    /// What is to be known besides.
    pub fn note(self) -> &'static str {
        self.row().3
    }

    /// The field of the root, as the audit log names what was done.
    pub fn action(self) -> &'static str {
        self.element().split_once('.').map_or(self.element(), |(_, field)| field)
    }

    /// The roles that may. Empty where no particular one is asked for.
    pub fn roles(self) -> &'static [Role] {
        match self.who() {
            Roles(roles) => roles,
            Everyone | SignedIn => &[],
        }
    }

    /// Whether somebody in this role may; none is somebody who has not signed in.
    pub fn allows(self, role: Option<Role>) -> bool {
        match (self.who(), role) {
            (Everyone, _) | (SignedIn, Some(_)) => true,
            (Roles(roles), Some(role)) => roles.contains(&role),
            (SignedIn | Roles(_), None) => false,
        }
    }
}

/// The table in Markdown, as `src/access/permissions.md` has it.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Who may do and see what\n\nPrinted by `thrive permissions`. A token acts in one role; separation of duties \
         compares people, never tokens.\n\n| element | who | of what | besides |\n| --- | --- | --- | --- |\n",
    );
    for permission in Permission::ALL {
        let who = match permission.who() {
            Everyone => "everyone".into(),
            SignedIn => "who has signed in".into(),
            Roles(roles) => roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "),
        };
        let scope = match permission.scope() {
            Public => "public",
            Reach => "in reach",
            Organization => "own organization",
            Own => "own",
            All => "all",
        };
        let row =
            format!("| {} | {who} | {scope} | {} |\n", permission.element(), permission.note());
        text.push_str(&row);
    }
    text
}
