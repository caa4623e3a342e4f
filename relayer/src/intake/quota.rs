//! How much of the relayer an origin and a signer may take: one token bucket each, as a function of the moment.
//!
//! In: who, and the time. Out: yes, or which rule forbids it and when to come back. What is kept is bounded: buckets
//! that would be full again are forgotten, and while all are busy, newcomers wait. Serves C-110…C-114, X-06.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use wia_protocol::RpcError;

use crate::Config;

/// Where a submission came from. Quotas are kept per origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An unauthenticated connection. IPv6 addresses count by their /64.
    Ip(IpAddr),
    /// An authenticated account, and what it has subscribed to.
    User(String, Tier),
    /// A libp2p peer that asked directly.
    Peer(String),
    /// A libp2p peer that passed gossip on.
    Gossip(String),
}

/// What an account has subscribed to (C-110…C-113). Each message that it hands in is one of its requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// 1,000 requests per hour.
    #[default]
    Free,
    /// 10,000 requests per hour.
    Basic,
    /// 100,000 requests per hour.
    Pro,
    /// No limit.
    Enterprise,
}

impl Tier {
    /// `free`, `basic`, `pro`, `enterprise`; `None` for anything else.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "free" => Some(Self::Free),
            "basic" => Some(Self::Basic),
            "pro" => Some(Self::Pro),
            "enterprise" => Some(Self::Enterprise),
            _ => None,
        }
    }

    fn per_hour(self) -> Option<u64> {
        match self {
            Self::Free => Some(1_000),
            Self::Basic => Some(10_000),
            Self::Pro => Some(100_000),
            Self::Enterprise => None,
        }
    }
}

/// Levels are counted in these, so that any rate per hour refills evenly each millisecond.
const WHOLE: u128 = 3_600_000;

/// A bucket's size, and how fast it fills again.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u64,
    per_hour: u64,
}

/// Whose bucket it is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Submissions of an origin.
    Origin(Origin),
    /// Messages of a signer.
    Signer(Address),
    /// Gas that a signer's messages have wasted.
    Wasted(Address),
    /// Questions of ours for nonces.
    Questions,
}

pub(crate) struct Quota {
    origin: Rate,
    gossip: Rate,
    signer: Rate,
    wasted: Rate,
    questions: Rate,
    max_buckets: usize,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_key: HashMap<Key, Bucket>,
    swept_at: Option<Instant>,
}

struct Bucket {
    level: u128,
    at: Instant,
    rate: Rate,
}

impl Quota {
    pub(crate) fn new(config: &Config) -> Self {
        let hourly = |per_second: u32| u64::from(per_second.max(1)) * 3_600;
        let of = |burst: u32, per_second| Rate { burst: burst.max(1).into(), per_hour: hourly(per_second) };
        let wasted = config.wasted_gas_per_hour.max(1);
        Self {
            origin: of(config.origin_burst, config.origin_per_second),
            gossip: of(config.gossip_burst, config.gossip_per_second),
            signer: of(config.signer_burst, config.signer_per_second),
            wasted: Rate { burst: wasted, per_hour: wasted },
            questions: of(
                config.nonce_questions_per_second.saturating_mul(2),
                config.nonce_questions_per_second,
            ),
            max_buckets: config.max_origins,
            buckets: Mutex::default(),
        }
    }

    /// Takes one submission from the origin's bucket.
    ///
    /// # Errors
    /// -32000 naming `origin`, with `retryAfter`, `limit` and `window` (seconds).
    pub(crate) fn submission(&self, origin: &Origin, now: Instant) -> Result<(), RpcError> {
        let rate = match origin {
            Origin::User(_, tier) => match tier.per_hour() {
                Some(per_hour) => Rate { burst: per_hour, per_hour },
                None => return Ok(()),
            },
            Origin::Gossip(_) => self.gossip,
            Origin::Ip(_) | Origin::Peer(_) => self.origin,
        };
        self.take(Key::Origin(origin.key()), 1, rate, now).map_err(|retry_after_s| {
            let (limit, window, per) = match origin {
                Origin::User(..) => {
                    (rate.per_hour, 3_600, "hour for this account; wait, or subscribe to more")
                }
                _ => (rate.per_hour / 3_600, 1, "second from here; wait and go on"),
            };
            let reason = format!("more than {limit} submissions per {per}");
            limited("origin", reason, retry_after_s, limit, window)
        })
    }

    /// Takes one message from its signer's bucket, unless he has wasted too much gas.
    ///
    /// # Errors
    /// -32000 naming the member that holds the signer, with `retryAfter`, `limit` and `window` (seconds).
    pub(crate) fn message(&self, signer: Address, field: &str, now: Instant) -> Result<(), RpcError> {
        let wasted = self.wasted.per_hour;
        self.look(&Key::Wasted(signer), self.wasted, now).map_err(|retry_after_s| {
            let reason = format!(
                "this signer's messages have cost more than {wasted} gas per hour without being executed; wait, and \
                 sign nothing that others may use up first"
            );
            limited(field, reason, retry_after_s, wasted, 3_600)
        })?;
        self.take(Key::Signer(signer), 1, self.signer, now).map_err(|retry_after_s| {
            let limit = self.signer.per_hour / 3_600;
            let reason = format!("more than {limit} messages per second of this signer; wait and go on");
            limited(field, reason, retry_after_s, limit, 1)
        })
    }

    /// Whether the chain is to be asked for the nonce of one more message: not while they come faster than the rate.
    /// The bucket is taken from either way, and only its upper half asks: a crowd keeps it empty, and then nobody waits
    /// for an endpoint that is busy with the crowd.
    pub(crate) fn question(&self, now: Instant) -> bool {
        let mut buckets = self.lock();
        let Some(bucket) = self.bucket(&mut buckets, Key::Questions, self.questions, now) else {
            return false;
        };
        let asks = bucket.level > self.questions.full() / 2;
        bucket.level = bucket.level.saturating_sub(WHOLE);
        asks
    }

    /// A message of that signer cost so much gas and was not executed.
    pub(crate) fn waste(&self, signer: Address, gas: u64, now: Instant) {
        let mut buckets = self.lock();
        if let Some(bucket) = self.bucket(&mut buckets, Key::Wasted(signer), self.wasted, now) {
            bucket.level = bucket.level.saturating_sub(u128::from(gas) * WHOLE);
        }
    }

    /// # Errors
    /// Seconds until there is `amount` again, at least 1.
    fn take(&self, key: Key, amount: u64, rate: Rate, now: Instant) -> Result<(), u64> {
        let mut buckets = self.lock();
        let bucket = self.bucket(&mut buckets, key, rate, now).ok_or(1_u64)?;
        let amount = u128::from(amount) * WHOLE;
        match bucket.level.checked_sub(amount) {
            Some(rest) => {
                bucket.level = rest;
                Ok(())
            }
            None => Err(rate.seconds_to_fill(amount - bucket.level)),
        }
    }

    /// Whether anything is left, without taking it; a key that is not known has all.
    fn look(&self, key: &Key, rate: Rate, now: Instant) -> Result<(), u64> {
        let buckets = self.lock();
        match buckets.by_key.get(key).map(|bucket| bucket.level_at(now)) {
            Some(level) if level < WHOLE => Err(rate.seconds_to_fill(WHOLE - level)),
            _ => Ok(()),
        }
    }

    /// The bucket of `key`, filled up to now; `None` when all places are taken by busy ones.
    fn bucket<'a>(
        &self,
        buckets: &'a mut Buckets,
        key: Key,
        rate: Rate,
        now: Instant,
    ) -> Option<&'a mut Bucket> {
        if !buckets.by_key.contains_key(&key) && buckets.by_key.len() >= self.max_buckets {
            sweep(buckets, now);
            if buckets.by_key.len() >= self.max_buckets {
                return None;
            }
        }
        let full = Bucket { level: rate.full(), at: now, rate };
        let bucket = buckets.by_key.entry(key).or_insert(full);
        // An account may have subscribed to something else since.
        bucket.rate = rate;
        bucket.level = bucket.level_at(now);
        bucket.at = now;
        Some(bucket)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At most once a second: with all of them busy, sweeping for each newcomer would be work for nothing.
fn sweep(buckets: &mut Buckets, now: Instant) {
    let recent = |at| now.saturating_duration_since(at) < Duration::from_secs(1);
    if buckets.swept_at.is_some_and(recent) {
        return;
    }
    buckets.swept_at = Some(now);
    buckets.by_key.retain(|_, bucket| bucket.level_at(now) < bucket.rate.full());
}

fn limited(field: &str, reason: String, retry_after_s: u64, limit: u64, window_s: u64) -> RpcError {
    RpcError::rate_limited(field, reason, retry_after_s).with("limit", limit).with("window", window_s)
}

impl Rate {
    fn full(self) -> u128 {
        u128::from(self.burst) * WHOLE
    }

    /// At least 1.
    fn seconds_to_fill(self, missing: u128) -> u64 {
        let ms = missing.div_ceil(u128::from(self.per_hour.max(1)));
        u64::try_from(ms.div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
    }
}

impl Bucket {
    fn level_at(&self, now: Instant) -> u128 {
        let elapsed_ms = now.saturating_duration_since(self.at).as_millis();
        let refill = elapsed_ms.saturating_mul(self.rate.per_hour.into());
        self.level.saturating_add(refill).min(self.rate.full())
    }
}

impl Origin {
    /// The name under which it counts. One subscriber has a whole IPv6 /64; an IPv4 address is the same one
    /// inside IPv6; an account is the same whatever it subscribes to.
    pub(crate) fn key(&self) -> Self {
        match self {
            Origin::Ip(ip) => Origin::Ip(match ip.to_canonical() {
                IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
                v4 => v4,
            }),
            Origin::User(id, _) => Origin::User(id.clone(), Tier::default()),
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

    fn quota(burst: u32, per_second: u32, places: usize) -> Quota {
        Quota::new(&Config {
            origin_burst: burst,
            origin_per_second: per_second,
            signer_burst: burst,
            signer_per_second: per_second,
            wasted_gas_per_hour: 20_000,
            max_origins: places,
            ..Config::default()
        })
    }

    /// Seconds after which to come back; `None` when it went through.
    fn wait(outcome: Result<(), RpcError>) -> Option<u64> {
        outcome.err().map(|error| error.data.unwrap()["retryAfter"].as_u64().unwrap())
    }

    #[test]
    fn a_burst_then_the_steady_rate() {
        let quota = quota(3, 2, 10);
        let start = Instant::now();
        let one = ip("192.0.2.1");
        let at = |ms| wait(quota.submission(&one, start + Duration::from_millis(ms)));
        assert_eq!([at(0), at(0), at(0), at(0)], [None, None, None, Some(1)]);
        assert_eq!(wait(quota.submission(&ip("192.0.2.2"), start)), None, "another one is not concerned");
        assert_eq!([at(499), at(500), at(500)], [Some(1), None, Some(1)]);
    }

    #[test]
    fn accounts_have_what_their_tier_gives_per_hour() {
        let quota = quota(1, 1, 10);
        let start = Instant::now();
        let taken = |name: &str, tier| {
            let origin = Origin::User(name.into(), tier);
            (0..10_001).take_while(|_| quota.submission(&origin, start).is_ok()).count()
        };
        assert_eq!(taken("free", Tier::Free), 1_000);
        assert_eq!(taken("basic", Tier::Basic), 10_000);
        assert_eq!(taken("enterprise", Tier::Enterprise), 10_001);
        let refused = quota.submission(&Origin::User("free".into(), Tier::Free), start).unwrap_err();
        let data = refused.data.unwrap();
        assert_eq!(
            (&data["limit"], &data["window"], &data["retryAfter"]),
            (&1_000.into(), &3_600.into(), &4.into())
        );
        // More was subscribed to: what was used stays used.
        assert_eq!(taken("free", Tier::Basic), 0);
        let later = start + Duration::from_secs(60);
        assert!(quota.submission(&Origin::User("free".into(), Tier::Basic), later).is_ok());
    }

    #[test]
    fn a_signer_who_wastes_gas_waits_until_it_is_forgiven() {
        let quota = quota(10, 10, 10);
        let (start, signer) = (Instant::now(), Address::repeat_byte(1));
        assert_eq!(wait(quota.message(signer, "from", start)), None);
        quota.waste(signer, 8_500, start);
        assert_eq!(wait(quota.message(signer, "from", start)), None);
        quota.waste(signer, 1_000_000, start);
        let refused = quota.message(signer, "from", start).unwrap_err();
        assert!(refused.to_string().contains("without being executed"), "{refused}");
        assert_eq!(wait(quota.message(Address::ZERO, "from", start)), None);
        assert_eq!(wait(quota.message(signer, "from", start + Duration::from_secs(1))), None);
    }

    #[test]
    fn a_crowd_has_no_nonce_looked_up_until_it_has_gone() {
        let quota = Quota::new(&Config { nonce_questions_per_second: 10, ..Config::default() });
        let start = Instant::now();
        let asked = |from_ms: u64, every_ms: u64, messages: u64| {
            let moment = |n| start + Duration::from_millis(from_ms + n * every_ms);
            (0..messages).filter(|n| quota.question(moment(*n))).count()
        };
        assert_eq!(asked(0, 0, 50), 10, "of many at once the first");
        assert_eq!(asked(0, 10, 100), 0, "none while they come ten times faster than the rate");
        assert_eq!(asked(60_000, 200, 100), 100, "all of those who come slowly");
    }

    #[test]
    fn an_ipv6_network_is_one_origin_and_a_mapped_address_is_its_ipv4() {
        assert_eq!(ip("2001:db8:1:2:3::4").key(), ip("2001:db8:1:2::9").key());
        assert_ne!(ip("2001:db8:1:2::9").key(), ip("2001:db8:1:3::9").key());
        assert_eq!(ip("::ffff:192.0.2.1").key(), ip("192.0.2.1"));
    }

    #[test]
    fn origins_are_bounded_and_idle_ones_forgotten() {
        let quota = quota(1, 1, 2);
        let start = Instant::now();
        assert_eq!(wait(quota.submission(&ip("192.0.2.1"), start)), None);
        assert_eq!(wait(quota.submission(&ip("192.0.2.2"), start)), None);
        assert_eq!(wait(quota.submission(&ip("192.0.2.3"), start)), Some(1));
        assert_eq!(wait(quota.submission(&ip("192.0.2.3"), start + Duration::from_secs(2))), None);
        assert_eq!(quota.lock().by_key.len(), 1);
    }
}
