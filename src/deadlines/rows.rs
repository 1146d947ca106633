//! What is read of deadlines straight from their rows.

use super::{
    DeadlineStatus,
    graphql::{DeadlineFilter, DeadlineOrder, window},
    store,
};
use crate::{
    access::Permission,
    clock::Date,
    grants::{self, rows::GRANT},
    rows::{
        Arguments, Asking, Bind, Condition,
        Field::{One, Value},
        Found, From, Kind, NotCovered, One as Joined, Order, Table, among,
    },
};

pub static DEADLINE: Table = Table {
    name: "Deadline",
    fields: &[
        ("id", Value(Kind::Id("deadline"), "@.id")),
        ("kind", Value(Kind::Text, "@.kind")),
        ("title", Value(Kind::Text, "@.title")),
        ("dueOn", Value(Kind::Date, "@.due_on")),
        ("zone", Value(Kind::Text, "@.zone")),
        ("snoozedUntil", Value(Kind::Date, "@.snoozed_until")),
        ("reason", Value(Kind::Text, "@.reason")),
        ("settledAt", Value(Kind::Instant, "@.settled_at")),
        ("revision", Value(Kind::Int, "@.revision")),
        ("createdAt", Value(Kind::Instant, "@.created_at")),
        ("updatedAt", Value(Kind::Instant, "@.updated_at")),
        (
            // Whoever is responsible for a deadline may not see its grant.
            "grant",
            One(Joined {
                table: &GRANT,
                join: "left join grants # on #.id = @.grant_id",
                within: Some(grants::rows::seen),
                nullable: true,
            }),
        ),
    ],
};

pub fn deadlines(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let viewer = asking.actor.may(Permission::ReadDeadlines)?;
    let window = window(arguments.optional::<DeadlineOrder>("orderBy")?, arguments.page()?)?;
    let filter = arguments.or_default::<DeadlineFilter>("filter")?.at(asking.app.clock.now());
    let mut conditions = conditions(&filter);
    if !viewer.reach.everything {
        let organizations = Bind::uuids(viewer.reach.organizations.iter().map(|id| id.0));
        let cities = Bind::uuids(viewer.reach.cities.iter().map(|id| id.0));
        // Each list is made once, and the deadlines of the days that are asked for are looked up in them.
        conditions.push(Condition::new(
            "(@.city_id = any($) or @.id in (select deadline_id from deadline_people where person_id = $)
              or @.grant_id in (select id from grants where recipient_id = any($)
                                 union all select grant_id from grant_cities where city_id = any($)))",
            [cities.clone(), Bind::Uuid(viewer.person.0), organizations, cities],
        ));
    }
    let order = if window.order == "DUE_ON" { Order::Date("@.due_on") } else { Order::Id };
    let page = Some((window, order));
    Ok(From::Rows(Found { table: &DEADLINE, from: "deadlines @", conditions, page }))
}

/// The same as the list's own statement says.
fn conditions(filter: &store::DeadlineFilter) -> Vec<Condition> {
    let store::DeadlineFilter { kinds, statuses, grants, cities, responsible, .. } = filter;
    let mut all = vec![];
    let texts = kinds.as_ref().map(|all| all.iter().map(|each| each.as_str()).collect());
    all.extend(texts.map(|texts| Condition::new("@.kind = any($)", [Bind::Texts(texts)])));
    all.extend(statuses.as_deref().map(|statuses| standing(statuses, filter)));
    let ids = grants.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    all.extend(among(["@.grant_id = $", "@.grant_id = any($)"], ids));
    let of_cities = "(@.city_id = any($) or @.grant_id in (select grant_id from grant_cities where city_id = any($)))";
    let ids = cities.as_ref().map(|ids| Bind::uuids(ids.iter().map(|id| id.0)));
    all.extend(ids.map(|ids| Condition::new(of_cities, [ids.clone(), ids])));
    let of_people = "@.id in (select deadline_id from deadline_people where person_id = any($))";
    let ids = responsible.as_ref().map(|ids| Bind::uuids(ids.iter().map(|id| id.0)));
    all.extend(ids.map(|ids| Condition::new(of_people, [ids])));
    let day = |text, day: Option<Date>| day.map(|day| Condition::new(text, [Bind::Date(day)]));
    all.extend(day("@.due_on >= $", filter.due_from));
    all.extend(day("@.due_on <= $", filter.due_to));
    let since = |at| Condition::new("@.updated_at >= $", [Bind::Instant(at)]);
    all.extend(filter.updated_since.map(since));
    all
}

/// Standing so at a moment. Those that are open, whether or not overdue, have an index.
fn standing(statuses: &[DeadlineStatus], filter: &store::DeadlineFilter) -> Condition {
    use DeadlineStatus::{Open, Overdue};
    if statuses.iter().all(|status| matches!(status, Open | Overdue)) {
        match (statuses.contains(&Open), statuses.contains(&Overdue)) {
            (true, true) => return Condition::new("@.status = 'OPEN'", []),
            (true, false) => {
                let text = "@.status = 'OPEN' and (@.due_on + coalesce(@.due_time, time '23:59:59')) at time zone @.zone >= $";
                return Condition::new(text, [Bind::Instant(filter.now)]);
            }
            (false, true) => {
                let text = "@.status = 'OPEN' and (@.due_on + coalesce(@.due_time, time '23:59:59')) at time zone @.zone < $";
                return Condition::new(text, [Bind::Instant(filter.now)]);
            }
            (false, false) => {}
        }
    }
    let texts = statuses.iter().map(|status| status.as_str()).collect();
    Condition::new(
        "case when @.status <> 'OPEN' then @.status
              when (@.due_on + coalesce(@.due_time, time '23:59:59')) at time zone @.zone < $ then 'OVERDUE'
              else 'OPEN' end = any($)",
        [Bind::Instant(filter.now), Bind::Texts(texts)],
    )
}
