//! Who is asking, and what they may do. Every command takes an `Actor` and names
//! in its first line the row of the permission table that it needs; every read filters by the actor's
//! `Reach` in SQL, so that what is not yours is as if it were not there.

pub mod account_store;
pub mod administration;
pub mod commands;
pub mod graphql;
mod memory;
pub mod model;
pub mod oidc;
pub mod permissions;
pub mod store;
pub mod token_store;

pub use memory::{Known, Memory};
pub use model::{
    AccessToken, Acting, Actor, Identity, Reach, Role, RoleGrant, RoleSource, Secret, TokenKind,
    TokenScope,
};
pub use permissions::Permission;
