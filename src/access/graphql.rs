use async_graphql::{ComplexObject, Context, InputObject, Object, connection::Connection};
use chrono::{DateTime, Utc};

use super::{
    AccessToken, Permission, Role, RoleGrant, TokenKind, TokenScope, administration as commands,
    administration::{NewRoleOfPerson, NewToken},
    commands::NewRole,
    token_store as store,
};
use crate::{
    Result,
    cities::{City, graphql::CityLoader},
    graphql::{ContextExt, payload},
    id::{CityId, OrganizationId, PersonId, RoleGrantId, TokenId},
    money::Money,
    page::{OrderDirection, PageArgs, Window},
    people::{
        Organization, Person,
        graphql::{OrganizationLoader, PersonLoader},
    },
};
use async_graphql::dataloader::DataLoader;

#[ComplexObject]
impl AccessToken {
    /// The person it acts for.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.person_id)).await
    }

    /// Who made it; null for the operator, and for a browser's own sign-in.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.created_by).await
    }

    /// Who revoked it; null for the operator, and while nobody did.
    async fn revoked_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.revoked_by).await
    }

    /// Whether it lets in now, as long as the person holds the role.
    async fn live(&self, ctx: &Context<'_>) -> bool {
        self.revoked_at.is_none() && self.expires_at > ctx.app().clock.now()
    }
}

#[ComplexObject]
impl RoleGrant {
    /// Who holds it.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.person_id)).await
    }

    /// The city it is for; null when it is not bound to one.
    async fn city(&self, ctx: &Context<'_>) -> Result<Option<City>> {
        CityLoader::find(ctx, self.city_id).await
    }

    /// The organization it is for; null when it is not bound to one.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        OrganizationLoader::find(ctx, self.organization_id).await
    }

    /// Who gave it; null for the operator and the identity provider.
    async fn granted_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.granted_by).await
    }

    /// Who ended it; null for the identity provider, and while it is held.
    async fn ended_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, self.ended_by).await
    }
}

/// Which tokens to list. A token is found when every given field fits.
#[derive(InputObject, Default)]
pub struct AccessTokenFilter {
    /// Of one of these people.
    people: Option<Vec<PersonId>>,
    /// Acting in one of these roles.
    roles: Option<Vec<Role>>,
    /// Used by programs, or by browsers.
    kind: Option<TokenKind>,
    /// Whether it lets in now; all when left out.
    live: Option<bool>,
    /// Made or revoked at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

/// What is known about a whole list of tokens.
pub struct TokensListed {
    filter: store::TokenFilter,
}

#[Object]
impl TokensListed {
    /// How many tokens the filter finds, on all pages.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(store::count(&ctx.app().db, &self.filter).await?)
    }
}

/// A page of tokens, the latest made first.
pub async fn page(
    ctx: &Context<'_>,
    filter: AccessTokenFilter,
    args: PageArgs,
) -> Result<Connection<String, AccessToken, TokensListed>> {
    let window = Window::new("CREATED_AT", OrderDirection::Desc, args)?;
    let filter = store::TokenFilter {
        people: filter.people,
        roles: filter.roles,
        kind: filter.kind,
        live: filter.live,
        updated_since: filter.updated_since,
        now: ctx.app().clock.now(),
    };
    let rows = store::list(&ctx.app().db, &window, &filter).await?;
    Ok(window.page(rows, store::position, TokensListed { filter }))
}

/// A page of the tokens of whoever asks.
pub async fn own_page(
    ctx: &Context<'_>,
    args: PageArgs,
) -> Result<Connection<String, AccessToken, TokensListed>> {
    // Nobody has none.
    let people = ctx.actor().identity().map(|viewer| viewer.person).into_iter().collect();
    page(ctx, AccessTokenFilter { people: Some(people), ..AccessTokenFilter::default() }, args)
        .await
}

/// The roles of a person, for those who maintain them and those who look after that.
pub async fn roles_of(ctx: &Context<'_>, person: PersonId) -> Result<Option<Vec<RoleGrant>>> {
    let sees = commands::sees_roles(ctx.actor(), person);
    if !sees {
        return Ok(None);
    }
    let loader = ctx.data_unchecked::<DataLoader<RolesOfPerson>>();
    Ok(Some(loader.load_one(person).await?.unwrap_or_default()))
}

/// The roles that people hold and held.
pub struct RolesOfPerson(pub crate::App);

impl async_graphql::dataloader::Loader<PersonId> for RolesOfPerson {
    type Value = Vec<RoleGrant>;
    type Error = crate::error::Shared;

    async fn load(
        &self,
        people: &[PersonId],
    ) -> Result<std::collections::HashMap<PersonId, Vec<RoleGrant>>, crate::error::Shared> {
        Ok(store::roles_of_people(&self.0.db, people).await?)
    }
}

#[derive(Default)]
pub struct AccessQuery;

#[Object]
impl AccessQuery {
    /// Everybody's tokens and browser sessions, without their secrets, the latest first. For PROGRAM_ADMIN and AUDITOR;
    /// `viewer { accessTokens }` has your own.
    async fn access_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] filter: AccessTokenFilter,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, AccessToken, TokensListed>> {
        ctx.actor().may_read(Permission::ReadTokens)?;
        page(ctx, filter, PageArgs { first, after, last, before }).await
    }
}

/// A new token.
#[derive(InputObject)]
struct CreateAccessTokenInput {
    /// What it is for, so that it is known again.
    purpose: String,
    /// What it lets its holder do; to ask only is the safer choice.
    scope: TokenScope,
    /// For how many days it is good: 1 to 365.
    days: i32,
    /// Whose it is: you, when absent; a program admin names somebody.
    person_id: Option<PersonId>,
    /// The role that it acts in, held by that person: yours now, when absent.
    role: Option<Role>,
}

/// A token that ends now.
#[derive(InputObject)]
struct RevokeAccessTokenInput {
    /// The token's id, not the token.
    token_id: TokenId,
}

/// A role to give.
#[derive(InputObject)]
struct GrantRoleInput {
    /// Who gets it; not you.
    person_id: PersonId,
    /// The role.
    role: Role,
    /// The city it is for: needed for CITY_MEMBER and COACH, possible for SERVICE.
    city_id: Option<CityId>,
    /// The organization it is for: needed for CITY_FINANCE, possible for SERVICE.
    organization_id: Option<OrganizationId>,
    /// The most an APPROVER may approve at once; no limit, when absent.
    approval_limit: Option<Money>,
}

/// A role that ends now.
#[derive(InputObject)]
struct EndRoleInput {
    /// The role of a person, as `roles` of the person lists it.
    role_id: RoleGrantId,
}

/// What came of `createAccessToken`.
#[derive(async_graphql::SimpleObject)]
struct CreateAccessTokenPayload {
    /// The new token; null when it was refused.
    access_token: Option<AccessToken>,
    /// What lets in, for the header `Authorization: Bearer <secret>`. It is shown this once: keep it where others do not read.
    secret: Option<String>,
    /// Why nothing changed; empty when it did.
    user_errors: Vec<crate::Refusal>,
}
payload!(
    /// What came of `revokeAccessToken`.
    RevokeAccessTokenPayload {
        /// The token that ended; null when it was refused.
        access_token: AccessToken
    }
);
payload!(
    /// What came of `grantRole`.
    GrantRolePayload {
        /// The role; null when it was refused.
        role_grant: RoleGrant
    }
);
payload!(
    /// What came of `endRole`.
    EndRolePayload {
        /// The role that ended; null when it was refused.
        role_grant: RoleGrant
    }
);

#[derive(Default)]
pub struct AccessMutation;

#[Object]
impl AccessMutation {
    /// Makes a token for a program, and shows its secret once. Anybody makes tokens for themselves in a role they hold;
    /// PROGRAM_ADMIN makes them for others too.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        input: CreateAccessTokenInput,
    ) -> Result<CreateAccessTokenPayload> {
        let new = NewToken {
            person: input.person_id,
            role: input.role,
            scope: input.scope,
            purpose: input.purpose,
            days: input.days,
        };
        match commands::create(ctx.app(), ctx.actor(), new).await {
            Ok((token, secret)) => Ok(CreateAccessTokenPayload {
                access_token: Some(token),
                secret: Some(secret.reveal().into()),
                user_errors: vec![],
            }),
            Err(crate::Error::Refused(why)) => Ok(CreateAccessTokenPayload {
                access_token: None,
                secret: None,
                user_errors: vec![why],
            }),
            Err(other) => Err(other),
        }
    }

    /// Ends a token or a browser's session at once: your own, or anybody's with PROGRAM_ADMIN.
    async fn revoke_access_token(
        &self,
        ctx: &Context<'_>,
        input: RevokeAccessTokenInput,
    ) -> Result<RevokeAccessTokenPayload> {
        commands::revoke(ctx.app(), ctx.actor(), input.token_id).await.try_into()
    }

    /// Gives a person a role. Nobody gives one to themselves. Needs PROGRAM_ADMIN.
    async fn grant_role(
        &self,
        ctx: &Context<'_>,
        input: GrantRoleInput,
    ) -> Result<GrantRolePayload> {
        let role = NewRole {
            role: input.role,
            city: input.city_id,
            organization: input.organization_id,
            approval_limit: input.approval_limit,
        };
        let new = NewRoleOfPerson { person: input.person_id, role };
        commands::grant_role(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Ends a role at once, and with it the tokens that act in it. Roles of the identity provider's are ended there.
    /// Needs PROGRAM_ADMIN.
    async fn end_role(&self, ctx: &Context<'_>, input: EndRoleInput) -> Result<EndRolePayload> {
        commands::end_role(ctx.app(), ctx.actor(), input.role_id).await.try_into()
    }
}
