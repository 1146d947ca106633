//! The sixteen things that must never happen with public money, each tried through the API and in raw SQL as the
//! role of the service. What SQL can state it refuses; the API refuses first, and says why.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use thrive::{access::Actor, disbursements::DisbursementKind::*, grants::Grant};

use crate::support::{
    Cast, Service, codes, money,
    money::{grant, lines, paid, program, request, rule},
    refused_by, service,
};

/// A grant of 1,000.00 in two lines whose program pays no equipment and holds a tenth back; 300.00 of it are paid and
/// 100.00 are requested.
struct Scene {
    service: Service,
    cast: Cast,
    grant: Grant,
}

async fn scene() -> Scene {
    let service = service().await;
    let cast = service.cast().await;
    let rules = [
        rule("RETENTION", "bp = 1000\nrelease = \"MILESTONE\""),
        rule("UNALLOWABLE", "categories = [\"EQUIPMENT\"]"),
        rule("COST_CAP", "category = \"INDIRECT\"\nbp = 1000\nbase = \"AWARD\""),
    ];
    program(&service, "NEVER", "OTHER", &rules.join("\n")).await;
    let budget = [("PERSONNEL", "500.00"), ("EQUIPMENT", "200.00"), ("INDIRECT", "300.00")];
    let grant = grant(&service, &cast, "NEVER", "N-1", &budget).await;
    let personnel = lines(&service, &grant).await[0];
    let of_personnel = |invoice: &str, amount: &str| {
        let mut new = request(&grant, Reimbursement, invoice, amount);
        new.lines =
            vec![thrive::disbursements::LineAmount { line: personnel, amount: money(amount) }];
        new
    };
    paid(&service, &cast, of_personnel("A-1", "300.00")).await;
    let (app, waiting) = (&service.app, of_personnel("A-2", "100.00"));
    thrive::disbursements::commands::request(app, &cast.finance, waiting, "A-2").await.unwrap();
    Scene { service, cast, grant }
}

impl Scene {
    /// The codes of the refusal of a mutation of which nothing is asked but why.
    async fn refused(&self, actor: &Actor, mutation: &str, input_type: &str, input: Value) -> Vec<String> {
        let payload = self.service.mutate(actor, mutation, input_type, "__typename", input).await;
        codes(&payload).into_iter().map(str::to_string).collect()
    }

    async fn line(&self, place: usize) -> String {
        lines(&self.service, &self.grant).await[place].to_string()
    }

    fn db(&self) -> &PgPool {
        &self.service.app.db
    }

    /// What refuses a statement as the service's role. `$grant` and `$line` stand for the scene's.
    async fn sql(&self, statement: &str) -> String {
        let role: String =
            sqlx::query_scalar("select current_user::text").fetch_one(self.db()).await.unwrap();
        assert_eq!(role, "thrive_app");
        let line = lines(&self.service, &self.grant).await[0].0;
        let statement = statement
            .replace("$grant", &format!("'{}'", self.grant.id.0))
            .replace("$line", &format!("'{line}'"));
        refused_by(sqlx::raw_sql(AssertSqlSafe(statement)).execute(self.db()).await)
    }

    fn request_of(&self, invoice: &str, amount: &str, line: &str) -> Value {
        json!({ "idempotencyKey": format!("{invoice} {amount}"), "grantId": self.grant.id.to_string(), "amount": amount,
                "invoiceNumber": invoice, "period": { "start": "2026-10-01", "end": "2026-10-31" },
                "lines": [{ "lineId": line, "amount": amount }] })
    }

    fn cost(&self, line: &str, amount: &str, day: &str) -> Value {
        json!({ "idempotencyKey": format!("{amount} {day}"), "grantId": self.grant.id.to_string(), "lineId": line,
                "amount": amount, "incurredOn": day, "description": "Tried" })
    }
}

/// An entry between accounts of the scene's grant, as raw SQL writes it.
fn entry(kind: &str, from: &str, to: &str, amount: &str, on: &str) -> String {
    format!(
        "insert into ledger_transfers (id, from_account, to_account, amount, kind, cause_id, effective_on, recorded_at)
         select gen_random_uuid(), s.id, t.id, {amount}, '{kind}', gen_random_uuid(), '{on}', '2026-11-24T18:00:00Z'
           from ledger_accounts s, ledger_accounts t
          where s.grant_id = $grant and s.kind = '{from}' and t.grant_id = $grant and t.kind = '{to}' limit 1"
    )
}

const REQUEST: &str = "RequestDisbursementInput";
const COST: &str = "RecordExpenditureInput";

#[tokio::test]
async fn no_1_more_is_never_paid_and_pending_than_was_awarded() {
    let it = scene().await;
    let line = it.line(0).await;
    let input = it.request_of("B-1", "600.01", &line);
    let refused = it.refused(&it.cast.finance, "requestDisbursement", REQUEST, input).await;
    assert_eq!(refused, ["INSUFFICIENT_AVAILABLE"]);
    let more = entry("REQUEST", "AVAILABLE", "REQUESTED", "600.01", "2026-11-24");
    assert_eq!(it.sql(&more).await, "ledger_accounts_not_overdrawn");
    // Nor is a row there without its money, or money without its row.
    let row = "insert into disbursements (id, grant_id, status, kind, amount, invoice_number, period_start, period_end,
                                          requested_by, requested_at, updated_at)
               select gen_random_uuid(), grant_id, 'REQUESTED', 'ADVANCE', 1, 'B-2', period_start, period_end, requested_by,
                      requested_at, updated_at from disbursements where invoice_number = 'A-1'";
    assert_eq!(it.sql(row).await, "disbursements_in_ledger");
    let money = entry("REQUEST", "AVAILABLE", "REQUESTED", "1", "2026-11-24");
    assert_eq!(it.sql(&money).await, "disbursements_in_ledger");
    let approved = entry("APPROVE", "REQUESTED", "APPROVED", "1", "2026-11-24");
    assert_eq!(it.sql(&approved).await, "disbursements_in_ledger");
}

#[tokio::test]
async fn no_2_nothing_is_spent_outside_the_period_nor_paid_after_the_last_day() {
    let it = scene().await;
    let line = it.line(0).await;
    for day in ["2026-06-30", "2028-07-01"] {
        let refused =
            it.refused(&it.cast.finance, "recordExpenditure", COST, it.cost(&line, "1.00", day)).await;
        assert_eq!(refused, ["OUTSIDE_PERIOD"], "{day}");
    }
    let mut early = it.request_of("B-1", "1.00", &line);
    early["period"]["start"] = "2026-06-30".into();
    let refused = it.refused(&it.cast.finance, "requestDisbursement", REQUEST, early).await;
    assert_eq!(refused, ["OUTSIDE_PERIOD"]);
    let cost = "insert into expenditures (id, grant_id, line_id, amount, incurred_on, effective_on, description, recorded_by,
                                          recorded_at)
                select gen_random_uuid(), $grant, $line, 1, '2026-06-30', '2026-11-24', 'Tried', requested_by, now()
                  from disbursements limit 1";
    assert_eq!(it.sql(cost).await, "expenditures_in_period");
    let early = "insert into disbursements (id, grant_id, status, kind, amount, invoice_number, period_start, period_end,
                                            requested_by, requested_at, updated_at)
                 select gen_random_uuid(), grant_id, 'REQUESTED', 'ADVANCE', 1, 'B-2', '2026-06-30', period_end,
                        requested_by, requested_at, updated_at from disbursements where invoice_number = 'A-1'";
    assert_eq!(it.sql(early).await, "disbursements_in_period");
    let late = "update disbursements
                   set status = 'PAID', approved_by = (select approved_by from disbursements where invoice_number = 'A-1'),
                       approved_at = now(), approved_amount = amount, paid_on = '2029-01-01', method = 'ACH',
                       reference = 'R', paid_by = (select paid_by from disbursements where invoice_number = 'A-1')
                 where invoice_number = 'A-2'";
    // It is not approved; nor may it be paid so late when it is.
    assert_eq!(it.sql(late).await, "disbursements_transition");
}

#[tokio::test]
async fn no_3_an_entry_is_never_changed_and_reversed_once() {
    let it = scene().await;
    for statement in ["update ledger_transfers set amount = 1", "delete from ledger_transfers"] {
        assert_eq!(it.sql(statement).await, "permission denied for table ledger_transfers");
    }
    let again = |key: &str| {
        json!({ "idempotencyKey": key, "reason": "Twice", "disbursementId": "" })
    };
    let id: uuid::Uuid =
        sqlx::query_scalar("select id from disbursements where invoice_number = 'A-1'")
            .fetch_one(it.db())
            .await
            .unwrap();
    let reverse = async |key: &str| {
        let mut input = again(key);
        input["disbursementId"] = thrive::id::DisbursementId(id).to_string().into();
        it.refused(&it.cast.officer, "reverseDisbursement", "ReverseDisbursementInput", input).await
    };
    assert_eq!(reverse("once").await, [""; 0]);
    assert_eq!(reverse("twice").await, ["INVALID_STATE"]);
    // No mutation changes or removes an entry: there is none that names one.
    let sdl = thrive::graphql::sdl();
    let mutations = sdl.split("type Mutation {").nth(1).unwrap().split("\n}").next().unwrap();
    assert!(!mutations.to_lowercase().contains("transfer(") && !mutations.contains("delete"));
}

#[tokio::test]
async fn no_4_nothing_is_posted_into_a_closed_month() {
    let it = scene().await;
    let close = "insert into ledger_closed_months (month, closed_at) values ('2026-10-01', '2026-11-20T00:00:00Z')";
    sqlx::query(close).execute(it.db()).await.unwrap();
    let month = "update ledger_closed_months set month = '2026-09-01'";
    assert_eq!(it.sql(month).await, "ledger_closed_months_fixed");
    let back = entry("LAPSE", "AVAILABLE", "LAPSED", "1", "2026-10-31");
    assert_eq!(it.sql(&back).await, "ledger_transfers_open_month");
    let open = "delete from ledger_closed_months";
    assert_eq!(it.sql(open).await, "permission denied for table ledger_closed_months");
    let early = "insert into ledger_closed_months (month, closed_at) values ('2026-11-01', '2026-11-24T18:00:00Z')";
    assert_eq!(it.sql(early).await, "ledger_closed_months_over");
}

#[tokio::test]
async fn no_5_an_invoice_and_a_key_are_paid_once() {
    let it = scene().await;
    let line = it.line(0).await;
    let input = it.request_of(" a-1 ", "1.00", &line);
    let refused = it.refused(&it.cast.finance, "requestDisbursement", REQUEST, input).await;
    assert_eq!(refused, ["ALREADY_EXISTS"]);
    let row = "insert into disbursements (id, grant_id, status, kind, amount, invoice_number, period_start, period_end,
                                          requested_by, requested_at, updated_at)
               select gen_random_uuid(), grant_id, 'REQUESTED', 'ADVANCE', 1, ' a-1 ', period_start, period_end, requested_by,
                      requested_at, updated_at from disbursements where invoice_number = 'A-1'";
    assert_eq!(it.sql(row).await, "disbursements_invoice_once");
    let key = "insert into idempotency_keys select person_id, mutation, key, input_hash, gen_random_uuid(), created_at
                 from idempotency_keys limit 1";
    assert_eq!(it.sql(key).await, "idempotency_keys_pkey");
}

#[tokio::test]
async fn no_6_whoever_asked_does_not_approve_and_nobody_above_their_limit() {
    let it = scene().await;
    let id: uuid::Uuid =
        sqlx::query_scalar("select id from disbursements where invoice_number = 'A-2'")
            .fetch_one(it.db())
            .await
            .unwrap();
    let limited = thrive::access::commands::NewRole {
        approval_limit: Some(money("99.99")),
        ..thrive::access::commands::NewRole::everywhere(thrive::access::Role::Approver)
    };
    let limited = it.service.actor("Lim Limited", limited).await;
    let input = json!({ "disbursementId": thrive::id::DisbursementId(id).to_string() });
    let refused = it
        .refused(&limited, "approveDisbursement", "ApproveDisbursementInput", input.clone())
        .await;
    assert_eq!(refused, ["APPROVAL_LIMIT_EXCEEDED"]);
    let refused = it
        .refused(&it.cast.finance, "approveDisbursement", "ApproveDisbursementInput", input)
        .await;
    assert_eq!(refused, ["FORBIDDEN"]);
    let own = "update disbursements set status = 'APPROVED', approved_by = requested_by, approved_at = now(),
                      approved_amount = amount where invoice_number = 'A-2'";
    assert_eq!(it.sql(own).await, "disbursements_approver_is_another");
}

#[tokio::test]
async fn no_7_nothing_is_spent_on_what_is_not_paid_or_above_a_cap() {
    let it = scene().await;
    let (equipment, indirect) = (it.line(1).await, it.line(2).await);
    for (line, amount) in [(&equipment, "1.00"), (&indirect, "100.01")] {
        let input = it.cost(line, amount, "2026-10-15");
        let refused = it.refused(&it.cast.finance, "recordExpenditure", COST, input).await;
        assert_eq!(refused, ["RULE_VIOLATED"]);
        let input = it.request_of(amount, amount, line);
        let refused = it.refused(&it.cast.finance, "requestDisbursement", REQUEST, input).await;
        assert_eq!(refused, ["RULE_VIOLATED"]);
    }
    // Rules are documents, which SQL does not read; a category that there is not is refused.
    let unknown = "insert into budget_lines (id, grant_id, category, title, amount, position, created_at)
                   values (gen_random_uuid(), $grant, 'GIFTS', 'Gifts', 0, 9, now())";
    assert_eq!(it.sql(unknown).await, "budget_lines_category_fkey");
}

#[tokio::test]
async fn no_8_budget_lines_always_sum_to_the_award() {
    let it = scene().await;
    let draft = it.service.draft(&it.cast, "N-2", "100.00").await;
    let input = json!({ "grantId": draft.id.to_string(), "revision": draft.revision,
                        "lines": [{ "category": "TRAVEL", "amount": "99.99" }] });
    let refused = it.refused(&it.cast.manager, "setBudget", "SetBudgetInput", input).await;
    assert_eq!(refused, ["BUDGET_NOT_WHOLE"]);
    let input = json!({ "grantId": it.grant.id.to_string(), "kind": "BUDGET", "reason": "Tried",
                        "lines": [{ "lineId": it.line(0).await, "direction": "DECREASE", "amount": "1.00" }] });
    let refused = it.refused(&it.cast.manager, "amendGrant", "AmendGrantInput", input).await;
    assert_eq!(refused, ["BUDGET_NOT_WHOLE"]);
    let more = "update budget_lines set amount = amount + 1 where id = $line";
    assert_eq!(it.sql(more).await, "budget_lines_sum");
    let award = entry("AMEND_UP", "SRC_PAY", "AVAILABLE", "1", "2026-11-24");
    assert_eq!(it.sql(&award).await, "ledger_chains_equal");
}

#[tokio::test]
async fn no_9_retention_is_released_once_and_never_more_than_is_held() {
    let it = scene().await;
    let input = json!({ "idempotencyKey": "r", "grantId": it.grant.id.to_string(), "amount": "30.01", "reason": "Tried" });
    let refused = it.refused(&it.cast.officer, "releaseRetention", "ReleaseRetentionInput", input).await;
    assert_eq!(refused, ["INSUFFICIENT_AVAILABLE"]);
    let more = entry("RELEASE_RETENTION", "RETAINED", "APPROVED", "30.01", "2026-11-24");
    assert_eq!(it.sql(&more).await, "ledger_accounts_not_overdrawn");
    let without = entry("RELEASE_RETENTION", "RETAINED", "APPROVED", "30.00", "2026-11-24");
    assert_eq!(it.sql(&without).await, "disbursements_in_ledger");
}

#[tokio::test]
async fn no_11_nothing_is_negative_by_its_sign() {
    let it = scene().await;
    let line = it.line(0).await;
    for amount in ["-1.00", "0.00"] {
        let input = it.cost(&line, amount, "2026-10-15");
        let refused = it.refused(&it.cast.finance, "recordExpenditure", COST, input).await;
        assert_eq!(refused, ["AMOUNT_NOT_POSITIVE"]);
    }
    let cost = "insert into expenditures (id, grant_id, line_id, amount, incurred_on, effective_on, description, recorded_by,
                                          recorded_at)
                select gen_random_uuid(), $grant, $line, -1, '2026-10-15', '2026-11-24', 'Tried', requested_by, now()
                  from disbursements limit 1";
    assert_eq!(it.sql(cost).await, "expenditures_positive");
    let request = "update disbursements set amount = -1 where invoice_number = 'A-2'";
    assert_eq!(it.sql(request).await, "disbursements_fixed");
}

#[tokio::test]
async fn no_12_nothing_is_open_in_a_grant_that_is_closed() {
    let it = scene().await;
    let (id, revision) = (it.grant.id.to_string(), it.grant.revision);
    let close = async |mutation: &str| {
        let input = json!({ "grantId": id, "revision": revision });
        it.refused(&it.cast.officer, mutation, "ChangeGrantInput", input).await
    };
    assert_eq!(close("closeGrant").await, ["OUTSIDE_PERIOD"]);
    assert_eq!(close("terminateGrant").await, ["INVALID_STATE"]);
    it.service.travel("2028-07-05T18:00:00Z".parse().unwrap());
    assert_eq!(close("closeGrant").await, ["INVALID_STATE"]);
    let closed = "update grants set status = 'CLOSED' where id = $grant";
    assert_eq!(it.sql(closed).await, "grants_ended_clean");
}

#[tokio::test]
async fn no_15_what_has_a_history_is_not_deleted() {
    let it = scene().await;
    for table in ["cities", "funding_streams", "funding_programs", "grants", "organizations", "people", "expenditures"] {
        let delete = format!("delete from {table}");
        assert_eq!(it.sql(&delete).await, format!("permission denied for table {table}"));
    }
    let sdl = thrive::graphql::sdl();
    assert!(!sdl.contains(" deleteCity") && !sdl.contains(" deleteStream") && !sdl.contains(" delete"));
}

#[tokio::test]
async fn no_16_what_was_known_at_a_moment_stays_what_was_known() {
    let it = scene().await;
    let known = async |at: &str| -> Value {
        let query = "query ($id: ID!, $at: DateTime) { grant(id: $id) { balance(asOf: \"2026-11-24\", knownAt: $at) {
                     awarded expended requested availableToDisburse } } }";
        let variables = json!({ "id": it.grant.id.to_string(), "at": at });
        it.service.ask(&it.cast.auditor, query, variables).await
    };
    let too_soon = known("2026-11-24T18:00:00Z").await;
    assert_eq!(too_soon["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    it.service.travel("2026-11-25T18:00:00Z".parse().unwrap());
    let before = known("2026-11-24T18:00:00Z").await;
    assert_eq!(
        before["data"]["grant"]["balance"],
        json!({ "awarded": "1000.00", "expended": "400.00", "requested": "100.00", "availableToDisburse": "600.00" })
    );
    // Told a day later of the day before.
    let line = it.line(0).await;
    let mut late = it.cost(&line, "50.00", "2026-11-24");
    late["effectiveOn"] = "2026-11-24".into();
    assert_eq!(it.refused(&it.cast.finance, "recordExpenditure", COST, late).await, [""; 0]);
    assert_eq!(known("2026-11-24T18:00:00Z").await, before);
    it.service.travel("2026-11-26T18:00:00Z".parse().unwrap());
    let after = known("2026-11-25T18:00:00Z").await;
    assert_eq!(after["data"]["grant"]["balance"]["expended"], "450.00");
    // Nor is an entry recorded as if it had been known before.
    let back = entry("EXPEND", "UNOBLIGATED", "UNCLAIMED", "1", "2026-11-24");
    assert_eq!(it.sql(&back).await, "ledger_transfers_in_order");
}
