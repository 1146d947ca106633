use async_graphql::{ComplexObject, Context, ID, InputObject, Object, connection::Connection};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AuditEntry, chain, store};
use crate::{
    Error, Result,
    access::Permission,
    graphql::ContextExt,
    id::{GrantId, PersonId},
    page::{OrderDirection, PageArgs, Window},
    people::{Person, graphql::PersonLoader},
};

/// What the ids of a table's rows begin with outside.
const PREFIXES: &[(&str, &str)] = &[
    ("access_tokens", "token"),
    ("allocation_components", "acomponent"),
    ("allocation_receipts", "areceipt"),
    ("allocation_reversions", "areversion"),
    ("allocation_spends", "aspend"),
    ("allocations", "allocation"),
    ("amendments", "amendment"),
    ("appropriations", "appropriation"),
    ("approval_delegations", "delegation"),
    ("budget_lines", "line"),
    ("budget_transfers", "btransfer"),
    ("cities", "city"),
    ("counties", "county"),
    ("deadlines", "deadline"),
    ("disbursements", "disb"),
    ("encumbrance_cancellations", "ecancel"),
    ("encumbrances", "encumbrance"),
    ("expenditures", "expenditure"),
    ("facts", "fact"),
    ("funding_programs", "program"),
    ("funding_streams", "stream"),
    ("grant_documents", "document"),
    ("grants", "grant"),
    ("ledger_closed_months", "cmonth"),
    ("match_acceptances", "maccept"),
    ("match_contributions", "match"),
    ("organizations", "org"),
    ("payment_adjustments", "adjustment"),
    ("people", "person"),
    ("reports", "report"),
    ("role_grants", "role"),
    ("rule_overrides", "override"),
    ("rule_sets", "ruleset"),
    ("rules", "rule"),
    ("sustainability_plans", "plan"),
];

/// What the ids of a table's rows begin with outside, where they have any.
pub fn prefix(table: &str) -> Option<&'static str> {
    PREFIXES.iter().find(|(named, _)| *named == table).map(|(_, prefix)| *prefix)
}

#[ComplexObject]
impl AuditEntry {
    /// Who did it; null where no person acted.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.person_id).await
    }

    /// The id of the row, as `node` takes it where it is a node; null for a row that has none of its own.
    async fn object_id(&self) -> Option<ID> {
        let prefix = prefix(&self.table_name)?;
        Some(ID(format!("{prefix}_{}", self.object_id?.simple())))
    }

    /// What the row held before: all of it where it was taken out, what differs where it was changed, null where it
    /// was entered. Addresses and secrets are withheld.
    async fn before(&self) -> Option<&serde_json::Value> {
        self.before.as_ref()
    }

    /// What the row holds since then: all of it where it was entered, what differs where it was changed, null where it
    /// was taken out. Addresses and secrets are withheld.
    async fn after(&self) -> Option<&serde_json::Value> {
        self.after.as_ref()
    }

    /// The hash of its seal in hexadecimal digits: SHA-256 over the seal before, its position and the entry. Null while
    /// it is not sealed.
    async fn hash(&self) -> Option<String> {
        self.hash.as_deref().map(chain::hex)
    }
}

/// Which entries to list.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// Done by one of these people.
    people: Option<Vec<PersonId>>,
    /// One of these mutations, jobs or commands, such as `payDisbursement`.
    actions: Option<Vec<String>>,
    /// About one of these rows.
    objects: Option<Vec<ID>>,
    /// About one of these grants, or a row that belongs to it.
    grants: Option<Vec<GrantId>>,
    /// In one of these tables.
    tables: Option<Vec<String>>,
    /// Part of this request.
    request_id: Option<String>,
    /// At or after this moment.
    recorded_from: Option<DateTime<Utc>>,
    /// Before this moment.
    recorded_to: Option<DateTime<Utc>>,
    /// Only changes past the API, the jobs and the program's commands; false for all but these.
    unattributed: Option<bool>,
    /// At or after this moment, as `recordedFrom`: entries are never changed.
    updated_since: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// As the statement takes it.
    pub fn read(self) -> Result<store::AuditFilter> {
        let object = |id: &ID| {
            let uuid = id.split_once('_').and_then(|(_, digits)| Uuid::try_parse(digits).ok());
            uuid.ok_or_else(|| Error::BadInput(format!("`{}` is not an id of Thrive", id.as_str())))
        };
        let objects = self.objects.map(|ids| ids.iter().map(object).collect::<Result<_>>());
        Ok(store::AuditFilter {
            people: self.people,
            actions: self.actions,
            objects: objects.transpose()?,
            grants: self.grants,
            tables: self.tables,
            request_id: self.request_id,
            recorded_from: self.recorded_from.max(self.updated_since),
            recorded_to: self.recorded_to,
            unattributed: self.unattributed,
        })
    }
}

/// What is known about a whole list of entries.
pub struct AuditEntriesListed {
    filter: store::AuditFilter,
}

#[Object]
impl AuditEntriesListed {
    /// How many entries the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter).await?)
    }
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// The audit log, the latest first: who changed what, when and why. For PROGRAM_ADMIN and AUDITOR.
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: AuditFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, AuditEntry, AuditEntriesListed>> {
        ctx.actor().may_read(Permission::ReadAuditEntries)?;
        let args = PageArgs { first, after, last, before };
        let window = Window::new("RECORDED_AT", OrderDirection::Desc, args)?;
        let filter = filter.read()?;
        let rows = store::list(&ctx.app().db, &window, &filter).await?;
        Ok(window.page(rows, store::position, AuditEntriesListed { filter }))
    }
}
