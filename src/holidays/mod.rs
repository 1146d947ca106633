//! Days on which nothing is due, by jurisdiction, and where a due date goes that falls on
//! one. Calendars are imported, not computed: which days count differs between the state, its
//! offices, and each city.

pub mod commands;
pub mod graphql;
mod model;
pub mod store;

pub use model::{Calendar, CalendarFile, Calendars, Holiday, HolidayCalendar, Roll};

/// The state's own list, which applies where nothing else is said.
pub const CALIFORNIA: &str = "CALIFORNIA";
