//! How many submissions an origin may make: one token bucket each, as a function of the moment.
//!
//! In: an origin and the time. Out: yes, or when to come back. What is kept is bounded: buckets that would be
//! full again are forgotten, and while all are busy, new origins wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// Thousandths of a submission, so that slow rates refill evenly.
const WHOLE: u64 = 1_000;

pub(crate) struct Quota {
    burst: u64,
    per_second: u64,
    max_origins: usize,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_origin: HashMap<Origin, Bucket>,
    swept_at: Option<Instant>,
}

struct Bucket {
    level: u64,
    at: Instant,
}

impl Quota {
    pub(crate) fn new(burst: u32, per_second: u32, max_origins: usize) -> Self {
        let (burst, per_second) = (u64::from(burst.max(1)), u64::from(per_second.max(1)));
        Self { burst, per_second, max_origins, buckets: Mutex::default() }
    }

    /// Takes one submission from the origin's bucket.
    ///
    /// # Errors
    /// Seconds until there is one again, at least 1.
    pub(crate) fn take(&self, origin: &Origin, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = origin.key();
        if !buckets.by_origin.contains_key(&key) && buckets.by_origin.len() >= self.max_origins {
            self.sweep(&mut buckets, now);
            if buckets.by_origin.len() >= self.max_origins {
                return Err(1);
            }
        }
        let full = self.burst * WHOLE;
        let bucket = buckets.by_origin.entry(key).or_insert(Bucket { level: full, at: now });
        bucket.level = self.level(bucket, now);
        bucket.at = now;
        match bucket.level.checked_sub(WHOLE) {
            Some(rest) => {
                bucket.level = rest;
                Ok(())
            }
            None => Err((WHOLE - bucket.level).div_ceil(self.per_second * WHOLE).max(1)),
        }
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> u64 {
        let elapsed_ms = now.saturating_duration_since(bucket.at).as_millis();
        let refill = u64::try_from(elapsed_ms).unwrap_or(u64::MAX).saturating_mul(self.per_second);
        bucket.level.saturating_add(refill).min(self.burst * WHOLE)
    }

    /// At most once a second: with all origins busy, sweeping for each newcomer would be work for nothing.
    fn sweep(&self, buckets: &mut Buckets, now: Instant) {
        let recent = |at| now.saturating_duration_since(at) < Duration::from_secs(1);
        if buckets.swept_at.is_some_and(recent) {
            return;
        }
        buckets.swept_at = Some(now);
        buckets.by_origin.retain(|_, bucket| self.level(bucket, now) < self.burst * WHOLE);
    }
}

impl Origin {
    /// The name under which it counts. One subscriber has a whole IPv6 /64; an IPv4 address is the same one
    /// inside IPv6.
    pub(crate) fn key(&self) -> Self {
        match self {
            Origin::Ip(ip) => Origin::Ip(match ip.to_canonical() {
                IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
                v4 => v4,
            }),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Origin {
        Origin::Ip(text.parse().unwrap())
    }

    #[test]
    fn a_burst_then_the_steady_rate() {
        let quota = Quota::new(3, 2, 10);
        let start = Instant::now();
        let one = ip("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(quota.take(&one, start), Ok(()));
        }
        assert_eq!(quota.take(&one, start), Err(1));
        assert_eq!(quota.take(&Origin::User("another".into()), start), Ok(()));
        assert_eq!(quota.take(&one, start + Duration::from_millis(499)), Err(1));
        assert_eq!(quota.take(&one, start + Duration::from_millis(500)), Ok(()));
        assert_eq!(quota.take(&one, start + Duration::from_millis(500)), Err(1));
    }

    #[test]
    fn an_ipv6_network_is_one_origin_and_a_mapped_address_is_its_ipv4() {
        assert_eq!(ip("2001:db8:1:2:3::4").key(), ip("2001:db8:1:2::9").key());
        assert_ne!(ip("2001:db8:1:2::9").key(), ip("2001:db8:1:3::9").key());
        assert_eq!(ip("::ffff:192.0.2.1").key(), ip("192.0.2.1"));
    }

    #[test]
    fn origins_are_bounded_and_idle_ones_forgotten() {
        let quota = Quota::new(1, 1, 2);
        let start = Instant::now();
        assert_eq!(quota.take(&ip("192.0.2.1"), start), Ok(()));
        assert_eq!(quota.take(&ip("192.0.2.2"), start), Ok(()));
        assert_eq!(quota.take(&ip("192.0.2.3"), start), Err(1));
        assert_eq!(quota.take(&ip("192.0.2.3"), start + Duration::from_secs(2)), Ok(()));
        assert_eq!(quota.buckets.lock().unwrap().by_origin.len(), 1);
    }
}
