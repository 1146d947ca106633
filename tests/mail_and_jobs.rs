//! Reminders from the deadline's row to the inbox, through a real mail server.

use std::{fs, path::Path, process::Command, time::Duration};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use mail_parser::MessageParser;
use serde_json::{Value, json};
use thrive::{
    clock::CALIFORNIA,
    config::MailConfig,
    deadlines::{self, Deadline, DeadlineKind, NewDeadline, Settlement},
    email::Outgoing,
    jobs::{self, Schedule},
    people::Person,
};

use crate::support::{Cast, Service, date, process::SmtpServer, service, service_with_mail};

/// A deadline about the cast's city.
async fn deadline(
    service: &Service,
    cast: &Cast,
    kind: DeadlineKind,
    title: &str,
    due_on: &str,
    who: &[&Person],
) -> Deadline {
    let new = NewDeadline {
        kind,
        title: title.into(),
        grant: None,
        city: Some(cast.city.id),
        due_on: date(due_on),
        due_time: None,
        responsible: who.iter().map(|person| person.id).collect(),
    };
    deadlines::commands::create(&service.app, &cast.manager, new).await.unwrap()
}

/// Runs the job for a day and delivers.
async fn remind(service: &Service, on: &str) -> String {
    jobs::run_by_hand(&service.app, "deadline_reminders", Some(date(on)), false)
        .await
        .unwrap()
        .summary
        .text
}

/// (recipient, subject, text) of what lies in the directory, by file name.
fn inbox(service: &Service) -> Vec<(String, String, String)> {
    let mut files: Vec<_> =
        fs::read_dir(service.mail_dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| read(&fs::read(file).unwrap())).collect()
}

fn read(bytes: &[u8]) -> (String, String, String) {
    let mail = MessageParser::default().parse(bytes).unwrap();
    let to = mail.to().unwrap().first().unwrap().address().unwrap().to_owned();
    (to, mail.subject().unwrap().to_owned(), mail.body_text(0).unwrap().replace("\r\n", "\n"))
}

fn smtp(server: &SmtpServer, rest: &str) -> MailConfig {
    MailConfig {
        url: format!("smtp://127.0.0.1:{}{rest}", server.port),
        from: "Thrive <thrive@thrive.test>".into(),
        timeout: Duration::from_secs(2),
        ca_file: None,
    }
}

#[tokio::test]
async fn three_skipped_days_make_one_digest_with_the_latest_lead_time_of_each_deadline() {
    let service = service().await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    // Lead times 30, 14, 7, 1: of the first 14 and 7 have come, of the second 30, of the third nothing.
    deadline(
        &service,
        &cast,
        DeadlineKind::ProgressReport,
        "Progress report",
        "2026-12-01",
        &[&ana],
    )
    .await;
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-12-20", &[&ana]).await;
    deadline(
        &service,
        &cast,
        DeadlineKind::FinancialReport,
        "Financial report",
        "2027-03-01",
        &[&ana],
    )
    .await;

    assert_eq!(remind(&service, "2026-11-24").await, "queued: digests 1, reminders 2");

    let (to, subject, text) = inbox(&service).pop().unwrap();
    assert_eq!(to, "ana.reyes@people.test");
    assert_eq!(subject, "1 due this week: Progress report, 1 December");
    assert!(text.contains("Tuesday 1 December 2026 (in 7 days)"), "{text}");
    assert!(text.contains("Sunday 20 December 2026 (in 26 days)"), "{text}");
    assert!(!text.contains("Financial"), "{text}");

    // Days 25 to 29 are skipped: on the 30th the report's lead time 1 is due and the invoice's 30 was told.
    assert_eq!(remind(&service, "2026-11-30").await, "queued: digests 1, reminders 1");
    let offsets: Vec<i32> =
        sqlx::query_scalar("select offset_days from reminders order by offset_days")
            .fetch_all(&service.app.db)
            .await
            .unwrap();
    assert_eq!(offsets, [1, 7, 30]);
}

#[tokio::test]
async fn running_a_day_twice_sends_nothing_twice_and_what_came_between_waits_a_day() {
    let service = service().await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana]).await;
    assert_eq!(remind(&service, "2026-11-24").await, "queued: digests 1, reminders 1");

    deadline(&service, &cast, DeadlineKind::Invoice, "Late invoice", "2026-11-20", &[&ana]).await;

    assert_eq!(remind(&service, "2026-11-24").await, "nobody has to be reminded of anything new");
    assert_eq!(remind(&service, "2026-11-25").await, "queued: digests 1, reminders 1");
    let (_, subject, _) = inbox(&service).pop().unwrap();
    assert_eq!(subject, "1 overdue: Late invoice, 20 November");
}

#[tokio::test]
async fn two_runs_at_once_remind_everyone_once() {
    let service = service().await;
    let cast = service.cast().await;
    let mut people = Vec::new();
    for name in ["Ana Reyes", "Ben Ito", "Cleo Marsh", "Dan Ruiz"] {
        people.push(service.person(name).await);
    }
    let everyone: Vec<_> = people.iter().collect();
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &everyone).await;

    let outcomes = futures_util::future::join_all((0..6).map(|_| {
        jobs::run_by_hand(&service.app, "deadline_reminders", Some(date("2026-11-24")), false)
    }))
    .await;

    assert!(outcomes.iter().any(Result::is_ok));
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(refused.to_string().contains("is running elsewhere"), "{refused}");
    }
    let mut recipients: Vec<_> = inbox(&service).into_iter().map(|(to, ..)| to).collect();
    recipients.sort();
    assert_eq!(
        recipients,
        [
            "ana.reyes@people.test",
            "ben.ito@people.test",
            "cleo.marsh@people.test",
            "dan.ruiz@people.test"
        ]
    );
}

#[tokio::test]
async fn overdue_is_told_after_1_7_and_14_days_and_then_weekly_until_it_is_settled() {
    let service = service().await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    let late =
        deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-24", &[&ana]).await;

    let mut told = Vec::new();
    for days in 0..40 {
        let on = date("2026-11-24").plus_days(days);
        if remind(&service, &on.to_string()).await != "nobody has to be reminded of anything new" {
            told.push(days);
        }
    }
    // Day 0 catches up with the lead time of one day, which came before the deadline was entered.
    assert_eq!(told, [0, 1, 7, 14, 21, 28, 35]);

    deadlines::commands::settle(
        &service.app,
        &cast.manager,
        late.id,
        late.revision,
        Settlement::Completed,
    )
    .await
    .unwrap();
    assert_eq!(remind(&service, "2027-01-05").await, "nobody has to be reminded of anything new");
}

#[tokio::test]
async fn a_new_due_date_arms_the_reminders_again_and_a_snoozed_deadline_is_quiet() {
    let service = service().await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    let moved =
        deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-12-01", &[&ana]).await;
    remind(&service, "2026-11-24").await;
    let owner = service.as_owner().await;
    sqlx::query("update deadlines set due_on = '2026-12-02' where id = $1")
        .bind(moved.id)
        .execute(&owner)
        .await
        .unwrap();

    assert_eq!(remind(&service, "2026-11-25").await, "queued: digests 1, reminders 1");

    let until =
        Settlement::Snoozed { until: date("2026-12-05"), reason: "The agency is closed.".into() };
    deadlines::commands::settle(&service.app, &cast.manager, moved.id, 1, until).await.unwrap();
    assert_eq!(remind(&service, "2026-12-05").await, "nobody has to be reminded of anything new");
    assert_eq!(remind(&service, "2026-12-06").await, "queued: digests 1, reminders 1");
}

#[tokio::test]
async fn a_dry_run_tells_and_writes_nothing() {
    let service = service().await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana]).await;

    let report =
        jobs::run_by_hand(&service.app, "deadline_reminders", Some(date("2026-11-24")), true)
            .await
            .unwrap();

    assert!(report.to_string().contains("would be queued: digests 1, reminders 1"), "{report}");
    assert!(report.to_string().contains("ana.reyes@people.test"), "{report}");
    for table in ["emails", "reminders", "job_runs", "jobs"] {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let count: i64 = sqlx::query_scalar(count).fetch_one(&service.app.db).await.unwrap();
        assert_eq!(count, 0, "{table}");
    }
    assert!(inbox(&service).is_empty());
}

#[tokio::test]
async fn mail_goes_by_smtp_with_starttls_and_a_password_as_text_and_html() {
    let certificates = tempfile::tempdir().unwrap();
    make_certificates(certificates.path());
    let path = |name: &str| certificates.path().join(name).to_str().unwrap().to_owned();
    let server = SmtpServer::start(&[
        "--tls-cert",
        &path("leaf.pem"),
        "--tls-key",
        &path("leaf.key"),
        "--user",
        "thrive",
        "--password",
        "secret",
    ]);
    let config = MailConfig {
        url: format!("smtp://thrive:secret@localhost:{}?tls=required", server.port),
        ca_file: Some(path("ca.pem").into()),
        ..smtp(&server, "")
    };
    let service = service_with_mail(Some(config)).await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyés").await;
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice for Cañada", "2026-11-25", &[&ana])
        .await;

    let report = jobs::run_by_hand(&service.app, "deadline_reminders", None, false).await.unwrap();

    assert_eq!(report.delivered.unwrap().text, "messages sent: 1");
    let log = server.log();
    assert_eq!((&log[0]["secure"], &log[0]["user"]), (&json!(true), &json!("thrive")));
    let raw = server.messages().pop().unwrap();
    let (_, subject, text) = read(raw.as_bytes());
    assert_eq!(subject, "1 due this week: Invoice for Cañada, 25 November");
    assert!(
        text.contains("Hello Ana Reyés,") && text.contains("Wednesday 25 November 2026 (tomorrow)"),
        "{text}"
    );
    let mail = MessageParser::default().parse(raw.as_bytes()).unwrap();
    assert!(mail.body_html(0).unwrap().contains("<strong>Invoice for Cañada</strong>"));
    assert!(raw.contains("Auto-Submitted: auto-generated"));
    assert!(!raw.contains("http"), "nothing is fetched when the mail is read");
}

/// A certificate authority and a certificate of localhost, as a mail server has them.
fn make_certificates(dir: &Path) {
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
        &[
            &["req", "-x509"],
            &key[..],
            &["-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA"],
        ]
        .concat(),
    );
    openssl(
        &[
            &["req"],
            &key[..],
            &["-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost"],
        ]
        .concat(),
    );
    fs::write(dir.join("leaf.ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "leaf.pem",
        "-days",
        "2",
        "-extfile",
        "leaf.ext",
    ]);
}

#[tokio::test]
async fn a_server_that_says_later_is_tried_again_and_one_that_refuses_is_not() {
    let server = SmtpServer::start(&["--fail-first", "1", "--reject", "ben.ito@people.test"]);
    let service = service_with_mail(Some(smtp(&server, ""))).await;
    let cast = service.cast().await;
    let (ana, ben) = (service.person("Ana Reyes").await, service.person("Ben Ito").await);
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana, &ben]).await;
    let standing = async || {
        let query = "{ emails { nodes { recipient status attempts lastError } } }";
        service.ask(&cast.auditor, query, json!({})).await["data"]["emails"]["nodes"].clone()
    };

    remind(&service, "2026-11-24").await;
    let first: Vec<Value> = standing().await.as_array().unwrap().clone();
    let of = |who: &str| first.iter().find(|email| email["recipient"] == who).unwrap();
    assert_eq!(of("ana.reyes@people.test")["status"], "QUEUED");
    assert!(of("ana.reyes@people.test")["lastError"].as_str().unwrap().contains("451"));
    assert_eq!(of("ben.ito@people.test")["status"], "FAILED");

    jobs::run_by_hand(&service.app, "send_emails", None, false).await.unwrap();
    assert_eq!(server.log().len(), 0, "not before a minute has gone by");
    service.travel(service.app.clock.now() + TimeDelta::seconds(61));
    jobs::run_by_hand(&service.app, "send_emails", None, false).await.unwrap();

    let second: Vec<Value> = standing().await.as_array().unwrap().clone();
    let ana = second.iter().find(|email| email["recipient"] == "ana.reyes@people.test").unwrap();
    assert_eq!((&ana["status"], &ana["attempts"]), (&json!("SENT"), &json!(2)));
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_or_does_not_answer_loses_nothing() {
    let gone = SmtpServer::start(&[]);
    let config = smtp(&gone, "");
    drop(gone);
    let service = service_with_mail(Some(config)).await;
    let cast = service.cast().await;
    let (ana, ben) = (service.person("Ana Reyes").await, service.person("Ben Ito").await);
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana, &ben]).await;

    let report =
        jobs::run_by_hand(&service.app, "deadline_reminders", Some(date("2026-11-24")), false)
            .await
            .unwrap();

    // One try tells that the server is gone; the other message is not tried in vain.
    assert_eq!(report.delivered.unwrap().text, "messages sent: 0, tries failed: 1");
    let waiting: i64 = sqlx::query_scalar("select count(*) from emails where status = 'QUEUED'")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert_eq!(waiting, 2);
}

#[tokio::test]
async fn a_slow_server_is_given_up_on_and_the_retry_is_recognisably_the_same_message() {
    let server = SmtpServer::start(&["--delay-ms", "3000"]);
    let service = service_with_mail(Some(smtp(&server, ""))).await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana]).await;

    remind(&service, "2026-11-24").await;
    service.travel(service.app.clock.now() + TimeDelta::seconds(61));
    jobs::run_by_hand(&service.app, "send_emails", None, false).await.unwrap();

    // The server took both; a mail program shows one.
    let ids: Vec<String> =
        server.log().iter().map(|line| line["messageId"].as_str().unwrap().into()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

/// (recipient, status, attempts) of all mail.
async fn standing(service: &Service) -> Vec<(String, String, i32)> {
    sqlx::query_as("select recipient, status, attempts from emails order by recipient")
        .fetch_all(&service.app.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_wrong_password_and_a_long_outage_give_up_no_message() {
    let certificates = tempfile::tempdir().unwrap();
    make_certificates(certificates.path());
    let path = |name: &str| certificates.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("leaf.pem"), path("leaf.key"));
    let server = SmtpServer::start(&[
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--user",
        "thrive",
        "--password",
        "secret",
    ]);
    let config = MailConfig {
        url: format!("smtp://thrive:wrong@localhost:{}?tls=required", server.port),
        ca_file: Some(path("ca.pem").into()),
        ..smtp(&server, "")
    };
    let service = service_with_mail(Some(config)).await;
    let cast = service.cast().await;
    let (ana, ben) = (service.person("Ana Reyes").await, service.person("Ben Ito").await);
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana, &ben]).await;
    remind(&service, "2026-11-24").await;

    for days in [1, 2, 30] {
        service.travel(service.app.clock.now() + TimeDelta::days(days));
        jobs::run_by_hand(&service.app, "send_emails", None, false).await.unwrap();
    }

    assert_eq!(
        standing(&service).await,
        ["ana.reyes@people.test", "ben.ito@people.test"].map(|who| (
            who.into(),
            "QUEUED".into(),
            0
        ))
    );
}

#[tokio::test]
async fn a_sender_that_lost_its_hold_can_tell_of_success_and_of_nothing_else() {
    use thrive::email::{Tried, store};
    let server = SmtpServer::start(&["--fail-first", "1"]);
    let service = service_with_mail(Some(smtp(&server, ""))).await;
    let cast = service.cast().await;
    let ana = service.person("Ana Reyes").await;
    deadline(&service, &cast, DeadlineKind::Invoice, "Invoice", "2026-11-30", &[&ana]).await;
    remind(&service, "2026-11-24").await;
    let db = &service.app.db;
    let begin = service.app.clock.now() + TimeDelta::hours(1);
    let later = begin + TimeDelta::hours(1);

    let slow = store::claim(db, begin, begin + TimeDelta::minutes(1)).await.unwrap().unwrap();
    assert!(store::claim(db, begin, later).await.unwrap().is_none(), "it is held");
    let other = store::claim(db, later, later + TimeDelta::minutes(1)).await.unwrap().unwrap();
    let refused = Tried::GivenUp { error: "550".into() };
    store::mark(db, &slow, &refused, later).await.unwrap();
    assert_eq!(standing(&service).await[0].1, "QUEUED");
    store::mark(db, &slow, &Tried::Sent, later).await.unwrap();
    store::mark(db, &other, &refused, later).await.unwrap();

    assert_eq!(standing(&service).await[0].1, "SENT");
}

#[tokio::test]
async fn settings_of_mail_that_cannot_work_are_refused_without_repeating_the_password() {
    for (url, complaint) in [
        ("smtp://thrive:secret@host:587", "clear text"),
        ("smtp://thrive:secret@host:587?tls=opportunistic", "clear text"),
        ("smtp://thrive:secret@?tls=required", "names no host"),
        ("http://thrive:secret@host", "MAIL_URL is not of the form"),
        ("secret", "MAIL_URL is not of the form"),
        ("file://mail/secret", "no absolute directory"),
        ("smtps://host:notaport", "MAIL_URL is not of the form"),
    ] {
        let config = MailConfig {
            url: url.into(),
            from: "Thrive <thrive@thrive.test>".into(),
            timeout: Duration::from_secs(2),
            ca_file: None,
        };
        let said = format!("{:#}", Outgoing::open(&config).err().unwrap());
        assert!(said.contains(complaint) && !said.contains("secret"), "{url}: {said}");
    }
}

#[tokio::test]
async fn a_job_that_is_due_runs_once_and_missed_days_are_one_run() {
    let service = service().await;
    let job = jobs::Job::named("deadline_reminders").unwrap();
    let schedule = job.schedule().unwrap();
    let due = || job.run_if_due(&service.app, &schedule, Default::default());
    assert!(due().await.unwrap().is_none(), "first known at 10:00: next is tomorrow at 8:00");

    // Three days later, by two replicas.
    service.travel(Utc.with_ymd_and_hms(2026, 11, 27, 16, 0, 1).unwrap());
    let (one, other) = tokio::join!(due(), due());
    assert_eq!(
        [one.unwrap().is_some(), other.unwrap().is_some()].iter().filter(|ran| **ran).count(),
        1
    );
    assert!(due().await.unwrap().is_none());

    let next: DateTime<Utc> = sqlx::query_scalar("select next_run_at from jobs")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert_eq!(next, Utc.with_ymd_and_hms(2026, 11, 28, 16, 0, 0).unwrap());
    let runs = service
        .ask(
            &service.cast().await.auditor,
            "{ jobRuns { totalCount nodes { job outcome runOn } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        runs["data"]["jobRuns"],
        json!({ "totalCount": 1, "nodes": [{ "job": "deadline_reminders", "outcome": "SUCCEEDED", "runOn": "2026-11-27" }] })
    );
}

#[tokio::test]
async fn a_lease_of_a_dead_process_runs_out_and_its_owner_can_change_nothing_any_more() {
    let service = service().await;
    let job = jobs::Job::named("deadline_reminders").unwrap();
    let schedule = job.schedule().unwrap();
    let start = service.app.clock.now();
    jobs::store::enter(&service.app.db, job.name, start).await.unwrap();
    let dead =
        jobs::store::lease(&service.app.db, job.name, start, start + TimeDelta::seconds(900), true)
            .await
            .unwrap();

    assert!(job.run_if_due(&service.app, &schedule, Default::default()).await.unwrap().is_none());
    service.travel(start + TimeDelta::seconds(901));
    assert!(job.run_if_due(&service.app, &schedule, Default::default()).await.unwrap().is_some());
    jobs::store::release(&service.app.db, job.name, dead.unwrap(), Some(start)).await.unwrap();

    let next: DateTime<Utc> = sqlx::query_scalar("select next_run_at from jobs")
        .fetch_one(&service.app.db)
        .await
        .unwrap();
    assert!(next > start, "the dead run's number is old");
}

#[test]
fn a_daily_job_runs_once_a_day_at_its_local_time_when_clocks_change() {
    let next = |cron: &str, after: &str| {
        let settings = format!(
            "cron = \"{cron}\"\nzone = \"America/Los_Angeles\"\nbatch = 1\nalone = true\nlease_seconds = 1\nretry_seconds = 1"
        );
        let after: DateTime<Utc> = after.parse().unwrap();
        let next = Schedule::read(&settings).unwrap().next_after(after).unwrap();
        next.with_timezone(&CALIFORNIA).to_rfc3339()
    };
    for (cron, after, expected) in [
        // An ordinary day.
        ("0 8 * * *", "2026-11-24T15:59:59Z", "2026-11-24T08:00:00-08:00"),
        ("0 8 * * *", "2026-11-24T16:00:00Z", "2026-11-25T08:00:00-08:00"),
        // 8 March 2026: clocks go from 2:00 to 3:00.
        ("0 8 * * *", "2026-03-07T16:00:00Z", "2026-03-08T08:00:00-07:00"),
        ("30 2 * * *", "2026-03-08T08:00:00Z", "2026-03-08T03:00:00-07:00"),
        ("30 2 * * *", "2026-03-08T10:00:00Z", "2026-03-09T02:30:00-07:00"),
        // 1 November 2026: clocks go from 2:00 back to 1:00, and 1:30 happens twice.
        ("0 8 * * *", "2026-10-31T15:00:00Z", "2026-11-01T08:00:00-08:00"),
        ("30 1 * * *", "2026-11-01T07:00:00Z", "2026-11-01T01:30:00-07:00"),
        ("30 1 * * *", "2026-11-01T08:30:00Z", "2026-11-02T01:30:00-08:00"),
        ("30 1 * * *", "2026-11-01T09:10:00Z", "2026-11-02T01:30:00-08:00"),
    ] {
        assert_eq!(next(cron, after), expected, "{cron} after {after}");
    }
}

#[test]
fn every_job_has_settings_that_can_be_read() {
    for job in jobs::ALL {
        job.schedule().unwrap().next_after("2026-11-24T16:00:00Z".parse().unwrap()).unwrap();
    }
    assert!(jobs::Job::named("nothing").is_err());
}
