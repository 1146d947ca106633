use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};

use super::{NewRule, Rule, RuleSet, kinds::RuleTerms};
use crate::{
    clock::Date,
    id::{CityId, CountyId, GrantId, OrganizationId, ProgramId, RuleId, RuleSetId},
    money::Money,
    people::OrganizationKind,
};

/// The rule sets with these ids; drafts only for those who may see them.
pub async fn find_sets(
    db: impl PgExecutor<'_>,
    ids: &[RuleSetId],
    drafts: bool,
) -> sqlx::Result<Vec<RuleSet>> {
    sets(db, Some(ids), None, drafts).await
}

/// The rule sets of programs, the latest version first.
pub async fn sets_of_programs(
    db: impl PgExecutor<'_>,
    programs: &[ProgramId],
    drafts: bool,
) -> sqlx::Result<HashMap<ProgramId, Vec<RuleSet>>> {
    let mut of_program: HashMap<_, Vec<_>> = HashMap::new();
    for set in sets(db, None, Some(programs), drafts).await? {
        of_program.entry(set.program_id).or_default().push(set);
    }
    Ok(of_program)
}

async fn sets(
    db: impl PgExecutor<'_>,
    ids: Option<&[RuleSetId]>,
    programs: Option<&[ProgramId]>,
    drafts: bool,
) -> sqlx::Result<Vec<RuleSet>> {
    sqlx::query_as!(
        RuleSet,
        r#"
        select s.id, s.program_id, s.version, s.source_url, s.effective_from,
               (select min(n.effective_from) from rule_sets n
                 where n.program_id = s.program_id
                   and (n.effective_from, n.version) > (s.effective_from, s.version)) as "replaced_from: Date",
               s.activated_at, s.activated_by, s.created_at, s.created_by, s.revision, s.updated_at
          from rule_sets s
         where ($1::uuid[] is null or s.id = any($1)) and ($2::uuid[] is null or s.program_id = any($2))
           and ($3 or s.activated_at is not null)
         order by s.program_id, s.version desc
         limit 10000
        "#,
        ids as _,
        programs as _,
        drafts,
    )
    .fetch_all(db)
    .await
}

/// Reads a draft or an activated set and holds it until the transaction ends.
pub async fn lock_set(tx: &mut PgConnection, id: RuleSetId) -> sqlx::Result<Option<RuleSet>> {
    sqlx::query!("select id from rule_sets where id = $1 for no key update", id as _)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(find_sets(tx, &[id], true).await?.pop())
}

/// Which set is in force for a program on a day: the program's own, or that of the nearest
/// program that it is part of. None when the stream was not in force.
pub async fn in_force(
    db: impl PgExecutor<'_>,
    asked: &[(ProgramId, Date)],
) -> sqlx::Result<HashMap<(ProgramId, Date), RuleSetId>> {
    let programs: Vec<ProgramId> = asked.iter().map(|(program, _)| *program).collect();
    let days: Vec<Date> = asked.iter().map(|(_, day)| *day).collect();
    let rows = sqlx::query!(
        r#"
        with recursive asked as (
            select distinct * from unnest($1::uuid[], $2::date[]) as asked (program_id, day)
        ), above as (
            select a.program_id as asked_id, a.day, p.id, p.parent_id, 0 as distance
              from asked a
              join funding_programs p on p.id = a.program_id
              join funding_streams s on s.id = p.stream_id and a.day >= s.effective_from
                                    and (s.effective_to is null or a.day <= s.effective_to)
             union all
            select a.asked_id, a.day, p.id, p.parent_id, a.distance + 1
              from above a join funding_programs p on p.id = a.parent_id
        )
        select distinct on (above.asked_id, above.day)
               above.asked_id as "program!: ProgramId", above.day as "day!: Date", s.id as "set: RuleSetId"
          from above
          join rule_sets s on s.program_id = above.id and s.effective_from <= above.day
         order by above.asked_id, above.day, above.distance, s.effective_from desc, s.version desc
        "#,
        programs as _,
        days as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.program, row.day), row.set)).collect())
}

/// A rule as its row has it.
#[derive(serde::Deserialize)]
pub struct RuleRow {
    id: RuleId,
    rule_set_id: RuleSetId,
    name: String,
    kind: String,
    params: serde_json::Value,
    citation: String,
    verified_on: Option<Date>,
}

impl RuleRow {
    pub fn read(self) -> sqlx::Result<Rule> {
        Ok(Rule {
            id: self.id,
            rule_set_id: self.rule_set_id,
            name: self.name,
            terms: terms(&self.kind, self.params)?,
            citation: self.citation,
            verified_on: self.verified_on,
        })
    }
}

pub(super) fn terms(kind: &str, params: serde_json::Value) -> sqlx::Result<RuleTerms> {
    let both = serde_json::json!({ "kind": kind, "params": params });
    serde_json::from_value(both).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// The two columns that hold what a rule says.
pub(super) fn columns(terms: &RuleTerms) -> sqlx::Result<serde_json::Value> {
    let mut both =
        serde_json::to_value(terms).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(both["params"].take())
}

/// The rules of many sets, in their order.
pub async fn rules_of(
    db: impl PgExecutor<'_>,
    sets: &[RuleSetId],
) -> sqlx::Result<HashMap<RuleSetId, Vec<Rule>>> {
    let rows = sqlx::query_as!(
        RuleRow,
        "select id, rule_set_id, name, kind, params, citation, verified_on
           from rules where rule_set_id = any($1) order by rule_set_id, place, id",
        sets as _,
    )
    .fetch_all(db)
    .await?;
    let mut of_set: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        of_set.entry(row.rule_set_id).or_default().push(row.read()?);
    }
    Ok(of_set)
}

/// The rules with these ids; those of drafts only for those who may see them.
pub async fn find_rules(
    db: impl PgExecutor<'_>,
    ids: &[RuleId],
    drafts: bool,
) -> sqlx::Result<Vec<Rule>> {
    let rows = sqlx::query_as!(
        RuleRow,
        "select r.id, r.rule_set_id, r.name, r.kind, r.params, r.citation, r.verified_on
           from rules r join rule_sets s on s.id = r.rule_set_id
          where r.id = any($1) and ($2 or s.activated_at is not null)
          order by r.id",
        ids as _,
        drafts,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(RuleRow::read).collect()
}

/// The next version of a program's rule sets. The program is held, so that two drafts get two numbers.
pub async fn next_version(tx: &mut PgConnection, program: ProgramId) -> sqlx::Result<i32> {
    sqlx::query!("select id from funding_programs where id = $1 for no key update", program as _)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query_scalar!(
        r#"select coalesce(max(version), 0) + 1 as "next!" from rule_sets where program_id = $1"#,
        program as _,
    )
    .fetch_one(tx)
    .await
}

pub async fn insert_set(tx: &mut PgConnection, set: &RuleSet) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into rule_sets (id, program_id, version, source_url, created_at, created_by, revision, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        set.id as _,
        set.program_id as _,
        set.version,
        set.source_url,
        set.created_at,
        set.created_by as _,
        set.revision,
        set.updated_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what changed of a draft: its source, and its activation.
pub async fn update_set(tx: &mut PgConnection, set: &RuleSet) -> sqlx::Result<()> {
    sqlx::query!(
        "update rule_sets
            set source_url = $2, effective_from = $3, activated_at = $4, activated_by = $5, revision = $6,
                updated_at = $7
          where id = $1",
        set.id as _,
        set.source_url,
        set.effective_from as _,
        set.activated_at,
        set.activated_by as _,
        set.revision,
        set.updated_at,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives a draft these rules, and no others.
pub async fn write_rules(
    tx: &mut PgConnection,
    set: RuleSetId,
    rules: &[(RuleId, NewRule)],
) -> sqlx::Result<()> {
    sqlx::query!("delete from rules where rule_set_id = $1", set as _).execute(&mut *tx).await?;
    let ids: Vec<RuleId> = rules.iter().map(|(id, _)| *id).collect();
    let names: Vec<String> = rules.iter().map(|(_, rule)| rule.name.clone()).collect();
    let kinds: Vec<&str> = rules.iter().map(|(_, rule)| rule.terms.kind().as_str()).collect();
    let params: Vec<serde_json::Value> =
        rules.iter().map(|(_, rule)| columns(&rule.terms)).collect::<sqlx::Result<_>>()?;
    let citations: Vec<&str> = rules.iter().map(|(_, rule)| rule.citation.trim()).collect();
    let verified: Vec<Option<Date>> = rules.iter().map(|(_, rule)| rule.verified_on).collect();
    sqlx::query!(
        "insert into rules (id, rule_set_id, name, place, kind, params, citation, verified_on)
         select r.id, $1, r.name, r.place, r.kind, r.params, r.citation, r.verified_on
           from unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::date[])
                with ordinality as r (id, name, kind, params, citation, verified_on, place)",
        set as _,
        ids as _,
        &names,
        kinds as _,
        &params,
        citations as _,
        verified as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What evaluation needs of a grant that is not a fact.
#[derive(serde::Deserialize)]
pub struct Circumstances {
    pub id: GrantId,
    pub program_id: ProgramId,
    pub rule_set_id: Option<RuleSetId>,
    pub parent_id: Option<GrantId>,
    pub amount: Money,
    pub performance_start: Date,
    pub performance_end: Date,
    pub encumber_by: Option<Date>,
    pub liquidate_by: Option<Date>,
    pub final_invoice_by: Option<Date>,
    pub signed_on: Option<Date>,
    pub recipient_id: OrganizationId,
    pub recipient_kind: OrganizationKind,
    /// The city whose government the recipient is.
    pub recipient_city: Option<CityId>,
    /// The county that the recipient is a department of.
    pub recipient_county: Option<CountyId>,
    /// The largest share first.
    pub cities: Vec<CityId>,
    /// That of the first city.
    pub county: Option<CountyId>,
    pub federal: bool,
}

pub async fn circumstances(
    db: impl PgExecutor<'_>,
    grants: &[GrantId],
) -> sqlx::Result<Vec<Circumstances>> {
    sqlx::query_as!(
        Circumstances,
        r#"
        select id as "id!: GrantId", program_id as "program_id!: ProgramId", rule_set_id as "rule_set_id: RuleSetId",
               parent_id as "parent_id: GrantId", amount as "amount!: Money", performance_start as "performance_start!: Date",
               performance_end as "performance_end!: Date", encumber_by as "encumber_by: Date",
               liquidate_by as "liquidate_by: Date", final_invoice_by as "final_invoice_by: Date",
               signed_on as "signed_on: Date", recipient_id as "recipient_id!: OrganizationId",
               recipient_kind as "recipient_kind!: OrganizationKind", recipient_city as "recipient_city: CityId",
               recipient_county as "recipient_county: CountyId", cities as "cities!: Vec<CityId>",
               county as "county: CountyId", federal as "federal!"
          from grant_circumstances where id = any($1)
        "#,
        grants as _,
    )
    .fetch_all(db)
    .await
}
