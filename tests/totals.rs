//! Totals that are kept beside the ledger: the same as recomputed from its entries, whoever asks, on whatever day, while
//! others post; and what happens when they are not.

mod books;
mod recomputed;

use std::sync::Arc;

use chrono::{TimeZone, Utc};
use serde_json::{Value, json};
use sqlx::{Executor, PgPool};
use thrive::{
    access::{Actor, Reach},
    figures::{
        agreement_store,
        balances::Of,
        reading::{self, Question},
        summary::{Amounts, FundingDimension as By, Group, Key, Summary},
        totals_store::{self, Everything, Sums},
        wanted::{FIGURES, Shown, Wanted},
    },
    fiscal_year::FiscalYear,
    grants::{ActionArea, GrantStatus, store::GrantFilter},
    jobs,
    ledger::{AccountKind, GrantBalance},
    money::Money,
    streams::StreamCode,
};

use self::books::{Books, Dice};
use crate::{
    statements::counted,
    support::{Service, date, none, refused_by, service},
};

/// The question of every dashboard.
const BY_STREAM_AND_YEAR: &str =
    "{ fundingSummary(groupBy: [STREAM, FISCAL_YEAR]) { groups { key { stream { code name }
    fiscalYear } grantCount figures { awarded disbursed availableToDisburse } } } }";

#[tokio::test]
async fn summaries_are_what_accounts_and_entries_sum_to_whatever_is_asked() {
    for seed in 0..3 {
        let mut dice = Dice(seed);
        let books = books::kept(&mut dice, 30, 500).await;
        for number in 0..120 {
            // The answer is the same before and after changes are folded.
            if number == 40 {
                agreement_store::fold(&books.service.app.db, 300).await.unwrap();
            }
            if number == 80 {
                jobs::run_by_hand(&books.service.app, "funding_totals_fold", None, false)
                    .await
                    .unwrap();
            }
            compare(&books, &mut dice, &format!("question {number} of seed {seed}")).await;
        }
        jobs::run_by_hand(&books.service.app, "funding_totals", None, false).await.unwrap();
    }
}

async fn compare(books: &Books, dice: &mut Dice, which: &str) {
    let app = &books.service.app;
    let (reach, filter) = (reach(books, dice), filter(books, dice));
    let by = match dice.below(3) {
        0 => dice.some_of(&[By::Stream, By::Program, By::FiscalYear]),
        1 => dice.some_of(&[By::Stream, By::Program, By::FiscalYear, By::Recipient]),
        _ => dice.some_of(By::ALL),
    };
    let of = days(books, dice);
    let wanted = wanted(dice, &by);
    let question = Question { by: &by, of, wanted };
    let context = format!("{which}: {by:?} {of:?} {wanted:?} {filter:?} {reach:?}");
    let told = reading::read(app, &reach, &filter, &question).await.unwrap();
    let expected = recomputed::summary(app, &reach, &filter, &by, of).await;
    let (told, expected) = (shown(told, wanted, &by), shown(expected, wanted, &by));
    assert_eq!(told, expected, "{context}");
}

type Told = (Key, i64, Option<i64>, Vec<(&'static str, Money)>);

/// What a document that selects so much shows.
fn shown(of: Summary, wanted: Wanted, by: &[By]) -> Vec<Told> {
    let told = |group: Group, figures: Shown| {
        let of_year = by.contains(&By::FiscalYear) && group.key != Key::default();
        let named = FIGURES.iter().zip(group.amounts.0).filter(|((name, made_of), _)| {
            let burn = *name == "burnRate" && of_year;
            figures.and(*made_of) == figures && !burn
        });
        let amounts = named.map(|((name, _), amount)| (*name, amount)).collect();
        let unknown = wanted.match_unknown.then_some(group.match_unknown);
        (group.key, group.grants, unknown, amounts)
    };
    let mut all = vec![told(of.total, wanted.total)];
    if let Some(figures) = wanted.groups {
        all.extend(of.groups.into_iter().map(|group| told(group, figures)));
    }
    all
}

fn wanted(dice: &mut Dice, by: &[By]) -> Wanted {
    let mut some = |most: usize| {
        let figures = (0..dice.below(most)).map(|_| dice.one_of(&FIGURES).1);
        figures.collect::<Vec<_>>().into_iter().fold(Shown::default(), Shown::and)
    };
    let additive = some(3).without(Shown::RULES.and(Shown::BURN).and(Shown::CASH).and(Shown::DUE));
    let (total, groups) = (some(4), some(6).and(Shown::AWARDED));
    let (total, groups) = match dice.below(3) {
        0 => (total, groups),
        1 => (additive, additive.and(Shown::AWARDED)),
        _ => (Shown::ALL, Shown::ALL),
    };
    let grouped = !by.is_empty() && dice.below(5) > 0;
    let match_unknown = total.has(Shown::RULES) || dice.below(6) == 0;
    Wanted { total, groups: grouped.then_some(groups), match_unknown }
}

fn reach(books: &Books, dice: &mut Dice) -> Reach {
    match dice.below(4) {
        0 => Reach { cities: vec![books.cities[2].id], ..Reach::default() },
        1 => Reach { organizations: vec![books.recipients[0]], ..Reach::default() },
        _ => Reach { everything: true, ..Reach::default() },
    }
}

fn filter(books: &Books, dice: &mut Dice) -> GrantFilter {
    let mut filter = GrantFilter::default();
    for _ in 0..=dice.below(3) {
        narrow(&mut filter, books, dice);
    }
    filter
}

fn narrow(filter: &mut GrantFilter, books: &Books, dice: &mut Dice) {
    match dice.below(14) {
        0 => filter.streams = Some(dice.some_of(StreamCode::ALL)),
        1 => filter.programs = Some(dice.some_of(&books.programs)),
        2 => filter.statuses = Some(dice.some_of(GrantStatus::ALL)),
        3 => filter.cities = Some(vec![dice.one_of(&books.cities).id]),
        4 => filter.recipients = Some(dice.some_of(&books.recipients)),
        5 => filter.action_areas = Some(dice.some_of(ActionArea::ALL)),
        6 => filter.search = Some("G-1".into()),
        7 => filter.active_on = Some(date("2027-01-01")),
        8 => filter.stream_ids = Some(vec![]),
        9 => filter.statuses = Some(GrantStatus::ALL.to_vec()),
        10 | 11 => {
            let drafts = |status: &&GrantStatus| **status != GrantStatus::Draft;
            filter.statuses = Some(GrantStatus::ALL.iter().filter(drafts).copied().collect());
        }
        _ => {}
    }
}

fn days(books: &Books, dice: &mut Dice) -> Of {
    let year = FiscalYear(2023 + i32::try_from(dice.below(6)).unwrap());
    let day = date("2026-11-24").plus_days(-i64::try_from(dice.below(1000)).unwrap());
    let as_of = match dice.below(6) {
        0 => Some(year.last_day()),
        1 => Some(day),
        2 => Some(year.first_day()),
        _ => None,
    };
    let known_at = (dice.below(6) == 0).then_some(books.halfway);
    Of { as_of, known_at }
}

async fn all_shown(service: &Service, actor: &Actor, arguments: &str) -> Value {
    let names: Vec<_> = FIGURES.iter().map(|(name, _)| *name).collect();
    let figures = names.join(" ");
    let query = format!(
        "{{ fundingSummary({arguments}) {{ grantCount unknownMatchCount total {{ {figures} }} groups {{
             key {{ stream {{ code }} fiscalYear }} grantCount unknownMatchCount figures {{ {figures} }} }} }} }}"
    );
    service.data(actor, &query, none()).await["fundingSummary"].take()
}

#[tokio::test]
async fn a_figure_that_is_asked_for_alone_is_the_same_as_among_all() {
    let books = books::kept(&mut Dice(7), 12, 200).await;
    let (service, actor) = (&books.service, &books.cast.manager);
    for arguments in [
        "groupBy: [STREAM]",
        "groupBy: [STREAM, FISCAL_YEAR]",
        "groupBy: [STREAM], filter: { statuses: [ACTIVE, DRAFT] }",
        "groupBy: [STREAM, CITY], asOf: \"2026-03-31\"",
    ] {
        let all = all_shown(service, actor, arguments).await;
        for (place, (figure, _)) in FIGURES.iter().enumerate() {
            // However the document writes it.
            let query = match place % 3 {
                0 => format!(
                    "{{ fundingSummary({arguments}) {{ total {{ {figure} }} groups {{ figures {{ {figure} }} }} }} }}"
                ),
                1 => format!(
                    "query {{ fundingSummary({arguments}) {{ ...sums }} }}
                     fragment sums on FundingSummary {{ total {{ ... on FundingFigures {{ {figure} }} }}
                         groups {{ figures {{ ...one }} }} }}
                     fragment one on FundingFigures {{ {figure} }}"
                ),
                _ => format!(
                    "{{ fundingSummary({arguments}) {{ total {{ {figure} }} total {{ {figure} }}
                         groups {{ grantCount }} groups {{ figures {{ {figure} }} }} }} }}"
                ),
            };
            let alone = service.data(actor, &query, none()).await["fundingSummary"].take();
            assert_eq!(alone["total"][figure], all["total"][figure], "{figure} {arguments}");
            let figures = |of: &Value| -> Vec<Value> {
                let groups = of["groups"].as_array().unwrap().iter();
                groups.map(|group| group["figures"][figure].clone()).collect()
            };
            assert_eq!(figures(&alone), figures(&all), "{figure} {arguments}");
        }
        let aliased = format!(
            "{{ fundingSummary({arguments}) {{ whole: total {{ sum: matchRequired }} n: unknownMatchCount
                 parts: groups {{ n: unknownMatchCount of: figures {{ sum: cashOnHand }} }} }} }}"
        );
        let aliased = service.data(actor, &aliased, none()).await["fundingSummary"].take();
        assert_eq!(aliased["whole"]["sum"], all["total"]["matchRequired"]);
        assert_eq!(aliased["n"], all["unknownMatchCount"]);
        let parts = aliased["parts"].as_array().unwrap().iter();
        for (part, group) in parts.zip(all["groups"].as_array().unwrap()) {
            assert_eq!(part["n"], group["unknownMatchCount"], "{arguments}");
            assert_eq!(part["of"]["sum"], group["figures"]["cashOnHand"], "{arguments}");
        }
    }
}

#[tokio::test]
async fn all_grants_by_stream_and_year_are_one_statement_and_a_filter_is_few() {
    let books = books::kept(&mut Dice(8), 12, 100).await;
    let (service, cast) = (&books.service, &books.cast);
    let ask = |query: &'static str| async move { counted(service, cast, query).await.1 };
    // Streams and programs are held in the process.
    service.data(&cast.manager, BY_STREAM_AND_YEAR, none()).await;
    assert_eq!(ask(BY_STREAM_AND_YEAR).await, 1);
    let total =
        "{ fundingSummary(groupBy: []) { grantCount total { awarded disbursed spentPercent } } }";
    assert_eq!(ask(total).await, 1);
    let at_the_end = "{ fundingSummary(groupBy: [PROGRAM], asOf: \"2026-06-30\") { groups { figures { expended } } } }";
    assert_eq!(ask(at_the_end).await, 1);
    // Begin, and the sums.
    let filtered =
        "{ fundingSummary(groupBy: [RECIPIENT], filter: { statuses: [ACTIVE] }) { groups {
        grantCount figures { awarded cashOnHand } } } }";
    assert_eq!(ask(filtered).await, 2);
    let by_year =
        "{ fundingSummary(groupBy: [FISCAL_YEAR], filter: { statuses: [ACTIVE] }) { groups {
        grantCount figures { awarded } } } }";
    assert_eq!(ask(by_year).await, 3);
    // Rules are read where they are shown.
    let with_rules =
        "{ fundingSummary(groupBy: [], filter: { statuses: [ACTIVE] }) { total { matchGap } } }";
    assert!(ask(with_rules).await > 6);
}

#[tokio::test]
async fn whoever_sees_a_part_is_answered_by_that_part_and_everybody_by_no_drafts() {
    let books = books::kept(&mut Dice(9), 20, 200).await;
    let service = &books.service;
    let member = books.member().await;
    let groups = |answer: &Value| answer["fundingSummary"]["groups"].clone();
    let all = groups(&service.data(&books.cast.manager, BY_STREAM_AND_YEAR, none()).await);
    for actor in [&member, &books.cast.finance] {
        let Actor::Person(identity) = actor else { unreachable!() };
        let seen = groups(&service.data(actor, BY_STREAM_AND_YEAR, none()).await);
        assert_ne!(seen, all);
        let of = Of::default();
        let by = [By::Stream, By::FiscalYear];
        let expected =
            recomputed::summary(&service.app, &identity.reach, &GrantFilter::default(), &by, of)
                .await;
        let awarded: Vec<_> =
            expected.groups.iter().map(|group| json!([group.grants, group.amounts.0[0]])).collect();
        let told = seen.as_array().unwrap().iter();
        let told: Vec<_> =
            told.map(|group| json!([group["grantCount"], group["figures"]["awarded"]])).collect();
        assert_eq!(told, awarded);
    }
    // Grants in all, with and without drafts.
    let count = "{ fundingSummary(groupBy: [STREAM]) { grantCount groups { grantCount } } }";
    let counts = |answer: Value| {
        let found = &answer["fundingSummary"];
        let groups = found["groups"].as_array().unwrap().iter();
        let sum: i64 = groups.map(|group| group["grantCount"].as_i64().unwrap()).sum();
        assert_eq!(found["grantCount"], sum);
        sum
    };
    let drafts: i64 = sqlx::query_scalar("select count(*) from grants where status = 'DRAFT'")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert!(drafts > 0);
    let seen = counts(service.data(&books.cast.auditor, count, none()).await);
    assert_eq!(seen, i64::try_from(books.ids().len()).unwrap());
    assert_eq!(counts(service.data(&Actor::Anyone, count, none()).await), seen - drafts);
}

/// What entries sum to by program and year, and what is kept of it, in one state of the database.
async fn both(db: &PgPool) -> (Vec<(String, i32, i64)>, Vec<(String, i32, i64)>) {
    let mut tx = db.begin_with("begin isolation level repeatable read read only").await.unwrap();
    let all = Everything { with_drafts: true, ..Everything::default() };
    let kept = totals_store::of_everything(&mut *tx, all, true, Shown::ALL, None).await.unwrap();
    let entries: Vec<(uuid::Uuid, i32, i64)> = sqlx::query_as(
        "select g.program_id, extract(year from t.effective_on - interval '6 months')::int,
                sum(case when a.id = t.to_account then t.amount else -t.amount end * 100)::bigint
           from ledger_transfers t
           join ledger_accounts a on a.id in (t.from_account, t.to_account) and a.kind = 'REQUESTED'
           join grants g on g.id = a.grant_id
          group by 1, 2 order by 1, 2",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let told = |row: Sums| Some((row.program_id?.0.to_string(), row.year?.0, row.requested));
    let mut kept: Vec<_> = kept.into_iter().filter_map(told).collect();
    kept.sort();
    kept.retain(|(_, _, requested)| *requested != 0);
    let entries = entries.into_iter().map(|(program, year, net)| (program.to_string(), year, net));
    (kept, entries.filter(|(_, _, net)| *net != 0).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_many_post_and_changes_are_folded_each_state_sums_to_its_entries() {
    let service = Arc::new(service().await);
    let cast = Arc::new(service.cast().await);
    let mut writers = vec![];
    for writer in 0..6 {
        let grant = service.active_grant(&cast, &format!("M-{writer}"), "100000.00").await;
        let (service, cast) = (Arc::clone(&service), Arc::clone(&cast));
        writers.push(tokio::spawn(async move {
            for number in 0..20 {
                let invoice = format!("{writer}-{number}");
                service.request(&cast, &grant, &invoice, "10.01").await;
            }
        }));
    }
    let folding = Arc::clone(&service);
    let folder = tokio::spawn(async move {
        for _ in 0..60 {
            agreement_store::fold(&folding.app.db, 7).await.unwrap();
        }
    });
    let whole = "{ fundingSummary(groupBy: [STREAM, FISCAL_YEAR]) { total { requested availableToDisburse } groups {
        figures { requested availableToDisburse } } } }";
    for _ in 0..40 {
        let (kept, entries) = both(&service.app.db).await;
        assert_eq!(kept, entries);
        // All in one year, so that what there was at its end is all there is.
        let answer = service.data(&cast.manager, whole, none()).await;
        let found = &answer["fundingSummary"];
        assert_eq!(found["groups"][0]["figures"], found["total"]);
        let sum = |figure: &str| found["total"][figure].as_str().unwrap().parse::<Money>().unwrap();
        let together = sum("requested").plus(sum("availableToDisburse"));
        assert_eq!(together, Some(crate::support::money("600000.00")));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    folder.await.unwrap();
    let (kept, entries) = both(&service.app.db).await;
    assert_eq!(kept, entries);
    assert_eq!(kept.iter().map(|(_, _, requested)| requested).sum::<i64>(), 6 * 20 * 1001);
    jobs::run_by_hand(&service.app, "funding_totals", None, false).await.unwrap();
}

/// All rows of the totals, as text.
async fn rows(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select 'grant ' || to_jsonb(t)::text from grant_totals t
         union all select 'year ' || to_jsonb(t)::text from grant_year_totals t
         union all select 'program ' || to_jsonb(t)::text from funding_totals_now t
         order by 1",
    )
    .fetch_all(db)
    .await
    .unwrap()
}

#[tokio::test]
async fn totals_made_anew_from_the_entries_are_those_that_were_kept() {
    let books = books::kept(&mut Dice(10), 20, 300).await;
    let kept = rows(&books.owner).await;
    assert!(kept.len() > 40, "{}", kept.len());
    books.owner.execute("select fill_funding_totals()").await.unwrap();
    assert_eq!(rows(&books.owner).await, kept);
    let left: i64 = sqlx::query_scalar("select count(*) from funding_total_changes")
        .fetch_one(&books.owner)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_grant_counts_from_the_year_of_its_first_entry_also_when_that_is_told_late() {
    let books = books::kept(&mut Dice(11), 1, 0).await;
    let (service, cast) = (&books.service, &books.cast);
    let years = || async {
        let found = service.data(&cast.manager, BY_STREAM_AND_YEAR, none()).await;
        let groups = found["fundingSummary"]["groups"].as_array().unwrap().clone();
        let told = |group: &Value| json!([group["key"]["fiscalYear"], group["grantCount"]]);
        groups.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(json!(years().await), json!([["2026-27", 1]]));
    let grant = books.grants[0].id.0;
    let entry = (grant, "AMEND_UP", "SRC_PAY", "AVAILABLE");
    books.entry(entry, "1.00", -300, 1).await.unwrap();
    assert_eq!(json!(years().await), json!([["2025-26", 1], ["2026-27", 1]]));
    let later = Utc.with_ymd_and_hms(2028, 7, 2, 18, 0, 0).unwrap();
    service.travel(later);
    assert_eq!(years().await.len(), 4);
    jobs::run_by_hand(&service.app, "funding_totals", None, false).await.unwrap();
}

/// Each statement by itself.
async fn plant(books: &Books, statements: &str) {
    for statement in statements.split(';') {
        books.owner.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
}

/// A disagreement is told with both figures, and stays.
async fn told(books: &Books, planted: &str, what: &str) {
    let service = &books.service;
    plant(books, planted).await;
    let before = rows(&books.owner).await;
    let error = jobs::run_by_hand(&service.app, "funding_totals", None, false).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains(&format!("totals are not what entries sum to: {what}")), "{error}");
    assert!(error.contains("kept is") && error.contains("entries sum to"), "{error}");
    assert_eq!(rows(&books.owner).await, before);
    let runs = "{ jobRuns(filter: { jobs: [\"funding_totals\"], outcomes: [FAILED] }) { totalCount nodes { summary } } }";
    let runs = service.data(&books.cast.admin, runs, none()).await;
    assert_eq!(runs["jobRuns"]["nodes"][0]["summary"], "failed; the log tells why");
}

#[tokio::test]
async fn what_disagrees_is_told_with_both_figures_and_corrected_by_nobody_but_its_owner() {
    let books = books::kept(&mut Dice(12), 8, 60).await;
    let compare = || jobs::run_by_hand(&books.service.app, "funding_totals", None, false);
    compare().await.unwrap();
    let first = "(select min(grant_id::text)::uuid from grant_totals)";
    let totals = [
        (format!("update grant_totals set awarded = awarded + 1 where grant_id = {first}"), "grant of grant_"),
        (format!("update grant_totals set first_year = 1999 where grant_id = {first}"), "grant of grant_"),
        (format!("delete from grant_totals where grant_id = {first}"), "grant of grant_"),
        (format!("update grant_year_totals set disbursed = 5 where grant_id = {first}"), "year of grant_"),
        (format!("delete from grant_year_totals where grant_id = {first}"), "year of grant_"),
        ("update funding_totals set expended = expended - 1 where fiscal_year = 2026".into(), "program of "),
        ("update funding_totals set drafts = drafts + 1 where fiscal_year is null".into(), "program of "),
        ("insert into funding_total_changes (program_id, fiscal_year, lapsed)
          select id, 1999, 1 from funding_programs limit 1".into(), "program of "),
        // An entry that came past the triggers.
        (format!("alter table ledger_transfers disable trigger ledger_transfers_followed;
          insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id,
                                        effective_on, recorded_at)
          select gen_random_uuid(), f.id, t.id, '', '', 1, 'AMEND_UP', gen_random_uuid(), '2026-11-24', '2026-11-25'
            from ledger_accounts f join ledger_accounts t on t.grant_id = f.grant_id and t.kind = 'AVAILABLE'
           where f.kind = 'SRC_PAY' and f.grant_id = {first};
          alter table ledger_transfers enable trigger ledger_transfers_followed"), "grant of grant_"),
    ];
    let everything = Reach { everything: true, ..Reach::default() };
    let app = &books.service.app;
    let active = GrantFilter { search: Some("G-".into()), ..GrantFilter::default() };
    let wanted = Wanted { total: Shown::AWARDED, groups: None, match_unknown: false };
    let question = Question { by: &[], of: Of::default(), wanted };
    let awarded = || async {
        let told = reading::read(app, &everything, &active, &question).await.unwrap();
        let again = recomputed::summary(app, &everything, &active, &[], Of::default()).await;
        (told.total.amounts.0[0], again.total.amounts.0[0])
    };
    let (kept, entries) = awarded().await;
    assert_eq!(kept, entries);
    for (place, (planted, what)) in totals.into_iter().enumerate() {
        books.owner.execute("select fill_funding_totals()").await.unwrap();
        compare().await.unwrap();
        told(&books, &planted, what).await;
        if place == 0 {
            // A summary reads the totals, right or wrong: nothing hides it.
            assert_eq!(awarded().await, (entries.plus(Money::from_cents(1)).unwrap(), entries));
        }
    }
    books.owner.execute("select fill_funding_totals()").await.unwrap();
    compare().await.unwrap();
    let available =
        format!("(select id from ledger_accounts where kind = 'AVAILABLE' and grant_id = {first})");
    let balance = "update ledger_accounts set balance = balance + 1 where id =";
    let month = "update ledger_months set amount_in = amount_in + 1 where account_id =";
    for (table, change, what) in [
        ("ledger_accounts", balance, "balance of grant_"),
        ("ledger_months", month, "month of grant_"),
    ] {
        let (off, on) = ("disable trigger user", "enable trigger user");
        let planted =
            format!("alter table {table} {off}; {change} {available}; alter table {table} {on}");
        told(&books, &planted, what).await;
        let back = planted.replace("+ 1", "- 1");
        plant(&books, &back).await;
        compare().await.unwrap();
    }
}

#[tokio::test]
async fn the_service_writes_totals_by_the_triggers_and_the_fold_only() {
    let books = books::kept(&mut Dice(13), 3, 10).await;
    let db = &books.service.app.db;
    for table in [
        "ledger_kind_figures",
        "grant_totals",
        "grant_year_totals",
        "funding_totals",
        "funding_total_changes",
    ] {
        let denied = format!("permission denied for table {table}");
        for statement in [
            format!("insert into {table} default values"),
            format!("update {table} set awarded = 0"),
            format!("delete from {table}"),
            format!("truncate {table}"),
        ] {
            let outcome = db.execute(sqlx::AssertSqlSafe(statement.clone())).await;
            assert_eq!(refused_by(outcome), denied, "{statement}");
        }
    }
    let outcome = db.execute("select fill_funding_totals()").await;
    assert_eq!(refused_by(outcome), "permission denied for function fill_funding_totals");
    // Nor with a trigger of its own on a table of its own.
    let mut connection = db.acquire().await.unwrap();
    connection.execute("create temporary table mine (like ledger_transfers)").await.unwrap();
    for function in ["follow_ledger_transfers", "follow_first_year", "follow_grants"] {
        let statement = format!(
            "create trigger mine after insert on mine for each row execute function {function}()"
        );
        let outcome = connection.execute(sqlx::AssertSqlSafe(statement)).await;
        assert_eq!(refused_by(outcome), format!("permission denied for function {function}"));
    }
    let folded = agreement_store::fold(db, 1000).await.unwrap();
    assert!(folded > 0);
    assert!(!agreement_store::unfolded(db).await.unwrap());
}

#[tokio::test]
async fn a_draft_has_no_entries_and_a_grant_with_entries_keeps_its_program() {
    let books = books::kept(&mut Dice(14), 6, 0).await;
    let draft = books.service.draft(&books.cast, "D-1", "100.00").await;
    let mut tx = books.owner.begin().await.unwrap();
    let statement = "with accounts as (
        insert into ledger_accounts (id, grant_id, kind) values (gen_random_uuid(), $1, 'SRC_ADV'),
               (gen_random_uuid(), $1, 'ADVANCE_ROOM') returning id, kind)
        select id, kind from accounts";
    sqlx::query(statement).bind(draft.id.0).execute(&mut *tx).await.unwrap();
    sqlx::query(
        "insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id,
                                       effective_on, recorded_at)
         select gen_random_uuid(), f.id, t.id, '', '', 1, 'AMEND_UP', gen_random_uuid(), '2026-11-24', '2026-11-25'
           from ledger_accounts f, ledger_accounts t
          where f.grant_id = $1 and f.kind = 'SRC_ADV' and t.grant_id = $1 and t.kind = 'ADVANCE_ROOM'",
    )
    .bind(draft.id.0)
    .execute(&mut *tx)
    .await
    .unwrap();
    assert_eq!(refused_by(tx.commit().await), "grant_totals_no_draft");

    let move_to = "update grants set program_id = (select id from funding_programs p where p.id <> program_id limit 1)
                    where id = $1";
    let unsigned = "select g.id from grants g join grant_totals t on t.grant_id = g.id where g.rule_set_id is null limit 1";
    let unsigned: uuid::Uuid = sqlx::query_scalar(unsigned).fetch_one(&books.owner).await.unwrap();
    let moved = sqlx::query(move_to).bind(unsigned).execute(&books.owner).await;
    assert_eq!(refused_by(moved), "grants_keep_program");
    // A draft moves with its count.
    sqlx::query(move_to).bind(draft.id.0).execute(&books.owner).await.unwrap();
    jobs::run_by_hand(&books.service.app, "funding_totals", None, false).await.unwrap();
}

#[tokio::test]
async fn kinds_of_accounts_count_in_the_same_figures_here_and_in_the_database() {
    let service = service().await;
    let told: Vec<(String, Vec<i16>)> = sqlx::query_as(
        "select kind, array[awarded, available, requested, approved, retained, disbursed, lapsed, unobligated, encumbered,
                            expended, advance_outstanding, match_met] from ledger_kind_figures",
    )
    .fetch_all(&service.app.db)
    .await
    .unwrap();
    assert_eq!(told.len(), AccountKind::ALL.len());
    for (kind, signs) in told {
        let mut figures = GrantBalance::default();
        figures.count(kind.parse().unwrap(), Money::from_cents(1));
        let of = &figures;
        let counted = [
            of.awarded,
            of.available_to_disburse,
            of.requested,
            of.approved,
            of.retained,
            of.disbursed,
            of.lapsed,
            of.unobligated,
            of.encumbered,
            of.expended,
            of.advance_outstanding,
            of.match_met,
        ];
        let signs: Vec<_> = signs.into_iter().map(|sign| Money::from_cents(sign.into())).collect();
        assert_eq!(counted.to_vec(), signs, "{kind}");
    }
    assert_eq!(FIGURES.len(), Amounts::default().0.len() + 1);
}
