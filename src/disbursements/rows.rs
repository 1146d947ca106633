//! What is read of disbursements straight from their rows.

use super::{
    graphql::{DisbursementFilter, DisbursementOrder, window},
    store,
};
use crate::{
    access::Permission,
    grants::rows::{GRANT, within},
    page::Window,
    rows::{
        Arguments, Asking, Below, Conditions,
        Field::{One, Part, Value},
        Found, From, Kind, NotCovered, One as Joined, Order, PageOf, Table,
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

pub fn disbursements(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let reach = asking.actor.may_read(Permission::ReadDisbursements)?;
    let (window, order) = paged(arguments)?;
    let filter: store::DisbursementFilter =
        arguments.or_default::<DisbursementFilter>("filter")?.into();
    let conditions = conditions(&filter, asking)?;
    let ways = within("@.grant_id", &reach, filter.recipients.as_deref());
    let bounded =
        window.order == "PAID_ON" && (filter.paid_from.is_some() || filter.paid_to.is_some());
    let page = Some(PageOf { window, order, ways, bounded });
    Ok(From::Rows(Found { table: &DISBURSEMENT, from: "disbursements @", conditions, page }))
}

/// The same as the list's own statement says.
fn conditions(
    filter: &store::DisbursementFilter,
    asking: &Asking<'_>,
) -> Result<Conditions, NotCovered> {
    let mut all = Conditions::default();
    let streams = filter.streams.as_deref().map(|codes| asking.streams(codes)).transpose()?;
    all.is("@.stream_id", streams.as_deref());
    all.is("@.stream_id", filter.stream_ids.as_deref());
    all.is("@.recipient_id", filter.recipients.as_deref());
    all.is("@.grant_id", filter.grants.as_deref());
    let of_cities = "@.grant_id in (select grant_id from grant_cities where city_id = any($))";
    all.ids(of_cities, filter.cities.as_deref());
    all.words("@.status = any($)", filter.statuses.as_deref());
    all.words("@.kind = any($)", filter.kinds.as_deref());
    // As the indexes by day of payment have it: what is not paid has none, and is on no day.
    all.given("coalesce(@.paid_on, '-infinity'::date) >= $", filter.paid_from);
    let until = "coalesce(@.paid_on, '-infinity'::date) <= $ and @.paid_on is not null";
    all.given(until, filter.paid_to);
    let from = "@.requested_at >= ($)::timestamp at time zone 'America/Los_Angeles'";
    all.given(from, filter.requested_from);
    let until = "@.requested_at < ($ + 1)::timestamp at time zone 'America/Los_Angeles'";
    all.given(until, filter.requested_to);
    all.given("@.scheduled_for >= $", filter.scheduled_from);
    all.given("@.scheduled_for <= $", filter.scheduled_to);
    let key = "lower(btrim($)) in (
        select lower(btrim(k)) from grants g, unnest(array[coalesce(@.vendor_number, g.vendor_number),
                                                           coalesce(@.purchase_order, g.purchase_order),
                                                           coalesce(@.fund_string, g.fund_string), @.warrant_number]) as k
         where g.id = @.grant_id and k is not null)";
    all.given(key, filter.accounting_key.clone());
    all.given("@.updated_at >= $", filter.updated_since);
    Ok(all)
}
