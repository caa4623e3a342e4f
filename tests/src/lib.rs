//! The end-to-end environment: real anvil, the real `wia`, real clients.
//!
//! In: the binaries of this build (`wia`), of `contracts/` (anvil, cast) and of `tests/clients` (npm). Out: an
//! [`Environment`] with its own folder and its own ports for each case that wants one, gone when the case ends, also
//! when it panics. The cases stand in `tests/tests/cases`; `tests/README.md` says how to run them.

mod anvil;
mod chain;
mod client;
mod environment;
mod explorer;
mod gate;
mod process;
mod relay;
mod repository;
mod socket;
mod wait;
mod wallet;
mod wia;

pub use anvil::Anvil;
pub use chain::Chain;
pub use client::{Client, cast, output};
pub use environment::{Environment, Settings};
pub use explorer::{Asked, Explorer};
pub use gate::{Gate, Kept};
pub use relay::Relay;
pub use repository::{foundry, repository};
pub use socket::{Incoming, Socket};
pub use wait::wait_until;
pub use wallet::{Signed, Wallet};
pub use wia::{Account, Ready, Wia};
