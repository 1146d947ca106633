use sqlx::PgExecutor;
use uuid::Uuid;

use super::Asker;
use crate::{
    access::Role,
    page::{Count, Window, figures_of, page_of},
};

/// Something that waits, by its id.
pub struct Waiting {
    pub id: Uuid,
}

/// Declares how what waits is listed, and how it is counted. Ids are made in the order of time: the oldest comes first.
macro_rules! waiting {
    ($list:ident, $count:ident, $asker:ident, $rows:tt, $($arguments:tt)*) => {
        pub async fn $list(
            db: impl PgExecutor<'_>,
            window: &Window,
            $asker: &Asker,
        ) -> sqlx::Result<Vec<Waiting>> {
            page_of!(Waiting, r#"id as "id: Uuid""#, $rows, window, $($arguments)*).fetch_all(db).await
        }

        pub async fn $count(db: impl PgExecutor<'_>, $asker: &Asker) -> sqlx::Result<i64> {
            let row = figures_of!(Count, r#"count(*) as "count!""#, $rows, $($arguments)*)
                .fetch_one(db)
                .await?;
            Ok(row.count)
        }
    };
}

// To decide, within one of the powers; to pay; to correct.
waiting!(
    disbursements,
    count_disbursements,
    asker,
    "select d.id, case when $8::text = 'AGE' then '' else '' end as sort_key
       from disbursements d join grants g on g.id = d.grant_id
      where d.status = 'REQUESTED' and g.status in ('ACTIVE', 'CLOSING') and d.requested_by is distinct from $9::uuid
        and exists (select from unnest($10::uuid[], $11::numeric[]) as power (absent, most)
                     where (power.most is null or d.amount <= power.most)
                       and (power.absent is null or power.absent is distinct from d.requested_by))
         or $12::bool and d.status in ('APPROVED', 'SCHEDULED') and g.status in ('ACTIVE', 'CLOSING')
            and $9::uuid is distinct from d.requested_by and $9::uuid is distinct from d.approved_by
            and $9::uuid is distinct from d.approved_for
         or d.status = 'RETURNED' and g.status in ('ACTIVE', 'CLOSING') and g.recipient_id = any($13::uuid[])",
    asker.person as _,
    asker.absent() as _,
    asker.limits() as _,
    asker.is(Role::FiscalOfficer),
    asker.organizations.as_slice() as _,
);

// Drafts to award, within the own limit; and awards to sign.
waiting!(
    grants,
    count_grants,
    asker,
    "select g.id, case when $8::text = 'AGE' then '' else '' end as sort_key
       from grants g
      where $10::bool and g.status = 'DRAFT' and g.drafted_by <> $9::uuid and ($11::numeric is null or g.amount <= $11)
         or $12::bool and g.status = 'AWARDED'",
    asker.person as _,
    asker.is(Role::Approver),
    asker.limit as _,
    asker.is(Role::GrantManager),
);

// Proposals of others, whose lines add or take no more than the own limit.
waiting!(
    amendments,
    count_amendments,
    asker,
    "select a.id, case when $8::text = 'AGE' then '' else '' end as sort_key
       from amendments a join grants g on g.id = a.grant_id
      where $10::bool and a.status = 'PROPOSED' and a.proposed_by <> $9::uuid
        and g.status in ('AWARDED', 'ACTIVE', 'SUSPENDED', 'CLOSING')
        and ($11::numeric is null
             or $11 >= all (select sum(l.amount) from amendment_lines l where l.amendment_id = a.id group by l.direction))",
    asker.person as _,
    asker.is(Role::Approver),
    asker.limit as _,
);

// Overrides of rules that others proposed.
waiting!(
    overrides,
    count_overrides,
    asker,
    "select o.id, case when $8::text = 'AGE' then '' else '' end as sort_key
       from rule_overrides o
      where $10::bool and o.status = 'PROPOSED' and o.proposed_by <> $9::uuid",
    asker.person as _,
    asker.is(Role::Approver),
);

// Contributions that others recorded, of which something is left.
waiting!(
    contributions,
    count_contributions,
    asker,
    "select c.id, case when $8::text = 'AGE' then '' else '' end as sort_key
       from match_contributions c
       join grants g on g.id = c.grant_id and g.status in ('ACTIVE', 'SUSPENDED', 'CLOSING')
       join ledger_accounts a on a.contribution_id = c.id and a.kind = 'MATCH_UNUSED' and a.balance > 0
      where $10::bool and c.recorded_by <> $9::uuid",
    asker.person as _,
    asker.is(Role::GrantManager),
);
