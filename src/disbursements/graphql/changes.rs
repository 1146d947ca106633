//! Disbursements as they change.

use async_graphql::{Context, Object, SimpleObject, Subscription};
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::{
    Error, Result,
    access::Permission,
    disbursements::{
        Disbursement, DisbursementEvent, DisbursementStatus,
        changes::{self, Change, Changes},
        feed_store::Followed,
    },
    graphql::ContextExt,
    id::GrantId,
};

const MOST_GRANTS: usize = 200;

/// Something that happened to a disbursement.
#[derive(SimpleObject)]
pub struct DisbursementChange {
    /// Where the change stands among all of them: pass it as `after` to go on behind it.
    cursor: String,
    /// The disbursement as it is when you are told: it may have moved on since the event.
    disbursement: Disbursement,
    /// What happened: the state it came into, when, by whom and why.
    event: DisbursementEvent,
    /// The state it was in before; null when it was just requested.
    previous_status: Option<DisbursementStatus>,
}

impl From<Change> for DisbursementChange {
    fn from(change: Change) -> Self {
        let Change { cursor, disbursement, event, previous } = change;
        Self { cursor, disbursement, event, previous_status: previous }
    }
}

#[derive(Default)]
pub struct DisbursementChangeQuery;

#[Object]
impl DisbursementChangeQuery {
    /// The cursor of the newest change of any disbursement: ask for it before you read a list, and subscribe to
    /// `disbursementChanged` after it, so that nothing is missed in between.
    async fn disbursement_cursor(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.actor().may_read(Permission::ReadDisbursementCursor)?;
        changes::newest_cursor(ctx.app()).await
    }
}

#[derive(Default)]
pub struct DisbursementSubscription;

#[Subscription]
impl DisbursementSubscription {
    /// Each change of a disbursement that you may see, in the order in which they are told to everybody, usually within
    /// a second. A change is told at least once: after a lost connection go on from the last `cursor` that you got.
    /// Whether you may see it is checked for each change.
    async fn disbursement_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Only of disbursements towards one of these grants, at most 200; all when absent."
        )]
        grant_ids: Option<Vec<GrantId>>,
        #[graphql(
            desc = "Only when a disbursement comes into one of these states; any when absent."
        )]
        statuses: Option<Vec<DisbursementStatus>>,
        #[graphql(
            desc = "Begin behind the change with this cursor, however long ago; with what happens next when absent."
        )]
        after: Option<String>,
    ) -> Result<BoxStream<'static, DisbursementChange>> {
        let reach = ctx.actor().may_read(Permission::FollowDisbursements)?;
        if grant_ids.as_ref().is_some_and(|ids| ids.len() > MOST_GRANTS) {
            let message = format!(
                "`grantIds` names at most {MOST_GRANTS} grants: leave it out to follow all that you may see"
            );
            return Err(Error::BadInput(message));
        }
        let followed = Followed { grants: grant_ids, statuses };
        let changes = Changes::follow(ctx.app(), reach, followed, after.as_deref()).await?;
        let told = stream::unfold(changes, |mut changes| async move {
            let change = changes.next().await;
            Some((change.into(), changes))
        });
        Ok(told.boxed())
    }
}
