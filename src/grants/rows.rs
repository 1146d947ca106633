//! What is read of grants straight from their rows.

use super::{
    graphql::{GrantFilter, GrantOrder, window},
    store,
};
use crate::{
    access::{Permission, Reach},
    disbursements::rows::DISBURSEMENTS_OF_GRANT,
    id::{GrantId, OrganizationId},
    page::Window,
    people::rows::ORGANIZATION,
    rows::{
        Arguments, Asking, Bind, Condition, Conditions,
        Field::{Held, One, Page, Part, Value},
        Found, From, Kind, NotCovered, One as Joined, Order, PageOf, Table,
    },
    streams::rows::{PROGRAM, STREAM},
};

pub static GRANT: Table = Table {
    name: "Grant",
    fields: &[
        ("id", Value(Kind::Id("grant"), "@.id")),
        ("number", Value(Kind::Text, "@.number")),
        ("title", Value(Kind::Text, "@.title")),
        ("status", Value(Kind::Text, "@.status")),
        ("amount", Value(Kind::Money, "@.amount")),
        ("encumberBy", Value(Kind::Date, "@.encumber_by")),
        ("liquidateBy", Value(Kind::Date, "@.liquidate_by")),
        ("finalInvoiceBy", Value(Kind::Date, "@.final_invoice_by")),
        ("awardedAt", Value(Kind::Instant, "@.awarded_at")),
        ("signedOn", Value(Kind::Date, "@.signed_on")),
        ("closingSince", Value(Kind::Date, "@.closing_since")),
        ("endedOn", Value(Kind::Date, "@.ended_on")),
        ("revision", Value(Kind::Int, "@.revision")),
        ("createdAt", Value(Kind::Instant, "@.created_at")),
        ("updatedAt", Value(Kind::Instant, "@.updated_at")),
        ("performance", Part(&PERFORMANCE)),
        ("accounting", Part(&ACCOUNTING)),
        ("stream", Held(&STREAM)),
        ("program", Held(&PROGRAM)),
        (
            "recipient",
            One(Joined {
                table: &ORGANIZATION,
                join: "join organizations # on #.id = @.recipient_id",
                within: None,
                nullable: false,
            }),
        ),
        ("disbursements", Page(&DISBURSEMENTS_OF_GRANT)),
    ],
};

static PERFORMANCE: Table = Table {
    name: "DateRange",
    fields: &[
        ("start", Value(Kind::Date, "@.performance_start")),
        ("end", Value(Kind::Date, "@.performance_end")),
    ],
};

static ACCOUNTING: Table = Table {
    name: "AccountingKeys",
    fields: &[
        ("vendorNumber", Value(Kind::Text, "@.vendor_number")),
        ("purchaseOrder", Value(Kind::Text, "@.purchase_order")),
        ("fundString", Value(Kind::Text, "@.fund_string")),
    ],
};

/// How an actor comes to rows of grants, by the grant's id, in rows that have its recipient beside it: by the recipient,
/// which is a stretch of an index, and by the cities that a grant is good for; in no way of its own who sees all. Of
/// `recipients` alone, where a filter says so: the own are all seen.
pub fn within(
    id: &'static str,
    reach: &Reach,
    recipients: Option<&[OrganizationId]>,
) -> Vec<Condition> {
    if reach.everything {
        return vec![];
    }
    let [organizations, cities] = Bind::reach(reach);
    let own = match reach.organizations.as_slice() {
        [only] => Condition::new("@.recipient_id = $", [Bind::Uuid(only.0)]),
        _ => Condition::new("@.recipient_id = any($)", [organizations.clone()]),
    };
    let only_own =
        recipients.is_some_and(|of| of.iter().all(|id| reach.organizations.contains(id)));
    if reach.cities.is_empty() || only_own {
        return vec![own];
    }
    // As an array: joined, PostgreSQL takes the few that are left of a city's grants for as many as there are.
    let text =
        " = any(array(select c.grant_id from grant_cities c join grants g on g.id = c.grant_id
                              where c.city_id = any($) and g.recipient_id <> all($)))";
    vec![own, Condition::of(id, text, [cities, organizations])]
}

/// The same of a grant that is there already: nobody looks for it by what an actor reaches.
pub fn seen(reach: &Reach) -> Condition {
    let text = "(@.recipient_id = any($) or @.id in (select grant_id from grant_cities where city_id = any($)))";
    Condition::new(text, Bind::reach(reach))
}

/// `grant(id:)`; one that is named by its number is for the executor.
pub fn grant(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let reach = asking.actor.may_read(Permission::ReadGrant)?;
    let id: GrantId = arguments.optional("id")?.ok_or(NotCovered)?;
    if arguments.optional::<String>("number")?.is_some() {
        return Err(NotCovered);
    }
    let mut conditions = Conditions::default();
    conditions.is("@.id", Some(&[id]));
    if !reach.everything {
        conditions.add(seen(&reach));
    }
    Ok(From::Rows(Found { table: &GRANT, from: "grants @", conditions, page: None }))
}

pub fn grants(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let reach = asking.actor.may_read(Permission::ReadGrants)?;
    let window = window(arguments.optional::<GrantOrder>("orderBy")?, arguments.page()?)?;
    let filter: store::GrantFilter = arguments.or_default::<GrantFilter>("filter")?.into();
    let conditions = conditions(&filter, asking)?;
    let ways = within("@.id", &reach, filter.recipients.as_deref());
    let page = Some(PageOf { order: order(&window), window, ways, bounded: false });
    Ok(From::Rows(Found { table: &GRANT, from: "grants @", conditions, page }))
}

fn order(window: &Window) -> Order {
    match window.order {
        "NUMBER" => Order::Text("lower(@.number collate \"C\")"),
        "TITLE" => Order::Text("lower(@.title collate \"C\")"),
        "AMOUNT" => Order::Amount("@.amount"),
        "PERFORMANCE_END" => Order::Date("@.performance_end"),
        "LIQUIDATE_BY" => Order::Date("coalesce(@.liquidate_by, '-infinity')"),
        _ => Order::Id,
    }
}

/// The same as the list's own statement says.
fn conditions(filter: &store::GrantFilter, asking: &Asking<'_>) -> Result<Conditions, NotCovered> {
    let mut all = Conditions::default();
    let streams = filter.streams.as_deref().map(|codes| asking.streams(codes)).transpose()?;
    all.is("@.stream_id", streams.as_deref());
    all.is("@.stream_id", filter.stream_ids.as_deref());
    all.is("@.program_id", filter.programs.as_deref());
    all.is("@.recipient_id", filter.recipients.as_deref());
    let of_cities = "@.id in (select grant_id from grant_cities where city_id = any($))";
    all.ids(of_cities, filter.cities.as_deref());
    all.words("@.status = any($)", filter.statuses.as_deref());
    let of_areas = "@.id in (select grant_id from grant_action_areas where action_area = any($))";
    all.words(of_areas, filter.action_areas.as_deref());
    all.given("strpos(lower(@.number || ' ' || @.title), lower($)) > 0", filter.search.clone());
    let key = "lower(btrim($)) in (lower(btrim(@.vendor_number)), lower(btrim(@.purchase_order)), lower(btrim(@.fund_string)))";
    all.given(key, filter.accounting_key.clone());
    all.given("$ between @.performance_start and @.performance_end", filter.active_on);
    all.given("@.updated_at >= $", filter.updated_since);
    Ok(all)
}
