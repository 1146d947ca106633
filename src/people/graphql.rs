use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object,
    connection::Connection,
    dataloader::{DataLoader, Loader},
};

use chrono::{DateTime, Utc};

use super::{NewOrganization, NewPerson, Organization, OrganizationKind, Person, commands, store};
use crate::{
    App, Result,
    access::{self, Permission, Reach, RoleGrant},
    cities::{City, County, graphql::CityLoader, graphql::CountyLoader},
    clock::Date,
    error::Shared,
    facts::{Fact, Subject, graphql::facts_on},
    graphql::{ContextExt, payload},
    id::{CityId, CountyId, OrganizationId, PersonId},
    page::{OrderDirection, PageArgs, Window},
};

#[ComplexObject]
impl Organization {
    /// The city whose government, or whose organization, it is.
    async fn city(&self, ctx: &Context<'_>) -> Result<Option<City>> {
        CityLoader::find(ctx, self.city_id).await
    }

    /// What is known of it as of a day: at most one fact of a kind. `facts` lists all that was recorded.
    async fn facts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when left out.")] on: Option<Date>,
    ) -> Result<Vec<Fact>> {
        facts_on(ctx, Subject::Organization(self.id), on).await
    }

    /// The county whose department it is.
    async fn county(&self, ctx: &Context<'_>) -> Result<Option<County>> {
        CountyLoader::find(ctx, self.county_id).await
    }
}

#[ComplexObject]
impl Person {
    /// The e-mail address; null unless you may see it: your own, or with the role GRANT_MANAGER,
    /// PROGRAM_ADMIN or AUDITOR.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        self.contact_is_visible(ctx).then_some(self.email.as_str())
    }

    /// The telephone number; visible like the e-mail address.
    async fn phone(&self, ctx: &Context<'_>) -> Option<&str> {
        if self.contact_is_visible(ctx) { self.phone.as_deref() } else { None }
    }

    /// The postal address; visible like the e-mail address.
    async fn mailing_address(&self, ctx: &Context<'_>) -> Option<&str> {
        if self.contact_is_visible(ctx) { self.mailing_address.as_deref() } else { None }
    }

    /// The roles that the person holds and held, the latest given first, at most 100; null unless you may see them:
    /// your own, or with the role PROGRAM_ADMIN or AUDITOR.
    async fn roles(&self, ctx: &Context<'_>) -> Result<Option<Vec<RoleGrant>>> {
        access::graphql::roles_of(ctx, self.id).await
    }

    /// The organization the person works for.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        OrganizationLoader::find(ctx, self.organization_id).await
    }

    /// The city the person belongs to.
    async fn city(&self, ctx: &Context<'_>) -> Result<Option<City>> {
        CityLoader::find(ctx, self.city_id).await
    }
}

impl Person {
    fn contact_is_visible(&self, ctx: &Context<'_>) -> bool {
        ctx.actor()
            .identity()
            .is_some_and(|viewer| viewer.person == self.id || viewer.sees_contacts())
    }
}

/// Which people to list.
#[derive(InputObject, Default)]
pub struct PersonFilter {
    /// Part of the name, in any case.
    search: Option<String>,
    /// Who works for one of these.
    organizations: Option<Vec<OrganizationId>>,
    /// Entered at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What is known about a whole list of people.
pub struct PeopleListed {
    filter: store::PersonFilter,
    viewer: PersonId,
    reach: Reach,
}

#[Object]
impl PeopleListed {
    /// How many people the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter, self.viewer, &self.reach).await?)
    }
}

#[derive(Default)]
pub struct PeopleQuery;

#[Object]
impl PeopleQuery {
    /// People by name: everyone for staff, otherwise those of the own city and organization.
    async fn people(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: PersonFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Person, PeopleListed>> {
        let viewer = ctx.actor().may(Permission::ReadPeople)?;
        let window =
            Window::new("NAME", OrderDirection::Asc, PageArgs { first, after, last, before })?;
        let filter = store::PersonFilter {
            search: filter.search,
            organizations: filter.organizations,
            updated_since: filter.updated_since,
        };
        let reach = viewer.reach.clone();
        let rows = store::list(&ctx.app().db, &window, &filter, viewer.person, &reach).await?;
        Ok(window.page(
            rows,
            store::position,
            PeopleListed { filter, viewer: viewer.person, reach },
        ))
    }

    /// An organization by its id; null when there is none. Organizations are known to whoever has signed in.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        id: OrganizationId,
    ) -> Result<Option<Organization>> {
        ctx.actor().may_read(Permission::ReadOrganization)?;
        Ok(ctx.data_unchecked::<DataLoader<OrganizationLoader>>().load_one(id).await?)
    }
}

/// A new organization.
#[derive(InputObject)]
struct CreateOrganizationInput {
    /// The name; no other organization has it.
    name: String,
    /// What it is.
    kind: OrganizationKind,
    /// The city it belongs to; required for a city government.
    city_id: Option<CityId>,
    /// The county it belongs to.
    county_id: Option<CountyId>,
}

/// A new person.
#[derive(InputObject)]
struct CreatePersonInput {
    /// The name as the person writes it.
    name: String,
    /// The e-mail address; nobody else has it.
    email: String,
    /// The telephone number.
    phone: Option<String>,
    /// The postal address.
    mailing_address: Option<String>,
    /// The position held, such as `Finance Director`.
    position: Option<String>,
    /// The organization the person works for.
    organization_id: Option<OrganizationId>,
    /// The city the person belongs to.
    city_id: Option<CityId>,
}

payload!(
    /// What came of `createOrganization`.
    CreateOrganizationPayload {
        /// The new organization; null when it was refused.
        organization: Organization
    }
);
payload!(
    /// What came of `createPerson`.
    CreatePersonPayload {
        /// The new person; null when it was refused.
        person: Person
    }
);

#[derive(Default)]
pub struct PeopleMutation;

#[Object]
impl PeopleMutation {
    /// Enters an organization. Needs PROGRAM_ADMIN or GRANT_MANAGER.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        input: CreateOrganizationInput,
    ) -> Result<CreateOrganizationPayload> {
        let new = NewOrganization {
            name: input.name,
            kind: input.kind,
            city: input.city_id,
            county: input.county_id,
            fictional: false,
        };
        commands::create_organization(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Enters a person. Needs PROGRAM_ADMIN.
    async fn create_person(
        &self,
        ctx: &Context<'_>,
        input: CreatePersonInput,
    ) -> Result<CreatePersonPayload> {
        let new = NewPerson {
            name: input.name,
            email: input.email,
            phone: input.phone,
            mailing_address: input.mailing_address,
            position: input.position,
            organization: input.organization_id,
            city: input.city_id,
            fictional: false,
        };
        commands::create_person(ctx.app(), ctx.actor(), new).await.try_into()
    }
}

pub struct OrganizationLoader(pub App);

impl OrganizationLoader {
    /// The organization that something names, together with all others that an answer asks for.
    pub async fn find(
        ctx: &Context<'_>,
        id: Option<OrganizationId>,
    ) -> Result<Option<Organization>> {
        match id {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<Self>>().load_one(id).await?),
            None => Ok(None),
        }
    }
}

impl Loader<OrganizationId> for OrganizationLoader {
    type Value = Organization;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Organization>, Shared> {
        let found = store::find_organizations(&self.0.db, ids).await?;
        Ok(found.into_iter().map(|organization| (organization.id, organization)).collect())
    }
}

pub struct PersonLoader(pub App);

impl PersonLoader {
    /// Somebody whom something names, together with all others that an answer asks for. Nobody is shown to
    /// whoever has not signed in.
    pub async fn find(ctx: &Context<'_>, id: Option<PersonId>) -> Result<Option<Person>> {
        match id.filter(|_| ctx.actor().identity().is_some()) {
            Some(id) => Ok(ctx.data_unchecked::<DataLoader<Self>>().load_one(id).await?),
            None => Ok(None),
        }
    }
}

impl Loader<PersonId> for PersonLoader {
    type Value = Person;
    type Error = Shared;

    async fn load(&self, ids: &[PersonId]) -> Result<HashMap<PersonId, Person>, Shared> {
        let found = store::find_people(&self.0.db, ids).await?;
        Ok(found.into_iter().map(|person| (person.id, person)).collect())
    }
}
