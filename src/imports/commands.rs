//! Brings a file in: each row by itself, so that all that is wrong is told at once, and all
//! rows together or none.

use std::fmt;

use sqlx::{Acquire, Postgres, Transaction};

use super::{
    disbursements, expenditures,
    file::{self, Header, Row},
    grants,
};
use crate::{
    App, Error, Refusal, Result,
    access::{self, Identity, Reach, Role, TokenScope},
    audit,
    budgets::BudgetLine,
    error::UserErrorCode,
    ledger,
    people::{self, Person},
    spending::costs::Books,
    text_enum::text_enum,
};

text_enum! {
    /// What a file holds.
    pub enum Kind {
        /// Awards that are signed, one a row.
        Grants = "grants",
        /// Budget lines, one a row: those of a grant sum to its award.
        Budgets = "budgets",
        /// Costs of recipients.
        Expenditures = "expenditures",
        /// Requests and payments.
        Disbursements = "disbursements",
    }
}

impl Kind {
    pub fn header(self) -> Header {
        match self {
            Self::Grants => grants::HEADER,
            Self::Budgets => grants::BUDGET_HEADER,
            Self::Expenditures => expenditures::HEADER,
            Self::Disbursements => disbursements::HEADER,
        }
    }
}

/// Who answers for what is brought in: three people, in their roles.
pub struct People {
    pub manager: Identity,
    pub approver: Identity,
    pub officer: Identity,
}

impl People {
    /// Finds them by their addresses; each has to hold the role.
    pub async fn find(
        app: &App,
        manager: &str,
        approver: &str,
        officer: &str,
    ) -> anyhow::Result<Self> {
        let find = async |email: &str, role: Role| -> anyhow::Result<Identity> {
            let person: Option<Person> = people::store::find_by_email(&app.db, email).await?;
            let held = match &person {
                Some(person) => access::store::holds(&app.db, person.id, role).await?,
                None => false,
            };
            match person {
                Some(person) if held => Ok(Identity {
                    person: person.id,
                    role,
                    reach: Reach { everything: true, ..Reach::default() },
                    approval_limit: None,
                    scope: TokenScope::ReadWrite,
                    request_id: None,
                }),
                _ => anyhow::bail!(
                    "{email} does not hold the role {role}: give it by `thrive token create`"
                ),
            }
        };
        let found = Self {
            manager: find(manager, Role::GrantManager).await?,
            approver: find(approver, Role::Approver).await?,
            officer: find(officer, Role::FiscalOfficer).await?,
        };
        let [one, two, three] = [found.manager.person, found.approver.person, found.officer.person];
        if one == two || two == three || one == three {
            anyhow::bail!("manager, approver and officer have to be three people");
        }
        Ok(found)
    }
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowReport {
    pub line: u64,
    /// What was brought in, or why it was not.
    pub outcome: std::result::Result<String, String>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub rows: Vec<RowReport>,
    /// Whether the rows stay: not where one was refused, nor in a dry run.
    pub kept: bool,
}

impl Report {
    pub fn refused(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome.is_err()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RowReport { line, outcome } in &self.rows {
            match outcome {
                Ok(done) => writeln!(f, "line {line}: {done}")?,
                Err(why) => writeln!(f, "line {line}: REFUSED: {why}")?,
            }
        }
        let (all, refused) = (self.rows.len(), self.refused());
        let end = match (self.kept, refused) {
            (true, _) => "all of them were brought in",
            (false, 0) => "nothing was brought in: it was a dry run",
            (false, _) => "nothing was brought in: correct the file and try again",
        };
        write!(f, "{all} rows, {refused} refused; {end}")
    }
}

/// Brings a file in, or tells what would come of it.
#[tracing::instrument(skip_all, fields(kind = %kind))]
pub async fn import(
    app: &App,
    kind: Kind,
    text: &str,
    by: &People,
    dry_run: bool,
) -> anyhow::Result<Report> {
    let rows = file::read(text, kind.header())?;
    let mut tx = audit::begin_unattended(&app.db, &app.clock, "thrive import").await?;
    let mut reports = vec![];
    // Lines of a budget count together: the first row of a grant brings all of them in.
    for rows in together(kind, rows) {
        let outcome = bring(app, &mut tx, kind, &rows, by).await;
        let outcome = match outcome {
            Ok(done) => Ok(done),
            Err(Error::Refused(why)) => Err(why.message),
            Err(Error::BadInput(why)) => Err(why),
            Err(other) => return Err(other.into()),
        };
        reports
            .extend(rows.iter().map(|row| RowReport { line: row.line, outcome: outcome.clone() }));
    }
    reports.sort_by_key(|row| row.line);
    let kept = !dry_run && reports.iter().all(|row| row.outcome.is_ok());
    if kept {
        tx.commit().await?
    } else {
        tx.rollback().await?
    }
    Ok(Report { rows: reports, kept })
}

fn together(kind: Kind, rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut groups: Vec<Vec<Row>> = vec![];
    for row in rows {
        let same = |group: &&mut Vec<Row>| {
            kind == Kind::Budgets
                && group.first().is_some_and(|first| first.text("grant") == row.text("grant"))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

/// One row, or the rows of one budget, behind a savepoint: what the database refuses at the end is refused here.
async fn bring(
    app: &App,
    tx: &mut Transaction<'static, Postgres>,
    kind: Kind,
    rows: &[Row],
    by: &People,
) -> Result<String> {
    let mut step = tx.begin().await?;
    let Some(first) = rows.first() else { return Ok(String::new()) };
    let done = match kind {
        Kind::Grants => grants::bring(app, &mut step, first, by).await?,
        Kind::Budgets => grants::bring_budget(app, &mut step, rows).await?,
        Kind::Expenditures => expenditures::bring(app, &mut step, first, by).await?,
        Kind::Disbursements => disbursements::bring(app, &mut step, first, by).await?,
    };
    ledger::store::check_now(&mut step).await?;
    step.commit().await?;
    Ok(done)
}

/// The budget line that a row names by its category, and its title where that is not enough.
pub(super) fn line_of<'a>(books: &'a Books, row: &Row) -> Result<Option<&'a BudgetLine>, Refusal> {
    let (category, title) = (row.text("category"), row.text("line"));
    if category.is_none() && title.is_none() {
        return Ok(None);
    }
    let fits = |line: &&BudgetLine| {
        category.as_ref().is_none_or(|category| line.category.as_str() == category)
            && title.as_ref().is_none_or(|title| line.title.to_lowercase() == title.to_lowercase())
    };
    let found: Vec<_> = books.lines.iter().filter(fits).collect();
    match found.as_slice() {
        [only] => Ok(Some(only)),
        _ => {
            let message = format!(
                "{} budget lines of the grant fit `category` and `line`: name one",
                found.len()
            );
            Err(Refusal::new(UserErrorCode::NotFound, message))
        }
    }
}
