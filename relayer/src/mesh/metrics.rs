//! The mesh's metrics, by name. Labels come from fixed sets, so that no peer can make new series.

use metrics::{counter, gauge};

use super::gossip::Verdict;

const PEERS: &str = "wia_mesh_peers";
const REQUESTS: &str = "wia_mesh_requests_total";
const GOSSIP: &str = "wia_mesh_gossip_total";
const CLAIMS: &str = "wia_mesh_claims_total";
const PUBLISHED: &str = "wia_mesh_published_total";
const SLOW_PEERS: &str = "wia_mesh_slow_peers_total";
const BANS: &str = "wia_mesh_bans_total";

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request {
    /// With a result.
    Answered,
    /// With the relayer's error.
    Refused,
    /// Not canonical CBOR, too large, no call, or no such method.
    Malformed,
    /// Over the peer's pace or number.
    Limited,
    /// Over the number of all requests.
    Busy,
    /// Nobody took the answer in time.
    Lost,
}

pub(super) fn peers(connected: usize) {
    gauge!(PEERS).set(u32::try_from(connected).unwrap_or(u32::MAX));
}

pub(super) fn request(outcome: Request) {
    let outcome = match outcome {
        Request::Answered => "answered",
        Request::Refused => "refused",
        Request::Malformed => "malformed",
        Request::Limited => "limited",
        Request::Busy => "busy",
        Request::Lost => "lost",
    };
    counter!(REQUESTS, "outcome" => outcome).increment(1);
}

pub(super) fn gossip(verdict: Verdict) {
    counter!(GOSSIP, "outcome" => verdict.name()).increment(1);
}

pub(super) fn claim(verdict: Verdict) {
    counter!(CLAIMS, "outcome" => verdict.name()).increment(1);
}

/// `outcome`: `sent`, `known` (gossiped before), `unheard` (no peer takes the topic), `dropped`.
pub(super) fn published(outcome: &'static str) {
    counter!(PUBLISHED, "outcome" => outcome).increment(1);
}

pub(super) fn slow_peer() {
    counter!(SLOW_PEERS).increment(1);
}

pub(super) fn banned() {
    counter!(BANS).increment(1);
}
