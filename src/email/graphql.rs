use async_graphql::{ComplexObject, Context, InputObject, Object, connection::Connection};

use chrono::{DateTime, Utc};

use super::{Email, EmailStatus, store};
use crate::{
    Result,
    access::Permission,
    graphql::ContextExt,
    id::PersonId,
    page::{DateBounds, OrderDirection, PageArgs, Window},
    people::{Person, graphql::PersonLoader},
};

#[ComplexObject]
impl Email {
    /// Who it was written to.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.person_id)).await
    }
}

/// Which messages to list.
#[derive(InputObject, Default)]
pub struct EmailFilter {
    /// Standing so.
    statuses: Option<Vec<EmailStatus>>,
    /// Written to one of these people.
    people: Option<Vec<PersonId>>,
    /// Written for a day between these.
    run_on: Option<DateBounds>,
    /// Changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What is known about a whole list of messages.
pub struct EmailsListed {
    filter: store::EmailFilter,
    viewer: PersonId,
    everybodys: bool,
}

#[Object]
impl EmailsListed {
    /// How many messages the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter, self.viewer, self.everybodys).await?)
    }
}

#[derive(Default)]
pub struct EmailQuery;

#[Object]
impl EmailQuery {
    /// The mail that Thrive wrote, the newest first: your own, or everybody's for GRANT_MANAGER, PROGRAM_ADMIN and AUDITOR.
    async fn emails(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: EmailFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Email, EmailsListed>> {
        let viewer = ctx.actor().may(Permission::ReadEmails)?;
        let window = Window::new(
            "QUEUED_AT",
            OrderDirection::Desc,
            PageArgs { first, after, last, before },
        )?;
        let run_on = filter.run_on.unwrap_or_default();
        let filter = store::EmailFilter {
            statuses: filter.statuses,
            people: filter.people,
            run_from: run_on.from,
            run_to: run_on.to,
            updated_since: filter.updated_since,
        };
        let everybodys = viewer.sees_contacts();
        let rows = store::list(&ctx.app().db, &window, &filter, viewer.person, everybodys).await?;
        Ok(window.page(
            rows,
            store::position,
            EmailsListed { filter, viewer: viewer.person, everybodys },
        ))
    }
}
