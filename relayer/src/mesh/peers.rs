//! What each peer has used, and what follows from it: pure bookkeeping, told the time by the engine.
//!
//! In: connections, requests, gossip, faults, slow heartbeats. Out: go, wait, log, disconnect, cut off. A
//! peer is remembered until it is gone and all its allowances are full again, so that coming back at once is no
//! fresh start; [`Peers::forget`] keeps the map as small as that allows.

mod allowance;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::config::Config;
use allowance::{Allowance, Pace};

/// All peers.
#[derive(Debug)]
pub(super) struct Peers {
    paces: Paces,
    requests_per_peer: usize,
    idle: Duration,
    ban: Duration,
    known: HashMap<PeerId, Peer>,
    banned: HashMap<PeerId, Instant>,
}

#[derive(Debug)]
struct Paces {
    requests: Pace,
    gossip: Pace,
    faults: Pace,
    slow: Pace,
}

#[derive(Debug)]
struct Peer {
    connections: u32,
    answering: usize,
    subscribed: bool,
    claims: bool,
    active_at: Instant,
    slow_logged: bool,
    requests: Allowance,
    gossip: Allowance,
    faults: Allowance,
    slow: Allowance,
}

/// Why a request is not served now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too fast; the pace allows the next one after this.
    TooFast(Duration),
    /// Too many of this peer's requests are still being answered.
    TooMany,
}

/// What to do about a slow peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slow {
    /// The first time: say so.
    Log,
    /// Said before.
    Count,
    /// Slow for too long.
    Disconnect,
}

impl Peers {
    pub(super) fn new(config: &Config) -> Self {
        let (limits, gossip) = (&config.limits, &config.gossip);
        let paces = Paces {
            requests: limits.request_rate.into(),
            gossip: limits.gossip_rate.into(),
            faults: Pace::new(Duration::from_millis(limits.fault_forgiven_ms), limits.faults),
            // Two quiet heartbeats forgive a slow one: what counts is being slow most of the time.
            slow: Pace::new(Duration::from_millis(gossip.heartbeat_ms) * 2, gossip.slow_heartbeats),
        };
        Self {
            paces,
            requests_per_peer: limits.requests_per_peer,
            idle: Duration::from_millis(config.idle_timeout_ms),
            ban: Duration::from_millis(limits.ban_ms),
            known: HashMap::new(),
            banned: HashMap::new(),
        }
    }

    fn peer(&mut self, id: PeerId, now: Instant) -> &mut Peer {
        self.known.entry(id).or_insert_with(|| Peer::new(now))
    }

    pub(super) fn connected(&mut self, id: PeerId, connections: u32, now: Instant) {
        let peer = self.peer(id, now);
        peer.connections = connections;
        peer.active_at = now;
    }

    pub(super) fn disconnected(&mut self, id: PeerId, remaining: u32) {
        if let Some(peer) = self.known.get_mut(&id) {
            peer.connections = remaining;
            peer.subscribed &= remaining > 0;
            peer.claims &= remaining > 0;
        }
    }

    pub(super) fn subscribed(&mut self, id: PeerId, to_our_topic: bool, now: Instant) {
        self.peer(id, now).subscribed = to_our_topic;
    }

    pub(super) fn takes_claims(&mut self, id: PeerId, takes: bool, now: Instant) {
        self.peer(id, now).claims = takes;
    }

    /// Connected peers, how many of them take our topic, and how many the claims.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let connected = self.known.values().filter(|p| p.connections > 0);
        connected.fold((0, 0, 0), |(peers, gossip, claims), p| {
            (peers + 1, gossip + usize::from(p.subscribed), claims + usize::from(p.claims))
        })
    }

    /// A request comes in; when it is served, [`Peers::answered`] must follow.
    pub(super) fn request(&mut self, id: PeerId, now: Instant) -> Result<(), Refused> {
        let (pace, most) = (self.paces.requests, self.requests_per_peer);
        let peer = self.peer(id, now);
        peer.requests.take(pace, now).map_err(Refused::TooFast)?;
        if peer.answering >= most {
            return Err(Refused::TooMany);
        }
        peer.answering += 1;
        peer.active_at = now;
        Ok(())
    }

    pub(super) fn answered(&mut self, id: PeerId) {
        if let Some(peer) = self.known.get_mut(&id) {
            peer.answering = peer.answering.saturating_sub(1);
        }
    }

    /// Whether a gossip message of this peer is looked at.
    pub(super) fn gossip(&mut self, id: PeerId, now: Instant) -> bool {
        let pace = self.paces.gossip;
        let peer = self.peer(id, now);
        peer.active_at = now;
        peer.gossip.take(pace, now).is_ok()
    }

    /// Counts something malformed; true: cut the peer off until [`Peers::forget`] names it.
    pub(super) fn fault(&mut self, id: PeerId, now: Instant) -> bool {
        let pace = self.paces.faults;
        let cut_off = self.peer(id, now).faults.take(pace, now).is_err();
        if cut_off {
            self.banned.insert(id, now + self.ban);
        }
        cut_off
    }

    /// A heartbeat in which messages for this peer were dropped.
    pub(super) fn slow(&mut self, id: PeerId, now: Instant) -> Slow {
        let pace = self.paces.slow;
        let peer = self.peer(id, now);
        if peer.slow.take(pace, now).is_err() {
            return Slow::Disconnect;
        }
        if std::mem::replace(&mut peer.slow_logged, true) { Slow::Count } else { Slow::Log }
    }

    /// Connected peers that neither ask nor gossip. libp2p's own idle time-out does not see them, since an open
    /// gossip stream counts as use, so each would hold a connection for ever.
    pub(super) fn idle(&self, now: Instant) -> Vec<PeerId> {
        let unused = |p: &Peer| p.connections > 0 && p.answering == 0 && !p.subscribed;
        let long_ago = |p: &Peer| now.saturating_duration_since(p.active_at) > self.idle;
        self.known.iter().filter(|(_, p)| unused(p) && long_ago(p)).map(|(id, _)| *id).collect()
    }

    /// Drops who is gone and owes nothing; returns those whose time away is over.
    pub(super) fn forget(&mut self, now: Instant) -> Vec<PeerId> {
        self.known.retain(|_, peer| !peer.is_forgettable(now));
        let over: Vec<PeerId> =
            self.banned.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        for id in &over {
            self.banned.remove(id);
        }
        over
    }
}

impl Peer {
    fn new(now: Instant) -> Self {
        let full = Allowance::full(now);
        Self {
            connections: 0,
            answering: 0,
            subscribed: false,
            claims: false,
            active_at: now,
            slow_logged: false,
            requests: full,
            gossip: full,
            faults: full,
            slow: full,
        }
    }

    fn is_forgettable(&self, now: Instant) -> bool {
        let full = [self.requests, self.gossip, self.faults, self.slow].iter().all(|a| a.is_full(now));
        self.connections == 0 && self.answering == 0 && full
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::config::Rate;
    use super::*;

    fn peers(change: impl FnOnce(&mut Config)) -> (Peers, PeerId, Instant) {
        let mut config = Config::new(1);
        change(&mut config);
        (Peers::new(&config), PeerId::random(), Instant::now())
    }

    #[test]
    fn requests_are_bounded_in_pace_and_in_number() {
        let (mut peers, id, now) = peers(|c| {
            c.limits.request_rate = Rate::new(1, 3);
            c.limits.requests_per_peer = 2;
        });
        assert_eq!(peers.request(id, now), Ok(()));
        assert_eq!(peers.request(id, now), Ok(()));
        assert_eq!(peers.request(id, now), Err(Refused::TooMany));
        peers.answered(id);
        assert_eq!(peers.request(id, now), Err(Refused::TooFast(Duration::from_secs(1))));
        assert_eq!(peers.request(PeerId::random(), now), Ok(()), "another peer is not concerned");
    }

    #[test]
    fn coming_back_is_no_fresh_start() {
        let (mut peers, id, now) = peers(|c| c.limits.request_rate = Rate::new(1, 1));
        peers.connected(id, 1, now);
        peers.request(id, now).unwrap();
        peers.answered(id);
        peers.disconnected(id, 0);
        peers.forget(now);
        assert!(peers.request(id, now).is_err());
        peers.forget(now + Duration::from_secs(2));
        assert!(peers.known.is_empty());
    }

    #[test]
    fn only_those_who_neither_ask_nor_gossip_are_idle() {
        let (mut peers, id, now) = peers(|c| c.idle_timeout_ms = 1_000);
        let listener = PeerId::random();
        peers.connected(id, 1, now);
        peers.connected(listener, 1, now);
        peers.subscribed(listener, true, now);
        let later = now + Duration::from_secs(2);
        assert_eq!(peers.idle(later), [id]);
        peers.request(id, later).unwrap();
        assert!(peers.idle(later + Duration::from_secs(60)).is_empty(), "its answer is still to come");
        peers.answered(id);
        assert!(peers.idle(later).is_empty());
        peers.disconnected(id, 0);
        assert!(peers.idle(later + Duration::from_secs(60)).is_empty());
    }

    #[test]
    fn faults_cut_off_for_a_time() {
        let (mut peers, id, now) = peers(|c| c.limits.faults = NonZeroU32::new(2).unwrap());
        assert_eq!([(); 3].map(|()| peers.fault(id, now)), [false, false, true]);
        assert!(peers.forget(now).is_empty());
        assert_eq!(peers.forget(now + Duration::from_secs(60)), [id]);
    }

    #[test]
    fn a_slow_peer_is_logged_once_and_cut_when_it_stays_slow() {
        let (mut peers, id, now) = peers(|c| c.gossip.slow_heartbeats = NonZeroU32::new(3).unwrap());
        let seen: Vec<Slow> = (0..4).map(|_| peers.slow(id, now)).collect();
        assert_eq!(seen, [Slow::Log, Slow::Count, Slow::Count, Slow::Disconnect]);
        assert_eq!(peers.slow(id, now + Duration::from_secs(60)), Slow::Count);
    }

    #[test]
    fn counts_are_of_connected_peers() {
        let (mut peers, id, now) = peers(|_| ());
        peers.connected(id, 1, now);
        peers.connected(PeerId::random(), 1, now);
        peers.subscribed(id, true, now);
        peers.takes_claims(id, true, now);
        assert_eq!(peers.counts(), (2, 1, 1));
        peers.disconnected(id, 0);
        assert_eq!(peers.counts(), (1, 0, 0));
    }
}
