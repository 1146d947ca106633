//! The SQL of overrides.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::{
    OverrideStatus, RuleOverride,
    store::{columns, terms},
};
use crate::{
    access::Reach,
    id::{GrantId, PersonId, RuleId, RuleOverrideId},
};

/// An override as its row has it.
#[derive(serde::Deserialize)]
pub struct OverrideRow {
    id: RuleOverrideId,
    grant_id: GrantId,
    rule_id: RuleId,
    kind: String,
    terms: Option<serde_json::Value>,
    reason: String,
    document_url: String,
    document_sha256: Option<String>,
    status: OverrideStatus,
    proposed_by: PersonId,
    proposed_at: DateTime<Utc>,
    decided_by: Option<PersonId>,
    decided_at: Option<DateTime<Utc>>,
}

impl OverrideRow {
    pub fn read(self) -> sqlx::Result<RuleOverride> {
        Ok(RuleOverride {
            id: self.id,
            grant_id: self.grant_id,
            rule_id: self.rule_id,
            terms: self.terms.map(|params| terms(&self.kind, params)).transpose()?,
            reason: self.reason,
            document_url: self.document_url,
            document_sha256: self.document_sha256,
            status: self.status,
            proposed_by: self.proposed_by,
            proposed_at: self.proposed_at,
            decided_by: self.decided_by,
            decided_at: self.decided_at,
        })
    }
}

/// The overrides of many grants, in the order of their proposal.
pub async fn overrides_of(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<GrantId, Vec<RuleOverride>>> {
    let mut of_grant: HashMap<_, Vec<_>> = HashMap::new();
    for row in overrides(db, &everything(), Some(grants), None).await? {
        of_grant.entry(row.grant_id).or_default().push(row);
    }
    Ok(of_grant)
}

/// The overrides with these ids, of grants that an actor may see.
pub async fn find_overrides(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    ids: &[RuleOverrideId],
) -> sqlx::Result<Vec<RuleOverride>> {
    overrides(db, reach, None, Some(ids)).await
}

/// The latest approved override of each rule of each grant.
pub async fn approved_overrides(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<HashMap<(GrantId, RuleId), RuleOverride>> {
    let mut all = overrides(db, &everything(), Some(grants), None).await?;
    all.retain(|one| one.status == OverrideStatus::Approved);
    all.sort_by_key(|one| (one.decided_at, one.id));
    Ok(all.into_iter().map(|one| ((one.grant_id, one.rule_id), one)).collect())
}

/// For overrides of grants that the caller was shown, or holds.
fn everything() -> Reach {
    Reach { everything: true, ..Reach::default() }
}

async fn overrides(
    db: impl PgExecutor<'_>,
    reach: &Reach,
    grants: Option<&[GrantId]>,
    ids: Option<&[RuleOverrideId]>,
) -> sqlx::Result<Vec<RuleOverride>> {
    let rows = sqlx::query_as!(
        OverrideRow,
        "select o.id, o.grant_id, o.rule_id, r.kind, o.terms, o.reason, o.document_url, o.document_sha256, o.status,
                o.proposed_by, o.proposed_at, o.decided_by, o.decided_at
           from rule_overrides o join rules r on r.id = o.rule_id join grants g on g.id = o.grant_id
          where ($1::uuid[] is null or o.grant_id = any($1)) and ($2::uuid[] is null or o.id = any($2))
            and ($3::bool or g.recipient_id = any($4::uuid[])
                 or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any($5::uuid[])))
          order by o.grant_id, o.proposed_at, o.id",
        grants as _,
        ids as _,
        reach.everything,
        reach.organizations.as_slice() as _,
        reach.cities.as_slice() as _,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(OverrideRow::read).collect()
}

pub async fn insert_override(tx: &mut PgConnection, new: &RuleOverride) -> sqlx::Result<()> {
    let terms = new.terms.as_ref().map(columns).transpose()?;
    sqlx::query!(
        "insert into rule_overrides (id, grant_id, rule_id, terms, reason, document_url, document_sha256, status,
                                     proposed_by, proposed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id as _,
        new.grant_id as _,
        new.rule_id as _,
        terms,
        new.reason,
        new.document_url,
        new.document_sha256,
        new.status as _,
        new.proposed_by as _,
        new.proposed_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes the decision of an override whose grant the caller holds.
pub async fn decide_override(tx: &mut PgConnection, decided: &RuleOverride) -> sqlx::Result<()> {
    sqlx::query!(
        "update rule_overrides set status = $2, decided_by = $3, decided_at = $4 where id = $1",
        decided.id as _,
        decided.status as _,
        decided.decided_by as _,
        decided.decided_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}
