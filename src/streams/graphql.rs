use async_graphql::{ComplexObject, Context, Object};

use super::{Catalog, FundingProgram, FundingStream, StreamCode};
use crate::{
    Result,
    clock::Date,
    graphql::ContextExt,
    id::{ProgramId, StreamId},
};

#[ComplexObject]
impl FundingStream {
    /// The short name that filters use, such as `PROP_68`.
    async fn code(&self) -> &'static str {
        self.code.as_str()
    }

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
}

pub async fn stream(ctx: &Context<'_>, id: StreamId) -> Result<Option<FundingStream>> {
    Ok(Catalog::get(ctx.app()).await?.streams.iter().find(|stream| stream.id == id).cloned())
}

pub async fn program(ctx: &Context<'_>, id: ProgramId) -> Result<Option<FundingProgram>> {
    Ok(Catalog::get(ctx.app()).await?.programs.iter().find(|program| program.id == id).cloned())
}

#[derive(Default)]
pub struct StreamQuery;

#[Object]
impl StreamQuery {
    /// A funding stream by its code, such as `"BHSA"`; null when there is none. Public.
    async fn funding_stream(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "One of ACT_DIRECT, MHSA, BHSA, PROP_68, PROP_64 and OTHER.")]
        code: String,
    ) -> Result<Option<FundingStream>> {
        let Ok(code) = code.parse::<StreamCode>() else { return Ok(None) };
        Ok(Catalog::get(ctx.app())
            .await?
            .streams
            .iter()
            .find(|stream| stream.code == code)
            .cloned())
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
        let listed = Catalog::get(ctx.app()).await?;
        let wanted = |stream: &&FundingStream| active_on.is_none_or(|day| stream.is_active_on(day));
        Ok(listed.streams.iter().filter(wanted).cloned().collect())
    }
}
