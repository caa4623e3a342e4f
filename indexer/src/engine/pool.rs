//! The endpoints: what each of them said last, and which one to follow.
//!
//! In: reports of the watchers ([`super::watch`]), one per endpoint, and of the engine. Out: the engine's next
//! [`Step`]. All judgement is [`super::score`]'s; here are the clock, the lock and what is passed on to health. Heads
//! that wait for the engine are bounded; the oldest go first, since newer ones prove them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wia_abi::BlockNumber;

use super::score::{self, Rest, Standing};
use crate::backoff::chance;
use crate::chain::block::{BlockRef, Header};
use crate::health::{EndpointHealth, EndpointState, Vitals};
use crate::source::{ChainIdentity, Source, SourceError};
use crate::{Config, IndexerError};

/// Heads of one endpoint that wait for the engine.
const HEADS_WAITING: usize = 64;

/// One endpoint, as the engine uses it.
#[derive(Clone)]
pub(super) struct Member {
    /// Its place in the configuration.
    pub(super) place: usize,
    pub(super) source: Arc<dyn Source>,
}

/// What the engine is to do next.
pub(super) enum Step {
    /// Compare this connection's chain with ours, then say so by [`Pool::admit`].
    Check(usize, String, ChainIdentity),
    /// Follow this head.
    Pursue(Member, Box<Header>),
    /// Ask for the head, and follow it.
    Look(Member),
    /// Wait for news, or until then. `reason`: why nothing can be followed.
    Wait { until: Option<Instant>, reason: Option<String> },
    /// Nobody serves our chain.
    End(IndexerError),
}

pub(super) struct Pool {
    inner: Mutex<Inner>,
    news: Notify,
    vitals: Arc<Vitals>,
    rest: Rest,
    patience: Duration,
}

struct Inner {
    slots: Vec<Slot>,
    leader: Option<usize>,
    /// Whether the log knows which block 0 it belongs to.
    bound: bool,
}

struct Slot {
    endpoint: String,
    standing: Standing,
    phase: Phase,
    source: Option<Arc<dyn Source>>,
    /// Whether connecting was tried at all.
    tried: bool,
    syncing: bool,
    /// Its last error.
    reason: Option<String>,
    heads: VecDeque<Header>,
    look_due: bool,
}

enum Phase {
    /// Not known which chain it serves.
    Unknown,
    /// It serves this one; to be checked.
    Unchecked(ChainIdentity),
    /// It serves our chain.
    Ours,
    /// It does not.
    Excluded(IndexerError),
}

impl Pool {
    pub(super) fn new(config: &Config, endpoints: Vec<String>, bound: bool, vitals: Arc<Vitals>) -> Self {
        let slot = |endpoint| Slot {
            endpoint,
            standing: Standing::default(),
            phase: Phase::Unknown,
            source: None,
            tried: false,
            syncing: false,
            reason: None,
            heads: VecDeque::new(),
            look_due: false,
        };
        let pool = Self {
            inner: Mutex::new(Inner {
                slots: endpoints.into_iter().map(slot).collect(),
                leader: None,
                bound,
            }),
            news: Notify::new(),
            vitals,
            rest: Rest { min_ms: config.retry_min_ms, max_ms: config.retry_max_ms },
            patience: Duration::from_millis(config.reorg_patience_ms),
        };
        pool.tell(&pool.lock());
        pool
    }

    /// Returns when there was news since the last time.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    // What watchers report.

    /// A connection that serves this chain.
    pub(super) fn connected(
        &self,
        place: usize,
        source: Arc<dyn Source>,
        identity: ChainIdentity,
        syncing: bool,
    ) {
        self.with(place, |slot| {
            slot.source = Some(source);
            slot.phase = Phase::Unchecked(identity);
            (slot.tried, slot.syncing, slot.look_due) = (true, syncing, true);
            slot.heads.clear();
        });
    }

    /// The connection is gone, or was not to be had.
    pub(super) fn lost(&self, place: usize, error: &SourceError) {
        count(error);
        self.with(place, |slot| {
            (slot.source, slot.tried, slot.reason) = (None, true, Some(error.to_string()));
            slot.heads.clear();
            // What is excluded stays so until it shows something else.
            if !matches!(slot.phase, Phase::Excluded(_)) {
                slot.phase = Phase::Unknown;
            }
        });
    }

    /// A pushed head.
    pub(super) fn pushed(&self, place: usize, head: Header) {
        let now = Instant::now();
        self.report(place, now, |slot| {
            slot.standing.saw(head.reference(), now);
            slot.wait(head);
        });
    }

    /// The head that was asked for at `asked`.
    pub(super) fn looked(&self, place: usize, head: Header, asked: Instant) {
        let now = Instant::now();
        self.report(place, now, |slot| {
            slot.standing.looked(head.reference(), asked, now);
            slot.standing.answered(now.saturating_duration_since(asked));
            slot.wait(head);
        });
    }

    pub(super) fn set_syncing(&self, place: usize, syncing: bool) {
        self.with(place, |slot| {
            slot.look_due |= slot.syncing && !syncing;
            slot.syncing = syncing;
        });
    }

    /// Whether `head` makes one wonder: lower than before, or of an endpoint that said that it is syncing.
    pub(super) fn is_doubtful(&self, place: usize, head: &Header) -> bool {
        let inner = self.lock();
        let slot = inner.slots.get(place);
        slot.is_some_and(|s| s.syncing || s.standing.head().is_some_and(|h| h.number > head.number))
    }

    /// Whether it serves another chain.
    pub(super) fn is_excluded(&self, place: usize) -> bool {
        self.lock().slots.get(place).is_some_and(|s| matches!(s.phase, Phase::Excluded(_)))
    }

    /// Whether it is the one that is followed.
    pub(super) fn is_leading(&self, place: usize) -> bool {
        self.lock().leader == Some(place)
    }

    // What the engine says.

    /// Whether the chain of a checked connection is ours.
    pub(super) fn admit(&self, place: usize, verdict: Result<(), IndexerError>) {
        if let Ok(()) = verdict {
            self.lock().bound = true;
        }
        self.with(place, |slot| match verdict {
            Ok(()) => slot.phase = Phase::Ours,
            Err(error) => {
                tracing::warn!(endpoint = slot.endpoint, %error, "endpoint excluded");
                slot.phase = Phase::Excluded(error);
                slot.heads.clear();
            }
        });
    }

    /// It gave what was wanted.
    pub(super) fn worked(&self, place: usize) {
        if let Some(slot) = self.lock().slots.get_mut(place) {
            slot.standing.worked();
        }
    }

    /// It did not.
    pub(super) fn failed(&self, place: usize, error: &SourceError) {
        count(error);
        self.rest(place, error.to_string(), error.retry_after_ms());
    }

    /// It contradicts the others. Rests for long once it has done so for longer than patience.
    pub(super) fn contradicts(&self, place: usize, reason: String) {
        let contradicts = |slot: &mut Slot| slot.standing.contradicts(self.patience, Instant::now());
        let for_long = self.lock().slots.get_mut(place).is_some_and(contradicts);
        // Before: looked at again soon, since it may only be ahead of the others by a moment.
        let retry_after_ms = if for_long { self.rest.max_ms } else { 0 };
        self.rest(place, reason, retry_after_ms);
    }

    fn rest(&self, place: usize, reason: String, retry_after_ms: u64) {
        self.with(place, |slot| {
            slot.standing.failed(retry_after_ms, self.rest, chance(), Instant::now());
            slot.reason = Some(reason);
            slot.look_due = true;
        });
    }

    /// Whether the chain was cut back to `lower`, below our `tip`.
    pub(super) fn is_cut_back(&self, lower: BlockRef, tip: (BlockNumber, Instant)) -> bool {
        let inner = self.lock();
        let ours = inner.slots.iter().filter(|s| !matches!(s.phase, Phase::Excluded(_)));
        let all: Vec<_> =
            ours.map(|s| (&s.standing, s.source.is_some() && s.is_ours() && !s.syncing)).collect();
        score::is_cut_back(&all, lower, tip, self.patience, Instant::now())
    }

    /// The last head of an endpoint, or `shown` when that is higher.
    pub(super) fn height(&self, place: usize, shown: BlockNumber) -> BlockNumber {
        let inner = self.lock();
        let head = inner.slots.get(place).and_then(|s| s.standing.head());
        head.map_or(shown, |h| h.number.max(shown))
    }

    /// Those that can be read from, apart from `except`, each with its head.
    pub(super) fn others(&self, except: usize) -> Vec<(Member, Option<BlockNumber>)> {
        let (inner, now) = (self.lock(), Instant::now());
        let usable = inner.slots.iter().enumerate().filter(|(place, s)| *place != except && s.is_usable(now));
        let member = |(place, slot): (usize, &Slot)| {
            let head = slot.standing.head().map(|h| h.number);
            Some((Member { place, source: slot.source.clone()? }, head))
        };
        usable.filter_map(member).collect()
    }

    /// Whom to ask about a block, `member` first.
    pub(super) fn sources(&self, member: &Member) -> Vec<Arc<dyn Source>> {
        let others = self.others(member.place).into_iter().map(|(other, _)| other.source);
        std::iter::once(member.source.clone()).chain(others).collect()
    }

    /// What to do next.
    pub(super) fn step(&self) -> Step {
        let now = Instant::now();
        let mut inner = self.lock();
        if let Some(step) = inner.unchecked() {
            return step;
        }
        if let Some(error) = inner.nobody() {
            return Step::End(error);
        }
        let before = inner.leader;
        let usable: Vec<_> = inner
            .slots
            .iter()
            .enumerate()
            .filter(|(_, s)| s.is_usable(now))
            .map(|(p, s)| (p, &s.standing))
            .collect();
        let leader = score::leader(&usable, before, self.patience, now);
        let rests = inner.slots.iter().filter_map(|s| s.standing.rests_until(now)).min();
        inner.leader = leader;
        if leader != before {
            self.tell(&inner);
        }
        let Some(place) = leader else {
            let reason = inner.slots.iter().find_map(Slot::trouble);
            return Step::Wait { until: rests, reason };
        };
        for (_, slot) in inner.slots.iter_mut().enumerate().filter(|(p, _)| *p != place) {
            slot.heads.clear();
        }
        let slot = &mut inner.slots[place];
        let Some(source) = slot.source.clone() else { return Step::Wait { until: rests, reason: None } };
        let member = Member { place, source };
        if leader != before {
            tracing::info!(endpoint = slot.endpoint, "following the chain");
            slot.look_due = true;
        }
        if std::mem::take(&mut slot.look_due) {
            return Step::Look(member);
        }
        match slot.heads.pop_front() {
            Some(head) => Step::Pursue(member, Box::new(head)),
            None => Step::Wait { until: rests, reason: None },
        }
    }

    fn report(&self, place: usize, now: Instant, act: impl FnOnce(&mut Slot)) {
        {
            let mut inner = self.lock();
            if let Some(slot) = inner.slots.get_mut(place) {
                act(slot);
            }
            if let Some(best) = inner.best_head() {
                inner.slots.iter_mut().for_each(|slot| slot.standing.compared(best, now));
            }
            self.tell(&inner);
        }
        self.news.notify_one();
    }

    fn with(&self, place: usize, act: impl FnOnce(&mut Slot)) {
        self.report(place, Instant::now(), act);
    }

    /// Lets health know.
    fn tell(&self, inner: &Inner) {
        let (best, now) = (inner.best_head(), Instant::now());
        let each = inner.slots.iter().enumerate().map(|(place, slot)| {
            let here = slot.source.is_some();
            let score = if here { slot.standing.score(best.unwrap_or(BlockNumber(0))) } else { 0 };
            let labels = [("endpoint", slot.endpoint.clone())];
            metrics::gauge!("wia_indexer_endpoint_score", &labels).set(f64::from(score));
            EndpointHealth {
                endpoint: slot.endpoint.clone(),
                score,
                head: slot.standing.head().map(|h| h.number),
                state: slot.state(inner.leader == Some(place), now),
            }
        });
        self.vitals.set_endpoints(each.collect(), best);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The next connection to check. A log that belongs to no chain yet waits until every endpoint was tried, so that
    /// the preferred of those that can be reached decides which chain it is, and not the fastest.
    fn unchecked(&self) -> Option<Step> {
        if !self.bound && self.slots.iter().any(|s| !s.tried) {
            return None;
        }
        self.slots.iter().enumerate().find_map(|(place, slot)| match &slot.phase {
            Phase::Unchecked(identity) => Some(Step::Check(place, slot.endpoint.clone(), *identity)),
            _ => None,
        })
    }

    /// The preferred endpoint's fault, when none serves our chain.
    fn nobody(&self) -> Option<IndexerError> {
        let errors = self.slots.iter().map(|slot| match &slot.phase {
            Phase::Excluded(error) => Some(error.clone()),
            _ => None,
        });
        errors.collect::<Option<Vec<_>>>().and_then(|errors| errors.into_iter().next())
    }

    fn best_head(&self) -> Option<BlockNumber> {
        let ours = self.slots.iter().filter(|s| s.is_ours() && !s.syncing && s.source.is_some());
        ours.filter_map(|s| s.standing.head()).map(|h| h.number).max()
    }
}

impl Slot {
    fn is_ours(&self) -> bool {
        matches!(self.phase, Phase::Ours)
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.is_ours() && self.source.is_some() && !self.syncing && self.standing.rests_until(now).is_none()
    }

    fn wait(&mut self, head: Header) {
        if self.heads.len() >= HEADS_WAITING {
            self.heads.pop_front();
        }
        self.heads.push_back(head);
    }

    /// Why it cannot be followed.
    fn trouble(&self) -> Option<String> {
        match &self.phase {
            Phase::Excluded(error) => Some(error.to_string()),
            _ if self.syncing => Some(format!("{} is itself syncing", self.endpoint)),
            _ => self.reason.clone(),
        }
    }

    fn state(&self, leads: bool, now: Instant) -> EndpointState {
        let failing = || EndpointState::Failing { reason: self.reason.clone().unwrap_or_default() };
        match &self.phase {
            Phase::Excluded(error) => EndpointState::Excluded { reason: error.to_string() },
            _ if self.source.is_none() && !self.tried => EndpointState::Connecting,
            _ if self.source.is_none() => failing(),
            _ if self.syncing => EndpointState::Syncing,
            _ if self.standing.rests_until(now).is_some() => failing(),
            Phase::Ours if leads => EndpointState::Leading,
            Phase::Ours => EndpointState::Healthy,
            Phase::Unknown | Phase::Unchecked(_) => EndpointState::Connecting,
        }
    }
}

fn count(error: &SourceError) {
    metrics::counter!("wia_indexer_source_errors_total", "kind" => error.kind()).increment(1);
}
