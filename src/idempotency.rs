//! Mutations that move money once, however often they are sent. The first success
//! under a key is remembered per person and mutation for 90 days and answered
//! again; a refusal rolls back together with its key, so it can be retried.

use std::fmt::Debug;

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Refusal, Result,
    clock::Clock,
    error::UserErrorCode,
    id::{PersonId, TransferId},
};

pub const REMEMBERED_DAYS: i32 = 90;

/// A business event that has no row of its own.
pub fn event(clock: &Clock) -> Uuid {
    TransferId::new(clock).0
}

/// A request to move money, as its sender names it.
pub struct Request<'a> {
    pub person: PersonId,
    pub mutation: &'static str,
    pub key: &'a str,
    pub input_hash: Vec<u8>,
}

impl<'a> Request<'a> {
    pub fn new(
        person: PersonId,
        mutation: &'static str,
        key: &'a str,
        input: &impl Debug,
    ) -> Result<Self> {
        if !(1..=200).contains(&key.chars().count()) || key.contains('\0') {
            return Err(Refusal::new(
                UserErrorCode::InvalidInput,
                "an idempotency key has 1 to 200 characters; a new UUID for each request is a good one",
            )
            .on("idempotencyKey")
            .into());
        }
        let input_hash = Sha256::digest(format!("{input:?}")).to_vec();
        Ok(Self { person, mutation, key, input_hash })
    }

    /// Reserves the key for `object`, or answers with the object that the same request
    /// made before. A second caller waits here until the first has ended.
    pub async fn begin(
        &self,
        tx: &mut PgConnection,
        clock: &Clock,
        object: Uuid,
    ) -> Result<Option<Uuid>> {
        let now = clock.now();
        let reserved = sqlx::query!(
            "insert into idempotency_keys (person_id, mutation, key, input_hash, object_id, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (person_id, mutation, key) do update
                set input_hash = excluded.input_hash, object_id = excluded.object_id, created_at = excluded.created_at
              where idempotency_keys.created_at < $6 - make_interval(days => $7)",
            self.person as _,
            self.mutation,
            self.key,
            self.input_hash,
            object,
            now,
            REMEMBERED_DAYS,
        )
        .execute(&mut *tx)
        .await?;
        if reserved.rows_affected() == 1 {
            return Ok(None);
        }
        let first = sqlx::query!(
            "select input_hash, object_id from idempotency_keys where person_id = $1 and mutation = $2 and key = $3",
            self.person as _,
            self.mutation,
            self.key,
        )
        .fetch_one(tx)
        .await?;
        self.check_same(&first.input_hash)?;
        Ok(Some(first.object_id))
    }

    /// A key belongs to one input.
    pub fn check_same(&self, first: &[u8]) -> Result<(), Refusal> {
        if first == self.input_hash {
            return Ok(());
        }
        let message = "this idempotency key was used for another request; send a new key";
        Err(Refusal::new(UserErrorCode::IdempotencyKeyReused, message).on("idempotencyKey"))
    }
}
