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
    ip: IpAddr,
}

impl Connections {
    pub(crate) fn new(most: usize, most_per_ip: usize) -> Self {
        Self { open: Arc::default(), most, most_per_ip }
    }

    /// A place for a connection from `ip`; `None` when there is none.
    pub(crate) fn enter(&self, ip: IpAddr) -> Option<Place> {
        let mut open = self.open();
        let from_ip = open.by_ip.get(&ip).copied().unwrap_or(0);
        if open.all >= self.most || from_ip >= self.most_per_ip {
            metrics::counter!("wia_ws_connections_refused_total").increment(1);
            return None;
        }
        open.all += 1;
        open.by_ip.insert(ip, from_ip + 1);
        metrics::gauge!("wia_ws_connections").increment(1);
        Some(Place { connections: self.clone(), ip })
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
        if let Some(count) = open.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
        metrics::gauge!("wia_ws_connections").decrement(1);
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
        assert!(connections.enter(b).is_some());
    }
}
