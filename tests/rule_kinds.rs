//! What each kind of rule says, table by table: the field's own vectors with their expected values written out.

use thrive::{
    facts::{FactKind, Known, KnownFact},
    fiscal_year::FiscalYear,
    grants::DateRange,
    money::{Announced, Money},
    people::OrganizationKind,
    rule_sets::{
        Rule, allocation,
        eligibility::{self, Answer},
        kinds::{
            Condition, CostCategory, InHand, Judgment, ReportKind, RuleTerms, Severity, Situation,
            Step, Truth,
        },
    },
};

use crate::support::{date, money};

/// A grant of 500,000.00 to a city, from July 2025 to June 2026, of which nothing else is known.
fn situation() -> Situation {
    Situation {
        amount: money("500000.00"),
        performance: DateRange { start: date("2025-07-01"), end: date("2026-06-30") },
        encumber_by: None,
        liquidate_by: None,
        final_invoice_by: None,
        signed_on: Some(date("2025-07-01")),
        recipient: OrganizationKind::CityGovernment,
        federal: false,
        subrecipient: false,
        facts: Known::default(),
    }
}

fn of(amount: &str) -> Situation {
    Situation { amount: money(amount), ..situation() }
}

fn knowing(facts: &[(FactKind, &str)]) -> Known {
    let mut known = Known::default();
    for (kind, value) in facts {
        let fact = KnownFact { value: (*value).into(), as_of: date("2026-01-01"), fact: None };
        known.insert(*kind, fact);
    }
    known
}

/// The terms as a file has them, without what every rule has.
fn terms(kind: &str, text: &str) -> RuleTerms {
    let params: toml::Table = toml::from_str(text).unwrap();
    let mut both = toml::Table::new();
    both.insert("kind".into(), kind.into());
    both.insert("params".into(), toml::Value::Table(params));
    let terms: RuleTerms = toml::Value::Table(both).try_into().unwrap();
    terms.check().unwrap();
    terms
}

fn rule(kind: &str, text: &str) -> Rule {
    Rule {
        id: thrive::id::RuleId(uuid::Uuid::from_u128(1)),
        rule_set_id: thrive::id::RuleSetId(uuid::Uuid::from_u128(2)),
        name: "rule".into(),
        terms: terms(kind, text),
        citation: "A test".into(),
        verified_on: Some(date("2026-01-01")),
    }
}

fn standing(on: &str) -> Step {
    Step::Standing { on: date(on) }
}

/// Severity, amount and due date of each judgment.
fn told(found: &[Judgment]) -> Vec<(Severity, Option<String>, Option<String>)> {
    found
        .iter()
        .map(|one| {
            let amount = one.amount.map(|amount| amount.to_string());
            (one.severity, amount, one.due_on.map(|day| day.to_string()))
        })
        .collect()
}

const MHSA: &str = r#"
    steps = [{ component = "INN", bp = 500, of = "TOTAL" }, { component = "PEI", bp = 2000, of = "REMAINDER" }]
    residual = "CSS""#;
const BHSA: &str = r#"
    steps = [{ component = "HOUSING", bp = 3000, of = "TOTAL" }, { component = "FSP", bp = 3500, of = "TOTAL" }]
    residual = "BHSS""#;

#[test]
fn money_is_split_in_order_and_the_parts_sum_to_the_whole() {
    for (split, amount, expected) in [
        (MHSA, "1234567.89", [("INN", "61728.39"), ("PEI", "234567.90"), ("CSS", "938271.60")]),
        (MHSA, "100.00", [("INN", "5.00"), ("PEI", "19.00"), ("CSS", "76.00")]),
        (MHSA, "0.01", [("INN", "0.00"), ("PEI", "0.00"), ("CSS", "0.01")]),
        (BHSA, "100.01", [("HOUSING", "30.00"), ("FSP", "35.00"), ("BHSS", "35.01")]),
        (BHSA, "0.03", [("HOUSING", "0.01"), ("FSP", "0.01"), ("BHSS", "0.01")]),
        (
            BHSA,
            "999999999999.99",
            [
                ("HOUSING", "300000000000.00"),
                ("FSP", "350000000000.00"),
                ("BHSS", "349999999999.99"),
            ],
        ),
    ] {
        let RuleTerms::AllocationSplit(terms) = terms("ALLOCATION_SPLIT", split) else {
            unreachable!()
        };
        let parts = terms.split(money(amount));
        let told: Vec<_> =
            parts.iter().map(|part| (part.component.as_str(), part.amount.to_string())).collect();
        assert_eq!(
            told,
            expected.map(|(component, part)| (component, part.to_string())),
            "{amount}"
        );
        let sum: Money = parts.iter().map(|part| part.amount).sum();
        assert_eq!(sum, money(amount));
    }
}

proptest::proptest! {
    /// Whatever the steps, no part is below zero and nothing is lost.
    #[test]
    fn any_split_is_exact(
        cents in 1_i64..10_000_000_000,
        steps in proptest::collection::vec((1_i32..=10_000, proptest::bool::ANY), 0..6),
    ) {
        let steps: Vec<String> = steps
            .iter()
            .enumerate()
            .map(|(place, (bp, total))| {
                let of = if *total { "TOTAL" } else { "REMAINDER" };
                format!("{{ component = \"C{place}\", bp = {bp}, of = \"{of}\" }}")
            })
            .collect();
        let text = format!("steps = [{}]\nresidual = \"REST\"", steps.join(", "));
        let params: toml::Table = toml::from_str(&text).unwrap();
        let terms: thrive::rule_sets::kinds::AllocationSplitTerms = params.try_into().unwrap();
        // Those that take more than the whole are refused when they are written.
        if RuleTerms::AllocationSplit(terms.clone()).check().is_ok() {
            let parts = terms.split(Money::from_cents(cents));
            let sum: Money = parts.iter().map(|part| part.amount).sum();
            proptest::prop_assert_eq!(sum, Money::from_cents(cents));
            proptest::prop_assert!(parts.iter().all(|part| part.amount >= Money::ZERO));
        }
    }
}

#[test]
fn within_a_component_floors_and_caps_are_told() {
    let rules = [
        rule("ALLOCATION_SPLIT", BHSA),
        rule("SUB_FLOOR", "component = \"HOUSING\"\nbp = 5000\npurpose = \"Chronically homeless\""),
        rule("SUB_CAP", "component = \"HOUSING\"\nbp = 2500\npurpose = \"Capital\""),
    ];
    let shares = allocation::shares(&rules, money("10000000.00")).unwrap();
    let limits: Vec<_> = shares
        .iter()
        .map(|share| {
            let limits = share.limits.iter().map(|l| (l.purpose.as_str(), l.amount.to_string()));
            (share.component.as_str(), share.amount.to_string(), limits.collect::<Vec<_>>())
        })
        .collect();
    let housing = vec![
        ("Chronically homeless", "1500000.00".to_string()),
        ("Capital", "750000.00".to_string()),
    ];
    assert_eq!(
        limits,
        [
            ("HOUSING", "3000000.00".into(), housing),
            ("FSP", "3500000.00".into(), vec![]),
            ("BHSS", "3500000.00".into(), vec![]),
        ]
    );
    let whole = [rule("SUB_FLOOR", "bp = 5100\npurpose = \"People of 25 and younger\"")];
    let shares = allocation::shares(&whole, money("1000.00")).unwrap();
    assert_eq!(shares[0].component, "TOTAL");
    assert_eq!(shares[0].limits[0].amount, money("510.00"));
    assert!(allocation::shares(&[], money("1000.00")).is_none());
}

#[test]
fn what_is_unspent_reverts_when_its_fiscal_years_are_over() {
    let large = "years = 3\ncomponents = [\"CSS\", \"PEI\", \"INN\"]\nwhen = { fact = \"POPULATION\", atLeast = 200000 }";
    let small = "years = 5\nwhen = { fact = \"POPULATION\", below = 200000 }";
    for (text, population, component, received, expected) in [
        (large, Some("200000"), "CSS", "2024-03-15", Some("2026-06-30")),
        (large, Some("199999"), "CSS", "2024-03-15", None),
        (large, None, "CSS", "2024-03-15", None),
        (large, Some("200000"), "WET", "2024-03-15", None),
        (small, Some("199999"), "CSS", "2024-03-15", Some("2028-06-30")),
        (small, Some("200000"), "CSS", "2024-03-15", None),
        (large, Some("200000"), "INN", "2024-06-30", Some("2026-06-30")),
        (large, Some("200000"), "INN", "2024-07-01", Some("2027-06-30")),
    ] {
        let population = population.map(|number| (FactKind::Population, number));
        let facts = knowing(&population.into_iter().collect::<Vec<_>>());
        let step = Step::Receive { component: component.into(), on: date(received) };
        let found = terms("REVERSION", text).evaluate(&Situation { facts, ..situation() }, &step);
        let due: Vec<_> = found.iter().filter_map(|one| one.due_on).collect();
        assert_eq!(due, expected.map(date).into_iter().collect::<Vec<_>>(), "{text} {received}");
    }
}

#[test]
fn a_prudent_reserve_lies_within_its_band() {
    let band = terms("RESERVE_BAND", "component = \"CSS\"\nyears = 5\nminBp = 500\nmaxBp = 3300");
    let allocations = ["10", "12", "14", "16", "18"].map(|m| money(&format!("{m}000000.00")));
    let RuleTerms::ReserveBand(terms) = &band else { unreachable!() };
    assert_eq!(terms.band(&allocations), Some((money("700000.00"), money("4620000.00"))));
    assert_eq!(terms.band(&[]), None);
    // A sixth year before those five does not count.
    let six: Vec<_> = [money("900000000.00")].into_iter().chain(allocations).collect();
    assert_eq!(terms.band(&six), terms.band(&allocations));
    for (reserve, severity, limit) in [
        ("699999.99", Severity::Warn, "700000.00"),
        ("700000.00", Severity::Info, "4620000.00"),
        ("4620000.00", Severity::Info, "4620000.00"),
        ("4620000.01", Severity::Block, "4620000.00"),
    ] {
        let step = Step::Reserve {
            component: "CSS".into(),
            allocations: allocations.to_vec(),
            reserve: money(reserve),
        };
        let found = told(&band.evaluate(&situation(), &step));
        assert_eq!(found, [(severity, Some(limit.into()), None)], "{reserve}");
    }
}

#[test]
fn the_last_day_to_pay_is_counted_from_the_last_day_to_sign() {
    let rule =
        terms("LIQUIDATE_BY", "due = { from = \"ENCUMBER_BY\", months = 24, federalMonths = 48 }");
    let pay = |day: &str| Step::Pay {
        on: date(day),
        amount: money("1.00"),
        retains: true,
        in_hand: InHand::default(),
    };
    for (encumber_by, federal, last, next) in [
        ("2026-06-30", false, "2028-06-30", "2028-07-01"),
        ("2026-06-30", true, "2030-06-30", "2030-07-01"),
        // A month without such a day: its last.
        ("2024-02-29", false, "2026-02-28", "2026-03-01"),
        ("2026-02-28", false, "2028-02-28", "2028-02-29"),
    ] {
        let grant = Situation { encumber_by: Some(date(encumber_by)), federal, ..situation() };
        assert_eq!(rule.evaluate(&grant, &pay(last)), []);
        let late = told(&rule.evaluate(&grant, &pay(next)));
        assert_eq!(late, [(Severity::Block, None, Some(last.into()))]);
        let stands = told(&rule.evaluate(&grant, &standing("2026-01-01")));
        assert_eq!(stands, [(Severity::Info, None, Some(last.into()))]);
    }
    // Without a day to count from there is nothing to say.
    assert_eq!(rule.evaluate(&situation(), &pay("2099-01-01")), []);
    // A later date of the grant's own holds, and somebody should look.
    let own = Situation {
        encumber_by: Some(date("2026-06-30")),
        liquidate_by: Some(date("2028-12-31")),
        ..situation()
    };
    assert_eq!(rule.evaluate(&own, &pay("2028-12-31")), []);
    let stands = told(&rule.evaluate(&own, &standing("2026-01-01")));
    assert_eq!(stands[0], (Severity::Warn, None, Some("2028-06-30".into())));
}

#[test]
fn signing_and_the_final_invoice_have_a_last_day_each() {
    let encumber = terms("ENCUMBER_BY", "due = { on = \"2026-06-30\" }");
    let unsigned = Situation { signed_on: None, ..situation() };
    let sign = |day: &str| Step::Sign { on: date(day) };
    assert_eq!(encumber.evaluate(&unsigned, &sign("2026-06-30")), []);
    let late = told(&encumber.evaluate(&unsigned, &sign("2026-07-01")));
    assert_eq!(late, [(Severity::Block, None, Some("2026-06-30".into()))]);
    let stands = |on: &str| told(&encumber.evaluate(&unsigned, &standing(on)))[0].0;
    assert_eq!((stands("2026-06-30"), stands("2026-07-01")), (Severity::Info, Severity::Warn));

    let invoice = terms("FINAL_INVOICE_BY", "due = { from = \"PERFORMANCE_END\", days = 45 }");
    let request = |day: &str| Step::Request {
        on: date(day),
        advance: false,
        amount: money("1.00"),
        outstanding: Money::ZERO,
        period: DateRange { start: date("2026-05-01"), end: date("2026-05-31") },
    };
    assert_eq!(invoice.evaluate(&situation(), &request("2026-08-14")), []);
    let late = told(&invoice.evaluate(&situation(), &request("2026-08-15")));
    assert_eq!(late, [(Severity::Block, None, Some("2026-08-14".into()))]);
}

#[test]
fn a_match_is_a_part_of_the_grant_or_of_the_whole_cost_and_may_be_waived() {
    let text = |base: &str| format!("bp = 2000\nbase = \"{base}\"\nsources = [\"CASH\"]");
    let waived = |base: &str| {
        format!("{}\nwaivedWhen = {{ fact = \"MEDIAN_INCOME_SHARE\", below = 6000 }}", text(base))
    };
    let share = |share| knowing(&[(FactKind::MedianIncomeShare, share)]);
    for (text, facts, severity, expected) in [
        (text("GRANT"), Known::default(), Severity::Info, "40000.00"),
        (text("TOTAL_COST"), Known::default(), Severity::Info, "50000.00"),
        (waived("GRANT"), share("5999"), Severity::Info, "0.00"),
        (waived("GRANT"), share("6000"), Severity::Info, "40000.00"),
        // Nobody knows: the match stands, and somebody should look.
        (waived("GRANT"), Known::default(), Severity::Warn, "40000.00"),
    ] {
        let grant = Situation { facts, ..of("200000.00") };
        let found = terms("MATCH", &text).evaluate(&grant, &standing("2026-01-01"));
        assert_eq!(told(&found), [(severity, Some(expected.into()), None)], "{text}");
    }
    let grant = Situation { facts: share("5999"), ..of("200000.00") };
    let found = terms("MATCH", &waived("GRANT")).evaluate(&grant, &standing("2026-01-01"));
    let reason = "the match of 40000.00 is waived: MEDIAN_INCOME_SHARE is 5999 as of 2026-01-01";
    assert_eq!(found[0].message, reason);

    let by_kind = "bp = 2500\nbase = \"GRANT\"\nsources = [\"CASH\"]\nbyRecipient = [
        { recipients = [\"TRIBE\"], bp = 500 }, { recipients = [\"CITY_GOVERNMENT\", \"CBO\"], bp = 1000 }]";
    let RuleTerms::Match(by_kind) = terms("MATCH", by_kind) else { unreachable!() };
    for (recipient, expected) in [
        (OrganizationKind::Tribe, "5000.00"),
        (OrganizationKind::Cbo, "10000.00"),
        (OrganizationKind::Other, "25000.00"),
    ] {
        assert_eq!(by_kind.required(money("100000.00"), recipient), money(expected));
    }
}

#[test]
fn an_advance_stays_below_its_cap_and_is_for_whom_it_is_meant() {
    let quarter = "method = \"BOTH\"\nmaxAdvanceBp = 2500\nadvanceWhen = { fact = \"DISADVANTAGED_COMMUNITY\", oneOf = [\"YES\"] }";
    let small = "method = \"BOTH\"\nmaxAdvanceBp = 5000\nadvanceBelow = \"1000000.00\"\nspendWithinMonths = 6";
    let community = |value| knowing(&[(FactKind::DisadvantagedCommunity, value)]);
    let reimbursement = "method = \"REIMBURSEMENT\"";
    for (text, award, facts, outstanding, amount, expected) in [
        (quarter, "400000.00", community("YES"), "0.00", "100000.00", None),
        (quarter, "400000.00", community("YES"), "0.00", "100000.01", Some("100000.00")),
        (quarter, "400000.00", community("YES"), "60000.00", "40000.00", None),
        (quarter, "400000.00", community("YES"), "60000.00", "40000.01", Some("100000.00")),
        (quarter, "400000.00", community("NO"), "0.00", "0.01", Some("0.00")),
        (quarter, "400000.00", Known::default(), "0.00", "0.01", Some("0.00")),
        (small, "999999.99", Known::default(), "0.00", "500000.00", None),
        (small, "1000000.00", Known::default(), "0.00", "1.00", Some("0.00")),
        (reimbursement, "400000.00", Known::default(), "0.00", "1.00", Some("0.00")),
    ] {
        let step = Step::Request {
            on: date("2025-08-01"),
            advance: true,
            amount: money(amount),
            outstanding: money(outstanding),
            period: situation().performance,
        };
        let found = terms("PAY_METHOD", text).evaluate(&Situation { facts, ..of(award) }, &step);
        let blocked = found.iter().find(|one| one.severity == Severity::Block);
        let limit = blocked.map(|one| one.amount.unwrap());
        assert_eq!(limit, expected.map(money), "{text} {outstanding} {amount}");
    }
    let in_advance_only = terms("PAY_METHOD", "method = \"ADVANCE\"");
    let step = Step::Request {
        on: date("2025-08-01"),
        advance: false,
        amount: money("1.00"),
        outstanding: Money::ZERO,
        period: situation().performance,
    };
    assert_eq!(in_advance_only.evaluate(&situation(), &step)[0].severity, Severity::Block);
}

#[test]
fn a_part_of_each_request_is_withheld() {
    let RuleTerms::Retention(rule) = terms("RETENTION", "bp = 2000\nrelease = \"CLOSEOUT\"") else {
        unreachable!()
    };
    let withheld = rule.withheld(money("10000.00"));
    assert_eq!(withheld, money("2000.00"));
    assert_eq!(money("10000.00").minus(withheld), Some(money("8000.00")));
    let three: Money = [withheld; 3].into_iter().sum();
    assert_eq!(three, money("6000.00"));
    assert_eq!(rule.withheld(money("0.02")), money("0.00"));
    assert_eq!(rule.withheld(money("0.03")), money("0.01"));
    let pay = Step::Pay {
        on: date("2025-12-01"),
        amount: money("10000.00"),
        retains: true,
        in_hand: InHand::default(),
    };
    let found = RuleTerms::Retention(rule).evaluate(&situation(), &pay);
    assert_eq!(told(&found), [(Severity::Info, Some("2000.00".into()), None)]);
    assert_eq!(
        found[0].message,
        "of 10000.00, 2000.00 is withheld until closeout and 8000.00 is paid"
    );
}

fn spend(category: CostCategory, in_category: &str, direct: &str, mtdc: &str) -> Step {
    Step::Spend {
        on: date("2025-12-31"),
        category,
        in_category: money(in_category),
        direct: money(direct),
        mtdc: money(mtdc),
    }
}

#[test]
fn a_category_takes_at_most_its_part_rounded_half_up() {
    let cap = |base: &str| format!("category = \"INDIRECT\"\nbp = 1000\nbase = \"{base}\"");
    for (base, in_category, expected) in [
        ("DIRECT", "9090.91", None),
        ("DIRECT", "9090.92", Some("9090.91")),
        ("MTDC", "5000.00", None),
        ("MTDC", "5000.01", Some("5000.00")),
        ("AWARD", "50000.00", None),
        ("AWARD", "50000.01", Some("50000.00")),
    ] {
        let step = spend(CostCategory::Indirect, in_category, "90909.09", "50000.00");
        let found = terms("COST_CAP", &cap(base)).evaluate(&situation(), &step);
        let limit = found.first().map(|one| one.amount.unwrap());
        assert_eq!(limit, expected.map(money), "{base} {in_category}");
    }
    let other = spend(CostCategory::Travel, "90000.00", "90909.09", "50000.00");
    assert_eq!(terms("COST_CAP", &cap("DIRECT")).evaluate(&situation(), &other), []);
}

#[test]
fn transfers_between_lines_are_limited_together_or_line_by_line() {
    let federal = "bp = 1000\nscope = \"CUMULATIVE_OF_TOTAL\"\naboveAward = \"250000.00\"";
    let per_line = "bp = 1000\nscope = \"PER_LINE\"\nexcluded = [\"INDIRECT\"]";
    let supplies = CostCategory::Supplies;
    // What left the line before counts for the line as `moved_before` does for the whole.
    for (text, award, moved_before, amount, category, expected) in [
        (federal, "500000.00", "0.00", "20000.00", supplies, None),
        (federal, "500000.00", "20000.00", "20000.00", supplies, None),
        (federal, "500000.00", "40000.00", "10000.00", supplies, None),
        // 55,000 is above a tenth of 500,000.
        (federal, "500000.00", "40000.00", "15000.00", supplies, Some("50000.00")),
        (federal, "200000.00", "40000.00", "15000.00", supplies, None),
        (federal, "250000.00", "40000.00", "15000.00", supplies, None),
        (per_line, "500000.00", "0.00", "1000.00", supplies, None),
        (per_line, "500000.00", "600.00", "400.00", supplies, None),
        (per_line, "500000.00", "600.00", "400.01", supplies, Some("1000.00")),
        (per_line, "500000.00", "0.00", "1000.01", supplies, Some("1000.00")),
        (per_line, "500000.00", "0.00", "1.00", CostCategory::Indirect, Some("0.00")),
    ] {
        let step = Step::Transfer {
            amount: money(amount),
            moved_before: money(moved_before),
            line: money("10000.00"),
            moved_of_line: money(moved_before),
            categories: vec![CostCategory::Travel, category],
        };
        let found = terms("LINE_TRANSFER", text).evaluate(&of(award), &step);
        let limit = found.first().map(|one| one.amount.unwrap());
        assert_eq!(limit, expected.map(money), "{award} {moved_before} + {amount}");
    }
}

#[test]
fn categories_are_paid_or_not_between_their_days() {
    let allowed = "categories = [\"PERSONNEL\", \"BENEFITS\"]";
    let banned = "categories = [\"EQUIPMENT\"]\nfrom = \"2025-07-01\"\nto = \"2025-12-30\"";
    for (kind, text, category, blocked) in [
        ("ALLOWABLE", allowed, CostCategory::Personnel, false),
        ("ALLOWABLE", allowed, CostCategory::Travel, true),
        // The cost is of 31 December, a day after the last.
        ("UNALLOWABLE", banned, CostCategory::Equipment, false),
        ("UNALLOWABLE", "categories = [\"EQUIPMENT\"]", CostCategory::Equipment, true),
        ("UNALLOWABLE", "categories = [\"EQUIPMENT\"]", CostCategory::Travel, false),
    ] {
        let step = spend(category, "1.00", "1.00", "1.00");
        let found = terms(kind, text).evaluate(&situation(), &step);
        assert_eq!(!found.is_empty(), blocked, "{kind} {category}");
    }
}

#[test]
fn costs_lie_inside_the_period_of_performance() {
    let window = |pre: bool| terms("PERFORMANCE_WINDOW", &format!("preAgreement = {pre}"));
    let late = Situation { signed_on: Some(date("2025-09-15")), ..situation() };
    let request = |advance, start: &str, end: &str| Step::Request {
        on: date("2025-12-01"),
        advance,
        amount: money("1.00"),
        outstanding: Money::ZERO,
        period: DateRange { start: date(start), end: date(end) },
    };
    for (step, pre, expected) in [
        (request(false, "2025-10-01", "2025-10-31"), false, None),
        (request(false, "2025-06-30", "2025-10-31"), false, Some(Severity::Block)),
        (request(false, "2026-06-01", "2026-07-01"), true, Some(Severity::Block)),
        (request(false, "2025-09-14", "2025-10-31"), false, Some(Severity::Warn)),
        (request(false, "2025-09-14", "2025-10-31"), true, None),
        // An advance is for costs that are still to arise.
        (request(true, "2025-06-30", "2025-10-31"), false, None),
        (spend(CostCategory::Travel, "1.00", "1.00", "1.00"), false, None),
    ] {
        let found = window(pre).evaluate(&late, &step);
        assert_eq!(found.first().map(|one| one.severity), expected, "{step:?}");
    }
}

#[test]
fn nothing_is_paid_before_what_a_gate_asks_for_is_in_hand() {
    let pay = |agreement, resolution, overdue: &[(Option<ReportKind>, &str)]| Step::Pay {
        on: date("2025-12-01"),
        amount: money("1.00"),
        retains: true,
        in_hand: InHand {
            agreement,
            resolution,
            overdue: overdue.iter().map(|(kind, title)| (*kind, (*title).into())).collect(),
        },
    };
    let late_report = [(Some(ReportKind::Progress), "Progress report")];
    let late_vote = [(None, "Resolution")];
    for (text, step, expected) in [
        ("agreement = true", pay(Some(true), None, &[]), vec![]),
        ("agreement = true", pay(Some(false), None, &[]), vec![Severity::Block]),
        // Nobody recorded one: then it is not on file.
        ("resolution = true", pay(Some(true), None, &[]), vec![Severity::Block]),
        ("resolution = true", pay(None, Some(true), &late_vote), vec![]),
        ("noOverdue = true", pay(None, None, &late_vote), vec![Severity::Block]),
        ("reports = [\"PROGRESS\"]", pay(None, None, &late_report), vec![Severity::Block]),
        ("reports = [\"FINANCIAL\"]", pay(None, None, &late_report), vec![]),
        (
            "reports = [\"FINANCIAL\"]\nnoOverdue = true",
            pay(None, None, &late_report),
            vec![Severity::Block],
        ),
    ] {
        let found = terms("PAYMENT_GATE", text).evaluate(&situation(), &step);
        let severities: Vec<_> = found.iter().map(|one| one.severity).collect();
        assert_eq!(severities, expected, "{text}");
    }
}

#[test]
fn awards_have_a_range_and_recipients_are_eligible() {
    for (text, amount, expected) in [
        ("min = \"500.00\"\nmax = \"10000.00\"", "500.00", None),
        ("min = \"500.00\"\nmax = \"10000.00\"", "499.99", Some("500.00")),
        ("announced = \"Between $500 and $10,000\"", "10000.00", None),
        ("announced = \"Between $500 and $10,000\"", "10000.01", Some("10000.00")),
        ("max = \"10000.00\"", "0.01", None),
    ] {
        let found = terms("AWARD_RANGE", text).evaluate(&of(amount), &Step::Award);
        let limit = found.first().map(|one| (one.severity, one.amount.unwrap()));
        assert_eq!(limit, expected.map(|limit| (Severity::Block, money(limit))), "{amount}");
    }

    let eligible = "recipients = [\"CITY_GOVERNMENT\", \"COUNTY\"]
        requires = [{ fact = \"CANNABIS_ORDINANCE\", oneOf = [\"NO_BAN\", \"BANS_INDOOR_CULTIVATION\"] }]";
    let rules = [rule("ELIGIBILITY", eligible)];
    let ordinance = |value| knowing(&[(FactKind::CannabisOrdinance, value)]);
    for (recipient, facts, answer, step) in [
        (OrganizationKind::CityGovernment, ordinance("NO_BAN"), Answer::Yes, None),
        (
            OrganizationKind::CityGovernment,
            ordinance("BANS_RETAIL"),
            Answer::No,
            Some(Severity::Block),
        ),
        (OrganizationKind::CityGovernment, Known::default(), Answer::Unknown, Some(Severity::Warn)),
        (OrganizationKind::Cbo, ordinance("NO_BAN"), Answer::No, Some(Severity::Block)),
        // One no is enough, whatever is not known.
        (OrganizationKind::Cbo, Known::default(), Answer::No, Some(Severity::Block)),
    ] {
        let asked = eligibility::requirements(&rules, recipient, &facts);
        assert_eq!(eligibility::verdict(&asked), answer, "{recipient}");
        let grant = Situation { recipient, facts, ..situation() };
        let found = rules[0].terms.evaluate(&grant, &Step::Award);
        assert_eq!(found.iter().map(|one| one.severity).max(), step, "{recipient}");
    }
    assert_eq!(eligibility::verdict(&[]), Answer::Unknown);
    let unverified = Rule { verified_on: None, ..rules[0].clone() };
    let asked = eligibility::requirements(&[unverified], OrganizationKind::Cbo, &Known::default());
    assert_eq!(
        eligibility::verdict(&asked),
        Answer::Unknown,
        "what is not verified decides nothing"
    );
}

#[test]
fn records_are_kept_for_years_after_the_end() {
    let rule = terms("RECORD_RETENTION", "years = 3\nafter = \"FINAL_PAYMENT\"");
    let found = told(&rule.evaluate(&situation(), &Step::Close { on: date("2024-02-29") }));
    assert_eq!(found, [(Severity::Info, None, Some("2027-02-28".into()))]);
}

#[test]
fn every_rule_of_a_grant_says_what_it_asks_before_anything_happens() {
    for (kind, text, expected) in [
        (
            "RETENTION",
            "bp = 1000\nrelease = \"FINAL_REPORT\"",
            "1000 basis points of each request are withheld until the final report is accepted",
        ),
        (
            "COST_CAP",
            "category = \"INDIRECT\"\nbp = 1000\nbase = \"AWARD\"",
            "INDIRECT takes at most 1000 basis points of the award",
        ),
        (
            "LINE_TRANSFER",
            "bp = 1000\nscope = \"CUMULATIVE_OF_TOTAL\"",
            "at most 50000.00 moves between lines without approval",
        ),
        ("ALLOWABLE", "categories = [\"TRAVEL\", \"OTHER\"]", "paid: TRAVEL, OTHER"),
        ("UNALLOWABLE", "categories = [\"EQUIPMENT\"]", "not paid: EQUIPMENT"),
        (
            "PAYMENT_GATE",
            "agreement = true\nnoOverdue = true",
            "nothing is paid without the signed agreement, everything that is due",
        ),
        (
            "REVERSION",
            "years = 3",
            "what is received: unspent after 3 fiscal years it reverts, that of the receipt included",
        ),
        ("PAY_METHOD", "method = \"REIMBURSEMENT\"", "paid by reimbursement only"),
    ] {
        let found = terms(kind, text).evaluate(&situation(), &standing("2026-01-01"));
        let told: Vec<_> = found.iter().map(|one| (one.severity, one.message.as_str())).collect();
        assert_eq!(told, [(Severity::Info, expected)], "{kind}");
    }
}

#[test]
fn a_condition_holds_or_not_or_nobody_knows() {
    let level = |value| knowing(&[(FactKind::ParticipationLevel, value)]);
    let people = |value| knowing(&[(FactKind::Population, value)]);
    for (text, facts, expected) in [
        (
            "fact = \"PARTICIPATION_LEVEL\"\noneOf = [\"PILOT\", \"VANGUARD\"]",
            level("PILOT"),
            Truth::Yes,
        ),
        (
            "fact = \"PARTICIPATION_LEVEL\"\noneOf = [\"PILOT\", \"VANGUARD\"]",
            level("AFFILIATE"),
            Truth::No,
        ),
        ("fact = \"PARTICIPATION_LEVEL\"\noneOf = [\"PILOT\"]", people("5"), Truth::Unknown),
        ("fact = \"POPULATION\"\nbelow = 200000", people("199999"), Truth::Yes),
        ("fact = \"POPULATION\"\nbelow = 200000", people("200000"), Truth::No),
        ("fact = \"POPULATION\"\natLeast = 200000", people("200000"), Truth::Yes),
    ] {
        let condition: Condition = toml::from_str(text).unwrap();
        assert_eq!(condition.holds(&facts), expected, "{text}");
    }
}

#[test]
fn terms_that_make_no_sense_are_refused_where_they_do_not() {
    for (kind, text, expected) in [
        ("MATCH", "bp = 0\nbase = \"GRANT\"\nsources = [\"CASH\"]", "bp: 0 is not a part"),
        ("MATCH", "bp = 10000\nbase = \"TOTAL_COST\"\nsources = [\"CASH\"]", "bp: the whole cost"),
        (
            "MATCH",
            "bp = 1\nbase = \"GRANT\"\nsources = []",
            "sources: `sources` names at least one",
        ),
        (
            "MATCH",
            "bp = 1\nbase = \"GRANT\"\nsources = [\"CASH\"]\nbyRecipient = [{ recipients = [\"CBO\"], bp = 20000 }]",
            "byRecipient.0.bp: 20000",
        ),
        (
            "MATCH",
            "bp = 1\nbase = \"GRANT\"\nsources = [\"CASH\"]\nwaivedWhen = { fact = \"POPULATION\" }",
            "waivedWhen.fact: give exactly one",
        ),
        (
            "ALLOCATION_SPLIT",
            "residual = \"R\"\nsteps = [{ component = \"A\", bp = 6000, of = \"TOTAL\" }, { component = \"B\", bp = 4001, of = \"TOTAL\" }]",
            "steps.1.bp: the steps take more than the whole",
        ),
        (
            "ALLOCATION_SPLIT",
            "residual = \"A\"\nsteps = [{ component = \"A\", bp = 1, of = \"TOTAL\" }]",
            "steps.0.component: the component A is named twice",
        ),
        (
            "ALLOCATION_SPLIT",
            "residual = \"a\"\nsteps = []",
            "residual: `a` is not a component's code",
        ),
        ("SUB_CAP", "bp = 100\npurpose = \" \"", "purpose: `purpose` must not be empty"),
        ("REVERSION", "years = 0", "years: 0 is not a number of years"),
        (
            "RESERVE_BAND",
            "component = \"C\"\nyears = 5\nminBp = 600\nmaxBp = 500",
            "minBp: the least",
        ),
        ("LIQUIDATE_BY", "due = { months = 24 }", "due.on: give either `on` alone"),
        (
            "LIQUIDATE_BY",
            "due = { from = \"LIQUIDATE_BY\" }",
            "due.from: this date is not counted from LIQUIDATE_BY",
        ),
        (
            "ENCUMBER_BY",
            "due = { from = \"LIQUIDATE_BY\" }",
            "due.from: this date is not counted from LIQUIDATE_BY",
        ),
        ("ENCUMBER_BY", "due = { on = \"2226-06-30\" }", "due.on: 2226-06-30 is not a day"),
        ("PAYMENT_GATE", "reports = [\"INVOICE\"]", "reports: INVOICE is no report"),
        ("LIQUIDATE_BY", "due = { from = \"ENCUMBER_BY\", months = -1 }", "due.months: months are"),
        (
            "PAY_METHOD",
            "method = \"REIMBURSEMENT\"\nmaxAdvanceBp = 1",
            "method: REIMBURSEMENT has no advances",
        ),
        (
            "COST_CAP",
            "category = \"TRAVEL\"\nbp = 10001\nbase = \"AWARD\"",
            "bp: 10001 is not a part",
        ),
        ("ALLOWABLE", "categories = []", "categories: `categories` names at least one"),
        (
            "UNALLOWABLE",
            "categories = [\"TRAVEL\"]\nfrom = \"2026-01-02\"\nto = \"2026-01-01\"",
            "to: the last day",
        ),
        ("ELIGIBILITY", "", "recipients: give `recipients`"),
        (
            "ELIGIBILITY",
            "requires = [{ fact = \"PARTICIPATION_LEVEL\", oneOf = [\"GOLD\"] }]",
            "requires.0.oneOf: `GOLD` is not a value of PARTICIPATION_LEVEL",
        ),
        (
            "ELIGIBILITY",
            "requires = [{ fact = \"PARTICIPATION_LEVEL\", below = 3 }]",
            "requires.0.fact: PARTICIPATION_LEVEL is not a number",
        ),
        ("AWARD_RANGE", "", "min: give `min`, `max` or both"),
        (
            "AWARD_RANGE",
            "min = \"2.00\"\nmax = \"1.99\"",
            "max: the most, 1.99, is below the least",
        ),
        (
            "AWARD_RANGE",
            "announced = \"Dependant on funds\"",
            "announced: `Dependant on funds` is not an amount",
        ),
        (
            "REPORT_SCHEDULE",
            "report = \"PROGRESS\"\nfrequency = \"YEAR\"\nanchor = \"AWARD\"",
            "dueDays: give either",
        ),
        (
            "REPORT_SCHEDULE",
            "report = \"PROGRESS\"\nfrequency = \"YEAR\"\nanchor = \"AWARD\"\ndueMonthDay = \"02-29\"",
            "dueMonthDay: `02-29` is not a day of every year",
        ),
        (
            "REPORT_SCHEDULE",
            "report = \"PROGRESS\"\nfrequency = \"YEAR\"\nanchor = \"AWARD\"\ndueDays = 30\ndueTime = \"25:00\"",
            "dueTime: `25:00` is not a time",
        ),
        (
            "REPORT_SCHEDULE",
            "report = \"PROGRESS\"\nfrequency = \"YEAR\"\nanchor = \"AWARD\"\ndueDays = 30\nzone = \"Eastern\"",
            "zone: `Eastern` is not a zone",
        ),
        ("PAYMENT_GATE", "", "agreement: a gate names"),
        ("RECORD_RETENTION", "years = 101\nafter = \"FINAL_REPORT\"", "years: 101"),
    ] {
        let params: toml::Table = toml::from_str(text).unwrap();
        let mut both = toml::Table::new();
        both.insert("kind".into(), kind.into());
        both.insert("params".into(), toml::Value::Table(params));
        let terms: RuleTerms = toml::Value::Table(both).try_into().unwrap();
        let problem = terms.check().unwrap_err().to_string();
        assert!(problem.starts_with(expected), "{kind}: {problem}");
    }
}

#[test]
fn an_amount_in_words_is_read_or_said_to_be_unknown() {
    let exactly = |text: &str| Announced::Exactly(money(text));
    let between = |min: &str, max: &str| Announced::Between(money(min), money(max));
    for (text, expected) in [
        ("Between $500 and $10,000", between("500.00", "10000.00")),
        ("Between $1,250,000.50 and $2,000,000", between("1250000.50", "2000000.00")),
        ("$10,000", exactly("10000.00")),
        (" $10000 ", exactly("10000.00")),
        ("Exactly $75,000", exactly("75000.00")),
        ("$1,00", Announced::Unparsed),
        ("$10,0000", Announced::Unparsed),
        ("$1.234", Announced::Unparsed),
        ("10,000", Announced::Unparsed),
        ("$", Announced::Unparsed),
        ("", Announced::Unparsed),
        ("Between $500 and many", Announced::Unparsed),
        (
            "Dependant on number of submissions received, application process, etc.",
            Announced::Unparsed,
        ),
    ] {
        assert_eq!(Announced::read(text), expected, "{text}");
    }
}

#[test]
fn fiscal_years_begin_on_the_first_of_july() {
    for (day, label, first, last) in [
        ("2026-06-30", "2025-26", "2025-07-01", "2026-06-30"),
        ("2026-07-01", "2026-27", "2026-07-01", "2027-06-30"),
        ("2024-02-29", "2023-24", "2023-07-01", "2024-06-30"),
        ("1999-12-31", "1999-00", "1999-07-01", "2000-06-30"),
    ] {
        let year = FiscalYear::of(date(day));
        assert_eq!(year.to_string(), label);
        assert_eq!((year.first_day(), year.last_day()), (date(first), date(last)));
    }
}
