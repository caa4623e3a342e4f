//! The only loop: what waits becomes transactions, transactions are followed until they are final.
//!
//! In: new heads, offered messages, answers of the chain. Out: writes to the queue, transactions, updates. The
//! questions (preparing batches, observing the chain, sending) run beside the loop and change nothing; every
//! write happens in the loop, and is durable before anything that depends on it leaves the process. So the
//! loop may stop, or the process be killed, between any two lines: `open` takes up what the queue says.
//!
//! Each lane is one account; all of them are fed from one queue, each with at most one batch in preparation.

mod dispatch;
mod follow;
mod identity;
mod note;
pub(crate) mod observe;
mod prepared;
mod release;
mod resend;
mod stranger;
mod vacate;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wia_protocol::relay::Update;
use wia_store::StoreError;

use crate::chain::{Chain, ChainError, Head};
use crate::lane::nonce::next_nonce;
use crate::lane::prepare::{Prepared, Unprepared};
use crate::lane::sign::LaneSigner;
use crate::queue::record::{Fees, Slot, Transaction};
use crate::queue::{Changes, Limits, Queue};
use crate::shared::{Shared, count, now};
use crate::state::Event;
use crate::{Config, Relayer, RelayerError};
use observe::{Named, Observation};

/// Pause before a write is tried again for which there was no room on the disk.
const ROOM_AGAIN: Duration = Duration::from_secs(2);

/// Drives the relayer; nothing is sent or followed before [`Engine::run`]. When it ends or is dropped, the
/// [`Relayer`] takes no more submissions.
pub struct Engine {
    shared: Arc<Shared>,
    /// In the order of the keys; never empty.
    lanes: Vec<Lane>,
    /// All that may still change.
    transactions: BTreeMap<Slot, Tracked>,
    /// How many transactions were signed: the number of the newest.
    signed: u64,
    /// Messages that the next batches leave out.
    holds: HashMap<B256, Hold>,
    /// Messages in batches that are being prepared.
    taken: HashSet<B256>,
    /// How many messages a batch may have with that one in it; see [`release`].
    shares: HashMap<B256, usize>,
    /// How many items the next batch may have: halved while batches turn out too large.
    batch_items: usize,
    /// Until when a batch that is not full waits for more; `None` unless one does.
    linger_until: Option<Instant>,
    /// The head up to which everything was applied.
    followed: Option<Head>,
    /// Heights below the head whose block the endpoint did not know when last asked.
    unread: BTreeSet<u64>,
    /// Whether the endpoint was found to serve the chain of the data folder.
    identified: bool,
    /// When to look again without a new head.
    look_at: Option<Instant>,
    preparing: FuturesUnordered<BoxFuture<'static, Preparation>>,
    sending: FuturesUnordered<BoxFuture<'static, Sent>>,
    /// Written, to be published once durable.
    unpublished: Vec<(Address, Update)>,
    stop: CancellationToken,
}

/// What the relayer signs with.
pub struct Keys {
    /// Receipts and refusals: each acceptance costs one signature, so this key is in the process.
    pub promises: PrivateKeySigner,
    /// Transactions: the accounts that pay for gas, each of them once.
    pub lanes: Vec<LaneSigner>,
}

impl From<PrivateKeySigner> for Keys {
    /// One key for all.
    fn from(key: PrivateKeySigner) -> Self {
        Self { promises: key.clone(), lanes: vec![Arc::new(key)] }
    }
}

/// One account that sends.
struct Lane {
    signer: LaneSigner,
    /// A batch is being prepared for it.
    busy: bool,
    /// Its transactions that are not known to be in a block; see [`Engine::count_in_flight`].
    in_flight: usize,
    /// Not before this are batches prepared for it again.
    prepare_at: Option<Instant>,
    /// Height since which a nonce below one that waits is held by nobody.
    gap_since: Option<u64>,
    /// What its last batch was to offer.
    offered: Option<Fees>,
}

/// A transaction, and what is known of it besides the record.
struct Tracked {
    record: Transaction,
    /// Counts transactions in the order in which they were signed.
    number: u64,
    /// Its messages, as the chain's events name them.
    named: Arc<[Named]>,
    /// The blocks that the receipts of its messages promise.
    promises: Vec<u64>,
    /// The moment from which none of its messages is valid, Unix seconds.
    expires: u64,
    /// Height from which it is known to be in no block.
    undecided_since: Option<u64>,
    /// Height at which the endpoint last took it; `None` when it must be sent.
    sent_at: Option<u64>,
    /// Height from which it waits at its present fees.
    waiting_since: Option<u64>,
    /// Looks in a row at which its nonce had passed without a receipt.
    missed: u32,
    /// The pool refuses it for a reason that no price cures.
    unfit: bool,
    sending: bool,
}

/// What moves to the trees meanwhile.
type Saving = BoxFuture<'static, Result<(), StoreError>>;

/// Why a message is left out for now.
#[derive(Debug, Clone, Copy)]
struct Hold {
    until: Until,
    /// How often it was held.
    times: u32,
}

#[derive(Debug, Clone, Copy)]
enum Until {
    /// The transactions up to this number are decided.
    Decided(u64),
    /// That moment.
    Moment(Instant),
}

/// The outcome of preparing a batch.
struct Preparation {
    lane: usize,
    /// The messages that were taken for it.
    taken: Vec<B256>,
    /// The number of the newest transaction in flight when it was begun: what it may have been simulated without.
    behind: Option<u64>,
    result: Result<Prepared, Unprepared>,
}

/// The outcome of handing in a transaction.
struct Sent {
    slot: Slot,
    hash: B256,
    result: Result<(), ChainError>,
}

/// Opens the queue in `store` and takes up what was under way: messages that wait go on, transactions are sent
/// again and followed. An endpoint that is away is no error; messages are taken once a head was seen.
///
/// # Errors
/// [`RelayerError`] when the store cannot be read, belongs to another chain than the endpoint serves, or has
/// transactions of a lane whose key is not among `keys`.
pub async fn open(
    store: &wia_store::Store,
    config: Config,
    chain: Arc<dyn Chain>,
    keys: impl Into<Keys>,
) -> Result<(Engine, Relayer), RelayerError> {
    config.sharing.check()?;
    let Keys { promises, lanes } = keys.into();
    let addresses: Vec<Address> = lanes.iter().map(|lane| lane.address()).collect();
    if addresses.is_empty() || addresses.iter().collect::<HashSet<_>>().len() < addresses.len() {
        return Err(RelayerError::Lanes { given: addresses });
    }
    identity::check_format(store).await?;
    let limits = Limits { live: config.max_live_items, live_per_signer: config.max_live_items_per_signer };
    let queue = Queue::open(store, limits)?;
    let batch_items = config.batch_max_items;
    let mut transactions = BTreeMap::new();
    for (number, record) in (0_u64..).zip(queue.transactions()) {
        let bound = record.slot.lane;
        if !record.is_of_stranger() && !addresses.contains(&bound) {
            return Err(RelayerError::OtherLane { bound, given: addresses });
        }
        transactions.insert(record.slot, Tracked::of(record, number, &queue)?);
    }
    let shared = Arc::new(Shared::new(config, store, chain, queue, &promises, &addresses)?);
    let lane =
        |signer| Lane { signer, busy: false, in_flight: 0, prepare_at: None, gap_since: None, offered: None };
    let mut engine = Engine {
        shared: Arc::clone(&shared),
        lanes: lanes.into_iter().map(lane).collect(),
        signed: count(transactions.len()),
        transactions,
        holds: HashMap::new(),
        taken: HashSet::new(),
        shares: HashMap::new(),
        batch_items,
        linger_until: None,
        followed: None,
        unread: BTreeSet::new(),
        identified: false,
        look_at: None,
        preparing: FuturesUnordered::new(),
        sending: FuturesUnordered::new(),
        unpublished: Vec::new(),
        stop: CancellationToken::new(),
    };
    engine.count_in_flight();
    match engine.identify().await {
        Ok(()) => {}
        Err(RelayerError::Chain(error @ ChainError::Unavailable { .. })) => {
            tracing::warn!(%error, "opened without the chain");
        }
        Err(error) => return Err(error),
    }
    Ok((engine, Relayer::new(shared)))
}

impl Engine {
    /// Runs until `stop`: then takes no new work, finishes the write in hand, and returns.
    ///
    /// # Errors
    /// When the store fails, or has no room for what happened when it is to stop; when a stored record cannot be read,
    /// or the endpoint turns out to serve another chain.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), RelayerError> {
        let (mut saving, stopped) = (None, stop.clone());
        self.stop = stop;
        let ended = self.serve(stopped, &mut saving).await;
        // Whoever opens the queue next must not find it at work.
        let saved = if saving.is_some() { ready(&mut saving).await } else { Ok(()) };
        ended.and(if_there_is_room(saved.map_err(RelayerError::from)).map(drop))
    }

    async fn serve(
        &mut self,
        stop: CancellationToken,
        saving: &mut Option<Saving>,
    ) -> Result<(), RelayerError> {
        let shared = Arc::clone(&self.shared);
        let mut heads = shared.chain.heads();
        let mut observing: Option<BoxFuture<'static, Result<Observation, ChainError>>> = None;
        let mut heads_open = true;
        let (mut save_at, mut room_at) = (Instant::now(), Instant::now());
        let idle = Duration::from_millis(shared.config.look_interval_ms);
        loop {
            self.report();
            // A submission may have found out before the loop did.
            if shared.is_away() {
                self.look_soon();
            } else if self.look_at.is_none() {
                self.look_within(idle);
            }
            if observing.is_none() {
                observing = self.observation();
            }
            if room_at <= Instant::now() && shared.queue.full().is_some() {
                room_at = Instant::now() + ROOM_AGAIN;
                if_there_is_room(shared.queue.try_room())?;
            }
            if saving.is_none() && shared.queue.is_checkpoint_due() && save_at <= Instant::now() {
                let shared = Arc::clone(&shared);
                *saving = Some(async move { shared.queue.checkpoint().await }.boxed());
            }
            self.prepare_batches()?;
            // While a look is under way, the next one has time.
            let look_at = self.look_at.filter(|_| observing.is_none());
            let prepare_at = self.lanes.iter().filter_map(|lane| lane.prepare_at);
            let wake_at = prepare_at.chain(look_at).chain(self.linger_until).min();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(sent) = self.sending.next(), if !self.sending.is_empty() => self.sent(sent),
                seen = ready(&mut observing) => {
                    observing = None;
                    self.observed(seen).await?;
                }
                Some(done) = self.preparing.next(), if !self.preparing.is_empty() => self.prepared(done).await?,
                saved = ready(saving) => {
                    *saving = None;
                    if let Err(error) = saved {
                        if !error.wants_room() {
                            return Err(error.into());
                        }
                        tracing::error!(%error, "the journal of messages could not be moved to the trees");
                        save_at = Instant::now() + ROOM_AGAIN;
                    }
                }
                changed = heads.changed(), if heads_open => heads_open = changed.is_ok(),
                () = shared.queue.work.notified() => {}
                () = sleep_until(wake_at) => {
                    let now = Instant::now();
                    for lane in &mut self.lanes {
                        lane.prepare_at = lane.prepare_at.filter(|at| *at > now);
                    }
                }
            }
        }
    }

    /// Writes changes; they are published by [`Engine::settle`]. Waits while the disk is full: nothing was written then,
    /// and whoever opens the queue next finds out again what happened.
    async fn apply(&mut self, changes: &Changes) -> Result<(), RelayerError> {
        if !changes.is_empty() {
            let updates = loop {
                match self.shared.queue.apply(changes, now()) {
                    Err(RelayerError::Store(error)) if error.wants_room() => {
                        tracing::error!(%error, "what became of messages cannot be written");
                        let room = self.stop.run_until_cancelled(tokio::time::sleep(ROOM_AGAIN));
                        room.await.ok_or(error)?;
                    }
                    outcome => break outcome?,
                }
            };
            for step in &changes.steps {
                self.holds.remove(&step.relay_id);
                if matches!(step.event, Event::Mine | Event::Skip | Event::Expire | Event::Reject) {
                    self.shares.remove(&step.relay_id);
                }
            }
            self.unpublished.extend(updates);
        }
        Ok(())
    }

    /// Makes what was written durable, then publishes it.
    async fn settle(&mut self, wrote: bool) -> Result<(), RelayerError> {
        if wrote || !self.unpublished.is_empty() {
            self.shared.queue.durable().await?;
            for (signer, update) in self.unpublished.drain(..) {
                self.shared.feed.publish(signer, &update);
            }
        }
        Ok(())
    }

    /// Follows a transaction whose record is durable.
    fn track(&mut self, record: Transaction) -> Result<(), RelayerError> {
        self.signed += 1;
        let tracked = Tracked::of(record, self.signed, &self.shared.queue)?;
        self.transactions.insert(tracked.record.slot, tracked);
        self.count_in_flight();
        Ok(())
    }

    /// Counts anew what each lane has in flight, after transactions were added, removed, mined or reorganised.
    fn count_in_flight(&mut self) {
        for index in 0..self.lanes.len() {
            let Some(address) = self.lanes.get(index).map(Lane::address) else { continue };
            let own = self.undecided_of(address).count();
            if let Some(lane) = self.lanes.get_mut(index) {
                lane.in_flight = own;
            }
            if let Some(view) = self.shared.lanes().get_mut(index) {
                view.in_flight = count(own);
            }
        }
    }

    /// The transactions of one account, by nonce.
    fn of_lane(&self, lane: Address) -> impl Iterator<Item = &Tracked> {
        let all = Slot { lane, nonce: 0 }..=Slot { lane, nonce: u64::MAX };
        self.transactions.range(all).map(|(_, tracked)| tracked)
    }

    /// Those of one account that are not known to be in a block.
    fn undecided_of(&self, lane: Address) -> impl Iterator<Item = &Tracked> {
        self.of_lane(lane).filter(|t| t.record.is_undecided())
    }

    fn undecided(&self) -> impl Iterator<Item = &Tracked> {
        self.transactions.values().filter(|t| t.record.is_undecided())
    }

    /// A lane's next nonce, given what the chain says.
    fn next_nonce(&self, lane: Address, chain_nonce: u64) -> u64 {
        next_nonce(chain_nonce, self.of_lane(lane).map(|t| t.record.slot.nonce))
    }

    fn retry_interval(&self) -> Duration {
        Duration::from_millis(self.shared.config.retry_interval_ms)
    }

    /// Looks at the chain again soon, with or without a new head.
    fn look_soon(&mut self) {
        self.look_within(self.retry_interval());
    }

    fn look_within(&mut self, time: Duration) {
        let at = Instant::now() + time;
        self.look_at = Some(self.look_at.map_or(at, |before| before.min(at)));
    }

    fn report(&self) {
        let in_flight = self.lanes.iter().map(|lane| lane.in_flight).sum();
        gauge("wia_relayer_queue_depth", self.shared.queue.depth());
        gauge("wia_relayer_live_items", self.shared.queue.live_items());
        gauge("wia_relayer_in_flight", in_flight);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Lane {
    fn address(&self) -> Address {
        self.signer.address()
    }
}

impl Tracked {
    /// What the queue knows of the record's messages goes with it.
    fn of(record: Transaction, number: u64, queue: &Queue) -> Result<Self, RelayerError> {
        let (mut named, mut promises, mut expires) = (Vec::new(), Vec::new(), 0);
        for relay_id in &record.items {
            let missing = || RelayerError::Corrupt {
                tree: "relay_items",
                key: relay_id.to_string(),
                reason: "a transaction names it, but it is not there".into(),
            };
            let item = queue.item(*relay_id)?.ok_or_else(missing)?;
            named.push(Named::of(*relay_id, &item));
            expires = expires.max(item.deadline());
            if item.transaction == Some(record.slot) {
                promises.push(item.receipt.include_by_block);
            }
        }
        Ok(Self {
            record,
            number,
            named: named.into(),
            promises,
            expires,
            undecided_since: None,
            sent_at: None,
            waiting_since: None,
            missed: 0,
            unfit: false,
            sending: false,
        })
    }
}

/// A full disk is none of the failures that end the engine.
fn if_there_is_room<T>(outcome: Result<T, RelayerError>) -> Result<Option<T>, RelayerError> {
    match outcome {
        Err(RelayerError::Store(error)) if error.wants_room() => Ok(None),
        outcome => outcome.map(Some),
    }
}

async fn ready<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn gauge(name: &'static str, value: usize) {
    metrics::gauge!(name).set(u32::try_from(value).unwrap_or(u32::MAX));
}
