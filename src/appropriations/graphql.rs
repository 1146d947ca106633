use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, InputObject, Object, SimpleObject,
    dataloader::{DataLoader, Loader},
};
use chrono::{DateTime, Utc};

use super::{Appropriation, AppropriationRevision, NewAppropriation, commands, store};
use crate::{
    App, Result,
    clock::Date,
    error::Shared,
    fiscal_year::FiscalYear,
    graphql::{ContextExt, payload},
    id::{AppropriationId, StreamId},
    money::Money,
    people::{Person, graphql::PersonLoader},
    streams::{self, FundingStream},
};

/// What of an appropriation was awarded, in US dollars.
#[derive(SimpleObject)]
pub struct AppropriationUse {
    /// Awards and their amendments that took effect in the fiscal year. A grant that passes on money of another grant is
    /// not counted again.
    awarded: Money,
    /// The appropriation less what was awarded: below zero when more was awarded than appropriated.
    left_to_award: Money,
    /// Whether more was awarded than appropriated.
    over_awarded: bool,
    /// The last day whose awards are counted; null is all of them.
    as_of: Option<Date>,
    /// When the figures were read.
    computed_at: DateTime<Utc>,
}

impl Appropriation {
    async fn used(&self, ctx: &Context<'_>, as_of: Option<Date>) -> Result<AppropriationUse> {
        let loader = ctx.data_unchecked::<DataLoader<AwardedOfStream>>();
        let of_years = loader.load_one((self.stream_id, as_of)).await?.unwrap_or_default();
        let awarded = of_years.get(&self.fiscal_year).copied().unwrap_or_default();
        // Amounts of columns: their differences fit.
        let left_to_award = self.amount.minus(awarded).unwrap_or_default();
        Ok(AppropriationUse {
            awarded,
            left_to_award,
            over_awarded: left_to_award < Money::ZERO,
            as_of,
            computed_at: ctx.app().clock.now(),
        })
    }
}

#[ComplexObject]
impl Appropriation {
    /// The stream that it was put into.
    async fn stream(&self, ctx: &Context<'_>) -> Result<FundingStream> {
        let found = streams::graphql::stream(ctx, self.stream_id).await?;
        Ok(found.expect("an appropriation has a stream"))
    }

    /// Awards and their amendments that took effect in the fiscal year, in US dollars. A grant that passes on money of
    /// another grant is not counted again.
    async fn awarded(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.used(ctx, None).await?.awarded)
    }

    /// What is left to award in the fiscal year, in US dollars: below zero when `overAwarded`.
    async fn left_to_award(&self, ctx: &Context<'_>) -> Result<Money> {
        Ok(self.used(ctx, None).await?.left_to_award)
    }

    /// Whether more was awarded than appropriated.
    async fn over_awarded(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.used(ctx, None).await?.over_awarded)
    }

    /// The same figures, as of a day, with the moment at which they were read.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Count awards effective on or before this day; all when absent.")]
        as_of: Option<Date>,
    ) -> Result<AppropriationUse> {
        self.used(ctx, as_of).await
    }

    /// What it was by each act, the latest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<AppropriationRevision>> {
        let loader = ctx.data_unchecked::<DataLoader<RevisionsOfAppropriation>>();
        Ok(loader.load_one(self.id).await?.unwrap_or_default())
    }

    /// Who entered this revision; null without signing in.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }
}

#[ComplexObject]
impl AppropriationRevision {
    /// Who entered it; null without signing in.
    async fn recorded_by(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        PersonLoader::find(ctx, Some(self.recorded_by)).await
    }
}

/// The appropriations of a stream, the earliest fiscal year first.
pub async fn of_stream(ctx: &Context<'_>, stream: StreamId) -> Result<Vec<Appropriation>> {
    let loader = ctx.data_unchecked::<DataLoader<AppropriationsOfStream>>();
    Ok(loader.load_one(stream).await?.unwrap_or_default())
}

/// What was put into a stream for a fiscal year, or how a later act changed that.
#[derive(InputObject)]
struct RecordAppropriationInput {
    /// The funding stream.
    stream_id: StreamId,
    /// The fiscal year in which it can be awarded.
    fiscal_year: FiscalYear,
    /// The amount in US dollars, in place of that of an earlier revision.
    amount: Money,
    /// The act and item that says so, such as `Budget Act of 2026, item 3790-101-6088(b)`.
    source: String,
    /// Where it can be read: an address that begins with https:// or http://.
    source_url: Option<String>,
    /// The revision that it replaces, as you read it; left out for the first. A later one is refused.
    revision: Option<i32>,
}

payload!(
    /// What came of `recordAppropriation`.
    RecordAppropriationPayload {
        /// The appropriation as it is now; null when it was refused.
        appropriation: Appropriation
    }
);

#[derive(Default)]
pub struct AppropriationMutation;

#[Object]
impl AppropriationMutation {
    /// Records what was put into a stream for a fiscal year, or a revision of it. Needs PROGRAM_ADMIN or GRANT_MANAGER.
    async fn record_appropriation(
        &self,
        ctx: &Context<'_>,
        input: RecordAppropriationInput,
    ) -> Result<RecordAppropriationPayload> {
        let new = NewAppropriation {
            stream: input.stream_id,
            fiscal_year: input.fiscal_year,
            amount: input.amount,
            source: input.source,
            source_url: input.source_url,
            revision: input.revision,
        };
        commands::record(ctx.app(), ctx.actor(), new).await.try_into()
    }
}

pub struct AppropriationsOfStream(pub App);

impl Loader<StreamId> for AppropriationsOfStream {
    type Value = Vec<Appropriation>;
    type Error = Shared;

    async fn load(
        &self,
        streams: &[StreamId],
    ) -> Result<HashMap<StreamId, Vec<Appropriation>>, Shared> {
        Ok(store::of_streams(&self.0.db, streams).await?)
    }
}

pub struct RevisionsOfAppropriation(pub App);

impl Loader<AppropriationId> for RevisionsOfAppropriation {
    type Value = Vec<AppropriationRevision>;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[AppropriationId],
    ) -> Result<HashMap<AppropriationId, Vec<AppropriationRevision>>, Shared> {
        Ok(store::revisions_of(&self.0.db, ids).await?)
    }
}

/// What was awarded of streams, by fiscal year: sums without a name, and public.
pub struct AwardedOfStream(pub App);

impl Loader<(StreamId, Option<Date>)> for AwardedOfStream {
    type Value = HashMap<FiscalYear, Money>;
    type Error = Shared;

    /// Once for each day that is asked for.
    async fn load(
        &self,
        keys: &[(StreamId, Option<Date>)],
    ) -> Result<HashMap<(StreamId, Option<Date>), Self::Value>, Shared> {
        let mut asked: HashMap<Option<Date>, Vec<StreamId>> = HashMap::new();
        for (stream, as_of) in keys {
            asked.entry(*as_of).or_default().push(*stream);
        }
        let mut found: HashMap<_, Self::Value> = HashMap::new();
        for (as_of, streams) in asked {
            for ((stream, year), amount) in store::awarded(&self.0.db, &streams, as_of).await? {
                found.entry((stream, as_of)).or_default().insert(year, amount);
            }
        }
        Ok(found)
    }
}
