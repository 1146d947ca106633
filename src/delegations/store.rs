use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};

use super::{ApprovalDelegation, Authority};
use crate::{
    access::Role,
    clock::Date,
    id::{DelegationId, PersonId},
    money::Money,
    page::{Count, Position, Window, figures_of, page_of},
};

/// The delegations with these ids that a person may see: all, or those that the person takes part in.
pub async fn find(
    db: impl PgExecutor<'_>,
    everything: bool,
    person: PersonId,
    ids: &[DelegationId],
) -> sqlx::Result<Vec<ApprovalDelegation>> {
    sqlx::query_as!(
        ApprovalDelegation,
        "select id, approver_id, delegate_id, starts_on, ends_on, reason, created_by, created_at, ended_by, ended_at
           from approval_delegations
          where id = any($1) and ($2::bool or $3 in (approver_id, delegate_id)) order by id",
        ids as _,
        everything,
        person as _,
    )
    .fetch_all(db)
    .await
}

pub async fn insert(tx: &mut PgConnection, new: &ApprovalDelegation) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into approval_delegations (id, approver_id, delegate_id, starts_on, ends_on, reason, created_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id as _,
        new.approver_id as _,
        new.delegate_id as _,
        new.starts_on as _,
        new.ends_on as _,
        new.reason,
        new.created_by as _,
        new.created_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends a delegation, unless somebody did meanwhile.
pub async fn end(tx: &mut PgConnection, ended: &ApprovalDelegation) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update approval_delegations set ended_by = $2, ended_at = $3 where id = $1 and ended_at is null",
        ended.id as _,
        ended.ended_by as _,
        ended.ended_at,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a person holds one of these roles.
pub async fn holds(tx: &mut PgConnection, person: PersonId, roles: &[Role]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from role_grants
                           where person_id = $1 and role = any($2) and ended_at is null) as "holds!""#,
        person as _,
        roles as _,
    )
    .fetch_one(tx)
    .await
}

/// In whose place many people decide on a day, and how far: only of approvers who still hold the role themselves.
pub async fn powers_of(
    db: impl PgExecutor<'_>,
    people: &[PersonId],
    on: Date,
) -> sqlx::Result<HashMap<PersonId, Vec<Authority>>> {
    let rows = sqlx::query!(
        r#"select a.delegate_id as "delegate: PersonId", a.approver_id as "approver: PersonId",
                  case when bool_and(r.approval_limit is not null) then max(r.approval_limit) end as "limit: Money"
             from (select distinct delegate_id, approver_id from approval_delegations
                    where delegate_id = any($1) and ended_at is null and $2 between starts_on and ends_on) a
             join role_grants r on r.person_id = a.approver_id and r.role = 'APPROVER' and r.ended_at is null
            group by a.delegate_id, a.approver_id
            order by a.delegate_id, a.approver_id"#,
        people as _,
        on as _,
    )
    .fetch_all(db)
    .await?;
    let mut powers: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let power = Authority { limit: row.limit, absent: Some(row.approver) };
        powers.entry(row.delegate).or_default().push(power);
    }
    Ok(powers)
}

/// Whose delegations are listed.
#[derive(Clone, Debug, Default)]
pub struct DelegationFilter {
    pub in_force_on: Option<Date>,
    pub people: Option<Vec<PersonId>>,
}

macro_rules! listed {
    ($shape:ident, ($($head:tt)*), ($($window:tt)*), $filter:expr, $everything:expr, $person:expr) => {
        $shape!(
            $($head)*,
            "select a.*, case when $8::text = 'FROM' then to_char(a.starts_on, 'YYYY-MM-DD') collate \"C\" else '' end
                           as sort_key
               from approval_delegations a
              where ($9::bool or $10::uuid in (a.approver_id, a.delegate_id))
                and ($11::date is null or a.ended_at is null and $11 between a.starts_on and a.ends_on)
                and ($12::uuid[] is null or a.approver_id = any($12) or a.delegate_id = any($12))",
            $($window)*
            $everything,
            $person as _,
            $filter.in_force_on as _,
            $filter.people.as_deref() as _
        )
    };
}

pub async fn list(
    db: impl PgExecutor<'_>,
    window: &Window,
    filter: &DelegationFilter,
    everything: bool,
    person: PersonId,
) -> sqlx::Result<Vec<ApprovalDelegation>> {
    listed!(
        page_of,
        (
            ApprovalDelegation,
            "id, approver_id, delegate_id, starts_on, ends_on, reason, created_by, created_at, ended_by, ended_at"
        ),
        (window,),
        filter,
        everything,
        person
    )
    .fetch_all(db)
    .await
}

pub async fn count(
    db: impl PgExecutor<'_>,
    filter: &DelegationFilter,
    everything: bool,
    person: PersonId,
) -> sqlx::Result<i64> {
    let row =
        listed!(figures_of, (Count, r#"count(*) as "count!""#), (), filter, everything, person)
            .fetch_one(db)
            .await?;
    Ok(row.count)
}

/// Where a delegation stands in its list; the same text as the statement's `sort_key`.
pub fn position(row: &ApprovalDelegation) -> Position {
    Position { key: row.starts_on.to_string(), id: row.id.0 }
}
