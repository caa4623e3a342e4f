//! The configured relayers: which of them to dial now. Pure; the engine dials and reports.
//!
//! In: the time, who is connected, how dials ended. Out: dials. An address without `/p2p/` belongs to whoever
//! answered there first.

use std::time::{Duration, Instant};

use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId};

const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Bootstrap {
    entries: Vec<Entry>,
    redial: Duration,
}

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    peer: Option<PeerId>,
    dialling: Option<ConnectionId>,
    failures: u32,
    due: Instant,
}

impl Bootstrap {
    pub(super) fn new(addresses: &[Multiaddr], redial: Duration, now: Instant) -> Self {
        let entry = |address: &Multiaddr| {
            let address = address.clone();
            let peer = DialOpts::from(address.clone()).get_peer_id();
            Entry { address, peer, dialling: None, failures: 0, due: now }
        };
        Self { entries: addresses.iter().map(entry).collect(), redial }
    }

    /// Who is neither connected nor being dialled nor waiting.
    pub(super) fn dials(&mut self, now: Instant, connected: impl Fn(&PeerId) -> bool) -> Vec<DialOpts> {
        let mut dials = Vec::new();
        for entry in &mut self.entries {
            let there = entry.peer.as_ref().is_some_and(&connected);
            if there || entry.dialling.is_some() || entry.due > now {
                continue;
            }
            let dial = DialOpts::from(entry.address.clone());
            entry.dialling = Some(dial.connection_id());
            dials.push(dial);
        }
        dials
    }

    /// A connection stands. True when it is one of ours.
    pub(super) fn connected(&mut self, connection: ConnectionId, peer: PeerId) -> bool {
        let Some(entry) = self.dialled(connection) else { return false };
        entry.dialling = None;
        entry.failures = 0;
        entry.peer = Some(peer);
        true
    }

    /// A dial failed. Returns the address when it is one of ours, for the log.
    pub(super) fn failed(&mut self, connection: ConnectionId, now: Instant) -> Option<&Multiaddr> {
        let redial = self.redial;
        let entry = self.dialled(connection)?;
        entry.dialling = None;
        let wait = redial.saturating_mul(1 << entry.failures.min(16)).min(LONGEST_WAIT);
        entry.failures = entry.failures.saturating_add(1);
        entry.due = now + wait;
        Some(&entry.address)
    }

    fn dialled(&mut self, connection: ConnectionId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.dialling == Some(connection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_again_with_longer_and_longer_waits() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let mut bootstrap = Bootstrap::new(std::slice::from_ref(&address), second, start);
        let nobody = |_: &PeerId| false;

        let mut now = start;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            let dial = bootstrap.dials(now, nobody).pop().unwrap().connection_id();
            assert!(bootstrap.dials(now, nobody).is_empty(), "one dial at a time");
            assert_eq!(bootstrap.failed(dial, now), Some(&address));
            now += second * wait - Duration::from_millis(1);
            assert!(bootstrap.dials(now, nobody).is_empty(), "after {wait} s, not before");
            now += Duration::from_millis(1);
        }
        let dial = bootstrap.dials(now, nobody).pop().unwrap().connection_id();
        let peer = PeerId::random();
        assert!(bootstrap.connected(dial, peer));
        assert!(bootstrap.dials(now, |p| *p == peer).is_empty());
        assert_eq!(bootstrap.dials(now, nobody).len(), 1, "a lost peer is dialled at once");
        assert!(!bootstrap.connected(ConnectionId::new_unchecked(0), peer));
    }
}
