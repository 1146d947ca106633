use async_graphql::{ComplexObject, Context, InputObject, Object};

use super::{
    Catalog, FundingProgram, FundingStream, NewProgram, NewStream, ProgramChange, ProgramKind,
    StreamChange, StreamLevel, commands,
};
use crate::{
    Result,
    access::Permission,
    appropriations::{self, Appropriation},
    clock::Date,
    graphql::{ContextExt, payload},
    id::{ProgramId, StreamId},
    rule_sets::{
        RuleSet,
        graphql::{set_in_force, sets_of_program},
    },
};

#[ComplexObject]
impl FundingStream {
    /// The stream that took its place when the law changed.
    async fn successor(&self, ctx: &Context<'_>) -> Result<Option<FundingStream>> {
        match self.successor_id {
            Some(id) => stream(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The programs that hand out its money, by code.
    async fn programs(&self, ctx: &Context<'_>) -> Result<Vec<FundingProgram>> {
        let listed = Catalog::get(ctx.app()).await?;
        Ok(listed.programs.iter().filter(|program| program.stream_id == self.id).cloned().collect())
    }

    /// What was put into it for each fiscal year, and what of that is left to award; the earliest year first. Public.
    async fn appropriations(&self, ctx: &Context<'_>) -> Result<Vec<Appropriation>> {
        appropriations::graphql::of_stream(ctx, self.id).await
    }

    /// The rules in force on a day, one set for each program that has its own, by the program's code. When the stream has
    /// ended by then, those of its successor: ask MHSA of 30 June and of 1 July 2026.
    async fn rule_sets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when left out.")] on: Option<Date>,
    ) -> Result<Vec<RuleSet>> {
        let on = on.unwrap_or_else(|| ctx.app().clock.today());
        let listed = Catalog::get(ctx.app()).await?;
        let stream = listed.in_force(self.id, on);
        let programs = listed.programs.iter().filter(|program| Some(program.stream_id) == stream);
        let ask = programs.map(|program| set_in_force(ctx, program.id, on));
        let found: Vec<Option<RuleSet>> = futures_util::future::try_join_all(ask).await?;
        let mut sets = Vec::new();
        for set in found.into_iter().flatten() {
            // A program without rules of its own has those of its parent, which are there already.
            if !sets.iter().any(|known: &RuleSet| known.id == set.id) {
                sets.push(set);
            }
        }
        Ok(sets)
    }
}

#[ComplexObject]
impl FundingProgram {
    /// The stream whose money it is.
    async fn stream(&self, ctx: &Context<'_>) -> Result<FundingStream> {
        Ok(stream(ctx, self.stream_id).await?.expect("a program has a stream"))
    }

    /// The program that this one is part of.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<FundingProgram>> {
        match self.parent_id {
            Some(id) => program(ctx, id).await,
            None => Ok(None),
        }
    }

    /// The programs that are part of it, by code.
    async fn children(&self, ctx: &Context<'_>) -> Result<Vec<FundingProgram>> {
        let listed = Catalog::get(ctx.app()).await?;
        let children = listed.programs.iter().filter(|program| program.parent_id == Some(self.id));
        Ok(children.cloned().collect())
    }

    /// The rules in force on a day: its own, or those of the program it is part of. Null where there are none, and on
    /// days on which its stream is not in force.
    async fn rule_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today when left out.")] on: Option<Date>,
    ) -> Result<Option<RuleSet>> {
        set_in_force(ctx, self.id, on.unwrap_or_else(|| ctx.app().clock.today())).await
    }

    /// All versions of its own rules, the latest first; drafts for roles that see everything.
    async fn rule_sets(&self, ctx: &Context<'_>) -> Result<Vec<RuleSet>> {
        sets_of_program(ctx, self.id).await
    }
}

pub async fn stream(ctx: &Context<'_>, id: StreamId) -> Result<Option<FundingStream>> {
    Catalog::stream(ctx.app(), id).await
}

pub async fn program(ctx: &Context<'_>, id: ProgramId) -> Result<Option<FundingProgram>> {
    Catalog::program(ctx.app(), id).await
}

#[derive(Default)]
pub struct StreamQuery;

#[Object]
impl StreamQuery {
    /// A funding stream by its code, such as `"BHSA"`; null when there is none. Public.
    async fn funding_stream(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Such as ACT_DIRECT, MHSA, BHSA, PROP_68, PROP_64 or OTHER.")]
        code: String,
    ) -> Result<Option<FundingStream>> {
        ctx.actor().may_read(Permission::ReadStream)?;
        let listed = Catalog::get(ctx.app()).await?;
        Ok(listed.streams.iter().find(|stream| stream.code == code).cloned())
    }

    /// All funding streams by code, or those that can be granted on a day. Public.
    async fn funding_streams(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only streams in force on this day: MHSA on 30 June 2026, BHSA on 1 July 2026."
        )]
        active_on: Option<Date>,
    ) -> Result<Vec<FundingStream>> {
        ctx.actor().may_read(Permission::ReadStreams)?;
        let listed = Catalog::get(ctx.app()).await?;
        let wanted = |stream: &&FundingStream| active_on.is_none_or(|day| stream.is_active_on(day));
        Ok(listed.streams.iter().filter(wanted).cloned().collect())
    }

    /// A funding program by its code, such as `"PROP64-PHS"`; null when there is none. Public.
    async fn funding_program(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The program's code.")] code: String,
    ) -> Result<Option<FundingProgram>> {
        ctx.actor().may_read(Permission::ReadProgram)?;
        let listed = Catalog::get(ctx.app()).await?;
        Ok(listed.programs.iter().find(|program| program.code == code).cloned())
    }
}

/// A new funding stream.
#[derive(InputObject)]
struct CreateFundingStreamInput {
    /// The short name that stays: capitals, digits and `_`, such as `PROP_4`.
    code: String,
    /// The stream's full name.
    name: String,
    /// Whose money it is.
    level: StreamLevel,
    /// The law that made it.
    statute: Option<String>,
    /// The first day on which it can be granted.
    effective_from: Date,
    /// The last day on which it can be granted; left out while it goes on.
    effective_to: Option<Date>,
}

/// What changes of a funding stream. What is left out stays.
#[derive(InputObject)]
struct UpdateFundingStreamInput {
    /// The stream.
    stream_id: StreamId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// The stream's full name.
    name: Option<String>,
    /// The law that made it.
    statute: Option<String>,
    /// The first day on which it can be granted.
    effective_from: Option<Date>,
    /// The last day on which it can be granted.
    effective_to: Option<Date>,
    /// The stream that takes its place then.
    successor_id: Option<StreamId>,
}

/// A new program of a stream.
#[derive(InputObject)]
struct CreateFundingProgramInput {
    /// The stream whose money it is.
    stream_id: StreamId,
    /// The program that it is part of; of the same stream.
    parent_id: Option<ProgramId>,
    /// The short name that stays: capitals, digits, `_` and `-`, such as `PROP64-PHS`.
    code: String,
    /// The program's full name.
    name: String,
    /// The agency that administers it.
    agency: String,
    /// How it chooses who receives.
    kind: ProgramKind,
    /// The law or announcement that it rests on.
    citation: String,
    /// When it was last compared with its citation.
    verified_on: Option<Date>,
}

/// What changes of a program. What is left out stays.
#[derive(InputObject)]
struct UpdateFundingProgramInput {
    /// The program.
    program_id: ProgramId,
    /// Its revision when you read it; a later one is refused.
    revision: i32,
    /// The program's full name.
    name: Option<String>,
    /// The agency that administers it.
    agency: Option<String>,
    /// How it chooses who receives.
    kind: Option<ProgramKind>,
    /// The law or announcement that it rests on.
    citation: Option<String>,
    /// When it was last compared with its citation.
    verified_on: Option<Date>,
    /// The program that it is part of.
    parent_id: Option<ProgramId>,
}

payload!(
    /// What came of `createFundingStream`.
    CreateFundingStreamPayload {
        /// The new stream; null when it was refused.
        stream: FundingStream
    }
);
payload!(
    /// What came of `updateFundingStream`.
    UpdateFundingStreamPayload {
        /// The changed stream; null when it was refused.
        stream: FundingStream
    }
);
payload!(
    /// What came of `createFundingProgram`.
    CreateFundingProgramPayload {
        /// The new program; null when it was refused.
        program: FundingProgram
    }
);
payload!(
    /// What came of `updateFundingProgram`.
    UpdateFundingProgramPayload {
        /// The changed program; null when it was refused.
        program: FundingProgram
    }
);

#[derive(Default)]
pub struct StreamMutation;

#[Object]
impl StreamMutation {
    /// Enters a funding stream. Needs PROGRAM_ADMIN.
    async fn create_funding_stream(
        &self,
        ctx: &Context<'_>,
        input: CreateFundingStreamInput,
    ) -> Result<CreateFundingStreamPayload> {
        let CreateFundingStreamInput { code, name, level, statute, effective_from, effective_to } =
            input;
        let new = NewStream { code, name, level, statute, effective_from, effective_to };
        commands::create_stream(ctx.app(), ctx.actor(), new).await.try_into()
    }

    /// Changes a funding stream: ends it, or names its successor. Grants keep their stream. Needs PROGRAM_ADMIN.
    async fn update_funding_stream(
        &self,
        ctx: &Context<'_>,
        input: UpdateFundingStreamInput,
    ) -> Result<UpdateFundingStreamPayload> {
        let change = StreamChange {
            name: input.name,
            statute: input.statute,
            effective_from: input.effective_from,
            effective_to: input.effective_to,
            successor: input.successor_id,
        };
        commands::update_stream(ctx.app(), ctx.actor(), input.stream_id, input.revision, change)
            .await
            .try_into()
    }

    /// Enters a program of a stream. Its rules are drafted by `draftRuleSet`. Needs PROGRAM_ADMIN.
    async fn create_funding_program(
        &self,
        ctx: &Context<'_>,
        input: CreateFundingProgramInput,
    ) -> Result<CreateFundingProgramPayload> {
        let new = NewProgram {
            code: input.code,
            name: input.name,
            agency: input.agency,
            kind: input.kind,
            citation: input.citation,
            verified_on: input.verified_on,
        };
        commands::create_program(ctx.app(), ctx.actor(), input.stream_id, input.parent_id, new)
            .await
            .try_into()
    }

    /// Changes a program. Needs PROGRAM_ADMIN.
    async fn update_funding_program(
        &self,
        ctx: &Context<'_>,
        input: UpdateFundingProgramInput,
    ) -> Result<UpdateFundingProgramPayload> {
        let change = ProgramChange {
            name: input.name,
            agency: input.agency,
            kind: input.kind,
            citation: input.citation,
            verified_on: input.verified_on,
            parent: input.parent_id,
        };
        commands::update_program(ctx.app(), ctx.actor(), input.program_id, input.revision, change)
            .await
            .try_into()
    }
}
