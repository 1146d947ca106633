//! Books of a few dozen grants with entries at random: of several programs, recipients, cities and years, some told late.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Executor, PgPool};
use thrive::{
    access::{Actor, Role, commands::NewRole},
    cities::City,
    grants::{self, ActionArea, ActionAreaShare, CityShare, Grant},
    id::{GrantId, OrganizationId, ProgramId},
    people::OrganizationKind,
    streams::Catalog,
};
use uuid::Uuid;

use crate::support::{Cast, Service, date, service, start};

/// Numbers that are the same each time (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }

    pub fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn some_of<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        of.iter().filter(|_| self.below(3) == 0).cloned().collect()
    }
}

pub struct Books {
    pub service: Service,
    pub cast: Cast,
    pub owner: PgPool,
    pub grants: Vec<Grant>,
    pub programs: Vec<ProgramId>,
    pub recipients: Vec<OrganizationId>,
    pub cities: Vec<City>,
    /// About half of all entries were recorded by then.
    pub halfway: DateTime<Utc>,
}

/// What happens to random entries is none of the business of these checks at the end of a transaction: that a budget, a
/// disbursement or a closed grant goes with them.
const UNCHECKED: &str = "
    alter table grants disable trigger grants_guard;
    alter table grants disable trigger grants_budget_sum;
    alter table ledger_transfers disable trigger ledger_transfers_budget;
    alter table ledger_transfers disable trigger ledger_transfers_ended;
    alter table ledger_transfers disable trigger ledger_transfers_of_disbursements";

const BEGINNING: [(&str, &str, &str, &str); 12] = [
    ("REQUEST", "AVAILABLE", "REQUESTED", "300.00"),
    ("EXPEND", "UNOBLIGATED", "UNCLAIMED", "300.00"),
    ("AMEND_UP", "SRC_ADV", "ADVANCE_ROOM", "100.00"),
    ("APPROVE", "REQUESTED", "APPROVED", "200.01"),
    ("REQUEST", "UNCLAIMED", "CLAIM_PENDING", "150.00"),
    ("REQUEST", "ADVANCE_ROOM", "ADVANCE_PENDING", "60.00"),
    ("PAY", "APPROVED", "PAID", "100.03"),
    ("PAY", "APPROVED", "RETAINED", "20.00"),
    ("PAY", "CLAIM_PENDING", "CLAIMED", "70.00"),
    ("PAY", "ADVANCE_PENDING", "ADVANCE_OPEN", "30.00"),
    ("ENCUMBER", "UNOBLIGATED", "ENCUMBERED", "50.00"),
    ("LAPSE", "AVAILABLE", "LAPSED", "5.07"),
];

pub async fn kept(dice: &mut Dice, grants: usize, entries: usize) -> Books {
    let service = service().await;
    let cast = service.cast().await;
    let owner = service.as_owner().await;
    let mut cities = vec![cast.city.clone()];
    for geoid in ["0614218", "0653000"] {
        cities.push(service.city(geoid).await);
    }
    let mut recipients = vec![cast.recipient.id];
    for (name, city) in [("City of Clovis (test)", 1), ("City of Oakland (test)", 2)] {
        let kind = OrganizationKind::CityGovernment;
        recipients.push(service.organization(name, kind, Some(&cities[city])).await.id);
    }
    let listed = Catalog::get(&service.app).await.unwrap();
    let programs = listed.programs.iter().map(|program| program.id).collect();
    let mut books = Books {
        service,
        cast,
        owner,
        grants: vec![],
        programs,
        recipients,
        cities,
        halfway: start(),
    };
    books.with_match().await;
    books.owner.execute(UNCHECKED).await.unwrap();
    while books.grants.len() < grants {
        books.draft(dice).await;
    }
    books.award(dice).await;
    books.post(dice, entries).await;
    books
}

impl Books {
    /// Somebody who sees the grants of one city.
    pub async fn member(&self) -> Actor {
        let role =
            NewRole { city: Some(self.cities[2].id), ..NewRole::everywhere(Role::CityMember) };
        self.service.actor("Olga Oakland", role).await
    }

    /// A grant with match, a payment and a request, as people make them.
    async fn with_match(&mut self) {
        let (service, cast) = (&self.service, &self.cast);
        let grant = service.active_grant(cast, "G-match", "1000.00").await;
        let input = serde_json::json!({ "idempotencyKey": "match", "grantId": grant.id.to_string(), "contributor": "City",
            "source": "CASH", "amount": "5.00", "contributedOn": "2026-10-01", "description": "Paint", "reference": "M" });
        let (mutation, of_type) = ("recordMatch", "RecordMatchInput");
        let made =
            service.mutate(&cast.finance, mutation, of_type, "contribution { id }", input).await;
        let input = serde_json::json!({ "contributionId": made["contribution"]["id"] });
        let (mutation, of_type) = ("acceptMatch", "AcceptMatchInput");
        let accepted =
            service.mutate(&cast.manager, mutation, of_type, "contribution { id }", input).await;
        assert_eq!(accepted["userErrors"], serde_json::json!([]));
        service.request(cast, &grant, "A-1", "100.01").await;
        self.grants.push(grant);
    }

    async fn draft(&mut self, dice: &mut Dice) {
        let number = format!("G-{}", self.grants.len());
        let amount = format!("{}.{:02}", 500 + dice.below(5000), dice.below(100));
        let mut new = self.service.draft_of(&self.cast, &number, &amount).await;
        new.program = *dice.one_of(&self.programs);
        new.recipient = *dice.one_of(&self.recipients);
        let share = |city: &City, share_bp| CityShare { city: city.id, share_bp };
        new.cities = match dice.below(3) {
            0 => vec![share(dice.one_of(&self.cities), 10_000)],
            1 => vec![share(&self.cities[0], 3333), share(&self.cities[2], 6667)],
            _ => {
                let shares = [3333, 3333, 3334];
                self.cities.iter().zip(shares).map(|(city, bp)| share(city, bp)).collect()
            }
        };
        let area = |action_area, share_bp| ActionAreaShare { action_area, share_bp };
        new.action_areas = match dice.below(2) {
            0 => vec![area(*dice.one_of(ActionArea::ALL), 10_000)],
            _ => vec![
                area(ActionArea::YouthDevelopment, 3333),
                area(ActionArea::SafeStableHousing, 6667),
            ],
        };
        // Some programs do not take everybody.
        let drafted = grants::commands::create(&self.service.app, &self.cast.manager, new).await;
        self.grants.extend(drafted.ok());
    }

    /// All but some drafts.
    async fn award(&mut self, dice: &mut Dice) {
        let statuses = ["AWARDED", "ACTIVE", "ACTIVE", "SUSPENDED", "CLOSING"];
        for grant in self.grants.iter().skip(1) {
            if dice.below(6) == 0 {
                continue;
            }
            sqlx::query(
                "update grants set status = $2, awarded_at = created_at,
                        awarded_by = (select id from people where id <> drafted_by limit 1) where id = $1",
            )
            .bind(grant.id.0)
            .bind(*dice.one_of(&statuses))
            .execute(&self.owner)
            .await
            .unwrap();
            sqlx::query(
                "insert into ledger_accounts (id, grant_id, kind, item_id)
                 select gen_random_uuid(), $1, k.kind, i.item
                   from ledger_account_kinds k,
                        unnest(array[null, case when k.kind in ('UNCLAIMED', 'CLAIMED', 'RETAINED') then $1 end]) as i (item)
                  where k.chain in ('PAY', 'USE', 'ADVANCE')
                     on conflict do nothing",
            )
            .bind(grant.id.0)
            .execute(&self.owner)
            .await
            .unwrap();
        }
    }

    /// Entries at random; what the ledger refuses is not posted.
    async fn post(&mut self, dice: &mut Dice, entries: usize) {
        let awarded: Vec<(Uuid, String)> = sqlx::query_as(
            "select id, amount::text from grants where status <> 'DRAFT' and number <> 'G-match' order by number",
        )
        .fetch_all(&self.owner)
        .await
        .unwrap();
        let moves: Vec<(String, String, String)> = sqlx::query_as(
            "select m.kind, m.from_kind, m.to_kind from ledger_moves m
               join ledger_account_kinds k on k.kind = m.from_kind and k.chain in ('PAY', 'USE', 'ADVANCE')
              where m.kind <> 'AWARD' order by 1, 2, 3",
        )
        .fetch_all(&self.owner)
        .await
        .unwrap();
        for (grant, amount) in &awarded {
            let day = -i64::try_from(dice.below(900)).unwrap();
            for (from, to) in [("SRC_PAY", "AVAILABLE"), ("SRC_USE", "UNOBLIGATED")] {
                self.entry((*grant, "AWARD", from, to), amount, day, 0).await.unwrap();
            }
            // Something is everywhere, so that moves at random find it.
            for (kind, from, to, amount) in BEGINNING {
                let day = day + i64::try_from(dice.below(15)).unwrap();
                let entry = (*grant, kind, from, to);
                // Told in another order than they happened some are refused.
                let _ = self.entry(entry, amount, day.min(0), 0).await;
            }
        }
        let mut posted = 0;
        for second in 1..=entries {
            let (grant, _) = dice.one_of(&awarded);
            let (kind, from, to) = dice.one_of(&moves);
            let amount = format!("{}.{:02}", dice.below(60), 1 + dice.below(99));
            let day = -i64::try_from(dice.below(850)).unwrap();
            let entry = (*grant, kind.as_str(), from.as_str(), to.as_str());
            posted += usize::from(self.entry(entry, &amount, day, second).await.is_ok());
        }
        assert!(posted * 8 >= entries, "{posted} of {entries} were posted");
        let seconds = |count: usize| TimeDelta::seconds(i64::try_from(count).unwrap());
        self.halfway = start() + seconds(entries / 2);
        self.service.travel(start() + seconds(entries) + TimeDelta::hours(1));
    }

    /// Posts an entry effective some days from the first one, recorded some seconds after it.
    pub async fn entry(
        &self,
        (grant, kind, from, to): (Uuid, &str, &str, &str),
        amount: &str,
        day: i64,
        second: usize,
    ) -> sqlx::Result<()> {
        sqlx::query(
            "insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id,
                                           effective_on, recorded_at)
             select gen_random_uuid(), f.id, t.id, '', '', $5::text::numeric, $2, gen_random_uuid(), $6, $7
               from ledger_accounts f, ledger_accounts t
              where f.grant_id = $1 and f.kind = $3 and t.grant_id = $1 and t.kind = $4 and f.id <> t.id
              order by f.item_id nulls first, t.item_id nulls first limit 1",
        )
        .bind(grant)
        .bind(kind)
        .bind(from)
        .bind(to)
        .bind(amount)
        .bind(date("2026-11-24").plus_days(day).0)
        .bind(start() + TimeDelta::seconds(i64::try_from(second).unwrap()))
        .execute(&self.owner)
        .await?;
        Ok(())
    }

    pub fn ids(&self) -> Vec<GrantId> {
        self.grants.iter().map(|grant| grant.id).collect()
    }
}
