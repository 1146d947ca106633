//! The root fields that can be answered straight from rows.

use crate::{
    deadlines::rows::deadlines,
    disbursements::rows::disbursements,
    grants::rows::{grant, grants},
    rows::Root,
};

pub const ROOTS: &[(&str, Root)] = &[
    ("deadlines", deadlines),
    ("disbursements", disbursements),
    ("grant", grant),
    ("grants", grants),
];
