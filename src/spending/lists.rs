//! Costs of many grants, listed over all that an actor may see.

use async_graphql::{Context, Enum, InputObject, Object, connection::Connection};
use chrono::{DateTime, Utc};

use super::{Expenditure, graphql::ExpendituresListed, store};
use crate::{
    Result,
    access::Permission,
    graphql::ContextExt,
    id::{CityId, GrantId, OrganizationId, StreamId},
    page::{DateBounds, OrderDirection, PageArgs, Position, Window},
    rule_sets::kinds::CostCategory,
    streams::StreamCode,
};

/// Which expenditures to list. An expenditure is found when every given field fits.
#[derive(InputObject, Default)]
pub struct ExpenditureFilter {
    /// Of grants of one of these funding streams.
    streams: Option<Vec<StreamCode>>,
    /// Of grants of one of these funding streams, by their ids: any that there are.
    stream_ids: Option<Vec<StreamId>>,
    /// Of one of these grants.
    grants: Option<Vec<GrantId>>,
    /// Of grants for the good of one of these cities.
    cities: Option<Vec<CityId>>,
    /// Of grants received by one of these organizations.
    recipients: Option<Vec<OrganizationId>>,
    /// Charged to a budget line of one of these categories.
    categories: Option<Vec<CostCategory>>,
    /// Arisen between these days.
    incurred_on: Option<DateBounds>,
    /// Counted by figures from between these days.
    effective_on: Option<DateBounds>,
    /// Only those that were taken back, or only those that stand; both when absent.
    reversed: Option<bool>,
    /// Of grants with this vendor number, purchase order or fund string, in any case.
    accounting_key: Option<String>,
    /// Entered or taken back at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl From<ExpenditureFilter> for store::ExpenditureFilter {
    fn from(filter: ExpenditureFilter) -> Self {
        let incurred_on = filter.incurred_on.unwrap_or_default();
        let effective_on = filter.effective_on.unwrap_or_default();
        Self {
            streams: filter.streams,
            stream_ids: filter.stream_ids,
            grants: filter.grants,
            cities: filter.cities,
            recipients: filter.recipients,
            categories: filter.categories,
            incurred_from: incurred_on.from,
            incurred_to: incurred_on.to,
            effective_from: effective_on.from,
            effective_to: effective_on.to,
            reversed: filter.reversed,
            accounting_key: filter.accounting_key,
            updated_since: filter.updated_since,
        }
    }
}

/// What expenditures can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ExpenditureOrderField {
    /// When it was entered.
    RecordedAt,
    /// The day on which it arose.
    IncurredOn,
}

/// The order of a list of expenditures.
#[derive(InputObject)]
pub struct ExpenditureOrder {
    /// What to order by.
    field: ExpenditureOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

#[derive(Default)]
pub struct ExpenditureQuery;

#[Object]
impl ExpenditureQuery {
    /// The recorded costs of all grants that you may see, the latest entered first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn expenditures(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: ExpenditureFilter,
        order_by: Option<ExpenditureOrder>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Expenditure, ExpendituresListed>> {
        let reach = ctx.actor().may_read(Permission::ReadExpenditures)?;
        let order = order_by.unwrap_or(ExpenditureOrder {
            field: ExpenditureOrderField::RecordedAt,
            direction: OrderDirection::Desc,
        });
        let name = match order.field {
            ExpenditureOrderField::RecordedAt => "RECORDED_AT",
            ExpenditureOrderField::IncurredOn => "INCURRED_ON",
        };
        let window = Window::new(name, order.direction, PageArgs { first, after, last, before })?;
        let filter = filter.into();
        let rows = store::list_expenditures(&ctx.app().db, &window, &filter, &reach).await?;
        let position = |row: &Expenditure| match order.field {
            // Ids are made in the order of time.
            ExpenditureOrderField::RecordedAt => Position { key: String::new(), id: row.id.0 },
            ExpenditureOrderField::IncurredOn => store::position_of_expenditure(row),
        };
        let listed = ExpendituresListed::Filtered { filter: Box::new(filter), reach };
        Ok(window.page(rows, position, listed))
    }
}
