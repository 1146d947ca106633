//! Summaries that are written straight into the answer: all but what names cities, counties and recipients, which are
//! read by themselves.

use uuid::Uuid;

use super::{
    balances::Of,
    graphql::{Asked, FundingGroup, FundingKey, FundingSummary},
    summary::{FundingDimension, FundingFigures, Group, Key, Summary},
    wanted::{FIGURES, Wanted},
};
use crate::{
    grants::graphql::GrantFilter,
    id::{CityId, CountyId, OrganizationId, ProgramId, StreamId},
    rows::{Arguments, Asking, From, Made, NotCovered, Object, Said},
    streams::rows::{PROGRAM, STREAM},
};

impl Object for FundingSummary {
    fn name(&self) -> &'static str {
        "FundingSummary"
    }

    fn field(&self, name: &str) -> Option<Said<'_>> {
        Some(match name {
            "grantCount" => self.grant_count.into(),
            "unknownMatchCount" => self.unknown_match_count.into(),
            "total" => Said::Object(&self.total),
            "groups" => Said::List(self.groups.iter().map(|group| group as &dyn Object).collect()),
            "asOf" => self.as_of.into(),
            "knownAt" => self.known_at.into(),
            "computedAt" => self.computed_at.into(),
            _ => return None,
        })
    }

    fn stamp(&self) -> Option<i64> {
        self.stamp
    }
}

impl Object for FundingGroup {
    fn name(&self) -> &'static str {
        "FundingGroup"
    }

    fn field(&self, name: &str) -> Option<Said<'_>> {
        Some(match name {
            "key" => Said::Object(&self.key),
            "grantCount" => self.grant_count.into(),
            "unknownMatchCount" => self.unknown_match_count.into(),
            "figures" => Said::Object(&self.figures),
            _ => return None,
        })
    }
}

impl Object for FundingKey {
    fn name(&self) -> &'static str {
        "FundingKey"
    }

    fn field(&self, name: &str) -> Option<Said<'_>> {
        let key = &self.0;
        Some(match name {
            "stream" => key.stream.map_or(Said::Null, |id| Said::Held(&STREAM, id.0)),
            "program" => key.program.map_or(Said::Null, |id| Said::Held(&PROGRAM, id.0)),
            "actionArea" => key.action_area.map(|area| area.to_string()).into(),
            "fiscalYear" => key.fiscal_year.map(|year| year.to_string()).into(),
            "city" if key.city.is_none() => Said::Null,
            "county" if key.county.is_none() => Said::Null,
            "recipient" if key.recipient.is_none() => Said::Null,
            _ => return None,
        })
    }
}

impl Object for FundingFigures {
    fn name(&self) -> &'static str {
        "FundingFigures"
    }

    fn field(&self, name: &str) -> Option<Said<'_>> {
        Some(match name {
            "burnRate" => self.burn_rate.into(),
            "spentPercent" => self.spent_percent.map(|percent| percent.to_string()).into(),
            name => {
                let place = FIGURES.iter().position(|(known, _)| *known == name)?;
                (*self.amounts().get(place)?).into()
            }
        })
    }
}

/// The types on the way to each of its fields.
const TYPES: [&str; 3] = ["FundingSummary", "FundingGroup", "FundingFigures"];

pub fn funding_summary(asking: &Asking<'_>, arguments: &Arguments<'_>) -> Result<From, NotCovered> {
    let (as_of, known_at) = (arguments.optional("asOf")?, arguments.optional("knownAt")?);
    let of = Of::new(as_of, known_at, &asking.app.clock)?;
    let filter = arguments.or_default::<GrantFilter>("filter")?;
    let by: Vec<FundingDimension> = arguments.required("groupBy")?;
    let asked = Asked::new(asking.actor, filter, by, of)?;
    let shows = |path: &[&str]| {
        let of_total = ["FundingSummary", "FundingFigures"];
        let types = if path.first() == Some(&"total") { of_total.as_slice() } else { &TYPES };
        arguments.shows(types, path)
    };
    let wanted = Wanted::of(shows, &asked.by);
    let empty = asked.summary(nothing(&asked.by), asking.app.clock.now());
    let read = move |app: crate::App| {
        let asked = asked.clone();
        let reading = async move {
            let summary = asked.answer(&app, wanted).await?;
            Ok(Box::new(summary) as Box<dyn Object>)
        };
        Box::pin(reading) as futures_util::future::BoxFuture<'static, _>
    };
    Ok(From::Made(Made { empty: Box::new(empty), read: Box::new(read) }))
}

/// A group of whatever is grouped by, and nothing in it.
fn nothing(by: &[FundingDimension]) -> Summary {
    use FundingDimension as By;
    let by = |dimension| by.contains(&dimension).then_some(Uuid::nil());
    let key = Key {
        stream: by(By::Stream).map(StreamId),
        program: by(By::Program).map(ProgramId),
        city: by(By::City).map(CityId),
        county: by(By::County).map(CountyId),
        recipient: by(By::Recipient).map(OrganizationId),
        ..Key::default()
    };
    Summary {
        total: Group::default(),
        groups: vec![Group { key, ..Group::default() }],
        stamp: None,
    }
}
