//! Who stands behind a submission, for quotas: a door says what it knows.

use std::net::IpAddr;

/// Where a submission came from. Quotas are kept per origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An unauthenticated connection. IPv6 addresses count by their /64.
    Ip(IpAddr),
    /// An authenticated account.
    User(String),
    /// A libp2p peer that asked directly.
    Peer(String),
    /// A libp2p peer that passed gossip on.
    Gossip(String),
}
