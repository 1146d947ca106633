//! Each mutation with what it is sent, what has to be done before, and who does it where it is such a step itself.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

/// Who sets the scene. None of them is a person of the matrix, so that no duty is done twice by one person.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Admin,
    OtherAdmin,
    Manager,
    Approver,
    Officer,
    Finance,
}

/// What a mutation is sent, of things by their names as payloads call them.
type Input = fn(&Value) -> Value;

#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub by: By,
    pub needs: &'static [&'static str],
    pub input: Input,
}

const fn case(name: &'static str, by: By, needs: &'static [&'static str], input: Input) -> Case {
    Case { name, by, needs, input }
}

pub fn of(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case of {name}"))
}

/// What has to be done before, each once and in its order.
pub fn steps_before(case: &Case) -> Vec<&'static Case> {
    let mut steps: Vec<&'static Case> = vec![];
    for need in case.needs {
        let need = of(need);
        for step in steps_before(need).into_iter().chain([need]) {
            if !steps.iter().any(|known| known.name == step.name) {
                steps.push(step);
            }
        }
    }
    steps
}

/// Told apart from all others of the process.
fn fresh() -> u32 {
    static COUNT: AtomicU32 = AtomicU32::new(1000);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

fn named(what: &str) -> String {
    format!("{what}-{}", fresh())
}

fn grant_change(t: &Value) -> Value {
    json!({ "grantId": t["grant"]["id"], "revision": t["grant"]["revision"] })
}

fn stopped(t: &Value) -> Value {
    json!({ "disbursementId": t["disbursement"]["id"], "reason": "Tried" })
}

fn decided_override(t: &Value) -> Value {
    json!({ "overrideId": t["ruleOverride"]["id"] })
}

fn decided_report(t: &Value) -> Value {
    json!({ "reportId": t["report"]["id"], "revision": t["report"]["revision"] })
}

fn adjusted(t: &Value) -> Value {
    json!({ "idempotencyKey": named("key"), "disbursementId": t["disbursement"]["id"], "amount": "10.00",
            "reason": "Tried", "lines": [{ "lineId": t["grant"]["budget"][0]["id"], "amount": "10.00" }] })
}

fn settled(t: &Value) -> Value {
    json!({ "deadlineId": t["deadline"]["id"], "revision": t["deadline"]["revision"], "reason": "Tried" })
}

fn rules() -> Value {
    json!([{ "name": "retention", "citation": "Exhibit B", "verifiedOn": "2026-11-01",
             "terms": { "retention": { "bp": 1000, "release": "MILESTONE" } } }])
}

use By::*;

/// Those that need a grant's period to be over, tried last of all.
pub const AFTER_THE_PERIOD: &[&str] = &["startCloseout", "closeGrant"];

/// `reopenPeriod` stands before `closePeriod`, since it opens again what was closed for it. The month is that of the
/// first receipts, since months close in order.
pub const CASES: &[Case] = &[
    case("createCity", Admin, &[], |t| {
        json!({ "countyId": t["county"]["id"], "geoid": format!("069{:04}", fresh()), "gnis": fresh().to_string(),
                "name": named("Newtown") })
    }),
    case(
        "createOrganization",
        Admin,
        &[],
        |t| json!({ "name": named("Center"), "kind": "CBO", "cityId": t["city"]["id"] }),
    ),
    case("createPerson", Admin, &[], |t| {
        json!({ "name": named("Person"), "email": format!("{}@people.test", fresh()),
                "organizationId": t["organization"]["id"], "cityId": t["city"]["id"] })
    }),
    case(
        "grantRole",
        Admin,
        &["createPerson"],
        |t| json!({ "personId": t["person"]["id"], "role": "COACH", "cityId": t["city"]["id"] }),
    ),
    case("endRole", Admin, &["grantRole"], |t| json!({ "roleId": t["roleGrant"]["id"] })),
    case(
        "createAccessToken",
        Admin,
        &[],
        |t| json!({ "personId": t["self"]["id"], "scope": "READ", "purpose": named("Sheet"), "days": 30 }),
    ),
    case("revokeAccessToken", Admin, &[], |t| json!({ "tokenId": t["accessToken"]["id"] })),
    case("createFundingStream", Admin, &[], |_| {
        json!({ "code": format!("TRIED_{}", fresh()), "name": named("Stream"), "level": "STATE",
                "effectiveFrom": "2026-01-01" })
    }),
    case(
        "updateFundingStream",
        Admin,
        &["createFundingStream"],
        |t| json!({ "streamId": t["stream"]["id"], "revision": t["stream"]["revision"], "name": named("Stream") }),
    ),
    case("createFundingProgram", Admin, &[], |t| {
        json!({ "streamId": t["stream"]["id"], "code": named("TRIED"), "name": "Tried", "agency": "An agency",
                "kind": "COMPETITIVE", "citation": "Its announcement" })
    }),
    case(
        "updateFundingProgram",
        Admin,
        &["createFundingProgram"],
        |t| json!({ "programId": t["program"]["id"], "revision": t["program"]["revision"], "name": named("Program") }),
    ),
    case(
        "draftRuleSet",
        Admin,
        &["createFundingProgram"],
        |t| json!({ "programId": t["program"]["id"], "sourceUrl": "https://agency.test/rules", "rules": rules() }),
    ),
    case("reviseRuleSet", Admin, &["draftRuleSet"], |t| {
        json!({ "ruleSetId": t["ruleSet"]["id"], "revision": t["ruleSet"]["revision"],
                "sourceUrl": "https://agency.test/rules/2", "rules": rules() })
    }),
    case(
        "activateRuleSet",
        OtherAdmin,
        &["draftRuleSet"],
        |t| json!({ "ruleSetId": t["ruleSet"]["id"], "revision": t["ruleSet"]["revision"], "effectiveFrom": "2026-01-01" }),
    ),
    case("proposeRuleOverride", Manager, &["signGrant"], |t| {
        json!({ "grantId": t["grant"]["id"], "ruleId": t["rule"]["id"], "reason": "The agency agreed",
                "documentUrl": "https://agency.test/letter.pdf", "documentSha256": "0".repeat(64),
                "terms": { "retention": { "bp": 500, "release": "MILESTONE" } } })
    }),
    case("approveRuleOverride", Approver, &["proposeRuleOverride"], decided_override),
    case("declineRuleOverride", Approver, &["proposeRuleOverride"], decided_override),
    case("recordFact", Manager, &[], |t| {
        json!({ "subjectId": t["city"]["id"], "kind": "CANNABIS_ORDINANCE", "value": "NO_BAN", "asOf": "2026-01-01",
                "source": named("Ordinance") })
    }),
    case(
        "recordAppropriation",
        Manager,
        &["createFundingStream"],
        |t| json!({ "streamId": t["stream"]["id"], "fiscalYear": "2026-27", "amount": "1000.00", "source": "Budget Act" }),
    ),
    case("createGrant", Manager, &[], |t| {
        json!({ "number": named("N"), "title": "Youth center", "programId": t["program"]["id"],
                "recipientId": t["organization"]["id"], "amount": "1000.00",
                "performance": { "start": "2026-07-01", "end": "2028-06-30" },
                "cities": [{ "cityId": t["city"]["id"], "shareBp": 10_000 }],
                "actionAreas": [{ "actionArea": "YOUTH_DEVELOPMENT", "shareBp": 10_000 }],
                "budget": [{ "category": "PERSONNEL", "amount": "600.00" },
                           { "category": "SUPPLIES", "amount": "400.00" }] })
    }),
    case("awardGrant", Approver, &["createGrant"], grant_change),
    case("signGrant", Manager, &["awardGrant"], |t| {
        let mut input = grant_change(t);
        input["signedOn"] = "2026-11-24".into();
        input
    }),
    case("suspendGrant", Manager, &["signGrant"], grant_change),
    case("resumeGrant", Manager, &["suspendGrant"], grant_change),
    case("startCloseout", Manager, &["signGrant"], grant_change),
    case("closeGrant", Officer, &["signGrant"], grant_change),
    case("terminateGrant", Officer, &["signGrant"], grant_change),
    case("setGrantAccounting", Manager, &["createGrant"], |t| {
        let mut input = grant_change(t);
        input["accounting"] = json!({ "purchaseOrder": named("PO") });
        input
    }),
    case("setBudget", Manager, &["createGrant"], |t| {
        let mut input = grant_change(t);
        input["lines"] = json!([{ "category": "PERSONNEL", "amount": "1000.00" }]);
        input
    }),
    case("transferBudget", Manager, &["signGrant"], |t| {
        json!({ "idempotencyKey": named("key"), "grantId": t["grant"]["id"], "amount": "10.00", "reason": "Tried",
                "fromLineId": t["grant"]["budget"][1]["id"], "toLineId": t["grant"]["budget"][0]["id"] })
    }),
    case(
        "amendGrant",
        Manager,
        &["signGrant"],
        |t| json!({ "grantId": t["grant"]["id"], "kind": "SCOPE", "reason": "Tried", "scope": "A garden, too" }),
    ),
    case(
        "approveAmendment",
        Approver,
        &["amendGrant"],
        |t| json!({ "amendmentId": t["amendment"]["id"] }),
    ),
    case(
        "declineAmendment",
        Approver,
        &["amendGrant"],
        |t| json!({ "amendmentId": t["amendment"]["id"], "reason": "Tried" }),
    ),
    case("addGrantDocument", Manager, &["signGrant"], |t| {
        json!({ "grantId": t["grant"]["id"], "kind": "RESOLUTION", "title": "Resolution", "datedOn": "2026-11-01",
                "url": "https://city.test/resolution.pdf", "sha256": format!("{:064x}", fresh()) })
    }),
    case(
        "createAllocation",
        Manager,
        &["createOrganization"],
        |t| json!({ "programId": t["formula"]["id"], "recipientId": t["organization"]["id"] }),
    ),
    case("recordAllocationReceipt", Officer, &[], |t| {
        json!({ "idempotencyKey": named("key"), "allocationId": t["allocation"]["id"], "receivedOn": "2025-03-15",
                "amount": "1000.00", "reference": named("W") })
    }),
    case("spendAllocation", Officer, &["recordAllocationReceipt"], |t| {
        json!({ "idempotencyKey": named("key"), "allocationId": t["allocation"]["id"], "component": "CSS",
                "amount": "1.00", "spentOn": "2025-04-01", "description": "Services" })
    }),
    case("recordExpenditure", Finance, &["signGrant"], |t| {
        json!({ "idempotencyKey": named("key"), "grantId": t["grant"]["id"], "lineId": t["grant"]["budget"][0]["id"],
                "amount": "10.00", "incurredOn": "2026-10-10", "description": "Payroll" })
    }),
    case(
        "reverseExpenditure",
        Finance,
        &["recordExpenditure"],
        |t| json!({ "idempotencyKey": named("key"), "expenditureId": t["expenditure"]["id"], "reason": "Tried" }),
    ),
    case("encumber", Finance, &["signGrant"], |t| {
        json!({ "idempotencyKey": named("key"), "grantId": t["grant"]["id"], "lineId": t["grant"]["budget"][1]["id"],
                "amount": "10.00", "number": named("PO"), "vendor": "A vendor", "description": "Chairs",
                "encumberedOn": "2026-10-10" })
    }),
    case(
        "liquidate",
        Finance,
        &["encumber"],
        |t| json!({ "idempotencyKey": named("key"), "encumbranceId": t["encumbrance"]["id"], "incurredOn": "2026-10-20" }),
    ),
    case(
        "cancelEncumbrance",
        Finance,
        &["encumber"],
        |t| json!({ "idempotencyKey": named("key"), "encumbranceId": t["encumbrance"]["id"], "reason": "Tried" }),
    ),
    case("recordMatch", Finance, &["signGrant"], |t| {
        json!({ "idempotencyKey": named("key"), "grantId": t["grant"]["id"], "contributor": "City", "source": "CASH",
                "amount": "5.00", "contributedOn": "2026-10-01", "description": "Paint", "reference": named("M") })
    }),
    case(
        "acceptMatch",
        Manager,
        &["recordMatch"],
        |t| json!({ "contributionId": t["contribution"]["id"] }),
    ),
    case(
        "declineMatch",
        Manager,
        &["recordMatch"],
        |t| json!({ "contributionId": t["contribution"]["id"], "reason": "Tried" }),
    ),
    case("requestDisbursement", Finance, &["addGrantDocument"], |t| {
        let kind = t["kind"].as_str().unwrap_or("REIMBURSEMENT");
        let lines = match kind {
            "ADVANCE" => json!([]),
            _ => json!([{ "lineId": t["grant"]["budget"][0]["id"], "amount": "100.00" }]),
        };
        json!({ "idempotencyKey": named("key"), "grantId": t["grant"]["id"], "kind": kind, "amount": "100.00",
                "invoiceNumber": named("I"), "period": { "start": "2026-10-01", "end": "2026-10-31" }, "lines": lines })
    }),
    case(
        "resubmitDisbursement",
        Finance,
        &["returnDisbursement"],
        |t| json!({ "idempotencyKey": named("key"), "disbursementId": t["disbursement"]["id"] }),
    ),
    case("returnDisbursement", Manager, &["requestDisbursement"], stopped),
    case(
        "approveDisbursement",
        Approver,
        &["requestDisbursement"],
        |t| json!({ "disbursementId": t["disbursement"]["id"] }),
    ),
    case("rejectDisbursement", Approver, &["requestDisbursement"], stopped),
    case("cancelDisbursement", Finance, &["requestDisbursement"], stopped),
    case(
        "scheduleDisbursement",
        Officer,
        &["approveDisbursement"],
        |t| json!({ "disbursementId": t["disbursement"]["id"], "scheduledFor": "2026-12-01" }),
    ),
    case("payDisbursement", Officer, &["approveDisbursement"], |t| {
        json!({ "idempotencyKey": named("key"), "disbursementId": t["disbursement"]["id"], "paidOn": "2026-11-24",
                "method": "ACH", "reference": named("A") })
    }),
    case("importPayments", Officer, &["approveDisbursement"], |t| {
        // A tenth is retained.
        let line = [t["disbursement"]["id"].as_str().unwrap(), "90.00,2026-11-24,ACH", &named("A")]
            .join(",");
        json!({ "idempotencyKey": named("key"), "file": format!("disbursement,amount,paid_on,method,reference\n{line}\n") })
    }),
    case("reverseDisbursement", Officer, &["payDisbursement"], |t| {
        let mut input = stopped(t);
        input["idempotencyKey"] = named("key").into();
        input
    }),
    case("recordRefund", Officer, &["payDisbursement"], adjusted),
    case("disallowCost", Officer, &["payDisbursement"], adjusted),
    case("accountForAdvance", Finance, &["payDisbursement"], adjusted),
    case(
        "releaseRetention",
        Officer,
        &["payDisbursement"],
        |t| json!({ "idempotencyKey": named("key"), "grantId": t["grant"]["id"], "amount": "1.00", "reason": "Milestone" }),
    ),
    case("delegateApproval", Admin, &[], |t| {
        // Of days to come, so that nobody of the matrix decides for another.
        json!({ "approverId": t["approver"]["id"], "toId": t["delegate"]["id"], "from": "2027-06-01",
                "until": "2027-06-10", "reason": "On leave" })
    }),
    case(
        "endDelegation",
        Admin,
        &["delegateApproval"],
        |t| json!({ "delegationId": t["delegation"]["id"] }),
    ),
    case(
        "reopenPeriod",
        Admin,
        &["closePeriod"],
        |_| json!({ "month": "2025-03-01", "reason": "Tried" }),
    ),
    case("closePeriod", Officer, &[], |_| json!({ "month": "2025-03-01" })),
    case("createReport", Manager, &["signGrant"], |t| {
        json!({ "grantId": t["grant"]["id"], "kind": "PROGRESS", "dueOn": "2026-12-15",
                "period": { "start": "2026-07-01", "end": "2026-09-30" } })
    }),
    case("submitReport", Finance, &["createReport"], |t| {
        let mut input = decided_report(t);
        input["narrative"] = "Built".into();
        input
    }),
    case("returnReport", Manager, &["submitReport"], |t| {
        let mut input = decided_report(t);
        input["reason"] = "Tried".into();
        input
    }),
    case("acceptReport", Manager, &["submitReport"], decided_report),
    case("certifyReport", Officer, &["acceptReport"], decided_report),
    case("createDeadline", Manager, &["createGrant"], |t| {
        json!({ "grantId": t["grant"]["id"], "kind": "OTHER", "title": "Photographs", "dueOn": "2026-12-20",
                "responsibleIds": [t["responsible"]["id"]] })
    }),
    case(
        "completeDeadline",
        Manager,
        &["createDeadline"],
        |t| json!({ "deadlineId": t["deadline"]["id"], "revision": t["deadline"]["revision"] }),
    ),
    case("waiveDeadline", Manager, &["createDeadline"], settled),
    case("snoozeDeadline", Manager, &["createDeadline"], |t| {
        let mut input = settled(t);
        input["until"] = "2026-12-10".into();
        input
    }),
    case("createSustainabilityPlan", Manager, &[], |t| {
        json!({ "cityId": t["city"]["id"], "summary": "Goes on",
                "years": [{ "fiscalYear": "2027-28", "cost": "10.00", "secured": "4.00" }] })
    }),
    case("adoptSustainabilityPlan", Manager, &["createSustainabilityPlan"], |t| {
        let plan = &t["sustainabilityPlan"];
        json!({ "planId": plan["id"], "revision": plan["revision"], "adoptedOn": "2026-11-24" })
    }),
];
