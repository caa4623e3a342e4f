//! The operator's view as text for a person: one screen, or one line. Pure.
//!
//! In: what `GET /relay/v1/operator` says. Out: lines without control characters, whatever a contract's reason or a peer's
//! address holds.

use alloy::primitives::{Address, B256, U256};
use serde::Deserialize;

/// The longest reason that is shown, characters.
const MAX_REASON: usize = 160;

/// Blocks that are shown.
const MAX_BLOCKS: usize = 6;

/// Failures that are shown.
const MAX_FAILURES: usize = 4;

/// What the node says, as far as it is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    version: String,
    uptime_s: u64,
    chain_id: u64,
    relayer: Health,
    recent: Recent,
    mesh: Mesh,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    state: String,
    reason: Option<String>,
    warning: Option<String>,
    queue_depth: u64,
    live_items: u64,
    in_flight: u64,
    overdue_promises: u64,
    lanes: Vec<Lane>,
    head: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lane {
    address: Address,
    nonce: Option<u64>,
    balance_wei: Option<U256>,
    in_flight: u64,
    trouble: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Recent {
    steps: Steps,
    blocks: Vec<Block>,
    failures: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
struct Steps {
    accepted: u64,
    mined: u64,
    #[serde(rename = "final")]
    finalized: u64,
    skipped: u64,
    expired: u64,
    rejected: u64,
    reorged: u64,
}

#[derive(Debug, Deserialize)]
struct Block {
    number: u64,
    executed: u64,
    skipped: u64,
    reorged: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    relay_id: B256,
    status: String,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mesh {
    peers: u64,
    gossip_peers: u64,
    addresses: Vec<String>,
}

impl View {
    /// All of it, a line each.
    pub(super) fn screen(&self) -> Vec<String> {
        let (health, steps) = (&self.relayer, &self.recent.steps);
        let mut lines = vec![
            format!(
                "wia {}   chain {}   up {}",
                plain(&self.version),
                self.chain_id,
                duration(self.uptime_s)
            ),
            row("state", &self.state()),
        ];
        lines.extend(health.warning.as_deref().map(|warning| row("warning", &plain(warning))));
        lines.push(row(
            "queue",
            &format!(
                "{} waiting, {} under way, {} transactions in flight, {} overdue",
                health.queue_depth, health.live_items, health.in_flight, health.overdue_promises
            ),
        ));
        lines.push(row("head", &head(health.head)));
        rows(&mut lines, "lane", health.lanes.iter().map(Lane::text));
        rows(&mut lines, "blocks", self.recent.blocks.iter().take(MAX_BLOCKS).map(Block::text));
        lines.push(row(
            "since start",
            &format!(
                "{} accepted, {} mined, {} final, {} skipped, {} expired, {} rejected, {} reorged",
                steps.accepted,
                steps.mined,
                steps.finalized,
                steps.skipped,
                steps.expired,
                steps.rejected,
                steps.reorged
            ),
        ));
        rows(&mut lines, "failed", self.recent.failures.iter().take(MAX_FAILURES).map(Failure::text));
        lines.push(row("peers", &format!("{}, {} on gossip", self.mesh.peers, self.mesh.gossip_peers)));
        rows(&mut lines, "libp2p", self.mesh.addresses.iter().map(|address| plain(address)));
        lines
    }

    /// What changes most, in one line.
    pub(super) fn line(&self) -> String {
        let Health { queue_depth, live_items, in_flight, lanes, .. } = &self.relayer;
        format!(
            "head {}, {queue_depth} waiting, {live_items} under way, {in_flight} in flight, {} lanes, {} peers, {}",
            head(self.relayer.head),
            lanes.len(),
            self.mesh.peers,
            self.state(),
        )
    }

    fn state(&self) -> String {
        let state = plain(&self.relayer.state);
        match &self.relayer.reason {
            Some(reason) => format!("{state}: {}", plain(reason)),
            None => state,
        }
    }
}

impl Lane {
    fn text(&self) -> String {
        let nonce = self.nonce.map_or_else(|| "?".into(), |nonce| nonce.to_string());
        let balance = self.balance_wei.map_or_else(|| "?".into(), ether);
        let trouble =
            self.trouble.as_deref().map(|trouble| format!(": {}", plain(trouble))).unwrap_or_default();
        let (address, in_flight) = (self.address, self.in_flight);
        format!("{address}  nonce {nonce}  balance {balance}  {in_flight} in flight{trouble}")
    }
}

impl Block {
    fn text(&self) -> String {
        let parts = [(self.executed, "executed"), (self.skipped, "skipped"), (self.reorged, "reorged out")];
        let parts: Vec<_> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("{:<10} {}", self.number, parts.join(", "))
    }
}

impl Failure {
    fn text(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("without a reason");
        format!("{} {} {}", self.relay_id, plain(&self.status), plain(reason))
    }
}

fn row(name: &str, text: &str) -> String {
    format!("{name:<12} {text}")
}

/// One row per text, the first with the name.
fn rows(lines: &mut Vec<String>, name: &str, texts: impl Iterator<Item = String>) {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    lines.extend(names.zip(texts).map(|(name, text)| row(name, &text)));
}

fn head(number: Option<u64>) -> String {
    number.map_or_else(|| "none seen yet".into(), |number| number.to_string())
}

/// Wei as the native unit, six digits, rounded down: never more than there is.
fn ether(wei: U256) -> String {
    let micro = wei / U256::from(1_000_000_000_000_u64);
    let million = U256::from(1_000_000_u64);
    format!("{}.{:06}", micro / million, (micro % million).to::<u64>())
}

fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// It goes to a terminal: what others wrote must not steer it.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view() -> View {
        let lane = json!({"address": Address::repeat_byte(1), "nonce": 17, "balanceWei": "1999999999999999999",
            "inFlight": 2, "trouble": "stuck"});
        let unknown =
            json!({"address": Address::repeat_byte(2), "nonce": null, "balanceWei": null, "inFlight": 0});
        let relayer = json!({"state": "degraded", "reason": "a lane\u{1b}[2J is stuck", "queueDepth": 3, "liveItems": 9,
            "inFlight": 2, "overduePromises": 1, "lanes": [lane, unknown], "head": 130});
        let steps = json!({"accepted": 12, "mined": 9, "final": 4, "skipped": 1, "expired": 0, "rejected": 2, "reorged": 0});
        let blocks = json!([{"number": 130, "executed": 7, "skipped": 1, "reorged": 0},
            {"number": 129, "executed": 2, "skipped": 0, "reorged": 2}]);
        let failed =
            json!({"relayId": B256::repeat_byte(3), "status": "rejected", "reason": "r\n".repeat(400)});
        let mesh =
            json!({"listening": true, "peers": 3, "gossipPeers": 2, "addresses": ["/ip4/127.0.0.1/tcp/1"]});
        let recent = json!({"steps": steps, "blocks": blocks, "failures": [failed]});
        let view = json!({"version": "0.1.0", "uptimeS": 11_520, "chainId": 31_337, "relayer": relayer,
            "recent": recent, "mesh": mesh});
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn a_screen_says_it_all_and_steers_no_terminal() {
        let lines = view().screen();
        let text = lines.join("\n");
        for said in [
            "wia 0.1.0   chain 31337   up 3 h 12 min",
            "state        degraded: a lane[2J is stuck",
            "queue        3 waiting, 9 under way, 2 transactions in flight, 1 overdue",
            "nonce 17  balance 1.999999  2 in flight: stuck",
            "nonce ?  balance ?  0 in flight",
            "blocks       130        7 executed, 1 skipped",
            "             129        2 executed, 2 reorged out",
            "peers        3, 2 on gossip",
            "libp2p       /ip4/127.0.0.1/tcp/1",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{text:?}");
        let failed = lines.iter().find(|line| line.starts_with("failed")).unwrap();
        assert!(failed.len() < 300, "{failed}");
    }

    #[test]
    fn a_line_says_what_changes_most() {
        let line = view().line();
        assert_eq!(
            line,
            "head 130, 3 waiting, 9 under way, 2 in flight, 2 lanes, 3 peers, degraded: a lane[2J is stuck"
        );
    }

    #[test]
    fn time_is_told_in_its_two_largest_units() {
        for (seconds, told) in [(9, "9 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min"), (180_000, "2 d 2 h")] {
            assert_eq!(duration(seconds), told);
        }
    }
}
