//! The schema: every slice's part of `Query` and `Mutation`, and what resolvers share.

mod completion;
pub mod limits;
mod nodes;
pub mod parsed;
pub mod roots;
mod types;

use std::sync::Arc;

use async_graphql::{
    Context, MergedObject, MergedSubscription, PathSegment, Pos, Request, Response,
    Schema as AnySchema, SchemaBuilder, ServerError, ValidationResult, Variables, async_trait,
    dataloader::DataLoader,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextExecute, NextRequest, NextSubscribe,
        NextValidation,
    },
};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use limits::Gate;
use parsed::{Document, Validation};

use crate::{
    App, Error,
    access::{self, Actor},
    allocations, appropriations, audit,
    batching::{self, Loads},
    budgets, cities,
    config::{Introspection, Limits},
    deadlines, delegations, disbursements, documents, email, error, facts, figures, grants,
    holidays, jobs, matching, payment_imports, people, periods, plans, reports,
    rows::{self, Answered},
    rule_sets, spending,
    streams::{self, Catalog},
};

/// What can be asked. Streams and cities are public; the rest answers whoever has signed in, by what they may see.
#[derive(Default, MergedObject)]
pub struct Query(
    nodes::NodeQuery,
    cities::graphql::CityQuery,
    people::graphql::PeopleQuery,
    access::graphql::AccessQuery,
    streams::graphql::StreamQuery,
    rule_sets::graphql::RuleQuery,
    facts::graphql::FactQuery,
    holidays::graphql::HolidayQuery,
    grants::graphql::GrantQuery,
    allocations::graphql::AllocationQuery,
    disbursements::graphql::DisbursementQuery,
    disbursements::graphql::DisbursementChangeQuery,
    figures::graphql::FigureQuery,
    spending::lists::ExpenditureQuery,
    delegations::graphql::DelegationQuery,
    periods::graphql::PeriodQuery,
    deadlines::graphql::DeadlineQuery,
    reports::graphql::ReportQuery,
    plans::graphql::PlanQuery,
    email::graphql::EmailQuery,
    audit::graphql::AuditQuery,
    jobs::graphql::JobQuery,
);

/// What can be done: one mutation per thing a person does. A refused one changes nothing and says why in `userErrors`.
#[derive(Default, MergedObject)]
pub struct Mutation(
    cities::graphql::CityMutation,
    people::graphql::PeopleMutation,
    access::graphql::AccessMutation,
    streams::graphql::StreamMutation,
    rule_sets::graphql::RuleMutation,
    facts::graphql::FactMutation,
    grants::graphql::GrantMutation,
    allocations::graphql::AllocationMutation,
    appropriations::graphql::AppropriationMutation,
    budgets::graphql::BudgetMutation,
    spending::graphql::SpendingMutation,
    matching::graphql::MatchMutation,
    disbursements::graphql::DisbursementMutation,
    payment_imports::graphql::PaymentImportMutation,
    delegations::graphql::DelegationMutation,
    periods::graphql::PeriodMutation,
    documents::graphql::DocumentMutation,
    deadlines::graphql::DeadlineMutation,
    reports::graphql::ReportMutation,
    plans::graphql::PlanMutation,
);

/// What can be followed as it happens, over `graphql-transport-ws` at `/graphql/ws`.
#[derive(Default, MergedSubscription)]
pub struct Subscription(disbursements::graphql::DisbursementSubscription);

pub type Schema = AnySchema<Query, Mutation, Subscription>;

/// With the limits that are usual.
pub fn schema() -> Schema {
    schema_behind(Gate::new(Limits::DEFAULT, Introspection::On))
}

/// Documents pass the gate before they are answered.
pub fn schema_behind(gate: Gate) -> Schema {
    build().data(gate).finish()
}

fn build() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .extension(Errors)
        .disable_suggestions()
}

/// What documents of a schema have to pass, whatever transport brings them.
pub fn gate(schema: &Schema) -> &Gate {
    schema.data().expect("a schema is built with its gate")
}

/// The schema in the schema language: the text of `schema.graphql`.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    build().finish().sdl_with_options(options)
}

/// Answers a request on an actor's behalf, if it does not ask for too much.
pub async fn execute(app: &App, schema: &Schema, actor: Actor, request: Request) -> Response {
    let gate = gate(schema);
    let checked = gate.check(&request);
    let passed = checked.and_then(|(document, weight)| {
        gate.admit(&weight, &actor)?;
        Ok(document)
    });
    match passed {
        Ok(document) => run(app, schema, actor, request, &document).await,
        Err(answer) => *answer,
    }
}

/// Answers a request whose document has passed the gate, or is the service's own.
pub async fn run(
    app: &App,
    schema: &Schema,
    actor: Actor,
    request: Request,
    document: &Arc<Document>,
) -> Response {
    let asked = (request.operation_name.clone(), request.variables.clone());
    let loads = Loads::default();
    let request = prepare(app, actor, document.give(request), &loads);
    let mut response = batching::run(schema.execute(request), loads).await;
    complete(&mut response, document, &asked);
    response
}

/// Has it be what the specification makes of what was answered.
fn complete(
    response: &mut Response,
    document: &Document,
    (name, variables): &(Option<String>, Variables),
) {
    if let Some(operation) = document.operation(name.as_deref()) {
        let question = rows::Question { document: &document.parsed, operation, variables };
        let selected = rows::Selected::new(&question);
        completion::complete(response, operation, selected);
    }
}

/// Answers a query straight from rows, where all of it is declared to be. With a stamp, the actor is known by memory.
pub async fn straight(
    app: &App,
    actor: &Actor,
    stamp: Option<i64>,
    request: &Request,
    document: &Document,
) -> Answered {
    let name = request.operation_name.as_deref();
    let Some(operation) = document.operation(name).filter(|_| document.is_valid(name)) else {
        return Answered::NotCovered;
    };
    let Ok(held) = Catalog::get(app).await else { return Answered::NotCovered };
    let asking = rows::Asking { app, actor, held: &held };
    let variables = &request.variables;
    let question = rows::Question { document: &document.parsed, operation, variables };
    rows::answer(&asking, stamp, &question, roots::ROOTS).await
}

/// What the executor would answer where a field failed.
pub fn failed(field: &str, error: Error, request: Option<&RequestId>) -> Response {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.path = vec![PathSegment::Field(field.to_owned())];
    present(&mut error, request);
    Response::from_errors(vec![error])
}

/// What a subscription tells, on an actor's behalf, until it ends or is dropped.
pub fn subscribe(
    app: &App,
    schema: &Schema,
    actor: Actor,
    request: Request,
    document: Arc<Document>,
) -> impl Stream<Item = Response> + Send + use<> {
    let loads = Loads::default();
    let asked = (request.operation_name.clone(), request.variables.clone());
    let request = prepare(app, actor, document.give(request), &loads);
    let told = schema.execute_stream(request.data(EachEvent(loads.clone())));
    stream::unfold((told, loads), move |(mut told, loads)| {
        let (document, asked) = (Arc::clone(&document), asked.clone());
        async move {
            let mut response = batching::run(told.next(), loads.clone()).await?;
            complete(&mut response, &document, &asked);
            Some((response, (told, loads)))
        }
    })
}

/// Marks a subscription: each of its events is answered with loaders of its own.
struct EachEvent(Loads);

/// Gives a request its actor, and loaders of its own, so that nothing one actor has
/// read is answered to another.
fn prepare(app: &App, actor: Actor, request: Request, loads: &Loads) -> Request {
    let loads = loads.clone();
    // What is loaded waits for its turn there, not here.
    let spawn = move |load| loads.push(load);
    macro_rules! loader {
        ($loader:expr) => {
            DataLoader::new($loader, spawn.clone()).delay(std::time::Duration::ZERO)
        };
    }
    let reach = actor.reach();
    // Rules in the making are for those who see everything.
    let drafts = reach.everything;
    request
        .data(loader!(allocations::graphql::AllocationLoader {
            app: app.clone(),
            reach: reach.clone()
        }))
        .data(loader!(allocations::graphql::ReceiptLoader {
            app: app.clone(),
            reach: reach.clone()
        }))
        .data(loader!(allocations::graphql::BooksOfAllocation(app.clone())))
        .data(loader!(allocations::graphql::ReceiptPages(app.clone())))
        .data(loader!(allocations::graphql::SpendPages(app.clone())))
        .data(loader!(allocations::graphql::CountsOfAllocation(app.clone())))
        .data(loader!(allocations::graphql::DrawnBySpend(app.clone())))
        .data(loader!(appropriations::graphql::AppropriationsOfStream(app.clone())))
        .data(loader!(appropriations::graphql::RevisionsOfAppropriation(app.clone())))
        .data(loader!(appropriations::graphql::AwardedOfStream(app.clone())))
        .data(loader!(facts::graphql::FactLoader(app.clone())))
        .data(loader!(facts::graphql::KnownOf(app.clone())))
        .data(loader!(holidays::graphql::HolidaysOfCalendar(app.clone())))
        .data(loader!(rule_sets::graphql::RuleSetLoader { app: app.clone(), drafts }))
        .data(loader!(rule_sets::graphql::SetsOfProgram { app: app.clone(), drafts }))
        .data(loader!(rule_sets::graphql::RuleLoader { app: app.clone(), drafts }))
        .data(loader!(rule_sets::graphql::SetInForce(app.clone())))
        .data(loader!(rule_sets::graphql::RulesOfSet(app.clone())))
        .data(loader!(rule_sets::graphql::FindingsOfGrant(app.clone())))
        .data(loader!(rule_sets::graphql::OverridesOfGrant(app.clone())))
        .data(loader!(rule_sets::graphql::FindingsOfDisbursement {
            app: app.clone(),
            reach: reach.clone()
        }))
        .data(loader!(deadlines::graphql::ChangesOfDeadline(app.clone())))
        .data(loader!(documents::graphql::DocumentPageOfGrant(app.clone())))
        .data(loader!(documents::graphql::DocumentCountOfGrant(app.clone())))
        .data(loader!(cities::graphql::CityLoader(app.clone())))
        .data(loader!(cities::graphql::CountyLoader(app.clone())))
        .data(loader!(people::graphql::OrganizationLoader(app.clone())))
        .data(loader!(people::graphql::PersonLoader(app.clone())))
        .data(loader!(access::graphql::RolesOfPerson(app.clone())))
        .data(loader!(documents::graphql::DocumentLoader {
            app: app.clone(),
            reach: reach.clone()
        }))
        .data(loader!(budgets::graphql::LineLoader { app: app.clone(), reach: reach.clone() }))
        .data(loader!(budgets::graphql::LinesOfGrant(app.clone())))
        .data(loader!(budgets::graphql::FiguresOfLines(app.clone())))
        .data(loader!(budgets::graphql::AmendmentsOfGrant(app.clone())))
        .data(loader!(budgets::graphql::LinesOfAmendment(app.clone())))
        .data(loader!(spending::graphql::EncumbranceLoader {
            app: app.clone(),
            reach: reach.clone()
        }))
        .data(loader!(spending::graphql::ExpenditurePages(app.clone())))
        .data(loader!(spending::graphql::ExpenditureTotals(app.clone())))
        .data(loader!(spending::graphql::EncumbrancePages(app.clone())))
        .data(loader!(spending::graphql::EncumbranceTotals(app.clone())))
        .data(loader!(delegations::graphql::PowersOfPerson(app.clone())))
        .data(loader!(periods::graphql::ClosingsOfMonth(app.clone())))
        .data(loader!(matching::graphql::ContributionLoader {
            app: app.clone(),
            reach: reach.clone()
        }))
        .data(loader!(matching::graphql::AcceptancesOfContribution(app.clone())))
        .data(loader!(matching::graphql::ContributionPages(app.clone())))
        .data(loader!(matching::graphql::ContributionTotals(app.clone())))
        .data(loader!(matching::graphql::AcceptancePages(app.clone())))
        .data(loader!(matching::graphql::AcceptanceTotals(app.clone())))
        .data(loader!(grants::graphql::GrantLoader { app: app.clone(), reach }))
        .data(loader!(grants::graphql::CitiesOfGrant(app.clone())))
        .data(loader!(grants::graphql::ActionAreasOfGrant(app.clone())))
        .data(loader!(grants::graphql::OpenOfGrant(app.clone())))
        .data(loader!(grants::graphql::BalanceLoader(app.clone())))
        .data(loader!(figures::graphql::BesideBalance(app.clone())))
        .data(loader!(disbursements::graphql::DisbursementLoader {
            app: app.clone(),
            reach: actor.reach()
        }))
        .data(loader!(disbursements::graphql::EventsOfDisbursement(app.clone())))
        .data(loader!(disbursements::graphql::LinesOfDisbursement(app.clone())))
        .data(loader!(disbursements::graphql::EvidenceOfDisbursement(app.clone())))
        .data(loader!(disbursements::graphql::AdjustmentsOfDisbursement(app.clone())))
        .data(loader!(disbursements::graphql::PageOfGrant(app.clone())))
        .data(loader!(disbursements::graphql::TotalsOfGrant(app.clone())))
        .data(loader!(deadlines::graphql::ResponsibleOfDeadline(app.clone())))
        .data(loader!(deadlines::graphql::DeadlinePageOfGrant(app.clone())))
        .data(loader!(deadlines::graphql::DeadlineCountOfGrant(app.clone())))
        .data(loader!(plans::graphql::YearsOfPlan(app.clone())))
        .data(loader!(reports::graphql::EventsOfReport(app.clone())))
        .data(loader!(reports::graphql::FiguresOfReport(app.clone())))
        .data(loader!(reports::graphql::ReportPageOfGrant(app.clone())))
        .data(loader!(reports::graphql::ReportTotalsOfGrant(app.clone())))
        .data(loader!(reports::graphql::ReportOfDeadline {
            app: app.clone(),
            reach: actor.reach()
        }))
        .data(loader!(reports::graphql::DeadlineOfReport {
            app: app.clone(),
            reach: actor.reach(),
            viewer: actor.identity().map(|identity| identity.person)
        }))
        .data(app.clone())
        .data(actor)
}

pub trait ContextExt {
    fn app(&self) -> &App;
    fn actor(&self) -> &Actor;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> &App {
        self.data_unchecked()
    }

    fn actor(&self) -> &Actor {
        self.data_opt().unwrap_or(&Actor::Anyone)
    }
}

/// Declares a mutation's payload: the thing it changed, or the reasons it did not.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $type:ty }) => {
        $(#[$doc])*
        #[derive(async_graphql::SimpleObject)]
        pub struct $name {
            $(#[$field_doc])*
            $field: Option<$type>,
            /// Why nothing changed; empty when it did.
            user_errors: Vec<crate::Refusal>,
        }

        impl TryFrom<crate::Result<$type>> for $name {
            type Error = crate::Error;

            fn try_from(outcome: crate::Result<$type>) -> crate::Result<Self> {
                match outcome {
                    Ok(changed) => Ok(Self { $field: Some(changed), user_errors: vec![] }),
                    Err(crate::Error::Refused(why)) => Ok(Self { $field: None, user_errors: vec![why] }),
                    Err(other) => Err(other),
                }
            }
        }
    };
}
pub(crate) use payload;

/// Codes for clients, and a mask over faults: any value with `Display` becomes a GraphQL
/// error with `?`, database errors included, and their text stays inside the service.
struct Errors;

impl ExtensionFactory for Errors {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Errors {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let mut response = next.run(ctx).await;
        let request = ctx.data::<RequestId>().ok();
        // Of a document with a thousand mistakes, the first tell enough.
        if response.errors.iter().all(|error| error.path.is_empty()) {
            response.errors.truncate(MOST_ERRORS);
        }
        response.errors.iter_mut().for_each(|error| present(error, request));
        response
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let Ok(validation) = ctx.data::<Validation>() else { return next.run(ctx).await };
        if let Some(known) = validation.known() {
            return Ok(known);
        }
        let found = next.run(ctx).await?;
        validation.found(found);
        Ok(found)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let request = ctx.data::<RequestId>().ok().cloned();
        let presented = next.run(ctx, stream).map(move |mut response| {
            response.errors.iter_mut().for_each(|error| present(error, request.as_ref()));
            response
        });
        presented.boxed()
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let Ok(EachEvent(loads)) = ctx.data::<EachEvent>() else {
            return next.run(ctx, operation_name).await;
        };
        let (app, actor) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Actor>());
        let fresh = prepare(app, actor.clone(), Request::new(""), loads).data;
        next.run_with_data(ctx, operation_name, fresh).await
    }
}

/// How many errors of a document that was not carried out are told.
const MOST_ERRORS: usize = 20;

/// A message that quotes what was sent stays readable, however long that was: where it begins, and the reason at the end.
fn shorten(message: &mut String) {
    const MOST: usize = 1_000;
    if message.len() > MOST {
        let begin = message.floor_char_boundary(MOST / 2);
        let end = message.ceil_char_boundary(message.len() - MOST / 2);
        *message = format!("{} ... {}", &message[..begin], &message[end..]);
    }
}

fn present(error: &mut ServerError, request: Option<&RequestId>) {
    let code = match error.source.as_ref().map(|source| source.downcast_ref::<Error>()) {
        // The document itself is wrong: parsing, validation, a value that does not fit its type.
        None => "BAD_USER_INPUT",
        Some(Some(Error::BadInput(_) | Error::Refused(_))) => "BAD_USER_INPUT",
        Some(Some(Error::Unauthenticated)) => "UNAUTHENTICATED",
        Some(Some(Error::Forbidden(_))) => "FORBIDDEN",
        Some(fault) => {
            match fault {
                Some(Error::Internal(cause)) => {
                    tracing::error!(path = ?error.path, "{}", error::without_values(cause));
                }
                _ => tracing::error!(path = ?error.path, "{}", error.message),
            }
            error.message = "internal error".into();
            "INTERNAL"
        }
    };
    shorten(&mut error.message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code);
    if let Some(request) = request.filter(|_| code == "INTERNAL") {
        extensions.set("requestId", request.0.as_str());
    }
}

/// What a request is known by in logs, traces and answers.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);
