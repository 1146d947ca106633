//! Random histories of money: several people do 200 things with three grants in any order, day by
//! day, through the commands of the service. After each of them PostgreSQL and an independent model
//! agree on whether it was done, and on every figure of the grant and of its budget lines; at the
//! end also on every day of the history.

mod choice;
mod people;
mod plan;

use std::collections::BTreeMap;
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestError, TestRng, TestRunner},
};
use serde_json::json;
use thrive::{
    App, Error,
    budgets::{self, NewLine},
    clock::Date,
    figures::balances::{self, Of},
    grants::{self, DateRange},
    id::ProgramId,
    ledger::GrantBalance,
    money::Money,
    rule_sets::kinds::CostCategory,
};

use self::{
    people::{People, Real, at_start, by, pass},
    plan::{GRANTS, Histories, History},
};
use crate::{
    money_model::{Cents, Command, Grant, LineFigures, Terms, Verdict, always},
    support::{Cast, Service, assert_ledger_agrees, date, enter_resolution, service},
};

/// So many histories go on at the same time.
const AT_ONCE: usize = 8;

/// Budget lines of the grants, in hundredths of the award.
const LINES: [&[Cents]; GRANTS] = [&[100], &[50, 30, 20], &[60, 40]];
const CATEGORIES: [CostCategory; 3] =
    [CostCategory::Personnel, CostCategory::Supplies, CostCategory::Other];

/// What the third grant's program withholds and advances at most, and how much moves between lines.
const RETENTION: Cents = 1_000;
const ADVANCES: Cents = 2_500;
const TRANSFERS: Cents = 1_000;

/// A program with rules of its own, in force since January.
async fn program(service: &Service, cast: &Cast) -> ProgramId {
    let stream = "{ fundingStream(code: \"OTHER\") { id } }";
    let stream = service.data(&cast.admin, stream, json!({})).await;
    let program = json!({
        "streamId": stream["fundingStream"]["id"], "code": "TEST-MONEY", "name": "A program",
        "agency": "An agency", "kind": "COMPETITIVE", "citation": "Its announcement",
    });
    let (name, input) = ("createFundingProgram", "CreateFundingProgramInput");
    let made = service.mutate(&cast.admin, name, input, "program { id }", program).await;
    let id = made["program"]["id"].as_str().unwrap();
    let rule = |name: &str, terms| json!({ "name": name, "citation": "Exhibit B", "verifiedOn": "2026-11-01", "terms": terms });
    let rules = json!({ "programId": id, "sourceUrl": "https://agency.test/rules", "rules": [
        rule("retention", json!({ "retention": { "bp": RETENTION, "release": "MILESTONE" } })),
        rule("advances", json!({ "payMethod": { "method": "BOTH", "maxAdvanceBp": ADVANCES } })),
        rule("lines", json!({ "lineTransfer": { "bp": TRANSFERS, "scope": "CUMULATIVE_OF_TOTAL" } })),
    ] });
    let (name, input) = ("draftRuleSet", "DraftRuleSetInput");
    let set = service.mutate(&cast.admin, name, input, "ruleSet { id revision }", rules).await;
    let set = &set["ruleSet"];
    let from = json!({ "ruleSetId": set["id"], "revision": set["revision"], "effectiveFrom": "2026-01-01" });
    let (name, input) = ("activateRuleSet", "ActivateRuleSetInput");
    let active = service.mutate(&cast.admin, name, input, "ruleSet { status }", from).await;
    assert_eq!(active, json!({ "ruleSet": { "status": "ACTIVE" }, "userErrors": [] }));
    id.parse().unwrap()
}

/// One grant, as the service and as the model know it.
struct Both {
    real: Real,
    model: Grant,
}

async fn granted(
    app: &App,
    service: &Service,
    people: &People,
    which: usize,
    history: &History,
    name: &str,
) -> Both {
    let terms = terms(app, history, which);
    let award = history.awards[which];
    let mut lines: Vec<Cents> = LINES[which].iter().map(|part| award * part / 100).collect();
    lines[0] += award - lines.iter().sum::<Cents>();
    let mut new = service.draft_of(&people.cast, name, &Money::from_cents(award).to_string()).await;
    new.program = people.programs[which];
    new.performance = DateRange { start: terms.performance_start, end: terms.performance_end };
    new.encumber_by = None;
    new.liquidate_by = Some(terms.liquidate_by);
    new.final_invoice_by = Some(terms.final_invoice_by);
    let line = |(place, amount): (usize, &Cents)| NewLine {
        category: CATEGORIES[place],
        title: None,
        amount: Money::from_cents(*amount),
    };
    new.budget = lines.iter().enumerate().map(line).collect();
    let cast = &people.cast;
    let draft = grants::commands::create(app, &cast.manager, new).await.unwrap();
    let awarded =
        grants::commands::award(app, &cast.approver, draft.id, draft.revision).await.unwrap();
    let today = app.clock.today();
    grants::commands::sign(app, &cast.manager, draft.id, awarded.revision, today).await.unwrap();
    enter_resolution(app, cast, draft.id).await;
    let mut db = app.db.acquire().await.unwrap();
    let known = budgets::commands::lines_of(&mut db, draft.id).await.unwrap();
    let real = Real {
        id: draft.id,
        lines: known.iter().map(|line| line.id).collect(),
        costs: vec![],
        orders: vec![],
        payments: vec![],
        amendments: vec![],
    };
    Both { real, model: Grant::awarded(terms, &lines) }
}

fn terms(app: &App, history: &History, which: usize) -> Terms {
    let today = app.clock.today();
    let end = today.plus_days(history.days[which]);
    let with_rules = which == 2;
    Terms {
        awarded_on: today,
        performance_start: date("2026-10-01"),
        performance_end: end,
        final_invoice_by: end.plus_days(45),
        liquidate_by: end.plus_days(60),
        retention: if with_rules { RETENTION } else { 0 },
        advances: with_rules.then_some(ADVANCES),
        transfers: with_rules.then_some(TRANSFERS),
    }
}

/// What was done, for whoever reads of a disagreement.
type Story = Mutex<Vec<String>>;

/// Both did it, or both refused, for a reason that the model knows.
fn compare(command: &str, expected: &Verdict, got: &thrive::Result<()>) -> Result<(), String> {
    match (expected, got) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(reasons), Err(Error::Refused(why))) if reasons.contains(&why.code) => Ok(()),
        (expected, got) => {
            Err(format!("{command}\n  the model: {expected:?}\n  the service: {got:?}"))
        }
    }
}

impl Both {
    /// The figures of now, or as of a day.
    async fn agree(&self, app: &App, as_of: Option<Date>) -> Result<(), String> {
        let mut db = app.db.acquire().await.unwrap();
        let of = Of { as_of, known_at: None };
        let balance = balances::of_grant(&mut db, &app.clock, self.real.id, of).await.unwrap();
        self.agrees(&balance, as_of, app.clock.today())
    }

    fn agrees(
        &self,
        balance: &GrantBalance,
        as_of: Option<Date>,
        today: Date,
    ) -> Result<(), String> {
        let expected = self.model.figures(as_of.unwrap_or(always()), today);
        let expected = expected.into_iter().map(|(name, cents)| (name, Money::from_cents(cents)));
        let differ: Vec<_> = expected
            .zip(balance.amounts())
            .filter(|(expected, got)| expected != got)
            .map(|((name, model), (_, got))| format!("{name}: the model {model}, PostgreSQL {got}"))
            .collect();
        if differ.is_empty() {
            return Ok(());
        }
        Err(format!("as of {as_of:?}\n  {}", differ.join("\n  ")))
    }

    async fn lines_agree(&self, app: &App) -> Result<(), String> {
        let mut db = app.db.acquire().await.unwrap();
        let known = budgets::commands::lines_of(&mut db, self.real.id).await.unwrap();
        let mut figures = budgets::store::figures_of(&mut *db, &[self.real.id]).await.unwrap();
        for (place, line) in known.iter().enumerate() {
            let of = figures.remove(&line.id).unwrap_or_default();
            let LineFigures { budget, unobligated, encumbered, unclaimed, pending, claimed } =
                self.model.line(place, always());
            let expected = [budget, unobligated, encumbered, unclaimed, pending, claimed];
            let got = [
                line.amount,
                of.unobligated,
                of.encumbered,
                of.unclaimed,
                of.claim_pending,
                of.claimed,
            ];
            if expected.map(Money::from_cents) != got {
                let what = "budget, unobligated, encumbered, unclaimed, pending, claimed";
                let expected = expected.map(Money::from_cents);
                return Err(format!(
                    "line {place}: {what}\n  the model {expected:?}\n  PostgreSQL {got:?}"
                ));
            }
        }
        Ok(())
    }

    /// What the job does for amendments whose day has come.
    async fn apply_due(&mut self, app: &App, people: &People, story: &Story) -> Result<(), String> {
        for place in self.model.due(app.clock.today()) {
            let id = self.real.amendments[place];
            let got = budgets::amendments::apply_due(app, &people.cast.approver.reach(), id).await;
            let expected = self.model.apply_due(place, app.clock.today());
            let what = format!("the amendment {place} is due: {expected:?}");
            story.lock().unwrap().push(what.clone());
            compare(&what, &expected, &got.map(|_| ()))?;
            self.agree(app, None).await?;
        }
        Ok(())
    }
}

/// The whole history, looked back on: from the day before it began.
async fn agree_on_every_day(app: &App, grants: &[Both], first: Date) -> Result<(), String> {
    let ids: Vec<_> = grants.iter().map(|both| both.real.id).collect();
    let today = app.clock.today();
    let mut db = app.db.acquire().await.unwrap();
    for day in (-1..=first.days_until(today)).map(|days| first.plus_days(days)) {
        let of = Of { as_of: Some(day), known_at: None };
        let balances = balances::of_grants(&mut db, &app.clock, &ids, of).await.unwrap();
        for both in grants {
            both.agrees(&balances[&both.real.id], Some(day), today)?;
        }
    }
    // Whoever holds one connection and waits for a second can wait for all the others who do.
    drop(db);
    for both in grants {
        assert_ledger_agrees(&app.db, both.real.id).await;
    }
    Ok(())
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// One history from its beginning to its end.
async fn happen(
    service: &Service,
    people: &People,
    history: &History,
    tally: &Tally,
) -> Result<(), String> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let app = at_start(service);
    let first_day = app.clock.today();
    let mut grants = vec![];
    for which in 0..GRANTS {
        let name = format!("M-{number}-{which}");
        grants.push(granted(&app, service, people, which, history, &name).await);
    }
    let story = Story::default();
    let told = |why: String| {
        let story = story.lock().unwrap().join("\n");
        format!("{story}\n{why}")
    };
    for (place, op) in history.ops.iter().enumerate() {
        pass(&app, op.days);
        let today = app.clock.today();
        let both = &mut grants[op.grant];
        both.apply_due(&app, people, &story).await.map_err(&told)?;
        let command = choice::command(op, &both.model, today);
        let expected = both.model.take(&command, by(&command, op.who, &app));
        let done = usize::from(expected.is_err());
        tally.lock().unwrap().entry(command.name()).or_default()[done] += 1;
        let key = format!("{number} {place}");
        let got = both.real.take(&app, people, &command, op.who, &key).await;
        let line = format!("{today} grant {} person {} {command:?}", op.grant, op.who);
        story.lock().unwrap().push(format!("{line}: {expected:?}"));
        compare(&line, &expected, &got).map_err(&told)?;
        if op.twice && expected.is_ok() && command.has_a_key() {
            let again = both.real.take(&app, people, &command, op.who, &key).await;
            compare("the same again", &Ok(()), &again).map_err(&told)?;
        }
        both.agree(&app, None).await.map_err(&told)?;
        both.lines_agree(&app).await.map_err(&told)?;
    }
    agree_on_every_day(&app, &grants, first_day).await.map_err(&told)?;
    Ok(())
}

/// How often each kind of command was done, and refused.
type Tally = Mutex<BTreeMap<&'static str, [u32; 2]>>;

struct Told {
    runtime: tokio::runtime::Runtime,
    service: Service,
    people: People,
    tally: Tally,
    failed: AtomicBool,
}

impl Told {
    /// A seed is a history: it can be told again. One that fails is made shorter.
    fn one(&self, seed: u64) -> Result<(), String> {
        let config = ProptestConfig {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: 100,
            ..Default::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(config.rng_algorithm, &bytes);
        let outcome = TestRunner::new_with_rng(config, rng).run(&Histories, |history| {
            let happens = happen(&self.service, &self.people, &history, &self.tally);
            self.runtime.block_on(happens).map_err(|why| {
                // The others need not go on.
                self.failed.store(true, Ordering::Relaxed);
                TestCaseError::fail(why)
            })
        });
        outcome.map_err(|why| match why {
            TestError::Fail(why, _) | TestError::Abort(why) => why.to_string(),
        })
    }
}

#[test]
fn random_histories_of_several_people_on_several_grants_agree_with_the_model_after_each_command() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (service, people) = runtime.block_on(async {
        let service = service().await;
        let cast = service.cast().await;
        let plain = service.program("PROP64-PHS").await;
        let ruled = program(&service, &cast).await;
        let people = People::hired(&service, [plain, plain, ruled], cast).await;
        (service, people)
    });
    let (tally, failed) = (Tally::default(), AtomicBool::new(false));
    let told = Told { runtime, service, people, tally, failed };
    let asked: Option<u64> =
        std::env::var("THRIVE_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    let count = match (&asked, std::env::var_os("THRIVE_TEST_THOROUGH")) {
        (Some(_), _) => 1,
        (None, Some(_)) => 1_000,
        (None, None) => 64,
    };
    let first = asked.unwrap_or_else(|| fastrand::u64(..u64::MAX / 2));
    let next = AtomicU64::new(0);
    let go_on = || {
        while !told.failed.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                break;
            }
            let seed = first + place;
            if let Err(why) = told.one(seed) {
                panic!("THRIVE_TEST_SEED={seed} tells it again:\n{why}");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(go_on);
        }
    });
    // What never happened was not compared.
    let tally = told.tally.into_inner().unwrap();
    println!("{tally:?}");
    let never = |name: &&&str| tally.get(**name).is_none_or(|[done, _]| *done == 0);
    let missing: Vec<_> = Command::NAMES.iter().filter(|_| asked.is_none()).filter(never).collect();
    assert!(missing.is_empty(), "never done: {missing:?}");
}
