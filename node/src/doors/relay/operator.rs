//! `GET /relay/v1/operator`: the relayer as its operator wants to see it, as one JSON object.
//!
//! It says what others need not know: balances, the queue, who is connected. So it is given to this machine and to the
//! addresses of `http.operators`, and to no page in a browser: neither one of another origin, nor one whose name was bent
//! to point here (DNS rebinding), nor somebody behind a proxy of this machine that is not among `http.trusted_proxies`.

use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wia_relayer::{Condition, Health, LaneHealth, mesh};

use super::Door;
use crate::doors::refusal::Refusal;
use crate::doors::{Shared, client};

/// Headers of a request that came through a proxy.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// `GET /relay/v1/operator`
pub(super) async fn view(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (relayer, host) = (&door.relaying.relayer, host(&uri, &headers));
    if !is_operator(&door.shared, peer.ip(), host.as_deref(), &headers) {
        let reason = "the operator's view is given to this machine alone; name your address in http.operators, or come \
                      through a tunnel to localhost";
        return Err(Refusal::forbidden("client", reason));
    }
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeS": door.since.elapsed().as_secs(),
        "chainId": relayer.info().chain_id,
        "relayer": health(relayer.health()),
        "recent": relayer.recent(),
        "mesh": mesh(&door.relaying.mesh.health()),
    }))
    .into_response())
}

/// As the node has it, amounts as decimal text.
fn health(health: Health) -> Value {
    let lane = |lane: LaneHealth| {
        json!({
            "address": lane.address.to_checksum(None),
            "nonce": lane.nonce,
            "balanceWei": lane.balance_wei.map(|wei| wei.to_string()),
            "inFlight": lane.in_flight,
            "trouble": lane.trouble,
        })
    };
    let mut told = json!({
        "warning": health.warning,
        "queueDepth": health.queue_depth,
        "liveItems": health.live_items,
        "inFlight": health.in_flight,
        "overduePromises": health.overdue_promises,
        "relayer": health.relayer.to_checksum(None),
        "lanes": health.lanes.into_iter().map(lane).collect::<Vec<_>>(),
        "head": health.head,
    });
    let (state, reason) = match health.condition {
        Condition::Ready => ("ready", None),
        Condition::Degraded { reason } => ("degraded", Some(reason)),
        Condition::Stopped { reason } => ("stopped", Some(reason)),
    };
    (told["state"], told["reason"]) = (json!(state), json!(reason));
    told
}

fn mesh(health: &mesh::Health) -> Value {
    json!({
        "listening": health.listening,
        "addresses": health.addresses,
        "peers": health.peers,
        "gossipPeers": health.gossip_peers,
    })
}

fn is_operator(shared: &Shared, peer: IpAddr, host: Option<&str>, headers: &HeaderMap) -> bool {
    let config = &shared.services.config;
    let from = client(shared, peer, headers).to_canonical();
    let proxied = FORWARDED.iter().any(|name| headers.contains_key(*name));
    let named = config.operators.iter().any(|operator| operator.to_canonical() == from);
    let local = from.is_loopback() && host.is_some_and(is_local);
    // Behind a proxy that is not trusted, nobody knows who asks.
    let known = !proxied || config.trusted_proxies.contains(&peer);
    known && (named || local) && !headers.contains_key(header::ORIGIN)
}

/// The name by which the client calls us: HTTP/2 has it in the URI.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named = uri.authority().map(|authority| authority.as_str());
    named.or_else(|| headers.get(header::HOST)?.to_str().ok()).map(str::to_owned)
}

/// Whether a name with its port is one that only this machine can mean.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in ["localhost", "LocalHost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", "[::1]"] {
            assert!(is_local(local), "{local}");
        }
        for other in
            ["evil.example", "localhost.evil.example:8080", "10.0.0.1", "[2001:db8::1]:80", "", ":8080"]
        {
            assert!(!is_local(other), "{other}");
        }
    }
}
