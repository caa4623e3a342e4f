//! Who is calling: tokens and what they allow. Serves C-104…C-106, X-01…X-03.

mod dev_keys;
mod token;

pub(crate) use dev_keys::DevIssuer;
pub(crate) use token::{Claims, Scope, TokenError, User, Verifier};
