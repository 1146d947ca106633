use async_graphql::{
    ComplexObject, Context, InputObject, Object, SimpleObject, connection::Connection,
    dataloader::DataLoader,
};
use uuid::Uuid;

use super::{Examined, ImportedRow, PaymentImport, PaymentOutcome, commands};
use crate::{
    Refusal, Result,
    audit::chain,
    disbursements::{Disbursement, graphql::DisbursementLoader},
    graphql::ContextExt,
    money::Money,
    page::{self, OrderDirection, PageArgs, Position, Window},
    people::{Person, graphql::PersonLoader},
};

#[ComplexObject]
impl PaymentImport {
    /// The SHA-256 of the file as it was sent, in hexadecimal digits.
    async fn file_sha256(&self) -> String {
        chain::hex(&self.file_hash)
    }

    /// Who brought it in.
    async fn imported_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.imported_by)).await
    }
}

pub struct PaymentFile(Examined);

/// The lines of a file that were asked for.
#[derive(SimpleObject)]
pub struct PaymentFileListed {
    /// How many lines there are, on all pages.
    total_count: usize,
}

/// What a file of payments comes to, line by line.
#[Object]
impl PaymentFile {
    /// What was brought in; null in a preview, and where a line was refused: then no line is paid.
    async fn import(&self) -> Option<&PaymentImport> {
        self.0.import.as_ref()
    }

    /// How many lines pay a disbursement, or would.
    async fn paid(&self) -> usize {
        self.0.count(PaymentOutcome::Paid)
    }

    /// How many lines tell of payments that are known already.
    async fn already_paid(&self) -> usize {
        self.0.count(PaymentOutcome::AlreadyPaid)
    }

    /// How many lines cannot be paid.
    async fn refused(&self) -> usize {
        self.0.count(PaymentOutcome::Refused)
    }

    /// What its lines pay, in US dollars, without those that are known already or refused.
    async fn amount(&self) -> Money {
        self.0.amount()
    }

    /// The lines in the order of the file, at most 200 a page.
    async fn rows(
        &self,
        #[graphql(desc = "Only lines that come to one of these; all when absent.")]
        outcomes: Option<Vec<PaymentOutcome>>,
        #[graphql(desc = "How many, from the beginning; 50 when neither is given.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Those behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, PaymentFileRow, PaymentFileListed>> {
        let args = PageArgs { first, after, last, before };
        let window = Window::new("LINE", OrderDirection::Asc, args)?;
        let line = |at: &Option<Position>| {
            at.as_ref().map(|at| at.key.parse::<i32>().map_err(|_| page::not_of_this_list()))
        };
        let (after, before) = (line(&window.after).transpose()?, line(&window.before).transpose()?);
        let wanted = |row: &&ImportedRow| {
            outcomes.as_ref().is_none_or(|outcomes| outcomes.contains(&row.outcome))
        };
        let between = |row: &&ImportedRow| {
            after.is_none_or(|after| row.line > after)
                && before.is_none_or(|before| row.line < before)
        };
        let listed: Vec<_> = self.0.rows.iter().filter(wanted).collect();
        let total_count = listed.len();
        let rows = listed.into_iter().filter(between).map(|row| PaymentFileRow(row.clone()));
        let most = usize::try_from(window.limit()).unwrap_or_default();
        let rows = if window.backward {
            rows.rev().take(most).collect()
        } else {
            rows.take(most).collect()
        };
        let position =
            |row: &PaymentFileRow| Position { key: row.0.line.to_string(), id: Uuid::nil() };
        Ok(window.page(rows, position, PaymentFileListed { total_count }))
    }
}

pub struct PaymentFileRow(ImportedRow);

/// A line of a file of payments.
#[Object]
impl PaymentFileRow {
    /// Its number in the file: the header is line 1.
    async fn line(&self) -> i32 {
        self.0.line
    }

    /// What it comes to.
    async fn outcome(&self) -> PaymentOutcome {
        self.0.outcome
    }

    /// The disbursement that it names; null where there is none.
    async fn disbursement(&self, ctx: &Context<'_>) -> Result<Option<Disbursement>> {
        let Some(id) = self.0.disbursement else { return Ok(None) };
        Ok(ctx.data_unchecked::<DataLoader<DisbursementLoader>>().load_one(id).await?)
    }

    /// What it says was paid, in US dollars; null where that cannot be read.
    async fn amount(&self) -> Option<Money> {
        self.0.amount
    }

    /// Why it cannot be paid, with the citation of the rule where one says so; null where it can.
    async fn error(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }
}

/// A file of payments, as a bank or a controller writes it.
#[derive(InputObject)]
struct ImportPaymentsInput {
    /// As in `requestDisbursement`. The same file under another key is read anew: what it paid before is told as known.
    idempotency_key: String,
    /// The text of a CSV file with the columns `amount` (what was paid, in US dollars), `paid_on`, `method` and
    /// `reference`, beside `disbursement` (its id) or `grant` (its number) and `invoice_number`; `warrant_number`,
    /// `vendor_number`, `purchase_order` and `fund_string` may be added. At most 10,000 rows; a file that is larger than a
    /// request may be is sent to `POST /import/payments.csv`.
    file: String,
    /// Tell what each line would come to, and pay nothing.
    #[graphql(default)]
    preview: bool,
}

/// How many reasons are told beside the lines.
const MOST_ERRORS: usize = 100;

/// What came of `importPayments`.
#[derive(SimpleObject)]
pub struct ImportPaymentsPayload {
    /// What each line comes to; null where the file cannot be read at all.
    file: Option<PaymentFile>,
    /// Why nothing was paid: of each line that was refused, the first 100. Empty in a preview of a file that can be read.
    user_errors: Vec<Refusal>,
}

#[derive(Default)]
pub struct PaymentImportMutation;

#[Object]
impl PaymentImportMutation {
    /// Pays what a file of a bank or a controller says was paid: all lines that it has, or none. Each line has to pass what
    /// `payDisbursement` checks, and to say exactly what is due. A line whose payment is known by the same reference is told
    /// and not paid twice. For FISCAL_OFFICER.
    async fn import_payments(
        &self,
        ctx: &Context<'_>,
        input: ImportPaymentsInput,
    ) -> Result<ImportPaymentsPayload> {
        let ImportPaymentsInput { idempotency_key, file, preview } = input;
        let outcome =
            commands::import(ctx.app(), ctx.actor(), &file, preview, &idempotency_key).await;
        Ok(match commands::whole(outcome)? {
            Err(why) => ImportPaymentsPayload { file: None, user_errors: vec![why] },
            Ok(examined) => {
                let mut user_errors = if preview { vec![] } else { commands::refusals(&examined) };
                user_errors.truncate(MOST_ERRORS);
                ImportPaymentsPayload { file: Some(PaymentFile(examined)), user_errors }
            }
        })
    }
}
