//! The house rules a compiler cannot check: what each kind of file may not mention.

use std::{fs, path::Path};

/// A file's name, and what it may not hold.
const MAY_NOT: &[(&str, &[&str])] = &[
    ("rules.rs", &["sqlx", "async fn", "App,", "&App,", "&App)", "async_graphql"]),
    ("model.rs", &["sqlx::query", "async fn", "::store", "::commands"]),
    ("generated.rs", STORE),
    ("override_store.rs", STORE),
    ("account_store.rs", STORE),
    ("token_store.rs", STORE),
    ("list_store.rs", STORE),
    ("layer_store.rs", STORE),
    ("feed_store.rs", STORE),
    ("store/exported.rs", STORE),
    ("exports/cells.rs", PURE),
    ("transport_ws.rs", PURE),
    ("http/origin.rs", PURE),
    ("totals_store.rs", STORE),
    ("agreement_store.rs", STORE),
    ("store.rs", STORE),
    ("commands.rs", &["sqlx::query", "async_graphql", "graphql::"]),
    ("graphql.rs", &["sqlx::query", "begin()", "commit()"]),
    // What follows from rules is computed, not read.
    ("plan.rs", PURE),
    ("claims.rs", PURE),
    ("costs.rs", PURE),
    ("ledger/figures.rs", PURE),
    ("evaluation.rs", PURE),
    ("eligibility.rs", PURE),
    ("allocation.rs", PURE),
    ("layers.rs", PURE),
    ("kinds/mod.rs", PURE),
    ("kinds/access.rs", PURE),
    ("kinds/allocation.rs", PURE),
    ("kinds/condition.rs", PURE),
    ("kinds/costs.rs", PURE),
    ("kinds/dates.rs", PURE),
    ("kinds/money.rs", PURE),
    ("kinds/reports.rs", PURE),
    ("figures/splitting.rs", PURE),
    ("payment_imports/file.rs", PURE),
    ("figures/forms.rs", PURE),
];

const STORE: &[&str] =
    &["async_graphql", "begin()", "commit()", "::commands", "::rules", "graphql::"];
const PURE: &[&str] =
    &["sqlx", "async fn", "App,", "&App,", "&App)", "::store", "::commands", "Clock"];

const SLICES: &[&str] = &[
    "allocations",
    "appropriations",
    "awaiting",
    "budgets",
    "cities",
    "deadlines",
    "delegations",
    "disbursements",
    "documents",
    "exports",
    "facts",
    "figures",
    "grants",
    "holidays",
    "imports",
    "matching",
    "payment_imports",
    "people",
    "periods",
    "plans",
    "reports",
    "rule_sets",
    "spending",
    "streams",
];
const VOCABULARY: [&str; 7] = ["clock", "error", "fiscal_year", "id", "money", "page", "text_enum"];
/// Who may know of the jobs.
const NAMES_JOBS: [&str; 5] =
    ["src/lib.rs", "src/graphql.rs", "src/graphql/nodes.rs", "src/cli/mod.rs", "src/cli/serve.rs"];

#[test]
fn every_file_keeps_to_its_kind() {
    let mut broken = vec![];
    visit(Path::new("src"), &mut |path, text| {
        let mut may_not = |words: &[&str]| {
            broken.extend(
                words
                    .iter()
                    .filter(|word| text.contains(**word))
                    .map(|word| format!("{path}: {word}")),
            );
        };
        // The GraphQL of allocations asks; what it asks is pure.
        let slice_root = path == "src/graphql.rs" || path == "src/rule_sets/graphql/allocation.rs";
        for (_, words) in
            MAY_NOT.iter().filter(|(name, _)| !slice_root && path.ends_with(&format!("/{name}")))
        {
            may_not(words);
        }
        if VOCABULARY.iter().any(|name| path == format!("src/{name}.rs")) {
            let named: Vec<_> = SLICES.iter().map(|slice| format!("crate::{slice}")).collect();
            may_not(&named.iter().map(String::as_str).collect::<Vec<_>>());
        }
        if !NAMES_JOBS.contains(&path) {
            may_not(&["jobs::"]);
        }
        if path != "src/clock.rs" {
            may_not(&["Utc::now(", "Local::now(", "SystemTime::now("]);
        }
        may_not(&["todo!(", "unimplemented!(", ".unwrap()", "#[allow("]);
    });
    assert!(broken.is_empty(), "{broken:#?}");
}

fn visit(folder: &Path, check: &mut impl FnMut(&str, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, check);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            check(path.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
        }
    }
}
