//! Brings a file of payments in, or tells what would come of it.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{
    Examined, ImportedRow, PaymentImport, PaymentLine, PaymentOutcome, file, rules, store,
};
use crate::{
    App, Error, Refusal, Result,
    access::{Acting, Actor, Permission, Reach},
    audit,
    clock::Date,
    deadlines::{self, DeadlineKind},
    disbursements::{
        self, ClaimLine, Disbursement,
        payment::{Facing, Settled},
    },
    documents::{self, DocumentKind},
    error::UserErrorCode::InvalidInput,
    grants::Grant,
    id::{DisbursementId, GrantId, PaymentImportId},
    idempotency,
    imports::file::Row,
    ledger,
    rule_sets::bound::{self, Bound},
};

/// Pays what a file says was paid: every line of it, or none. A preview tells what each line would come to.
#[tracing::instrument(skip_all, fields(preview))]
pub async fn import(
    app: &App,
    actor: &Actor,
    text: &str,
    preview: bool,
    idempotency_key: &str,
) -> Result<Examined> {
    let officer = actor.may(Permission::ImportPayments)?;
    let file_hash = Sha256::digest(text).to_vec();
    let once =
        idempotency::Request::new(officer.person, "importPayments", idempotency_key, &file_hash)?;
    let rows = file::rows(text)?;
    let id = PaymentImportId::new(&app.clock);
    let mut tx = audit::begin(app, &officer).await?;
    if preview {
        let (rows, _) = examine(app, &mut tx, &officer, &rows, false).await?;
        return Ok(Examined { import: None, rows });
    }
    if let Some(made) = once.begin(&mut tx, &app.clock, id.0).await? {
        let found = store::find(&mut tx, PaymentImportId(made)).await?;
        let (import, rows) = found.ok_or_else(|| Refusal::not_found("import"))?;
        return Ok(Examined { import: Some(import), rows });
    }
    let (rows, settled) = examine(app, &mut tx, &officer, &rows, true).await?;
    let mut examined = Examined { import: None, rows };
    if examined.count(PaymentOutcome::Refused) > 0 {
        return Ok(examined);
    }
    let count = |outcome| i32::try_from(examined.count(outcome)).unwrap_or(i32::MAX);
    let import = PaymentImport {
        id,
        file_hash,
        paid: count(PaymentOutcome::Paid),
        already_paid: count(PaymentOutcome::AlreadyPaid),
        amount: examined.amount(),
        imported_by: officer.person,
        imported_at: app.clock.now(),
    };
    write(app, &mut tx, &settled).await?;
    store::insert(&mut tx, &import, &examined.rows).await?;
    tx.commit().await?;
    examined.import = Some(import);
    Ok(examined)
}

async fn write(app: &App, tx: &mut PgConnection, settled: &[Settled]) -> Result<()> {
    if settled.is_empty() {
        return Ok(());
    }
    let paid: Vec<_> = settled.iter().map(|one| (&one.paid, &one.event)).collect();
    store::write_paid(tx, &paid).await?;
    let postings: Vec<_> = settled.iter().map(|one| &one.posting).collect();
    Ok(ledger::store::post_all(tx, &app.clock, &postings).await?)
}

/// What each line comes to, and the payments that are to be written. Grants are held from here on where `hold`.
async fn examine(
    app: &App,
    tx: &mut PgConnection,
    officer: &Acting<'_>,
    rows: &[Row],
    hold: bool,
) -> Result<(Vec<ImportedRow>, Vec<Settled>)> {
    let read: Vec<_> = rows.iter().map(file::line).collect();
    let place = |row: &Row| i32::try_from(row.line).unwrap_or(i32::MAX);
    let told = rows
        .iter()
        .zip(&read)
        .filter_map(|(row, line)| line.as_ref().ok().map(|line| (place(row), &line.named)));
    let told: Vec<_> = told.collect();
    let found = store::named(tx, &officer.reach, &told).await?;
    let mut grants: Vec<_> = found.iter().map(|(_, _, grant)| *grant).collect();
    grants.sort_unstable();
    grants.dedup();
    if hold {
        store::lock_grants(tx, &grants).await?;
    }
    let ids: Vec<_> = found.iter().map(|(_, id, _)| *id).collect();
    // Read after the lock: what another transaction did is seen.
    let mut books = Books::read(app, tx, &grants, &ids).await?;
    let named: HashMap<_, _> = found.into_iter().map(|(line, id, _)| (line, id)).collect();
    let (mut examined, mut settled) = (vec![], vec![]);
    let mut seen = HashSet::new();
    for (row, read) in rows.iter().zip(read) {
        let line = place(row);
        let mut one = ImportedRow {
            line,
            outcome: PaymentOutcome::Refused,
            disbursement: named.get(&line).copied(),
            amount: None,
            refusal: None,
        };
        let outcome = read.and_then(|read| {
            one.amount = Some(read.amount);
            let id = one.disbursement.ok_or_else(|| Refusal::not_found("disbursement"))?;
            if !seen.insert(id) {
                let message = "an earlier line of the file pays this disbursement";
                return Err(Refusal::new(InvalidInput, message));
            }
            books.settle(app, officer, id, read)
        });
        match outcome {
            Ok(Some(payment)) => {
                one.outcome = PaymentOutcome::Paid;
                settled.push(payment);
            }
            Ok(None) => one.outcome = PaymentOutcome::AlreadyPaid,
            Err(why) => one.refusal = Some(on_line(line, why)),
        }
        examined.push(one);
    }
    Ok((examined, settled))
}

/// A reason, with the line that it is about.
fn on_line(line: i32, why: Refusal) -> Refusal {
    let column = why.field.as_ref().and_then(|path| path.last().cloned());
    let path = ["input".into(), "file".into(), line.to_string()];
    Refusal { field: Some(path.into_iter().chain(column).collect()), ..why }
}

/// All that payments of many grants look at.
struct Books {
    grants: HashMap<GrantId, Grant>,
    bound: HashMap<GrantId, Bound>,
    overdue: HashMap<GrantId, Vec<(DeadlineKind, String)>>,
    resolved: HashSet<GrantId>,
    closed_through: Option<Date>,
    certified: HashMap<GrantId, Date>,
    disbursements: HashMap<DisbursementId, Disbursement>,
    claims: HashMap<DisbursementId, Vec<ClaimLine>>,
}

impl Books {
    async fn read(
        app: &App,
        tx: &mut PgConnection,
        grants: &[GrantId],
        ids: &[DisbursementId],
    ) -> Result<Self> {
        let (now, today) = (app.clock.now(), app.clock.today());
        // Which of them may be seen was asked when they were named.
        let everything = Reach { everything: true, ..Reach::default() };
        let found = disbursements::store::find(&mut *tx, &everything, ids).await?;
        let (closed_through, certified) = store::closed(tx, grants).await?;
        let having = documents::store::having(&mut *tx, grants, DocumentKind::Resolution).await?;
        Ok(Self {
            grants: store::grants(tx, grants).await?,
            bound: bound::of_grants(tx, grants, today).await?,
            overdue: deadlines::store::overdue_deliverables(&mut *tx, grants, now).await?,
            resolved: having.into_iter().collect(),
            closed_through,
            certified,
            disbursements: found.into_iter().map(|one| (one.id, one)).collect(),
            claims: disbursements::store::lines_of(tx, ids).await?,
        })
    }

    /// The payment that a line makes; none where it was made before.
    fn settle(
        &mut self,
        app: &App,
        officer: &Acting<'_>,
        id: DisbursementId,
        line: PaymentLine,
    ) -> Result<Option<Settled>, Refusal> {
        let missing = || Refusal::not_found("disbursement");
        let disbursement = self.disbursements.remove(&id).ok_or_else(missing)?;
        if rules::known(&line, &disbursement) {
            return Ok(None);
        }
        let grant = disbursement.grant_id;
        let facing = Facing {
            grant: self.grants.get(&grant).ok_or_else(missing)?,
            bound: self.bound.get(&grant).ok_or_else(missing)?,
            overdue: self.overdue.get(&grant).map_or(&[], Vec::as_slice),
            resolved: self.resolved.contains(&grant),
            claims: self.claims.get(&id).map_or(&[], Vec::as_slice),
        };
        let (told, paid_on) = (line.amount, line.payment.paid_on);
        let settled = facing.settle(disbursement, officer, line.payment, &app.clock)?;
        rules::check_amount(told, settled.paid.net())?;
        let certified = self.certified.get(&grant).copied();
        rules::check_open(paid_on, self.closed_through, certified)?;
        Ok(Some(settled))
    }
}

/// The reasons why a file was not brought in.
pub fn refusals(examined: &Examined) -> Vec<Refusal> {
    examined.rows.iter().filter_map(|row| row.refusal.clone()).collect()
}

/// What was wrong with the file as a whole, where that is why nothing came of it.
pub fn whole(outcome: Result<Examined>) -> Result<Result<Examined, Refusal>> {
    match outcome {
        Ok(examined) => Ok(Ok(examined)),
        Err(Error::Refused(why)) => Ok(Err(why)),
        Err(other) => Err(other),
    }
}
