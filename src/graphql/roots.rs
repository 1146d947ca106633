//! The root fields that can be answered straight from rows.

use crate::{
    deadlines::rows::deadlines,
    disbursements::rows::disbursements,
    figures::rows::funding_summary,
    grants::rows::{grant, grants},
    rows::Root,
};

pub const ROOTS: &[(&str, Root)] = &[
    ("deadlines", deadlines),
    ("disbursements", disbursements),
    ("fundingSummary", funding_summary),
    ("grant", grant),
    ("grants", grants),
];
