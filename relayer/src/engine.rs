//! The only loop: what waits becomes transactions, transactions are followed until they are final.
//!
//! In: new heads, offered messages, answers of the chain. Out: writes to the queue, transactions, updates. The
//! questions (preparing a batch, observing the chain, sending) run beside the loop and change nothing; every
//! write happens in the loop, and is durable before anything that depends on it leaves the process. So the
//! loop may stop, or the process be killed, between any two lines: `open` takes up what the queue says.

mod dispatch;
mod follow;
mod identity;
mod note;
pub(crate) mod observe;
mod release;
mod vacate;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wia_protocol::relay::Update;

use crate::chain::{Chain, ChainError, Head};
use crate::lane::fees::Caps;
use crate::lane::nonce::next_nonce;
use crate::lane::prepare::{Prepared, Unprepared};
use crate::promise::Promises;
use crate::queue::record::{Fees, Transaction};
use crate::queue::{Changes, Limits, Queue};
use crate::shared::{Shared, count, now};
use crate::state::Event;
use crate::{Config, Relayer, RelayerError};
use observe::Observation;

/// Drives the relayer; nothing is sent or followed before [`Engine::run`]. When it ends or is dropped, the
/// [`Relayer`] takes no more submissions.
pub struct Engine {
    shared: Arc<Shared>,
    signer: PrivateKeySigner,
    /// By nonce: all that may still change.
    transactions: BTreeMap<u64, Tracked>,
    /// Messages that the next batches leave out.
    holds: HashMap<B256, Hold>,
    /// How many messages a batch may have with that one in it; see [`release`].
    shares: HashMap<B256, usize>,
    /// How many items the next batch may have: halved while batches turn out too large.
    batch_items: usize,
    /// The head up to which everything was applied.
    followed: Option<Head>,
    /// Height since which a nonce below one that waits is held by nobody.
    gap_since: Option<u64>,
    /// Heights below the head whose block the endpoint did not know when last asked.
    unread: BTreeSet<u64>,
    /// Whether the endpoint was found to serve the chain of the data folder.
    identified: bool,
    /// When to look again without a new head.
    look_at: Option<Instant>,
    /// Not before this are batches prepared again.
    prepare_at: Option<Instant>,
    /// The highest nonce in flight when the batch in preparation was begun: what it may have been simulated
    /// without.
    prepared_behind: Option<u64>,
    /// What the last batch was to offer.
    offered: Option<Fees>,
    sending: FuturesUnordered<BoxFuture<'static, Sent>>,
    /// Written, to be published once durable.
    unpublished: Vec<(Address, Update)>,
}

/// A transaction, and what is known of it besides the record.
struct Tracked {
    record: Transaction,
    /// The blocks that the receipts of its messages promise.
    promises: Vec<u64>,
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

/// Why a message is left out for now.
#[derive(Debug, Clone, Copy)]
struct Hold {
    until: Until,
    /// How often it was held.
    times: u32,
}

#[derive(Debug, Clone, Copy)]
enum Until {
    /// The transactions up to this nonce are decided.
    Decided(u64),
    /// That moment.
    Moment(Instant),
}

/// The outcome of handing in a transaction.
struct Sent {
    nonce: u64,
    hash: B256,
    result: Result<(), ChainError>,
}

/// Opens the queue in `store` and takes up what was under way: messages that wait go on, transactions are sent
/// again and followed. An endpoint that is away is no error; messages are taken once a head was seen.
///
/// # Errors
/// [`RelayerError`] when the store cannot be read, belongs to another chain than the endpoint serves, or has
/// transactions of another key than `signer`.
pub async fn open(
    store: &wia_store::Store,
    config: Config,
    chain: Arc<dyn Chain>,
    signer: PrivateKeySigner,
) -> Result<(Engine, Relayer), RelayerError> {
    config.sharing.check()?;
    let limits = Limits { live: config.max_live_items, live_per_signer: config.max_live_items_per_signer };
    let queue = Queue::open(store, limits)?;
    let mut transactions = BTreeMap::new();
    for record in queue.transactions()? {
        let mut promises = Vec::new();
        for relay_id in &record.items {
            let item = queue.item(*relay_id)?.filter(|item| item.transaction == Some(record.nonce));
            promises.extend(item.map(|item| item.receipt.include_by_block));
        }
        transactions.insert(record.nonce, Tracked::new(record, promises));
    }
    identity::bind_lane(store, signer.address(), transactions.is_empty())?;
    let promises = Promises::new(signer.clone(), config.deployment.chain_id);
    let batch_items = config.batch_max_items;
    let shared = Arc::new(Shared::new(config, store, chain, queue, promises));
    let mut engine = Engine {
        shared: Arc::clone(&shared),
        signer,
        transactions,
        holds: HashMap::new(),
        shares: HashMap::new(),
        batch_items,
        followed: None,
        gap_since: None,
        unread: BTreeSet::new(),
        identified: false,
        look_at: None,
        prepare_at: None,
        prepared_behind: None,
        offered: None,
        sending: FuturesUnordered::new(),
        unpublished: Vec::new(),
    };
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
    /// When the store fails, a stored record cannot be read, or the endpoint turns out to serve another chain.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), RelayerError> {
        let shared = Arc::clone(&self.shared);
        let mut heads = shared.chain.heads();
        let mut preparing: Option<BoxFuture<'static, Result<Prepared, Unprepared>>> = None;
        let mut observing: Option<BoxFuture<'static, Result<Observation, ChainError>>> = None;
        let mut heads_open = true;
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
            if preparing.is_none() {
                preparing = self.preparation()?;
            }
            // While a look is under way, the next one has time.
            let look_at = self.look_at.filter(|_| observing.is_none());
            let wake_at = [look_at, self.prepare_at].into_iter().flatten().min();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(sent) = self.sending.next(), if !self.sending.is_empty() => self.sent(sent),
                seen = ready(&mut observing) => {
                    observing = None;
                    self.observed(seen).await?;
                }
                prepared = ready(&mut preparing) => {
                    preparing = None;
                    self.prepared(prepared).await?;
                }
                changed = heads.changed(), if heads_open => heads_open = changed.is_ok(),
                () = shared.queue.work.notified() => {}
                () = sleep_until(wake_at) => self.prepare_at = self.prepare_at.filter(|at| *at > Instant::now()),
            }
        }
    }

    /// Writes changes; they are published by [`Engine::settle`].
    fn apply(&mut self, changes: &Changes) -> Result<(), RelayerError> {
        if !changes.is_empty() {
            let updates = self.shared.queue.apply(changes, now())?;
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

    /// The lane's next nonce, given what the chain says.
    fn next_nonce(&self, chain_nonce: u64) -> u64 {
        next_nonce(chain_nonce, self.transactions.keys().copied())
    }

    fn undecided(&self) -> impl Iterator<Item = &Tracked> {
        self.transactions.values().filter(|t| t.record.is_undecided())
    }

    fn caps(&self) -> Caps {
        let config = &self.shared.config;
        Caps { max_fee: config.max_fee_per_gas, priority: config.max_priority_fee_per_gas }
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
        let in_flight = self.undecided().count();
        self.shared.lane().in_flight = count(in_flight);
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

impl Tracked {
    fn new(record: Transaction, promises: Vec<u64>) -> Self {
        Self {
            record,
            promises,
            undecided_since: None,
            sent_at: None,
            waiting_since: None,
            missed: 0,
            unfit: false,
            sending: false,
        }
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
