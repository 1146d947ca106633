//! Who is asking, and what they may do. Every command takes an `Actor` and says in
//! its first line which roles may give it; every read filters by the actor's
//! `Reach` in SQL, so that what is not yours is as if it were not there.

pub mod account_store;
pub mod administration;
pub mod commands;
pub mod graphql;
pub mod model;
pub mod oidc;
pub mod store;
pub mod token_store;

pub use model::{
    AccessToken, Actor, Identity, Reach, Role, RoleGrant, RoleSource, Secret, TokenKind, TokenScope,
};
