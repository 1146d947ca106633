//! Rules as rows: drafted, compared, activated, pinned by grants, overridden for one, and brought in from files.

use serde_json::{Value, json};
use thrive::{
    clock::Clock,
    disbursements::{self, DisbursementKind},
    error::UserErrorCode::*,
    facts::{FactKind, Subject},
    grants::{self, DateRange, Grant},
    people::OrganizationKind,
    rule_sets::{
        bundled,
        commands::{self, Imported},
        file,
    },
};

use crate::support::{
    Cast, Service, codes, date, none, refusal, refused_by, request_of, service, start,
};

/// A rule of a draft as the API takes it.
fn retention(bp: i32) -> Value {
    json!({
        "name": "retention", "citation": "Agreement, exhibit B", "verifiedOn": "2026-11-01",
        "terms": { "retention": { "bp": bp, "release": "CLOSEOUT" } },
    })
}

fn range(max: &str) -> Value {
    json!({
        "name": "range", "citation": "Announcement of 2026", "verifiedOn": "2026-11-01",
        "terms": { "awardRange": { "max": max } },
    })
}

/// A program of its own with an active first version.
async fn program(service: &Service, cast: &Cast, rules: Value) -> (String, Value) {
    let stream =
        service.data(&cast.admin, "{ fundingStream(code: \"OTHER\") { id } }", none()).await;
    let input = json!({
        "streamId": stream["fundingStream"]["id"], "code": "TEST-1", "name": "A program", "agency": "An agency",
        "kind": "COMPETITIVE", "citation": "Its announcement",
    });
    let made = service
        .mutate(
            &cast.admin,
            "createFundingProgram",
            "CreateFundingProgramInput",
            "program { id }",
            input,
        )
        .await;
    let program = made["program"]["id"].as_str().unwrap().to_string();
    let set = draft(service, cast, &program, rules).await;
    assert_eq!(set["userErrors"], json!([]));
    let active = activate(service, cast, &set["ruleSet"], "2026-01-01").await;
    assert_eq!(active["userErrors"], json!([]));
    (program, active["ruleSet"].clone())
}

async fn draft(service: &Service, cast: &Cast, program: &str, rules: Value) -> Value {
    let input =
        json!({ "programId": program, "sourceUrl": "https://agency.test/rules", "rules": rules });
    let wanted = "ruleSet { id version revision status changes { name change fields } }";
    service.mutate(&cast.admin, "draftRuleSet", "DraftRuleSetInput", wanted, input).await
}

async fn activate(service: &Service, cast: &Cast, set: &Value, from: &str) -> Value {
    let input =
        json!({ "ruleSetId": set["id"], "revision": set["revision"], "effectiveFrom": from });
    let wanted = "ruleSet { id version revision status effectiveFrom effectiveTo }";
    service.mutate(&cast.admin, "activateRuleSet", "ActivateRuleSetInput", wanted, input).await
}

/// A grant of a program, as a draft.
async fn drafted(
    service: &Service,
    cast: &Cast,
    program: &str,
    number: &str,
    amount: &str,
) -> Grant {
    let mut new = service.draft_of(cast, number, amount).await;
    new.program = program.parse().unwrap();
    grants::commands::create(&service.app, &cast.manager, new).await.unwrap()
}

async fn signed(service: &Service, cast: &Cast, draft: &Grant) -> Grant {
    let awarded = grants::commands::award(&service.app, &cast.approver, draft.id, draft.revision)
        .await
        .unwrap();
    let today = service.app.clock.today();
    grants::commands::sign(&service.app, &cast.manager, draft.id, awarded.revision, today)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_change_of_law_is_drafted_compared_and_activated_and_the_day_decides_which_version_holds()
{
    let service = service().await;
    let cast = service.cast().await;
    let (program, first) =
        program(&service, &cast, json!([retention(1000), range("100000.00")])).await;
    assert_eq!((&first["version"], &first["status"]), (&json!(1), &json!("ACTIVE")));

    let gate = json!({ "name": "gate", "citation": "Exhibit C", "terms": { "paymentGate": { "resolution": true } } });
    let second =
        draft(&service, &cast, &program, json!([retention(2000), gate])).await["ruleSet"].clone();
    assert_eq!(
        second["changes"],
        json!([
            { "name": "gate", "change": "ADDED", "fields": [] },
            { "name": "range", "change": "REMOVED", "fields": [] },
            { "name": "retention", "change": "CHANGED", "fields": ["terms.bp"] },
        ]),
    );
    let revised = json!({
        "ruleSetId": second["id"], "revision": 1, "sourceUrl": "https://agency.test/rules/2",
        "rules": [retention(1500), range("100000.00")],
    });
    let wanted = "ruleSet { id revision changes { name fields } rules { name status terms { ... on RetentionTerms { bp } } } }";
    let revised =
        service.mutate(&cast.admin, "reviseRuleSet", "ReviseRuleSetInput", wanted, revised).await;
    assert_eq!(
        revised["ruleSet"]["changes"],
        json!([{ "name": "retention", "fields": ["terms.bp"] }])
    );
    assert_eq!(
        revised["ruleSet"]["rules"][0],
        json!({ "name": "retention", "status": "DRAFT", "terms": { "bp": 1500 } })
    );

    let early = activate(&service, &cast, &revised["ruleSet"], "2025-12-31").await;
    assert_eq!(codes(&early), ["INVALID_DATES"]);
    let stale = activate(&service, &cast, &second, "2026-12-01").await;
    assert_eq!(codes(&stale), ["REVISION_CONFLICT"]);
    let active =
        activate(&service, &cast, &revised["ruleSet"], "2026-12-01").await["ruleSet"].clone();
    assert_eq!(active["status"], "ACTIVE");

    let query = "query ($id: ID!, $on: Date!) { node(id: $id) { ... on FundingProgram { ruleSet(on: $on) { version } } } }";
    for (on, version) in [
        ("2025-12-31", json!(null)),
        ("2026-01-01", json!(1)),
        ("2026-11-30", json!(1)),
        ("2026-12-01", json!(2)),
    ] {
        let found = service.data(&cast.auditor, query, json!({ "id": program, "on": on })).await;
        let set = &found["node"]["ruleSet"];
        assert_eq!(set.get("version").cloned().unwrap_or_default(), version, "{on}");
    }
    let all = "query ($id: ID!) { node(id: $id) { ... on FundingProgram { ruleSets { version status effectiveTo } } } }";
    service.travel(start() + chrono::TimeDelta::days(30));
    let found = service.data(&cast.auditor, all, json!({ "id": program })).await;
    assert_eq!(
        found["node"]["ruleSets"],
        json!([
            { "version": 2, "status": "ACTIVE", "effectiveTo": null },
            { "version": 1, "status": "RETIRED", "effectiveTo": "2026-11-30" },
        ]),
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_said_where_it_is_and_nothing_is_written() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([retention(1000)])).await;
    let named = |name: &str| {
        let mut rule = retention(1000);
        rule["name"] = name.into();
        rule
    };
    let mut uncited = retention(1000);
    uncited["citation"] = " ".into();
    let mut tomorrow = retention(1000);
    tomorrow["verifiedOn"] = "2026-11-25".into();
    for (rules, field, words) in [
        (json!([retention(0)]), "rules.0.terms.retention.bp", "basis points are 1 to 10000"),
        (
            json!([retention(1000), retention(2000)]),
            "rules.1.name",
            "two rules are named retention",
        ),
        (json!([named("Match!")]), "rules.0.name", "`Match!` is not a rule's name"),
        (json!([uncited]), "rules.0.citation", "cites where it is written"),
        (json!([tomorrow]), "rules.0.verifiedOn", "has not come yet; today is 2026-11-24"),
        (
            json!([{ "name": "x", "citation": "C", "terms": { "eligibility": { "requires": [{ "fact": "POPULATION", "oneOf": ["many"] }] } } }]),
            "rules.0.terms.eligibility.requires.0.oneOf",
            "`many` is not a value of POPULATION: a whole number",
        ),
        (
            json!([{ "name": "x", "citation": "C", "terms": { "reportSchedule": { "report": "PROGRESS", "frequency": "YEAR",
                "anchor": "AWARD", "dueDays": 30, "calendar": "OJAI" } } }]),
            "rules.0.terms.reportSchedule.calendar",
            "there is no holiday calendar OJAI",
        ),
    ] {
        let refused = draft(&service, &cast, &program, rules).await;
        let error = &refused["userErrors"][0];
        let path: Vec<_> =
            error["field"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        assert_eq!(path.join("."), format!("input.{field}"));
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }
    // Two kinds at once, or none, do not fit the input's type.
    let both = json!({ "name": "x", "citation": "C", "terms": { "retention": { "bp": 1, "release": "CLOSEOUT" }, "awardRange": { "max": "1.00" } } });
    let query =
        "mutation ($input: DraftRuleSetInput!) { draftRuleSet(input: $input) { ruleSet { id } } }";
    for terms in [both, json!({ "name": "x", "citation": "C", "terms": {} })] {
        let input = json!({ "programId": program, "sourceUrl": "s", "rules": [terms] });
        let answer = service.ask(&cast.admin, query, json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    }
    let sets: i64 = sqlx::query_scalar("select count(*) from rule_sets s join funding_programs p on p.id = s.program_id where p.code = 'TEST-1'")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert_eq!(sets, 1);

    let empty = draft(&service, &cast, &program, json!([])).await["ruleSet"].clone();
    assert_eq!(codes(&activate(&service, &cast, &empty, "2026-12-01").await), ["INVALID_STATE"]);
    for actor in [&cast.manager, &cast.auditor, &cast.finance] {
        let input = json!({ "programId": program, "sourceUrl": "s", "rules": [] });
        let refused = service
            .mutate(actor, "draftRuleSet", "DraftRuleSetInput", "ruleSet { id }", input)
            .await;
        assert_eq!(codes(&refused), ["FORBIDDEN"]);
    }
}

#[tokio::test]
async fn an_activated_set_never_changes_whoever_tries() {
    let service = service().await;
    let cast = service.cast().await;
    let (_, active) = program(&service, &cast, json!([retention(1000)])).await;
    let input = json!({ "ruleSetId": active["id"], "revision": active["revision"], "sourceUrl": "s", "rules": [] });
    let refused = service
        .mutate(&cast.admin, "reviseRuleSet", "ReviseRuleSetInput", "ruleSet { id }", input)
        .await;
    assert_eq!(codes(&refused), ["INVALID_STATE"]);
    assert_eq!(codes(&activate(&service, &cast, &active, "2027-01-01").await), ["INVALID_STATE"]);

    let owner = service.as_owner().await;
    let of_set = "(select s.id from rule_sets s join funding_programs p on p.id = s.program_id where p.code = 'TEST-1')";
    for db in [&service.app.db, &owner] {
        for statement in [
            format!(
                "update rules set params = '{{\"bp\": 1, \"release\": \"CLOSEOUT\"}}' where rule_set_id = {of_set}"
            ),
            format!("delete from rules where rule_set_id = {of_set}"),
            format!(
                "insert into rules (id, rule_set_id, name, place, kind, params, citation)
                     values (gen_random_uuid(), {of_set}, 'more', 9, 'RETENTION', '{{}}', 'C')"
            ),
            format!("update rule_sets set effective_from = '2030-01-01' where id = {of_set}"),
        ] {
            let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(db).await;
            assert_eq!(refused_by(refused), "rule_sets_fixed", "{statement}");
        }
    }
    for table in ["rules", "rule_sets", "rule_overrides", "facts", "deadline_changes"] {
        let truncate = format!("truncate {table} cascade");
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(truncate)).execute(&owner).await;
        assert!(refused_by(refused).contains("is append-only"), "{table}");
    }
}

#[tokio::test]
async fn a_grant_signed_under_mhsa_keeps_its_rules_while_a_new_one_gets_bhsa() {
    let service = service().await;
    let cast = service.cast().await;
    let sign = async |number: &str, program: &str, start: &str, signed_on: &str| {
        let mut new = service.draft_of(&cast, number, "1000.00").await;
        new.program = service.program(program).await;
        new.performance = DateRange { start: date(start), end: date("2028-06-30") };
        new.encumber_by = None;
        let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
        let awarded =
            grants::commands::award(&service.app, &cast.approver, draft.id, 1).await.unwrap();
        grants::commands::sign(
            &service.app,
            &cast.manager,
            draft.id,
            awarded.revision,
            date(signed_on),
        )
        .await
    };
    service.travel("2026-03-02T20:00:00Z".parse().unwrap());
    let old = sign("OLD", "MHSA-PEI", "2026-02-01", "2026-03-01").await.unwrap();
    service.travel(start());
    let new = sign("NEW", "BHSA-BHSS", "2026-07-01", "2026-11-24").await.unwrap();
    // An agreement that was signed before the law began takes effect with it.
    let ahead = sign("AHEAD", "BHSA-BHSS", "2026-07-01", "2026-06-20").await.unwrap();
    let late = sign("LATE", "MHSA-PEI", "2026-02-01", "2026-07-01").await;
    assert_eq!(refusal(late).code, OutsidePeriod);

    let query = "query ($id: ID!) { grant(id: $id) { ruleSet { program { code } version } findings { rule { citation } } } }";
    for (grant, expected) in [(&old, "MHSA-PEI"), (&new, "BHSA-BHSS"), (&ahead, "BHSA-BHSS")] {
        assert!(grant.rule_set_id.is_some());
        let found = service.data(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await;
        let set = &found["grant"]["ruleSet"];
        assert_eq!(set, &json!({ "program": { "code": expected }, "version": 1 }));
    }
    let rules = "{ june: fundingStream(code: \"MHSA\") { ruleSets(on: \"2026-06-30\") { program { code } } }
                   july: fundingStream(code: \"MHSA\") { ruleSets(on: \"2026-07-01\") { program { code } } }
                   before: fundingStream(code: \"BHSA\") { ruleSets(on: \"2026-06-30\") { program { code } } } }";
    let found = service.data(&cast.auditor, rules, none()).await;
    let codes = |name: &str| {
        let sets = found[name]["ruleSets"].as_array().unwrap().iter();
        sets.map(|set| set["program"]["code"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes("june"), ["MHSA-COUNTY", "MHSA-PEI", "MHSSA"]);
    assert_eq!(codes("july"), ["BHSA-BHSS", "BHSA-COUNTY", "BHSA-PREVENTION"]);
    assert_eq!(codes("before"), Vec::<String>::new());

    let unsigned = "update grants set signed_on = null where number = 'OLD'";
    let refused = sqlx::raw_sql(unsigned).execute(&service.app.db).await;
    assert_eq!(refused_by(refused), "grants_signed_once");

    // The database keeps the pin as well.
    let owner = service.as_owner().await;
    let other = "(select s.id from rule_sets s join funding_programs p on p.id = s.program_id where p.code = 'BHSA-BHSS')";
    for change in [other, "null"] {
        let update = format!("update grants set rule_set_id = {change} where number = 'OLD'");
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(update)).execute(&owner).await;
        assert_eq!(refused_by(refused), "grants_keep_rules");
    }
    let elsewhere = format!(
        "update grants set rule_set_id = {other}, signed_on = '2026-11-24' where number = 'LATE'"
    );
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(elsewhere)).execute(&owner).await;
    assert_eq!(refused_by(refused), "grants_rules_of_program");
}

#[tokio::test]
async fn a_later_version_leaves_signed_grants_alone_and_binds_the_next() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([range("1000.00")])).await;
    let before = drafted(&service, &cast, &program, "A", "1000.00").await;
    let before = signed(&service, &cast, &before).await;
    let second =
        draft(&service, &cast, &program, json!([range("500.00")])).await["ruleSet"].clone();
    activate(&service, &cast, &second, "2026-11-24").await;

    let over = drafted(&service, &cast, &program, "B", "500.01").await;
    let refused = grants::commands::award(&service.app, &cast.approver, over.id, 1).await;
    let refused = refusal(refused);
    assert_eq!(refused.code, RuleViolated);
    assert_eq!(
        refused.message,
        "an award is at most 500.00; this one is 500.01 (Announcement of 2026)"
    );
    let after = drafted(&service, &cast, &program, "C", "500.00").await;
    let after = signed(&service, &cast, &after).await;

    let query = "query ($id: ID!) { grant(id: $id) { ruleSet { version } findings { message } } }";
    for (grant, version) in [(before, 1), (after, 2)] {
        let found = service.data(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await;
        assert_eq!(found["grant"], json!({ "ruleSet": { "version": version }, "findings": [] }));
    }
}

#[tokio::test]
async fn a_refusal_by_a_rule_names_the_rule_with_its_citation() {
    let service = service().await;
    let cast = service.cast().await;
    let mut new = service.draft_of(&cast, "PARK", "400000.00").await;
    new.program = service.program("PROP68-SPP").await;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let grant = signed(&service, &cast, &draft).await;
    let request = async |invoice: &str, amount: &str| {
        let input = json!({
            "grantId": grant.id.to_string(), "kind": "ADVANCE", "amount": amount, "invoiceNumber": invoice,
            "period": { "start": "2026-12-01", "end": "2026-12-31" }, "idempotencyKey": invoice,
        });
        let query = "mutation ($input: RequestDisbursementInput!) { requestDisbursement(input: $input) {
            disbursement { id } userErrors { code message rule { name kind citation verifiedOn ruleSet { program { code } } } } } }";
        service.data(&cast.finance, query, json!({ "input": input })).await["requestDisbursement"]
            .clone()
    };

    let unknown = request("1", "1.00").await;
    let error = &unknown["userErrors"][0];
    assert_eq!(error["code"], "RULE_VIOLATED");
    assert_eq!(error["rule"]["kind"], "PAY_METHOD");
    assert_eq!(error["rule"]["ruleSet"]["program"]["code"], "PROP68-SPP");
    assert!(
        error["rule"]["citation"].as_str().unwrap().contains("Public Resources Code section 80030")
    );
    assert!(error["message"].as_str().unwrap().contains("is not known: record that fact"));

    let recipient = Subject::Organization(cast.recipient.id);
    service.fact(&cast, recipient, FactKind::DisadvantagedCommunity, "YES", "2026-01-01").await;
    let paid = request("2", "100000.00").await;
    assert_eq!(paid["userErrors"], json!([]));
    // What is reserved in advance is outstanding.
    let more = request("3", "0.01").await;
    assert_eq!(
        more["userErrors"][0]["message"].as_str().unwrap().split(" (").next().unwrap(),
        "at most 100000.00 is outstanding in advance; 100000.00 is already, and 0.01 was asked for"
    );

    let query = "query ($id: ID!) { node(id: $id) { ... on Disbursement { findings { severity amount rule { name status } } } } }";
    let found =
        service.data(&cast.finance, query, json!({ "id": paid["disbursement"]["id"] })).await;
    assert_eq!(
        found["node"]["findings"],
        json!([
            { "severity": "INFO", "amount": "100000.00", "rule": { "name": "advance-small-award", "status": "DRAFT" } },
        ]),
    );
}

#[tokio::test]
async fn an_override_is_proposed_by_one_and_approved_by_another_and_binds_one_grant() {
    let service = service().await;
    let cast = service.cast().await;
    let method = |bp: i32| json!({ "payMethod": { "method": "BOTH", "maxAdvanceBp": bp } });
    let rules = json!([
        { "name": "advance", "citation": "Exhibit B", "verifiedOn": "2026-11-01", "terms": method(1000) },
        range("9000.00"),
    ]);
    let (program, _) = program(&service, &cast, rules).await;
    let draft = drafted(&service, &cast, &program, "A", "1000.00").await;
    let one = signed(&service, &cast, &draft).await;
    let draft = drafted(&service, &cast, &program, "B", "1000.00").await;
    let other = signed(&service, &cast, &draft).await;
    let advance = async |grant: &Grant, invoice: &str, amount: &str| {
        let mut new = request_of(grant, invoice, amount);
        new.kind = DisbursementKind::Advance;
        disbursements::commands::request(&service.app, &cast.finance, new, invoice).await
    };
    assert_eq!(refusal(advance(&one, "1", "100.01").await).code, RuleViolated);

    let query = "query ($id: ID!) { grant(id: $id) { ruleSet { rules { id name } } } }";
    let found = service.data(&cast.manager, query, json!({ "id": one.id.to_string() })).await;
    let rule = found["grant"]["ruleSet"]["rules"][0]["id"].clone();
    let propose = async |terms: Value, url: &str, rule: &Value| {
        let input = json!({
            "grantId": one.id.to_string(), "ruleId": rule, "terms": terms, "reason": "Council asked; agency agreed.",
            "documentUrl": url, "documentSha256": "0".repeat(64),
        });
        let wanted = "ruleOverride { id status }";
        service
            .mutate(&cast.manager, "proposeRuleOverride", "ProposeRuleOverrideInput", wanted, input)
            .await
    };
    let url = "https://agency.test/letter.pdf";
    let elsewhere = json!("rule_00000000000000000000000000000000");
    for (terms, url, rule, expected) in [
        (method(2000), "letter.pdf", &rule, "INVALID_INPUT"),
        (method(0), url, &rule, "INVALID_INPUT"),
        (json!({ "retention": { "bp": 1, "release": "CLOSEOUT" } }), url, &rule, "INVALID_INPUT"),
        (method(2000), url, &elsewhere, "NOT_FOUND"),
    ] {
        assert_eq!(codes(&propose(terms, url, rule).await), [expected]);
    }
    let proposed = propose(method(2000), url, &rule).await["ruleOverride"].clone();
    assert_eq!(codes(&propose(method(3000), url, &rule).await), ["ALREADY_EXISTS"]);
    // Proposed is not in force.
    assert_eq!(refusal(advance(&one, "1", "100.01").await).code, RuleViolated);

    let decide = async |actor, mutation: &str, kind: &str, id: &Value| {
        let input = json!({ "overrideId": id });
        service.mutate(actor, mutation, kind, "ruleOverride { status }", input).await
    };
    let kind = "DecideRuleOverrideInput";
    let refused = decide(&cast.manager, "approveRuleOverride", kind, &proposed["id"]).await;
    assert_eq!(codes(&refused), ["FORBIDDEN"]);
    let thrive::access::Actor::Person(mut self_approver) = cast.manager.clone() else {
        unreachable!()
    };
    self_approver.role = thrive::access::Role::Approver;
    let own = thrive::access::Actor::Person(self_approver);
    let refused = decide(&own, "approveRuleOverride", kind, &proposed["id"]).await;
    assert_eq!(codes(&refused), ["SEPARATION_OF_DUTIES"]);
    let approved = decide(&cast.approver, "approveRuleOverride", kind, &proposed["id"]).await;
    assert_eq!(approved["ruleOverride"]["status"], "APPROVED");
    let again = decide(&cast.approver, "declineRuleOverride", kind, &proposed["id"]).await;
    assert_eq!(codes(&again), ["INVALID_STATE"]);

    assert!(advance(&one, "1", "200.00").await.is_ok());
    assert_eq!(
        refusal(advance(&other, "2", "100.01").await).code,
        RuleViolated,
        "the rule stays for others"
    );
    let query = "query ($id: ID!) { grant(id: $id) { findings { severity amount rule { terms { ... on PayMethodTerms { maxAdvanceBp } } } override { reason status } } } }";
    let found = service.data(&cast.finance, query, json!({ "id": one.id.to_string() })).await;
    assert_eq!(
        found["grant"]["findings"],
        json!([{
            "severity": "INFO", "amount": "200.00", "rule": { "terms": { "maxAdvanceBp": 1000 } },
            "override": { "reason": "Council asked; agency agreed.", "status": "APPROVED" },
        }]),
    );

    // Set aside: what it would say is told, and nothing is refused. Of two overrides the later decision counts.
    service.tick();
    let aside = propose(json!(null), url, &rule).await["ruleOverride"].clone();
    decide(&cast.approver, "approveRuleOverride", kind, &aside["id"]).await;
    assert!(advance(&one, "3", "700.00").await.is_ok());
    let owner = service.as_owner().await;
    let refused = sqlx::raw_sql("update rule_overrides set reason = 'x'").execute(&owner).await;
    assert_eq!(refused_by(refused), "rule_overrides_fixed");
    let unproposed = "insert into rule_overrides select gen_random_uuid(), grant_id, rule_id, terms, reason, document_url,
        document_sha256, 'APPROVED', proposed_by, proposed_at, decided_by, decided_at from rule_overrides limit 1";
    assert_eq!(
        refused_by(sqlx::raw_sql(unproposed).execute(&owner).await),
        "rule_overrides_proposed_first"
    );
    // Whoever does not see the grant does not see its overrides.
    let stranger = service
        .actor(
            "Sam Stranger",
            thrive::access::commands::NewRole {
                organization: Some(
                    service.organization("Other (test)", OrganizationKind::Cbo, None).await.id,
                ),
                ..thrive::access::commands::NewRole::everywhere(thrive::access::Role::CityFinance)
            },
        )
        .await;
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    assert_eq!(
        service.data(&stranger, node, json!({ "id": aside["id"] })).await["node"],
        json!(null)
    );
}

const NEW_PROGRAM: &str = r#"
source = "https://opioid.test/plan"
effectiveFrom = "2026-10-01"

[program]
code = "OPIOID-YOUTH"
stream = "OTHER"
name = "Youth prevention of the opioid settlement"
agency = "A county"
kind = "COMPETITIVE"
citation = "Settlement agreement, exhibit E"

[[rules]]
name = "reports"
kind = "REPORT_SCHEDULE"
citation = "Settlement agreement, exhibit E"
verifiedOn = "2026-11-01"
report = "PROGRESS"
frequency = "QUARTER"
anchor = "FISCAL_YEAR"
dueDays = 30

[[rules]]
name = "match"
kind = "MATCH"
citation = "County board resolution"
verifiedOn = "2026-11-01"
bp = 1000
base = "TOTAL_COST"
sources = ["CASH", "VOLUNTEER"]

[[rules]]
name = "who"
kind = "ELIGIBILITY"
citation = "County board resolution"
verifiedOn = "2026-11-01"
recipients = ["CITY_GOVERNMENT"]
"#;

async fn import(service: &Service, text: &str) -> thrive::Result<Imported> {
    let file = file::read(text, service.app.clock.today()).unwrap();
    let mut tx = service.app.db.begin().await.unwrap();
    let done = commands::import(&mut tx, &service.app.clock, &file).await?;
    tx.commit().await.unwrap();
    thrive::streams::Catalog::forget(&service.app);
    Ok(done)
}

#[tokio::test]
async fn a_new_program_of_known_kinds_is_a_file_and_its_rules_hold() {
    let service = service().await;
    let cast = service.cast().await;
    assert_eq!(import(&service, NEW_PROGRAM).await.unwrap(), Imported::New { version: 1 });
    assert_eq!(import(&service, NEW_PROGRAM).await.unwrap(), Imported::Unchanged { version: 1 });

    let program = service.program("OPIOID-YOUTH").await.to_string();
    let draft = drafted(&service, &cast, &program, "NEW-1", "90000.00").await;
    let grant = signed(&service, &cast, &draft).await;
    let query = "query ($id: ID!) { grant(id: $id) {
        findings { severity amount message rule { citation } }
        deadlines(first: 50) { nodes { kind title dueOn rule { name } } } } }";
    let found = service.data(&cast.finance, query, json!({ "id": grant.id.to_string() })).await;
    assert_eq!(
        found["grant"]["findings"],
        json!([{ "severity": "INFO", "amount": "10000.00",
                 "message": "a match of 10000.00 is required, a part of the whole cost",
                 "rule": { "citation": "County board resolution" } }]),
    );
    let nodes = found["grant"]["deadlines"]["nodes"].as_array().unwrap();
    let reports: Vec<_> = nodes
        .iter()
        .filter(|node| node["kind"] == "PROGRESS_REPORT")
        .map(|node| (node["title"].as_str().unwrap(), node["dueOn"].as_str().unwrap()))
        .collect();
    // Signed on 24 November: the report of the quarter before was never due.
    assert_eq!(reports.len(), 7);
    assert_eq!(reports[0], ("Progress report for 1 October to 31 December 2026", "2027-01-30"));
    assert_eq!(reports[6], ("Progress report for 1 April to 30 June 2028", "2028-07-30"));

    let cbo = service.organization("Youth Org (test)", OrganizationKind::Cbo, None).await;
    let mut new = service.draft_of(&cast, "NEW-2", "90000.00").await;
    new.program = program.parse().unwrap();
    new.recipient = cbo.id;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let refused = grants::commands::award(&service.app, &cast.approver, draft.id, 1).await;
    assert_eq!(
        refusal(refused).message,
        "recipients are CITY_GOVERNMENT; this one is CBO (County board resolution)"
    );

    // The law changes: a reviewed diff of the file is the next version, and the grant keeps the first.
    let changed = NEW_PROGRAM.replace("bp = 1000", "bp = 2000").replace("2026-10-01", "2026-11-20");
    assert_eq!(import(&service, &changed).await.unwrap(), Imported::New { version: 2 });
    assert_eq!(import(&service, NEW_PROGRAM).await.unwrap(), Imported::Unchanged { version: 1 });
    let spaced = changed.replace("https://opioid.test/plan", "https://opioid.test/plan ");
    assert_eq!(import(&service, &spaced).await.unwrap(), Imported::Unchanged { version: 2 });
    let older = NEW_PROGRAM.replace("bp = 1000", "bp = 3000");
    assert_eq!(
        import(&service, &older).await.unwrap(),
        Imported::Superseded { version: 2, effective_from: date("2026-11-20") }
    );
    let found = service.data(&cast.finance, query, json!({ "id": grant.id.to_string() })).await;
    assert_eq!(found["grant"]["findings"][0]["amount"], "10000.00");
}

#[test]
fn a_file_with_a_mistake_is_refused_with_its_line() {
    let read = |text: &str| format!("{:#}", file::read(text, date("2026-11-24")).unwrap_err());
    for (from, to, expected) in [
        ("bp = 1000", "bp = 0", "line 23: rule `match`: bp: 0 is not a part"),
        ("bp = 1000", "bpp = 1000", "line 23: rule `match` (MATCH): unknown field `bpp`"),
        (
            "kind = \"MATCH\"",
            "kind = \"MATCHES\"",
            "line 23: rule `match` (MATCHES): unknown variant `MATCHES`",
        ),
        (
            "dueDays = 30",
            "dueDays = \"30\"",
            "line 13: rule `reports` (REPORT_SCHEDULE): invalid type",
        ),
        (
            "name = \"who\"",
            "name = \"match\"",
            "line 32: rule `match`: name: two rules are named match",
        ),
        (
            "verifiedOn = \"2026-11-01\"",
            "verifiedOn = \"2026-11-31\"",
            "`2026-11-31` is not a date",
        ),
        ("effectiveFrom", "effectiveFrm", "unknown field `effectiveFrm`"),
        (
            "kind = \"COMPETITIVE\"",
            "kind = \"LOTTERY\"",
            "`LOTTERY` is none of COMPETITIVE, FORMULA, PASS_THROUGH",
        ),
        (
            "recipients = [\"CITY_GOVERNMENT\"]",
            "recipients = [\"CITY\"]",
            "line 32: rule `who` (ELIGIBILITY): `CITY` is none of",
        ),
        ("source = \"https://opioid.test/plan\"", "source = \"\"", "`source` is empty"),
        ("2026-10-01", "2206-10-01", "effectiveFrom: 2206-10-01 is not a day that a law begins on"),
        (
            "code = \"OPIOID-YOUTH\"",
            "code = \"opioid\"",
            "program: `opioid` is not a program's code",
        ),
    ] {
        assert!(NEW_PROGRAM.contains(from));
        let told = read(&NEW_PROGRAM.replacen(from, to, 1));
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn the_rules_that_come_with_the_program_are_cited_and_enforced_only_where_verified() {
    let service = service().await;
    let files = bundled::rule_files(&service.app.clock).unwrap();
    assert_eq!(files.len(), 13);
    for file in &files {
        for rule in &file.rules {
            let unverified = rule.citation.to_lowercase().contains("not verified");
            assert_eq!(
                unverified,
                rule.verified_on.is_none(),
                "{} {}",
                file.program.code,
                rule.name
            );
        }
    }
    // Loaded by the migration, and a second time nothing is new.
    let owner = service.as_owner().await;
    assert_eq!(bundled::load(&owner, &Clock::fixed(start())).await.unwrap(), 0);
    let query = "{ fundingStreams { ruleSets(on: \"2026-07-01\") { program { code } rules { name status verifiedOn citation } } } }";
    let found = service.data(&thrive::access::Actor::Anyone, query, none()).await;
    let streams = found["fundingStreams"].as_array().unwrap();
    let rules: Vec<&Value> = streams
        .iter()
        .flat_map(|stream| stream["ruleSets"].as_array().unwrap())
        .flat_map(|set| set["rules"].as_array().unwrap())
        .collect();
    assert!(rules.len() > 30, "{}", rules.len());
    for rule in rules {
        let expected = if rule["verifiedOn"].is_null() { "DRAFT" } else { "ACTIVE" };
        assert_eq!(rule["status"], expected, "{rule}");
    }
}

#[tokio::test]
async fn a_draft_is_seen_by_those_who_see_everything() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([retention(1000)])).await;
    let made = draft(&service, &cast, &program, json!([retention(2000)])).await;
    let id = &made["ruleSet"]["id"];
    let query = "query ($id: ID!, $program: ID!) { node(id: $id) { id }
        program: node(id: $program) { ... on FundingProgram { ruleSets { version } } } }";
    let variables = json!({ "id": id, "program": program });
    let all = service.data(&cast.auditor, query, variables.clone()).await;
    assert_eq!(
        all,
        json!({ "node": { "id": id }, "program": { "ruleSets": [{ "version": 2 }, { "version": 1 }] } })
    );
    for actor in [&cast.finance, &thrive::access::Actor::Anyone] {
        let public = service.data(actor, query, variables.clone()).await;
        assert_eq!(public, json!({ "node": null, "program": { "ruleSets": [{ "version": 1 }] } }));
    }
}

#[tokio::test]
async fn administrators_maintain_streams_and_programs() {
    let service = service().await;
    let cast = service.cast().await;
    let create = async |input: Value| {
        let wanted = "stream { id code revision }";
        service
            .mutate(&cast.admin, "createFundingStream", "CreateFundingStreamInput", wanted, input)
            .await
    };
    let new = |code: &str| json!({ "code": code, "name": "Climate bond", "level": "STATE", "effectiveFrom": "2024-11-06" });
    let made = create(new("PROP_4")).await["stream"].clone();
    assert_eq!(codes(&create(new("PROP_4")).await), ["ALREADY_EXISTS"]);
    assert_eq!(codes(&create(new("prop 4")).await), ["INVALID_INPUT"]);
    let update = async |input: Value| {
        let wanted = "stream { revision effectiveTo successor { code } }";
        service
            .mutate(&cast.admin, "updateFundingStream", "UpdateFundingStreamInput", wanted, input)
            .await
    };
    let next = create(json!({ "code": "PROP_9", "name": "Next", "level": "STATE", "effectiveFrom": "2030-07-01" })).await["stream"].clone();
    let open =
        update(json!({ "streamId": made["id"], "revision": 1, "successorId": next["id"] })).await;
    assert_eq!(codes(&open), ["INVALID_STATE"]);
    let ended = update(json!({ "streamId": made["id"], "revision": 1, "effectiveTo": "2030-06-30", "successorId": next["id"] })).await;
    assert_eq!(
        ended["stream"],
        json!({ "revision": 2, "effectiveTo": "2030-06-30", "successor": { "code": "PROP_9" } })
    );
    let stale = update(json!({ "streamId": made["id"], "revision": 1, "name": "X" })).await;
    assert_eq!(codes(&stale), ["REVISION_CONFLICT"]);
    let nameless = update(json!({ "streamId": made["id"], "revision": 2, "name": " " })).await;
    assert_eq!(codes(&nameless), ["INVALID_INPUT"]);
    let circle = update(json!({ "streamId": next["id"], "revision": 1, "effectiveTo": "2031-06-30", "successorId": made["id"] })).await;
    assert_eq!(codes(&circle), ["INVALID_INPUT"]);

    let program = async |code: &str, parent: Option<&Value>| {
        let input = json!({ "streamId": made["id"], "parentId": parent, "code": code, "name": code, "agency": "An agency",
                            "kind": "FORMULA", "citation": "PRC 90000" });
        service
            .mutate(
                &cast.admin,
                "createFundingProgram",
                "CreateFundingProgramInput",
                "program { id code parent { code } }",
                input,
            )
            .await
    };
    let whole = program("PROP4-ALL", None).await["program"].clone();
    let part = program("PROP4-PARKS", Some(&whole["id"])).await["program"].clone();
    assert_eq!(part["parent"]["code"], "PROP4-ALL");
    let into = async |id: &Value, parent: &Value| {
        let input = json!({ "programId": id, "revision": 1, "parentId": parent });
        service
            .mutate(
                &cast.admin,
                "updateFundingProgram",
                "UpdateFundingProgramInput",
                "program { revision }",
                input,
            )
            .await
    };
    assert_eq!(codes(&into(&whole["id"], &part["id"]).await), ["INVALID_INPUT"]);
    assert_eq!(
        codes(&into(&whole["id"], &json!(service.program("OTHER").await.to_string())).await),
        ["INVALID_INPUT"]
    );

    // A part without rules of its own has those of the whole.
    let set = draft(&service, &cast, whole["id"].as_str().unwrap(), json!([retention(1000)])).await
        ["ruleSet"]
        .clone();
    activate(&service, &cast, &set, "2025-01-01").await;
    let query = "query ($id: ID!) { node(id: $id) { ... on FundingProgram { ruleSet(on: \"2026-01-01\") { program { code } } } } }";
    let found = service.data(&cast.finance, query, json!({ "id": part["id"] })).await;
    assert_eq!(found["node"]["ruleSet"]["program"]["code"], "PROP4-ALL");
    // Grants of a new stream are found by its id.
    drafted(&service, &cast, part["id"].as_str().unwrap(), "CLIMATE", "10.00").await;
    let query = "query ($id: ID!) { grants(filter: { streamIds: [$id] }) { totalCount nodes { number stream { code } } } }";
    let found = service.data(&cast.manager, query, json!({ "id": made["id"] })).await;
    assert_eq!(
        found["grants"],
        json!({ "totalCount": 1, "nodes": [{ "number": "CLIMATE", "stream": { "code": "PROP_4" } }] })
    );
    let owner = service.as_owner().await;
    for statement in [
        "update funding_streams set code = 'X1' where code = 'PROP_4'",
        "update funding_programs set code = 'X1' where code = 'PROP4-ALL'",
    ] {
        assert_eq!(refused_by(sqlx::raw_sql(statement).execute(&owner).await), "code_stays");
    }
}

#[tokio::test]
async fn two_activations_at_once_follow_one_another() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([retention(1000)])).await;
    let mut drafts = Vec::new();
    for bp in 1..=8 {
        drafts.push(
            draft(&service, &cast, &program, json!([retention(bp)])).await["ruleSet"].clone(),
        );
    }
    let versions: Vec<_> = drafts.iter().map(|set| set["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (2..=9).collect::<Vec<_>>());
    let tries = drafts.iter().map(|set| activate(&service, &cast, set, "2026-12-01"));
    for payload in futures_util::future::join_all(tries).await {
        assert_eq!(payload["userErrors"], json!([]));
    }
    let query = "query ($id: ID!) { node(id: $id) { ... on FundingProgram { ruleSet(on: \"2026-12-01\") { version } } } }";
    let found = service.data(&cast.auditor, query, json!({ "id": program })).await;
    assert_eq!(found["node"]["ruleSet"]["version"], 9, "of versions of one day the last counts");
}

#[tokio::test]
async fn a_version_that_is_still_to_come_does_not_bar_an_earlier_one() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([retention(1000)])).await;
    let far = draft(&service, &cast, &program, json!([retention(2000)])).await["ruleSet"].clone();
    assert_eq!(activate(&service, &cast, &far, "2097-07-01").await["userErrors"], json!([]));
    let typo = draft(&service, &cast, &program, json!([retention(2500)])).await["ruleSet"].clone();
    // Compared with what is in force, not with what is to come.
    assert_eq!(
        typo["changes"],
        json!([{ "name": "retention", "change": "CHANGED", "fields": ["terms.bp"] }])
    );
    assert_eq!(codes(&activate(&service, &cast, &typo, "2207-07-01").await), ["INVALID_DATES"]);
    assert_eq!(activate(&service, &cast, &typo, "2026-12-01").await["userErrors"], json!([]));
    let query = "query ($id: ID!) { node(id: $id) { ... on FundingProgram { ruleSets { version effectiveFrom effectiveTo } } } }";
    let found = service.data(&cast.auditor, query, json!({ "id": program })).await;
    assert_eq!(
        found["node"]["ruleSets"],
        json!([
            { "version": 3, "effectiveFrom": "2026-12-01", "effectiveTo": "2097-06-30" },
            { "version": 2, "effectiveFrom": "2097-07-01", "effectiveTo": null },
            { "version": 1, "effectiveFrom": "2026-01-01", "effectiveTo": "2026-11-30" },
        ]),
    );
}

#[tokio::test]
async fn what_an_administrator_put_in_force_goes_before_a_file_of_the_same_day() {
    let service = service().await;
    let cast = service.cast().await;
    import(&service, NEW_PROGRAM).await.unwrap();
    let program = service.program("OPIOID-YOUTH").await.to_string();
    let corrected =
        draft(&service, &cast, &program, json!([retention(1000)])).await["ruleSet"].clone();
    assert_eq!(activate(&service, &cast, &corrected, "2026-10-01").await["userErrors"], json!([]));
    let reworded =
        NEW_PROGRAM.replace("exhibit E\"\nverifiedOn", "exhibit E, page 3\"\nverifiedOn");
    assert_ne!(reworded, NEW_PROGRAM);
    let superseded = |version, day| Imported::Superseded { version, effective_from: date(day) };
    assert_eq!(import(&service, &reworded).await.unwrap(), superseded(2, "2026-10-01"));
    // What the file says is there as version 1, and not in force.
    assert_eq!(import(&service, NEW_PROGRAM).await.unwrap(), superseded(2, "2026-10-01"));
    let ahead = draft(&service, &cast, &program, json!([retention(500)])).await["ruleSet"].clone();
    assert_eq!(activate(&service, &cast, &ahead, "2027-07-01").await["userErrors"], json!([]));
    let of_that_day = NEW_PROGRAM.replace("2026-10-01", "2027-07-01");
    assert_eq!(import(&service, &of_that_day).await.unwrap(), superseded(3, "2027-07-01"));

    // A file describes its program when it brings a version, and cannot carry it elsewhere.
    let later = NEW_PROGRAM
        .replace("2026-10-01", "2026-11-01")
        .replace("agency = \"A county\"", "agency = \"Another county\"");
    assert_eq!(import(&service, &later).await.unwrap(), Imported::New { version: 4 });
    let query = "{ fundingProgram(code: \"OPIOID-YOUTH\") { agency revision stream { code } } }";
    let found = service.data(&cast.auditor, query, none()).await;
    let expected =
        json!({ "agency": "Another county", "revision": 2, "stream": { "code": "OTHER" } });
    assert_eq!(found["fundingProgram"], expected);
    let elsewhere = NEW_PROGRAM.replace("stream = \"OTHER\"", "stream = \"PROP_64\"");
    assert_eq!(
        refusal(import(&service, &elsewhere).await).message,
        "the stream of OPIOID-YOUTH is not PROP_64: change the program first"
    );
    let nowhere = NEW_PROGRAM.replace("stream = \"OTHER\"", "stream = \"PROP_0\"");
    assert_eq!(
        refusal(import(&service, &nowhere).await).message,
        "there is no funding stream PROP_0"
    );

    for (statement, expected) in [
        ("update funding_programs set stream_id = (select id from funding_streams where code = 'PROP_64') where code = 'OPIOID-YOUTH'", "funding_programs_keep_stream"),
        ("insert into rule_sets (id, program_id, version, source_url, effective_from, activated_at, created_at, updated_at)
          select gen_random_uuid(), id, 9, 's', '2026-11-01', now(), now(), now() from funding_programs where code = 'OPIOID-YOUTH'", "rule_sets_drafted_first"),
        ("with made as (insert into rule_sets (id, program_id, version, source_url, created_at, updated_at)
          select gen_random_uuid(), id, 9, 's', now(), now() from funding_programs where code = 'OPIOID-YOUTH')
          select 1; update rule_sets set effective_from = '2026-11-01', activated_at = now() where version = 9", "rule_sets_not_empty"),
    ] {
        assert_eq!(refused_by(sqlx::raw_sql(statement).execute(&service.app.db).await), expected);
    }
}

#[tokio::test]
async fn a_set_divides_in_one_way_and_its_limits_name_what_it_divides_into() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([retention(1000)])).await;
    let split = |name: &str| {
        json!({ "name": name, "citation": "C", "verifiedOn": "2026-11-01", "terms": { "allocationSplit": {
        "steps": [{ "component": "A", "bp": 5000, "of": "TOTAL" }], "residual": "B" } } })
    };
    let floor = |component: Value| {
        json!({ "name": "floor", "citation": "C", "verifiedOn": "2026-11-01", "terms": { "subFloor": {
        "component": component, "bp": 5000, "purpose": "Youth" } } })
    };
    for (rules, code) in [
        (json!([split("one"), split("two")]), Some("INVALID_INPUT")),
        (json!([split("one"), floor(json!("C"))]), Some("INVALID_INPUT")),
        (json!([split("one"), floor(json!(null))]), Some("INVALID_INPUT")),
        (json!([split("one"), floor(json!("B"))]), None),
        (json!([floor(json!(null))]), None),
        // What PostgreSQL cannot hold is bad input.
        (
            json!([{ "name": "x", "citation": "C", "terms": { "subFloor": { "bp": 1, "purpose": "nul\u{0}" } } }]),
            Some("fault"),
        ),
    ] {
        let input = json!({ "programId": program, "sourceUrl": "s", "rules": rules });
        let query = "mutation ($input: DraftRuleSetInput!) { draftRuleSet(input: $input) { userErrors { code } } }";
        let answer = service.ask(&cast.admin, query, json!({ "input": input })).await;
        if code == Some("fault") {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
            continue;
        }
        let told = codes(&answer["data"]["draftRuleSet"]).first().map(|code| code.to_string());
        assert_eq!(told.as_deref(), code, "{answer}");
    }
}

#[tokio::test]
async fn a_signature_is_checked_against_the_rules_it_pins() {
    let service = service().await;
    let cast = service.cast().await;
    let (program, _) = program(&service, &cast, json!([range("1000.00")])).await;
    let draft_grant = drafted(&service, &cast, &program, "A", "1000.00").await;
    let awarded =
        grants::commands::award(&service.app, &cast.approver, draft_grant.id, 1).await.unwrap();
    let stricter =
        draft(&service, &cast, &program, json!([range("500.00")])).await["ruleSet"].clone();
    activate(&service, &cast, &stricter, "2026-11-24").await;
    let today = service.app.clock.today();
    let refused =
        grants::commands::sign(&service.app, &cast.manager, awarded.id, awarded.revision, today)
            .await;
    assert_eq!(refusal(refused).code, RuleViolated);

    // Signed when its program had no rules, a grant has none later either.
    let bare = service.program("OTHER").await.to_string();
    let grant = drafted(&service, &cast, &bare, "B", "1000.00").await;
    let grant = signed(&service, &cast, &grant).await;
    let set = draft(&service, &cast, &bare, json!([range("1.00")])).await["ruleSet"].clone();
    activate(&service, &cast, &set, "2026-01-01").await;
    let query = "query ($id: ID!) { grant(id: $id) { ruleSet { version } findings { message } } }";
    let found = service.data(&cast.auditor, query, json!({ "id": grant.id.to_string() })).await;
    assert_eq!(found["grant"], json!({ "ruleSet": null, "findings": [] }));
}

#[test]
fn files_are_brought_in_after_what_they_are_part_of_and_in_the_order_of_their_days() {
    let named = |code: &str, parent: Option<&str>, day: &str| {
        let parent = parent.map(|parent| format!("parent = \"{parent}\"\n")).unwrap_or_default();
        let text = NEW_PROGRAM
            .replace("code = \"OPIOID-YOUTH\"\n", &format!("code = \"{code}\"\n{parent}"))
            .replace("2026-10-01", day);
        file::read(&text, date("2026-11-24")).unwrap()
    };
    let files = vec![
        named("GRANDCHILD", Some("CHILD"), "2020-01-01"),
        named("CHILD", Some("WHOLE"), "2025-01-01"),
        named("WHOLE", None, "2026-01-01"),
        named("WHOLE", None, "2024-01-01"),
    ];
    let ordered = file::in_order(files, |file| file);
    let codes: Vec<_> = ordered
        .iter()
        .map(|file| (file.program.code.as_str(), file.effective_from.unwrap()))
        .collect();
    let expected = [
        ("WHOLE", "2024-01-01"),
        ("WHOLE", "2026-01-01"),
        ("CHILD", "2025-01-01"),
        ("GRANDCHILD", "2020-01-01"),
    ];
    assert_eq!(codes, expected.map(|(code, day)| (code, date(day))));
}

#[tokio::test]
async fn a_program_that_moves_in_the_tree_leaves_its_signed_grants_as_they_are() {
    let service = service().await;
    let cast = service.cast().await;
    let (whole, _) = program(&service, &cast, json!([range("5000.00")])).await;
    let stream =
        service.data(&cast.admin, "{ fundingStream(code: \"OTHER\") { id } }", none()).await;
    let part = json!({
        "streamId": stream["fundingStream"]["id"], "parentId": whole, "code": "TEST-PART", "name": "A part",
        "agency": "An agency", "kind": "FORMULA", "citation": "Its announcement",
    });
    let made = service
        .mutate(
            &cast.admin,
            "createFundingProgram",
            "CreateFundingProgramInput",
            "program { id }",
            part,
        )
        .await;
    let part = made["program"]["id"].as_str().unwrap();
    let draft_grant = drafted(&service, &cast, part, "A", "1000.00").await;
    let grant = signed(&service, &cast, &draft_grant).await;
    let elsewhere = service.program("OTHER").await.to_string();
    let input = json!({ "programId": part, "revision": 1, "parentId": elsewhere });
    let moved = service
        .mutate(
            &cast.admin,
            "updateFundingProgram",
            "UpdateFundingProgramInput",
            "program { parent { code } }",
            input,
        )
        .await;
    assert_eq!(moved["program"]["parent"]["code"], "OTHER");

    let suspended =
        grants::commands::suspend(&service.app, &cast.manager, grant.id, grant.revision)
            .await
            .unwrap();
    assert_eq!(suspended.rule_set_id, grant.rule_set_id);
}

#[tokio::test]
async fn an_unsigned_grant_shows_the_law_that_it_would_be_signed_under() {
    let service = service().await;
    let cast = service.cast().await;
    service.travel("2026-05-10T18:00:00Z".parse().unwrap());
    let mut new = service.draft_of(&cast, "AHEAD", "1000.00").await;
    new.program = service.program("BHSA-BHSS").await;
    let draft = grants::commands::create(&service.app, &cast.manager, new).await.unwrap();
    let query = "query ($id: ID!) { grant(id: $id) { ruleSet { program { code } } findings { rule { name } } } }";
    let found = service.data(&cast.manager, query, json!({ "id": draft.id.to_string() })).await;
    assert_eq!(found["grant"]["ruleSet"]["program"]["code"], "BHSA-BHSS");
    assert!(!found["grant"]["findings"].as_array().unwrap().is_empty());
}
