//! The discovery side of the engine: who becomes known beyond the bootstrap list.
//!
//! In: what peers say of themselves (identify), what Kademlia and mDNS found. Out: entries of the routing table, dials.
//! Only a peer that speaks this chain's Kademlia, a relayer of this chain, is entered, under a bounded number of
//! addresses that can lead to it; Kademlia's own look-ups then dial, within the limits on connections.

use std::net::IpAddr;

use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId, identify, kad, mdns};

use super::Engine;
use crate::mesh::RelayService;

/// Addresses of one peer that are tried.
const ADDRESSES_PER_PEER: usize = 8;

impl<S: RelayService> Engine<S> {
    pub(super) fn on_identified(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, .. } = event else { return };
        if info.protocols.contains(&self.kad_protocol) {
            self.known(peer_id, info.listen_addrs);
        }
    }

    pub(super) fn on_kad(&mut self, event: &kad::Event) {
        if let kad::Event::RoutingUpdated { peer, is_new_peer: true, .. } = event {
            tracing::debug!(%peer, "found a relayer of this chain");
        }
    }

    pub(super) fn on_mdns(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        for (peer, address) in found {
            if self.swarm.is_connected(&peer) {
                continue;
            }
            // Whether it is a relayer of this chain, it says once connected.
            let dial = DialOpts::peer_id(peer).addresses(vec![address.clone()]).build();
            match self.swarm.dial(dial) {
                Ok(()) => tracing::debug!(%peer, %address, "dialling a peer of the local network"),
                Err(error) => tracing::debug!(%peer, %address, %error, "a peer of the local network"),
            }
        }
    }

    fn known(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let local = self.listeners.values().flatten().all(|own| ip(own).is_some_and(|ip| ip.is_loopback()));
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else { return };
        let reachable = addresses.into_iter().filter(|address| leads_somewhere(address, local));
        for address in reachable.take(ADDRESSES_PER_PEER) {
            kad.add_address(&peer, address);
        }
    }
}

/// Whether an address that a peer names can lead to it. Its loopback is ours, too, only when we are `local`: listen on
/// nothing else.
fn leads_somewhere(address: &Multiaddr, local: bool) -> bool {
    ip(address).is_some_and(|ip| !ip.is_unspecified() && !ip.is_multicast() && (local || !ip.is_loopback()))
}

fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_leads_somewhere_only_from_there() {
        for (address, anywhere, from_loopback) in [
            ("/ip4/192.0.2.1/tcp/4001", true, true),
            ("/ip6/2001:db8::1/udp/4001/quic-v1", true, true),
            ("/ip4/127.0.0.1/tcp/4001", false, true),
            ("/ip6/::1/tcp/4001", false, true),
            ("/ip4/0.0.0.0/tcp/4001", false, false),
            ("/ip4/224.0.0.1/tcp/4001", false, false),
            ("/dns4/relayer.example/tcp/4001", false, false),
        ] {
            let parsed: Multiaddr = address.parse().unwrap();
            assert_eq!(leads_somewhere(&parsed, false), anywhere, "{address}");
            assert_eq!(leads_somewhere(&parsed, true), from_loopback, "{address}");
        }
    }
}
