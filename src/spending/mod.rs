//! The recipient's side of a grant: what it orders (encumbrances, its purchase orders) and
//! what it costs (expenditures), inside the period of performance. An order is liquidated
//! or cancelled, also in part; a cost is reversed as long as nobody claimed it.
//!
//! Not to be taken for the funder's encumbrance, which is the signing of the agreement.

pub mod commands;
pub mod costs;
pub mod graphql;
pub mod lists;
mod model;
pub mod rules;
pub mod store;

pub use model::{
    Encumbrance, EncumbranceAction, Expenditure, ExpenditureAction, NewEncumbrance, NewExpenditure,
};
