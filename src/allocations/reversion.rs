//! What is unspent after its last day goes back: what the job does for one allocation.

use sqlx::PgConnection;

use super::{
    books,
    layer_store::{self, NewReversion},
    layers::and,
    store,
};
use crate::{
    App, Result,
    clock::Date,
    id::{AllocationId, AllocationReversionId},
    ledger::{self, Account, Move, Owner, Posting},
    money::Money,
};

/// What went back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reverted {
    pub layers: usize,
    pub amount: Money,
}

impl Reverted {
    pub fn and(self, other: Self) -> Self {
        Self { layers: self.layers + other.layers, amount: and(self.amount, other.amount) }
    }
}

/// Reverts what of an allocation is due on a day, in the caller's transaction. What was reverted before is not there
/// to revert again.
pub async fn revert_due(
    app: &App,
    tx: &mut PgConnection,
    allocation: AllocationId,
    on: Date,
) -> Result<Reverted> {
    store::hold(tx, allocation).await?;
    let books = books::of_allocation(tx, &app.clock, allocation, None).await?;
    let now = app.clock.now();
    let mut reverted = Reverted::default();
    for layer in &books.layers {
        let Some((reversion, amount)) = layer.due_to_revert(on) else { continue };
        let day = reversion.reverts_on();
        // A closed month takes no more entries: then it is told today.
        let closed = layer_store::is_closed(&mut *tx, day).await?;
        let new = NewReversion {
            id: AllocationReversionId::new(&app.clock),
            layer: layer.id,
            rule: reversion.rule.id,
            amount,
            spend_by: reversion.spend_by,
            effective_on: if closed { app.clock.today() } else { day },
            at: now,
        };
        layer_store::insert_reversion(tx, &new).await?;
        let owner = Owner::Allocation(allocation.0);
        let posting = Posting::of(owner, new.id.0, new.effective_on).moving(
            Move::Revert,
            Account::component(layer.id),
            Account::reverted(layer.id),
            amount,
        );
        ledger::store::post(tx, &app.clock, &posting).await?;
        reverted = reverted.and(Reverted { layers: 1, amount });
    }
    if reverted.layers > 0 {
        store::touch(tx, allocation, now).await?;
    }
    Ok(reverted)
}
