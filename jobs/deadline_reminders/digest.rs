//! The mail itself. Pure: what is due in, text out.

use askama::Template;

use super::store::Due;
use crate::clock::Date;

/// More than that is not read; the rest is counted.
const LISTED: usize = 25;
const SOON_DAYS: i64 = 7;

#[derive(Template)]
#[template(path = "deadline_reminders/email.txt")]
struct Text<'a> {
    digest: &'a Digest<'a>,
}

#[derive(Template)]
#[template(path = "deadline_reminders/email.html")]
struct Html<'a> {
    digest: &'a Digest<'a>,
}

pub struct Digest<'a> {
    name: &'a str,
    sections: Vec<Section<'a>>,
    /// How many are not listed.
    more: usize,
    counts: [usize; 3],
    first: &'a Due,
}

struct Section<'a> {
    heading: &'static str,
    /// The color of its rule in HTML.
    color: &'static str,
    items: Vec<Item<'a>>,
}

struct Item<'a> {
    title: &'a str,
    /// `Tuesday 1 December 2026`
    day: String,
    /// `in 7 days`
    distance: String,
    about: String,
}

impl<'a> Digest<'a> {
    /// Of one person's reminders, the most urgent first, and at least one.
    pub fn of(due: &'a [Due], on: Date) -> Self {
        let headings =
            [("Overdue", "#b3261e"), ("Due within a week", "#9a6700"), ("Later", "#1f6f54")];
        let mut sections: Vec<_> = headings
            .into_iter()
            .map(|(heading, color)| Section { heading, color, items: vec![] })
            .collect();
        let mut counts = [0; 3];
        for (place, one) in due.iter().enumerate() {
            let section = section_of(on.days_until(one.due_on));
            counts[section] += 1;
            if place < LISTED {
                sections[section].items.push(Item::of(one, on));
            }
        }
        sections.retain(|section| !section.items.is_empty());
        Self {
            name: &due[0].name,
            sections,
            more: due.len().saturating_sub(LISTED),
            counts,
            first: &due[0],
        }
    }

    /// The counts, and the most urgent by name.
    pub fn subject(&self) -> String {
        let [overdue, soon, later] = self.counts;
        let mut counts = Vec::new();
        if overdue > 0 {
            counts.push(format!("{overdue} overdue"));
        }
        if soon > 0 {
            counts.push(format!("{soon} due this week"));
        }
        if counts.is_empty() {
            counts.push(format!("{later} coming up"));
        }
        let day = self.first.due_on.format("%-d %B");
        format!("{}: {}, {day}", counts.join(", "), self.first.title)
    }

    pub fn text(&self) -> Result<String, askama::Error> {
        Text { digest: self }.render()
    }

    pub fn html(&self) -> Result<String, askama::Error> {
        Html { digest: self }.render()
    }
}

fn section_of(days: i64) -> usize {
    match days {
        ..0 => 0,
        0..=SOON_DAYS => 1,
        _ => 2,
    }
}

impl<'a> Item<'a> {
    fn of(due: &'a Due, on: Date) -> Self {
        let grant = due.grant_number.as_deref().zip(due.grant_title.as_deref());
        let about = match (grant, &due.recipient, &due.city) {
            (Some((number, title)), Some(recipient), _) => {
                format!("{title}, grant {number} to {recipient}")
            }
            (Some((number, title)), None, _) => format!("{title}, grant {number}"),
            (None, _, Some(city)) => city.clone(),
            (None, _, None) => String::new(),
        };
        Self {
            title: &due.title,
            day: due.due_on.format("%A %-d %B %Y").to_string(),
            distance: distance(on.days_until(due.due_on)),
            about,
        }
    }
}

fn distance(days: i64) -> String {
    match days {
        -1 => "1 day overdue".into(),
        ..0 => format!("{} days overdue", -days),
        0 => "today".into(),
        1 => "tomorrow".into(),
        _ => format!("in {days} days"),
    }
}
