//! Bringing in what exists: all rows or none, each of them told, counted from the days on which things happened.

use serde_json::json;
use thrive::imports::{Kind, People, Report, commands};

use crate::support::{Cast, Service, assert_ledger_agrees, service};

const GRANTS: &str = "\u{feff}number,title,program,recipient,amount,performance_start,performance_end,awarded_on,signed_on,encumber_by,liquidate_by,cities,action_areas,vendor_number
OLD-1,Youth center,PROP64-PHS,City of Fresno (test),100000.00,2026-07-01,2028-06-30,2026-07-10,2026-08-01,2027-06-30,2028-12-31,0627000:6667; 0644000:3333,YOUTH_DEVELOPMENT:10000,V-77
OLD-2,After school,PROP64-PHS,City of Fresno (test),50000.00,2026-07-01,2028-06-30,2026-07-10,2026-08-01,,,0627000:10000,YOUTH_DEVELOPMENT:10000,
";
const BUDGETS: &str = "grant,category,line,amount
OLD-1,PERSONNEL,Coordinator,60000.00
OLD-1,SUPPLIES,,40000.00
";
const COSTS: &str = "grant,category,amount,incurred_on,description,vendor,reference
OLD-1,PERSONNEL,12000.00,2026-08-31,Payroll,,P-8
OLD-1,SUPPLIES,500.25,2026-09-15,\"Paper, pens\",Office Store,CHK-9
";
const PAYMENTS: &str = "grant,invoice_number,kind,category,amount,approved_amount,period_start,period_end,requested_on,approved_on,paid_on,method,reference,warrant_number,fund_string
OLD-1,INV-1,REIMBURSEMENT,PERSONNEL,12000.00,11000.00,2026-08-01,2026-08-31,2026-09-10,2026-09-20,2026-10-01,WARRANT,W-100,100,3790-101
OLD-1,INV-2,REIMBURSEMENT,SUPPLIES,700.00,,2026-09-01,2026-09-30,2026-10-10,,,,,,
";

async fn scene() -> (Service, Cast, People) {
    let service = service().await;
    let cast = service.cast().await;
    let email = |name: &str| format!("{}@people.test", name.to_lowercase().replace(' ', "."));
    let people = People::find(
        &service.app,
        &email("Mara Manager"),
        &email("Ada Approver"),
        &email("Omar Officer"),
    )
    .await
    .unwrap();
    (service, cast, people)
}

async fn import(service: &Service, people: &People, kind: Kind, text: &str) -> Report {
    commands::import(&service.app, kind, text, people, false).await.unwrap()
}

fn told(report: &Report) -> Vec<(u64, std::result::Result<&str, &str>)> {
    report
        .rows
        .iter()
        .map(|row| (row.line, row.outcome.as_deref().map_err(String::as_str)))
        .collect()
}

#[tokio::test]
async fn grants_with_their_budgets_costs_and_payments_come_in_with_the_days_on_which_they_happened()
{
    let (service, cast, people) = scene().await;
    let dry = commands::import(&service.app, Kind::Grants, GRANTS, &people, true).await.unwrap();
    assert_eq!((dry.kept, dry.refused()), (false, 0));
    let none = "{ grants { totalCount } }";
    assert_eq!(service.data(&cast.auditor, none, json!({})).await["grants"]["totalCount"], 0);

    let grants = import(&service, &people, Kind::Grants, GRANTS).await;
    assert_eq!(
        told(&grants),
        [(2, Ok("grant OLD-1 of 100000.00")), (3, Ok("grant OLD-2 of 50000.00"))]
    );
    assert!(import(&service, &people, Kind::Budgets, BUDGETS).await.kept);
    assert!(import(&service, &people, Kind::Expenditures, COSTS).await.kept);
    let payments = import(&service, &people, Kind::Disbursements, PAYMENTS).await;
    assert_eq!(
        told(&payments),
        [
            (2, Ok("PAID INV-1 of 11000.00 for grant OLD-1")),
            (3, Ok("REQUESTED INV-2 of 700.00 for grant OLD-1")),
        ]
    );

    let query = "{ grant(number: \"OLD-1\") { id status accounting { vendorNumber }
        july: balance(asOf: \"2026-07-31\") { awarded expended disbursed }
        october: balance(asOf: \"2026-10-01\") { expended requested disbursed availableToDisburse unobligated }
        now: balance { expended requested disbursed reimbursementDue availableToDisburse }
        budget { title amount expended }
        expenditures { nodes { description opening effectiveOn } }
        disbursements(orderBy: { field: AMOUNT, direction: DESC }) { nodes { invoiceNumber opening amount approvedAmount paidOn accounting { fundString warrantNumber }
                                requestedBy { name } paidBy { name } } } } }";
    let found = service.data(&cast.auditor, query, json!({})).await["grant"].clone();
    assert_eq!(found["status"], "ACTIVE");
    assert_eq!(found["accounting"]["vendorNumber"], "V-77");
    assert_eq!(
        found["july"],
        json!({ "awarded": "100000.00", "expended": "0.00", "disbursed": "0.00" })
    );
    // Of INV-2 199.75 were told by the invoice itself.
    assert_eq!(
        found["october"],
        json!({ "expended": "12500.25", "requested": "0.00", "disbursed": "11000.00",
                "availableToDisburse": "89000.00", "unobligated": "87499.75" })
    );
    assert_eq!(
        found["now"],
        json!({ "expended": "12700.00", "requested": "700.00", "disbursed": "11000.00", "reimbursementDue": "1700.00",
                "availableToDisburse": "88300.00" })
    );
    assert_eq!(
        found["budget"],
        json!([
            { "title": "Whole award", "amount": "0.00", "expended": "0.00" },
            { "title": "Coordinator", "amount": "60000.00", "expended": "12000.00" },
            { "title": "SUPPLIES", "amount": "40000.00", "expended": "700.00" },
        ])
    );
    assert_eq!(found["expenditures"]["nodes"][0]["opening"], true);
    assert_eq!(
        found["disbursements"]["nodes"][0],
        json!({ "invoiceNumber": "INV-1", "opening": true, "amount": "12000.00", "approvedAmount": "11000.00",
                "paidOn": "2026-10-01", "accounting": { "fundString": "3790-101", "warrantNumber": "100" },
                "requestedBy": { "name": "Mara Manager" }, "paidBy": { "name": "Omar Officer" } })
    );
    let id = found["id"].as_str().unwrap().parse().unwrap();
    assert_ledger_agrees(&service.app.db, id).await;
    // What comes after goes on as usual: the waiting invoice can be approved.
    let key = "{ grants(filter: { accountingKey: \"v-77\" }) { totalCount } }";
    assert_eq!(service.data(&cast.auditor, key, json!({})).await["grants"]["totalCount"], 1);
    let opening: i64 =
        sqlx::query_scalar("select count(*) from ledger_transfers where not opening")
            .fetch_one(&service.app.db)
            .await
            .unwrap();
    assert_eq!(opening, 0);
}

#[tokio::test]
async fn what_is_wrong_is_told_row_by_row_and_nothing_comes_in() {
    let (service, _, people) = scene().await;
    assert!(import(&service, &people, Kind::Grants, GRANTS).await.kept);
    let costs = "grant,amount,incurred_on,description
OLD-2,100.00,2026-08-31,Fine
OLD-9,100.00,2026-08-31,No such grant
OLD-2,1.005,2026-08-31,Half a cent
OLD-2,100.00,2026-06-30,Too early
OLD-2,50000.01,2026-08-31,Too much
OLD-2,,2026-08-31,No amount
";
    let report = import(&service, &people, Kind::Expenditures, costs).await;
    assert_eq!(
        told(&report),
        [
            (2, Ok("cost of 100.00 on 2026-08-31 for grant OLD-2")),
            (3, Err("there is no grant `OLD-9`")),
            (4, Err("`amount`: `1.005` has more than two decimals; an amount is to the cent")),
            (5, Err("costs may arise from 2026-07-01 to 2028-06-30 only, not on 2026-06-30")),
            (
                6,
                Err(
                    "50000.01 is more than the 49900.00 that is left in the budget line Whole award: transfer budget to it first"
                )
            ),
            (7, Err("`amount` must not be empty")),
        ]
    );
    assert!(!report.kept);
    assert!(
        report
            .to_string()
            .ends_with("6 rows, 5 refused; nothing was brought in: correct the file and try again")
    );
    let written: i64 = sqlx::query_scalar("select count(*) from expenditures")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert_eq!(written, 0);

    // The same file once more: each grant is there already.
    let again = import(&service, &people, Kind::Grants, GRANTS).await;
    assert_eq!(told(&again)[0], (2, Err("there is a grant with this number already")));
    for (text, why) in [
        ("number,title\nA,B\n", "the header lacks"),
        ("grant,amount,incurred_on,description,colour\n", "`colour` is no column"),
        ("grant,amount,incurred_on,description\n", "no rows"),
    ] {
        let kind = Kind::Expenditures;
        let error = commands::import(&service.app, kind, text, &people, false).await.unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
    }
    let same = People::find(
        &service.app,
        "mara.manager@people.test",
        "mara.manager@people.test",
        "omar.officer@people.test",
    )
    .await;
    assert!(same.is_err());
}
