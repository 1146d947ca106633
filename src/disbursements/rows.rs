//! What is read of disbursements straight from their rows.

use super::{
    graphql::{DisbursementFilter, DisbursementOrder, window},
    store,
};
use crate::{
    access::{Permission, Reach},
    grants::rows::GRANT,
    page::Window,
    rows::{
        Arguments, Asking, Below, Bind, Condition,
        Field::{One, Part, Value},
        Found, From, Kind, NotCovered, One as Joined, Order, Table, among,
    },
};

pub static DISBURSEMENT: Table = Table {
    name: "Disbursement",
    fields: &[
        ("id", Value(Kind::Id("disb"), "@.id")),
        ("status", Value(Kind::Text, "@.status")),
        ("kind", Value(Kind::Text, "@.kind")),
        ("amount", Value(Kind::Money, "@.amount")),
        ("approvedAmount", Value(Kind::Money, "@.approved_amount")),
        ("retained", Value(Kind::Money, "@.retained")),
        (
            "paidAmount",
            Value(
                Kind::Money,
                "case when @.paid_on is not null then coalesce(@.approved_amount, @.amount) - @.retained end",
            ),
        ),
        ("invoiceNumber", Value(Kind::Text, "@.invoice_number")),
        ("requestedAt", Value(Kind::Instant, "@.requested_at")),
        ("approvedAt", Value(Kind::Instant, "@.approved_at")),
        ("submission", Value(Kind::Int, "@.submission")),
        ("opening", Value(Kind::Bool, "@.opening")),
        ("scheduledFor", Value(Kind::Date, "@.scheduled_for")),
        ("paidOn", Value(Kind::Date, "@.paid_on")),
        ("method", Value(Kind::Text, "@.method")),
        ("reference", Value(Kind::Text, "@.reference")),
        ("reason", Value(Kind::Text, "@.reason")),
        ("revision", Value(Kind::Int, "@.revision")),
        ("updatedAt", Value(Kind::Instant, "@.updated_at")),
        ("period", Part(&PERIOD)),
        ("accounting", Part(&ACCOUNTING)),
        (
            // Whoever sees a disbursement sees its grant.
            "grant",
            One(Joined {
                table: &GRANT,
                join: "join grants # on #.id = @.grant_id",
                within: None,
                nullable: false,
            }),
        ),
    ],
};

static PERIOD: Table = Table {
    name: "DateRange",
    fields: &[
        ("start", Value(Kind::Date, "@.period_start")),
        ("end", Value(Kind::Date, "@.period_end")),
    ],
};

static ACCOUNTING: Table = Table {
    name: "PaymentAccounting",
    fields: &[
        ("vendorNumber", Value(Kind::Text, "@.vendor_number")),
        ("purchaseOrder", Value(Kind::Text, "@.purchase_order")),
        ("fundString", Value(Kind::Text, "@.fund_string")),
        ("warrantNumber", Value(Kind::Text, "@.warrant_number")),
    ],
};

pub static DISBURSEMENTS_OF_GRANT: Below = Below {
    table: &DISBURSEMENT,
    from: "disbursements @",
    owner: "@.grant_id",
    window: |arguments| paged(arguments),
};

fn paged(arguments: &Arguments<'_>) -> Result<(Window, Order), NotCovered> {
    let window = window(arguments.optional::<DisbursementOrder>("orderBy")?, arguments.page()?)?;
    let order = match window.order {
        "AMOUNT" => Order::Amount("@.amount"),
        "PAID_ON" => Order::Date(PAID_ON),
        "SCHEDULED_FOR" => Order::Date("coalesce(@.scheduled_for, '-infinity')"),
        _ => Order::Id,
    };
    Ok((window, order))
}

/// As the indexes by day of payment have it.
const PAID_ON: &str = "coalesce(@.paid_on, '-infinity'::date)";

/// The disbursements that an actor reaches, who does not see all.
fn within(reach: &Reach) -> Condition {
    match (reach.organizations.as_slice(), reach.cities.as_slice()) {
        ([only], []) => Condition::new("@.recipient_id = $", [Bind::Uuid(only.0)]),
        (organizations, cities) => Condition::new(
            "@.grant_id in (select id from grants where recipient_id = any($)
                             union all select grant_id from grant_cities where city_id = any($))",
            [
                Bind::uuids(organizations.iter().map(|id| id.0)),
                Bind::uuids(cities.iter().map(|id| id.0)),
            ],
        ),
    }
}

pub fn disbursements(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let reach = asking.actor.may_read(Permission::ReadDisbursements)?;
    let page = paged(arguments)?;
    let filter = arguments.or_default::<DisbursementFilter>("filter")?.into();
    let mut conditions = conditions(&filter, asking)?;
    conditions.extend((!reach.everything).then(|| within(&reach)));
    let page = Some(page);
    Ok(From::Rows(Found { table: &DISBURSEMENT, from: "disbursements @", conditions, page }))
}

/// The same as the list's own statement says.
fn conditions(
    filter: &store::DisbursementFilter,
    asking: &Asking<'_>,
) -> Result<Vec<Condition>, NotCovered> {
    let store::DisbursementFilter { streams, stream_ids, statuses, kinds, grants, .. } = filter;
    let mut all = vec![];
    let streams = streams.as_deref().map(|codes| asking.streams(codes)).transpose()?;
    all.extend(among(["@.stream_id = $", "@.stream_id = any($)"], streams));
    let ids = stream_ids.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    all.extend(among(["@.stream_id = $", "@.stream_id = any($)"], ids));
    let ids = filter.recipients.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    all.extend(among(["@.recipient_id = $", "@.recipient_id = any($)"], ids));
    let ids = grants.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    all.extend(among(["@.grant_id = $", "@.grant_id = any($)"], ids));
    let ids = filter.cities.as_ref().map(|ids| ids.iter().map(|id| id.0).collect());
    let of_cities = "@.grant_id in (select grant_id from grant_cities where city_id = any($))";
    all.extend(ids.map(|ids| Condition::new(of_cities, [Bind::Uuids(ids)])));
    let texts = statuses.as_ref().map(|all| all.iter().map(|each| each.as_str()).collect());
    all.extend(texts.map(|texts| Condition::new("@.status = any($)", [Bind::Texts(texts)])));
    let texts = kinds.as_ref().map(|all| all.iter().map(|each| each.as_str()).collect());
    all.extend(texts.map(|texts| Condition::new("@.kind = any($)", [Bind::Texts(texts)])));
    let days = [
        // What is not paid has no day, and none that the index would know of as later than another.
        ("coalesce(@.paid_on, '-infinity'::date) >= $", filter.paid_from),
        ("coalesce(@.paid_on, '-infinity'::date) <= $ and @.paid_on is not null", filter.paid_to),
        (
            "@.requested_at >= ($)::timestamp at time zone 'America/Los_Angeles'",
            filter.requested_from,
        ),
        (
            "@.requested_at < ($ + 1)::timestamp at time zone 'America/Los_Angeles'",
            filter.requested_to,
        ),
        ("@.scheduled_for >= $", filter.scheduled_from),
        ("@.scheduled_for <= $", filter.scheduled_to),
    ];
    let given = days.into_iter().filter_map(|(text, day)| Some((text, day?)));
    all.extend(given.map(|(text, day)| Condition::new(text, [Bind::Date(day)])));
    let key = "lower(btrim($)) in (
        select lower(btrim(k)) from grants g, unnest(array[coalesce(@.vendor_number, g.vendor_number),
                                                           coalesce(@.purchase_order, g.purchase_order),
                                                           coalesce(@.fund_string, g.fund_string), @.warrant_number]) as k
         where g.id = @.grant_id and k is not null)";
    all.extend(filter.accounting_key.clone().map(|text| Condition::new(key, [Bind::Text(text)])));
    let since = |at| Condition::new("@.updated_at >= $", [Bind::Instant(at)]);
    all.extend(filter.updated_since.map(since));
    Ok(all)
}
