//! Who is asking, and anything by its id. Ids of one kind are read in one statement.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{
    ComplexObject, Context, ID, Interface, Object, SimpleObject, connection::Connection,
};
use uuid::Uuid;

use super::ContextExt;
use crate::{
    Error, Result,
    access::{self, AccessToken, Permission, Role, RoleGrant, TokenScope, graphql::TokensListed},
    allocations, appropriations, audit,
    awaiting::graphql::Awaiting,
    cities, deadlines, delegations, disbursements, documents, email, facts, grants, jobs, matching,
    page::PageArgs,
    people, plans, reports, rule_sets,
    streams::{self, Catalog},
};

/// Anything with an id of its own.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Identifies it everywhere in Thrive."))]
pub enum Node {
    City(cities::City),
    County(cities::County),
    Organization(people::Organization),
    Person(people::Person),
    FundingStream(streams::FundingStream),
    FundingProgram(streams::FundingProgram),
    Grant(grants::Grant),
    Disbursement(disbursements::Disbursement),
    Deadline(deadlines::Deadline),
    SustainabilityPlan(plans::SustainabilityPlan),
    Email(email::Email),
    JobRun(jobs::JobRun),
    RuleSet(rule_sets::RuleSet),
    Rule(rule_sets::Rule),
    RuleOverride(rule_sets::RuleOverride),
    Fact(facts::Fact),
    GrantDocument(documents::GrantDocument),
    Report(reports::Report),
    Allocation(allocations::Allocation),
    AllocationReceipt(allocations::AllocationReceipt),
    AllocationSpend(allocations::AllocationSpend),
    Appropriation(appropriations::Appropriation),
    MatchContribution(matching::MatchContribution),
    ApprovalDelegation(delegations::ApprovalDelegation),
    AuditEntry(audit::AuditEntry),
    AccessToken(AccessToken),
    RoleGrant(RoleGrant),
}

/// Who is asking.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Viewer {
    /// The person signed in; null without a token.
    person: Option<people::Person>,
    /// The role that the token acts in; null without a token.
    role: Option<Role>,
    /// Whether everything can be seen, rather than certain cities and organizations.
    sees_everything: bool,
    /// The cities whose grants, plans and deadlines can be seen.
    cities: Vec<cities::City>,
    /// The organizations whose grants can be seen.
    organizations: Vec<people::Organization>,
}

#[ComplexObject]
impl Viewer {
    /// What waits for you: decisions, payments, corrections and signatures. Empty without a token.
    async fn awaiting(&self, ctx: &Context<'_>) -> Result<Awaiting> {
        Awaiting::of(ctx, ctx.actor().identity()).await
    }

    /// Your tokens and browser sessions, without their secrets, the latest first. Empty without a token.
    async fn access_tokens(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, AccessToken, TokensListed>> {
        access::graphql::own_page(ctx, PageArgs { first, after, last, before }).await
    }

    /// What the token lets you do: to ask only, or all that your role may; null without a token.
    async fn token_scope(&self, ctx: &Context<'_>) -> Option<TokenScope> {
        ctx.actor().identity().map(|identity| identity.scope)
    }
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Who is asking, as the token tells. Public.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        ctx.actor().may_read(Permission::ReadViewer)?;
        let db = &ctx.app().db;
        let identity = ctx.actor().identity();
        let reach = ctx.actor().reach();
        Ok(Viewer {
            person: match identity {
                Some(identity) => people::store::find_people(db, &[identity.person]).await?.pop(),
                None => None,
            },
            role: identity.map(|identity| identity.role),
            sees_everything: reach.everything,
            cities: cities::store::find_cities(db, &reach.cities).await?,
            organizations: people::store::find_organizations(db, &reach.organizations).await?,
        })
    }

    /// Anything by its id; null when there is none or it is not yours to see.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        ctx.actor().may_read(Permission::ReadNode)?;
        Ok(find(ctx, &[id]).await?.pop().flatten())
    }

    /// Several things by their ids, at most 100, in the order of the ids; null for each that is not there.
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        ctx.actor().may_read(Permission::ReadNodes)?;
        if ids.len() > 100 {
            let message = format!("at most 100 ids at once, and {} were asked for", ids.len());
            return Err(Error::BadInput(message));
        }
        find(ctx, &ids).await
    }
}

/// Things in the order of their ids, read kind by kind.
async fn find(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let mut of_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in ids {
        of_kind.entry(kind(id)).or_default().push(id);
    }
    let mut found = HashMap::new();
    for (kind, ids) in of_kind {
        for (id, node) in find_kind(ctx, kind, &ids).await? {
            found.insert((kind, id), node);
        }
    }
    // Each was read by its kind, so it has the form of an id.
    let place = |id: &str| {
        let (kind, uuid) = id.split_once('_')?;
        found.get(&(kind, Uuid::try_parse(uuid).ok()?)).cloned()
    };
    Ok(ids.iter().map(|id| place(id)).collect())
}

/// What stands before the first underscore; nothing when there is none.
fn kind(id: &str) -> &str {
    id.split_once('_').map_or("", |(kind, _)| kind)
}

fn parse<T: std::str::FromStr<Err = &'static str>>(ids: &[&str]) -> Result<Vec<T>> {
    let parse =
        |id: &&str| id.parse().map_err(|expected| Error::BadInput(format!("`{id}`: {expected}")));
    ids.iter().map(parse).collect()
}

/// What is public answers anyone; the rest answers by reach, and nobody reaches nothing.
async fn find_kind(ctx: &Context<'_>, kind: &str, ids: &[&str]) -> Result<Vec<(Uuid, Node)>> {
    macro_rules! nodes {
        ($rows:expr, $variant:path) => {
            $rows.into_iter().map(|row| (row.id.0, $variant(row))).collect()
        };
    }
    let db = &ctx.app().db;
    let reach = &ctx.actor().reach();
    let node = permission(kind, ids)?;
    // Whoever may not see the kind gets what an unknown id gets.
    if !node.allows(ctx.actor().role()) {
        return Ok(vec![]);
    }
    let viewer = ctx.actor().identity();
    Ok(match (node, viewer) {
        (Permission::NodeCity, _) => {
            nodes!(cities::store::find_cities(db, &parse(ids)?).await?, Node::City)
        }
        (Permission::NodeCounty, _) => {
            nodes!(cities::store::find_counties(db, &parse(ids)?).await?, Node::County)
        }
        (Permission::NodeStream, _) => {
            let (ids, listed) = (parse(ids)?, Catalog::get(ctx.app()).await?);
            let found = listed.streams.iter().filter(|stream| ids.contains(&stream.id)).cloned();
            nodes!(found, Node::FundingStream)
        }
        (Permission::NodeProgram, _) => {
            let (ids, listed) = (parse(ids)?, Catalog::get(ctx.app()).await?);
            let found = listed.programs.iter().filter(|program| ids.contains(&program.id)).cloned();
            nodes!(found, Node::FundingProgram)
        }
        (Permission::NodeGrant, _) => {
            nodes!(grants::store::find(db, reach, &parse(ids)?).await?, Node::Grant)
        }
        (Permission::NodeDisbursement, _) => {
            nodes!(disbursements::store::find(db, reach, &parse(ids)?).await?, Node::Disbursement)
        }
        (Permission::NodePlan, _) => {
            nodes!(plans::store::find(db, reach, &parse(ids)?).await?, Node::SustainabilityPlan)
        }
        (Permission::NodeRuleSet, _) => {
            let drafts = reach.everything;
            nodes!(rule_sets::store::find_sets(db, &parse(ids)?, drafts).await?, Node::RuleSet)
        }
        (Permission::NodeRule, _) => {
            let drafts = reach.everything;
            nodes!(rule_sets::store::find_rules(db, &parse(ids)?, drafts).await?, Node::Rule)
        }
        (Permission::NodeRuleOverride, _) => {
            nodes!(
                rule_sets::override_store::find_overrides(db, reach, &parse(ids)?).await?,
                Node::RuleOverride
            )
        }
        (Permission::NodeDocument, _) => {
            nodes!(documents::store::find(db, reach, &parse(ids)?).await?, Node::GrantDocument)
        }
        (Permission::NodeReport, _) => {
            nodes!(reports::store::find(db, reach, &parse(ids)?).await?, Node::Report)
        }
        (Permission::NodeAllocation, _) => {
            nodes!(allocations::store::find(db, reach, &parse(ids)?).await?, Node::Allocation)
        }
        (Permission::NodeReceipt, _) => {
            let found = allocations::store::find_receipts(db, reach, &parse(ids)?).await?;
            nodes!(found, Node::AllocationReceipt)
        }
        (Permission::NodeSpend, _) => {
            let found = allocations::store::find_spends(db, reach, &parse(ids)?).await?;
            nodes!(found, Node::AllocationSpend)
        }
        (Permission::NodeAppropriation, _) => {
            nodes!(appropriations::store::find(db, &parse(ids)?).await?, Node::Appropriation)
        }
        (Permission::NodeContribution, _) => {
            nodes!(matching::store::find(db, reach, &parse(ids)?).await?, Node::MatchContribution)
        }
        (Permission::NodeFact, _) => {
            nodes!(facts::store::find(db, &parse(ids)?).await?, Node::Fact)
        }
        (Permission::NodeOrganization, _) => {
            nodes!(people::store::find_organizations(db, &parse(ids)?).await?, Node::Organization)
        }
        (Permission::NodePerson, Some(viewer)) => {
            nodes!(people::store::find_visible(db, viewer, &parse(ids)?).await?, Node::Person)
        }
        (Permission::NodeDeadline, Some(viewer)) => {
            nodes!(
                deadlines::store::find(db, viewer.person, reach, &parse(ids)?).await?,
                Node::Deadline
            )
        }
        (Permission::NodeEmail, Some(viewer)) => {
            let everybodys = viewer.sees_contacts();
            nodes!(
                email::store::find(db, viewer.person, everybodys, &parse(ids)?).await?,
                Node::Email
            )
        }
        (Permission::NodeDelegation, Some(viewer)) => {
            nodes!(
                delegations::store::find(db, reach.everything, viewer.person, &parse(ids)?).await?,
                Node::ApprovalDelegation
            )
        }
        (Permission::NodeToken, Some(viewer)) => {
            let all = access::administration::sees_access(viewer);
            nodes!(
                access::token_store::find(db, all, viewer.person, &parse(ids)?).await?,
                Node::AccessToken
            )
        }
        (Permission::NodeRoleGrant, Some(viewer)) => {
            let all = access::administration::sees_access(viewer);
            nodes!(
                access::token_store::find_roles(db, all, viewer.person, &parse(ids)?).await?,
                Node::RoleGrant
            )
        }
        (Permission::NodeJobRun, _) => {
            nodes!(jobs::store::find(db, &parse(ids)?).await?, Node::JobRun)
        }
        (Permission::NodeAuditEntry, _) => {
            nodes!(audit::store::find(db, &parse(ids)?).await?, Node::AuditEntry)
        }
        _ => vec![],
    })
}

/// The row of the permission table of a kind of id.
fn permission(kind: &str, ids: &[&str]) -> Result<Permission> {
    Ok(match kind {
        "city" => Permission::NodeCity,
        "county" => Permission::NodeCounty,
        "stream" => Permission::NodeStream,
        "program" => Permission::NodeProgram,
        "grant" => Permission::NodeGrant,
        "disb" => Permission::NodeDisbursement,
        "plan" => Permission::NodePlan,
        "ruleset" => Permission::NodeRuleSet,
        "rule" => Permission::NodeRule,
        "override" => Permission::NodeRuleOverride,
        "document" => Permission::NodeDocument,
        "report" => Permission::NodeReport,
        "allocation" => Permission::NodeAllocation,
        "areceipt" => Permission::NodeReceipt,
        "aspend" => Permission::NodeSpend,
        "appropriation" => Permission::NodeAppropriation,
        "match" => Permission::NodeContribution,
        "fact" => Permission::NodeFact,
        "org" => Permission::NodeOrganization,
        "person" => Permission::NodePerson,
        "deadline" => Permission::NodeDeadline,
        "email" => Permission::NodeEmail,
        "delegation" => Permission::NodeDelegation,
        "jobrun" => Permission::NodeJobRun,
        "audit" => Permission::NodeAuditEntry,
        "token" => Permission::NodeToken,
        "role" => Permission::NodeRoleGrant,
        _ => {
            let id = ids.first().copied().unwrap_or_default();
            return Err(Error::BadInput(format!("`{id}` is not an id of Thrive")));
        }
    })
}
