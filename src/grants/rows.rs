//! What is read of grants straight from their rows.

use super::{
    graphql::{GrantFilter, GrantOrder, window},
    store,
};
use crate::{
    access::{Permission, Reach},
    disbursements::rows::DISBURSEMENTS_OF_GRANT,
    id::GrantId,
    page::Window,
    people::rows::ORGANIZATION,
    rows::{
        Arguments, Asking, Bind, Condition,
        Field::{Held, One, Page, Part, Value},
        Found, From, Kind, NotCovered, One as Joined, Order, Table, among,
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

/// The grants that an actor reaches, who does not see all.
pub fn within(reach: &Reach) -> Condition {
    match (reach.organizations.as_slice(), reach.cities.as_slice()) {
        ([only], []) => Condition::new("@.recipient_id = $", [Bind::Uuid(only.0)]),
        (organizations, cities) => Condition::new(
            "@.id in (select id from grants where recipient_id = any($)
                       union all select grant_id from grant_cities where city_id = any($))",
            [
                Bind::uuids(organizations.iter().map(|id| id.0)),
                Bind::uuids(cities.iter().map(|id| id.0)),
            ],
        ),
    }
}

/// The same of a grant that is there already: nobody looks for it by what an actor reaches.
pub fn seen(reach: &Reach) -> Condition {
    Condition::new(
        "(@.recipient_id = any($) or @.id in (select grant_id from grant_cities where city_id = any($)))",
        [
            Bind::uuids(reach.organizations.iter().map(|id| id.0)),
            Bind::uuids(reach.cities.iter().map(|id| id.0)),
        ],
    )
}

/// `grant(id:)`; one that is named by its number is for the executor.
pub fn grant(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let reach = asking.actor.may_read(Permission::ReadGrant)?;
    let id: GrantId = arguments.optional("id")?.ok_or(NotCovered)?;
    if arguments.optional::<String>("number")?.is_some() {
        return Err(NotCovered);
    }
    let mut conditions = vec![Condition::new("@.id = $", [Bind::Uuid(id.0)])];
    conditions.extend((!reach.everything).then(|| within(&reach)));
    Ok(From::Rows(Found { table: &GRANT, from: "grants @", conditions, page: None }))
}

pub fn grants(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let reach = asking.actor.may_read(Permission::ReadGrants)?;
    let window = window(arguments.optional::<GrantOrder>("orderBy")?, arguments.page()?)?;
    let filter: store::GrantFilter = arguments.or_default::<GrantFilter>("filter")?.into();
    let mut conditions = conditions(&filter, asking)?;
    conditions.extend((!reach.everything).then(|| within(&reach)));
    let order = order(&window);
    let page = Some((window, order));
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
fn conditions(
    filter: &store::GrantFilter,
    asking: &Asking<'_>,
) -> Result<Vec<Condition>, NotCovered> {
    let store::GrantFilter { streams, stream_ids, programs, statuses, cities, .. } = filter;
    let store::GrantFilter { recipients, action_areas, search, accounting_key, .. } = filter;
    let mut all = vec![];
    let streams = streams.as_deref().map(|codes| asking.streams(codes)).transpose()?;
    all.extend(among(["@.stream_id = $", "@.stream_id = any($)"], streams));
    let ids = |ids: &[crate::id::StreamId]| ids.iter().map(|id| id.0).collect();
    all.extend(among(["@.stream_id = $", "@.stream_id = any($)"], stream_ids.as_deref().map(ids)));
    let ids = programs.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    all.extend(among(["@.program_id = $", "@.program_id = any($)"], ids));
    let ids = recipients.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    all.extend(among(["@.recipient_id = $", "@.recipient_id = any($)"], ids));
    let ids = cities.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    let of_cities = "@.id in (select grant_id from grant_cities where city_id = any($))";
    all.extend(ids.map(|ids| Condition::new(of_cities, [Bind::Uuids(ids)])));
    let texts = statuses.as_ref().map(|all| all.iter().map(|each| each.as_str()).collect());
    all.extend(texts.map(|texts| Condition::new("@.status = any($)", [Bind::Texts(texts)])));
    let texts = action_areas.as_ref().map(|all| all.iter().map(|each| each.as_str()).collect());
    let of_areas = "@.id in (select grant_id from grant_action_areas where action_area = any($))";
    all.extend(texts.map(|texts| Condition::new(of_areas, [Bind::Texts(texts)])));
    let searched = "strpos(lower(@.number || ' ' || @.title), lower($)) > 0";
    all.extend(search.clone().map(|text| Condition::new(searched, [Bind::Text(text)])));
    let key = "lower(btrim($)) in (lower(btrim(@.vendor_number)), lower(btrim(@.purchase_order)), lower(btrim(@.fund_string)))";
    all.extend(accounting_key.clone().map(|text| Condition::new(key, [Bind::Text(text)])));
    let active = "$ between @.performance_start and @.performance_end";
    all.extend(filter.active_on.map(|day| Condition::new(active, [Bind::Date(day)])));
    let since = |at| Condition::new("@.updated_at >= $", [Bind::Instant(at)]);
    all.extend(filter.updated_since.map(since));
    Ok(all)
}
