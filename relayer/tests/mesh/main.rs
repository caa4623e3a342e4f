//! The mesh against itself and against peers that do not keep to its rules, on loopback: no chain, no sleeps,
//! every wait bounded.
//!
//! No rustls provider is installed here on purpose: the mesh must not need one.

mod counts;
mod mesh_claims;
mod mesh_discovery;
mod mesh_gossip;
mod mesh_limits;
mod mesh_requests;
mod raw;
mod support;
