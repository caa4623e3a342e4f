//! How many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections against two limits; clones share the count.
#[derive(Clone)]
pub(crate) struct Connections {
    open: Arc<Mutex<Open>>,
    most: usize,
    most_per_ip: usize,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// One connection's place, given back when dropped.
pub(crate) struct Place {
    connections: Connections,
    /// Whose; `None` for a trusted proxy, which stands for many.
    network: Option<IpAddr>,
}

impl Connections {
    pub(crate) fn new(most: usize, most_per_ip: usize) -> Self {
        Self { open: Arc::default(), most, most_per_ip }
    }

    /// A place for a connection from `ip`; `None` when there is none.
    pub(crate) fn enter(&self, ip: IpAddr) -> Option<Place> {
        self.take(Some(network(ip)))
    }

    /// A place for a connection from a trusted proxy: it counts against all, not against one address.
    pub(crate) fn enter_trusted(&self) -> Option<Place> {
        self.take(None)
    }

    fn take(&self, network: Option<IpAddr>) -> Option<Place> {
        let mut open = self.open();
        let of_network = network.map_or(0, |n| open.by_ip.get(&n).copied().unwrap_or(0));
        if open.all >= self.most || of_network >= self.most_per_ip {
            return None;
        }
        open.all += 1;
        if let Some(network) = network {
            open.by_ip.insert(network, of_network + 1);
        }
        Some(Place { connections: self.clone(), network })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The counts are whole after every statement, so a panic elsewhere leaves nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.all -= 1;
        if let Some(network) = self.network
            && let Some(count) = open.by_ip.get_mut(&network)
        {
            *count -= 1;
            if *count == 0 {
                open.by_ip.remove(&network);
            }
        }
    }
}

/// Whoever has one IPv6 address has its /64: they count as one.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_per_address_and_given_back() {
        let connections = Connections::new(3, 2);
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = connections.enter(a).unwrap();
        let _second = connections.enter(a).unwrap();
        assert!(connections.enter(a).is_none(), "two from one address are the most");
        let _third = connections.enter(b).unwrap();
        assert!(connections.enter(b).is_none(), "three in all are the most");
        drop(first);
        let fourth = connections.enter_trusted().unwrap();
        assert!(connections.enter_trusted().is_none(), "a proxy counts against all");
        drop(fourth);
        assert!(connections.enter(b).is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let connections = Connections::new(9, 1);
        let _one = connections.enter("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(connections.enter("2001:db8:1:2:ffff::2".parse().unwrap()).is_none());
        let _v4 = connections.enter("10.0.0.1".parse().unwrap()).unwrap();
        assert!(connections.enter("::ffff:10.0.0.1".parse().unwrap()).is_none());
        assert!(connections.enter("2001:db8:1:3::1".parse().unwrap()).is_some());
    }
}
