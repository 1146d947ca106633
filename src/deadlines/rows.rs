//! What is read of deadlines straight from their rows.

use chrono::{DateTime, Utc};

use super::{
    DeadlineStatus,
    graphql::{DeadlineFilter, DeadlineOrder, window},
    store,
};
use crate::{
    access::Permission,
    grants::{self, rows::GRANT},
    rows::{
        Arguments, Asking, Bind, Condition, Conditions,
        Field::{One, Value},
        Found, From, Kind, NotCovered, One as Joined, Order, PageOf, Table,
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
        let [organizations, cities] = Bind::reach(&viewer.reach);
        // Each list is made once, and the deadlines of the days that are asked for are looked up in them.
        conditions.add(Condition::new(
            "(@.city_id = any($) or @.id in (select deadline_id from deadline_people where person_id = $)
              or @.grant_id in (select id from grants where recipient_id = any($)
                                 union all select grant_id from grant_cities where city_id = any($)))",
            [cities.clone(), Bind::Uuid(viewer.person.0), organizations, cities],
        ));
    }
    let by_day = window.order == "DUE_ON";
    let order = if by_day { Order::Date("@.due_on") } else { Order::Id };
    let bounded = by_day && (filter.due_from.is_some() || filter.due_to.is_some());
    let page = Some(PageOf { window, order, ways: vec![], bounded });
    Ok(From::Rows(Found { table: &DEADLINE, from: "deadlines @", conditions, page }))
}

/// The same as the list's own statement says.
fn conditions(filter: &store::DeadlineFilter) -> Conditions {
    let mut all = Conditions::default();
    all.words("@.kind = any($)", filter.kinds.as_deref());
    if let Some(statuses) = &filter.statuses {
        all.add(standing(statuses, filter.now));
    }
    all.is("@.grant_id", filter.grants.as_deref());
    if let Some(cities) = &filter.cities {
        let text = "(@.city_id = any($) or @.grant_id in (select grant_id from grant_cities where city_id = any($)))";
        all.add(Condition::new(text, [Bind::ids(cities), Bind::ids(cities)]));
    }
    let of_people = "@.id in (select deadline_id from deadline_people where person_id = any($))";
    all.ids(of_people, filter.responsible.as_deref());
    all.given("@.due_on >= $", filter.due_from);
    all.given("@.due_on <= $", filter.due_to);
    all.given("@.updated_at >= $", filter.updated_since);
    all
}

/// Standing so at a moment. Those that are open, whether or not overdue, have an index.
fn standing(statuses: &[DeadlineStatus], now: DateTime<Utc>) -> Condition {
    use DeadlineStatus::{Open, Overdue};
    let others = statuses.iter().any(|status| !matches!(status, Open | Overdue));
    match (statuses.contains(&Open), statuses.contains(&Overdue), others) {
        (true, true, false) => Condition::new("@.status = 'OPEN'", []),
        (true, false, false) => Condition::of("@.status = 'OPEN' and ", NOT_YET, [Bind::Instant(now)]),
        (false, true, false) => {
            Condition::of("@.status = 'OPEN' and not ", NOT_YET, [Bind::Instant(now)])
        }
        _ => Condition::new(
            "case when @.status <> 'OPEN' then @.status
                  when (@.due_on + coalesce(@.due_time, time '23:59:59')) at time zone @.zone >= $ then 'OPEN'
                  else 'OVERDUE' end = any($)",
            [Bind::Instant(now), Bind::words(statuses)],
        ),
    }
}

const NOT_YET: &str =
    "((@.due_on + coalesce(@.due_time, time '23:59:59')) at time zone @.zone >= $)";
