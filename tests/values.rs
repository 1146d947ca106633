//! Amounts, days, fiscal years and ids: what is read, what is refused, and that what is printed is read again.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use proptest::prelude::*;
use thrive::{
    clock::{CALIFORNIA, Clock, Date, instant},
    deadlines::{Deadline, DeadlineKind},
    fiscal_year::FiscalYear,
    id::{DeadlineId, DisbursementId, GrantId},
    money::Money,
};

use crate::support::{date, money, start};

proptest! {
    #[test]
    fn an_amount_that_is_printed_is_read_as_the_same(cents in -99_999_999_999_999_i64..=99_999_999_999_999) {
        let amount = Money::from_cents(cents);
        let text = amount.to_string();
        prop_assert_eq!(text.parse(), Ok(amount));
        // By its own reckoning: digits, a point and two digits.
        let sign = if cents < 0 { "-" } else { "" };
        prop_assert_eq!(text, format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100));
    }

    #[test]
    fn an_amount_is_the_same_however_many_of_its_two_decimals_are_written(units in 0_i64..1_000_000, tenths in 0_i64..10) {
        let written = [format!("{units}.{tenths}"), format!("{units}.{tenths}0"), format!("0{units}.{tenths}")];
        for text in written {
            let amount: Money = text.parse().unwrap();
            prop_assert_eq!(amount, Money::from_cents(units * 100 + tenths * 10));
            prop_assert_eq!(format!("{amount:?}"), format!("Money({units}.{tenths}0)"));
        }
    }

    #[test]
    fn any_other_text_is_refused_and_never_panics(text in "\\PC*") {
        let plain = text.strip_prefix('-').unwrap_or(&text);
        let (units, cents) = plain.split_once('.').unwrap_or((plain, "0"));
        let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        let fits = digits(units) && digits(cents) && cents.len() <= 2 && units.trim_start_matches('0').len() <= 12;
        prop_assert_eq!(text.parse::<Money>().is_ok(), fits);
    }

    #[test]
    fn a_part_in_basis_points_is_rounded_half_up_to_the_cent(cents in 0_i64..1_000_000_000_000, share in 0_i32..=10_000) {
        let exact = i128::from(cents) * i128::from(share);
        let rounded = (exact + 5_000) / 10_000;
        prop_assert_eq!(Money::from_cents(cents).part_half_up(share), Some(Money::from_cents(i64::try_from(rounded).unwrap())));
    }

    #[test]
    fn a_day_that_is_printed_is_read_as_the_same(days in 1_i32..3_652_059) {
        let day = Date(NaiveDate::from_num_days_from_ce_opt(days).unwrap());
        let text = day.to_string();
        prop_assert_eq!(text.len(), 10);
        prop_assert_eq!(text.parse(), Ok(day));
    }

    #[test]
    fn a_fiscal_year_is_the_year_that_a_day_lies_in(days in 0_i64..36_000) {
        let day = date("2000-07-01").plus_days(days);
        let year = FiscalYear::of(day);
        let (first, last) = (format!("{:04}-07-01", year.0), format!("{:04}-06-30", year.0 + 1));
        prop_assert!(date(&first) <= day && day <= date(&last));
        prop_assert_eq!(year.to_string().parse(), Ok(year));
    }

    #[test]
    fn an_id_that_is_printed_is_read_as_the_same_and_by_its_own_kind_only(number in any::<u128>()) {
        let id = GrantId(uuid::Uuid::from_u128(number));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert!(id.to_string().parse::<DisbursementId>().is_err());
    }
}

#[test]
fn an_amount_is_refused_with_what_is_wrong_with_it() {
    let not_an_amount = [
        "", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1e5", "1,000.00", "1_000", "$1", "--1",
        "1.2.3", "0x10", "١٢", "１.00", "NaN", "inf", "-.5", "1\0",
    ];
    for text in not_an_amount {
        let expected =
            format!("`{text}` is not an amount; write it as 1250.00, digits and a point only");
        assert_eq!(text.parse::<Money>(), Err(expected));
    }
    for text in ["1.234", "0.000", "-1.005"] {
        let expected = format!("`{text}` has more than two decimals; an amount is to the cent");
        assert_eq!(text.parse::<Money>(), Err(expected));
    }
    for text in [
        "1000000000000",
        "1000000000000.00",
        "-1000000000000",
        "99999999999999999999999999999999999999.99",
    ] {
        assert_eq!(
            text.parse::<Money>(),
            Err(format!("`{text}` is too large; the most is 999999999999.99"))
        );
    }
    assert_eq!("999999999999.99".parse(), Ok(Money::from_cents(99_999_999_999_999)));
    assert_eq!("-0".parse::<Money>().unwrap().to_string(), "0.00");
}

#[test]
fn a_percentage_is_rounded_half_up_to_two_places_and_there_is_none_of_nothing() {
    let percent = |part: &str, whole: &str| {
        money(part)
            .percent_of(money(whole))
            .map(|percent| async_graphql::ScalarType::to_value(&percent).to_string())
    };
    assert_eq!(percent("62.50", "100.00"), Some("\"62.50\"".into()));
    assert_eq!(percent("1.00", "3.00"), Some("\"33.33\"".into()));
    assert_eq!(percent("2.00", "3.00"), Some("\"66.67\"".into()));
    assert_eq!(percent("150.00", "100.00"), Some("\"150.00\"".into()));
    assert_eq!(percent("1.00", "0.00"), None);
}

#[test]
fn a_day_is_four_two_and_two_digits_and_there_is_such_a_day() {
    let refused = [
        "",
        "2026-2-3",
        "2026-02-30",
        "2026-13-01",
        "2027-02-29",
        "26-01-01",
        "2026/01/01",
        "20260101",
        " 2026-01-01",
        "2026-01-01T00:00:00Z",
        "+12026-01-01",
        "-0001-01-01",
        "0000-01-01",
        "-99999-01-01",
        "262142-12-31",
        "tomorrow",
    ];
    for text in refused {
        assert_eq!(
            text.parse::<Date>(),
            Err(format!("`{text}` is not a date; write it as 2026-07-01"))
        );
    }
    assert_eq!("2028-02-29".parse::<Date>().map(|day| day.to_string()), Ok("2028-02-29".into()));
    assert_eq!(date("2026-11-01").days_until(date("2026-11-02")), 1);
    assert_eq!(date("2028-02-28").days_until(date("2028-03-01")), 2);
    assert_eq!(date("2026-12-31").plus_days(1), date("2027-01-01"));
    assert_eq!(date("2026-01-01").plus_days(-1), date("2025-12-31"));
}

#[test]
fn a_fiscal_year_begins_on_the_first_of_july() {
    for (day, year) in [
        ("2026-06-30", "2025-26"),
        ("2026-07-01", "2026-27"),
        ("2028-02-29", "2027-28"),
        ("2026-12-31", "2026-27"),
        ("2027-01-01", "2026-27"),
        ("2099-07-01", "2099-00"),
    ] {
        assert_eq!(FiscalYear::of(date(day)).to_string(), year, "{day}");
    }
    for text in
        ["2026", "2026-28", "2026-2027", "2026-027", "26-27", "1999-00", "2026–27", "+2026-27", ""]
    {
        assert_eq!(
            text.parse::<FiscalYear>(),
            Err(format!("`{text}` is not a fiscal year; write it as 2026-27"))
        );
    }
}

#[test]
fn a_local_time_is_one_instant_also_on_the_days_when_the_clocks_change() {
    let cases = [
        // 8 March 2026: 02:00 to 03:00 is skipped, and means the moment after.
        ("2026-03-08T01:59:59", "2026-03-08T09:59:59Z"),
        ("2026-03-08T02:00:00", "2026-03-08T10:00:00Z"),
        ("2026-03-08T02:30:00", "2026-03-08T10:00:00Z"),
        ("2026-03-08T02:59:59", "2026-03-08T10:00:00Z"),
        ("2026-03-08T03:00:00", "2026-03-08T10:00:00Z"),
        // 1 November 2026: 01:00 to 02:00 happens twice, and means the first.
        ("2026-11-01T00:59:59", "2026-11-01T07:59:59Z"),
        ("2026-11-01T01:30:00", "2026-11-01T08:30:00Z"),
        ("2026-11-01T02:00:00", "2026-11-01T10:00:00Z"),
        ("2026-11-01T08:00:00", "2026-11-01T16:00:00Z"),
    ];
    for (local, expected) in cases {
        let local: NaiveDateTime = local.parse().unwrap();
        let expected: chrono::DateTime<chrono::Utc> = expected.parse().unwrap();
        assert_eq!(instant(CALIFORNIA, local), expected, "{local}");
    }
}

#[test]
fn a_deadline_is_due_at_the_end_of_its_day_in_california_unless_it_has_a_time() {
    let due = |day: &str, time: Option<NaiveTime>| {
        let now = start();
        let deadline = Deadline {
            id: DeadlineId::new(&Clock::fixed(now)),
            kind: DeadlineKind::Invoice,
            title: "Invoice".into(),
            grant_id: None,
            city_id: None,
            due_on: date(day),
            due_time: time,
            zone: CALIFORNIA.name().into(),
            status: "OPEN".into(),
            snoozed_until: None,
            reason: None,
            settled_at: None,
            settled_by: None,
            obligation: None,
            duty: None,
            rule_id: None,
            period_start: None,
            period_end: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        deadline.due_instant().to_rfc3339()
    };
    assert_eq!(due("2026-07-01", None), "2026-07-02T06:59:59+00:00");
    assert_eq!(due("2026-12-01", None), "2026-12-02T07:59:59+00:00");
    // The day of the change has 25 hours, and ends in winter time.
    assert_eq!(due("2026-11-01", None), "2026-11-02T07:59:59+00:00");
    assert_eq!(due("2026-10-31", NaiveTime::from_hms_opt(17, 0, 0)), "2026-11-01T00:00:00+00:00");
    assert_eq!(due("2026-11-01", NaiveTime::from_hms_opt(17, 0, 0)), "2026-11-02T01:00:00+00:00");
}

#[test]
fn an_id_is_refused_with_the_form_it_should_have() {
    let expected = Err("expected an id of the form grant_ and 32 hexadecimal digits");
    let other = GrantId(uuid::Uuid::nil()).to_string();
    let spoiled = [
        String::new(),
        "grant".into(),
        "grant_".into(),
        "grant_1".into(),
        other.replace("grant", "disb"),
        other.replace("grant_", "Grant_"),
        other.replace("grant_", ""),
        format!("{other}0"),
        format!(" {other}"),
        format!("{other}\0"),
        other.replace('0', "g"),
        format!("grant_{{{}}}", uuid::Uuid::nil()),
        format!("grant_urn:uuid:{}", uuid::Uuid::nil()),
        format!("grant_{}", uuid::Uuid::nil()),
    ];
    for text in spoiled {
        assert_eq!(text.parse::<GrantId>(), expected, "{text}");
    }
}

#[test]
fn ids_sort_by_the_time_they_were_made_at() {
    let clock = Clock::fixed(start());
    let earlier = GrantId::new(&clock);
    clock.set(start() + chrono::TimeDelta::milliseconds(1));
    assert!(earlier < GrantId::new(&clock));
}
