//! From what waits to the pool: choose, prepare, sign, write down, send; and raise the fees of what is stuck.

use alloy::primitives::{Address, B256};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::time::Instant;
use wia_protocol::relay::State;

use super::{Engine, Hold, Sent, Tracked, Until};
use crate::RelayerError;
use crate::chain::{ChainError, Head};
use crate::lane::batch::{BatchLimits, Candidate, next_batch};
use crate::lane::fees::{offer, raise};
use crate::lane::pool::{self, Refusal};
use crate::lane::prepare::{Entry, Failure, Prepared, Terms, Unprepared, prepare};
use crate::lane::room;
use crate::queue::Changes;
use crate::queue::record::{Detail, Transaction};
use crate::shared::now;
use crate::state::Event;

/// How many batches' worth of waiting messages one batch is chosen from.
const LOOK_AHEAD_BATCHES: usize = 4;

impl Engine {
    /// Begins to prepare the next batch, when there is one and the lane has room.
    pub(super) fn preparation(
        &mut self,
    ) -> Result<Option<BoxFuture<'static, Result<Prepared, Unprepared>>>, RelayerError> {
        let config = &self.shared.config;
        let busy = self.undecided().count() >= config.max_in_flight;
        if busy || !self.identified || self.shared.is_away() || self.prepare_at.is_some() {
            return Ok(None);
        }
        let (Some(head), Some(present)) = (self.shared.head(), self.shared.present()) else {
            return Ok(None);
        };
        let now = Instant::now();
        let mut waiting = self.shared.queue.waiting(LOOK_AHEAD_BATCHES * config.batch_max_items, |c| {
            c.deadline > present.timestamp
                && c.valid_after < present.timestamp
                && !self.is_held(c, now)
                && self.shared.others.may_take(c.relay_id, c.include_by_block, head.number)
        });
        for candidate in &mut waiting {
            candidate.share = self.shares.get(&candidate.relay_id).copied().unwrap_or(usize::MAX);
        }
        let gas = room::target(config.batch_gas_target, head.gas_limit);
        let limits = BatchLimits { items: self.batch_items, gas };
        let mut entries = Vec::new();
        for candidate in next_batch(&waiting, limits) {
            let item = self.shared.queue.item(candidate.relay_id)?;
            if let Some(item) = item.filter(|item| item.state() == State::Accepted) {
                entries.push(Entry { candidate, item });
            }
        }
        if entries.is_empty() {
            // Nothing that could be prepared: no reason to complain of the last attempt.
            self.shared.lane().unprepared = None;
            return Ok(None);
        }
        self.prepared_behind = self.undecided().map(|t| t.record.nonce).max();
        let terms = Terms {
            lane: self.signer.address(),
            base_fee: head.base_fee_per_gas,
            caps: self.caps(),
            gas_cap: room::cap(head.gas_limit),
        };
        Ok(Some(prepare(Arc::clone(&self.shared.chain), terms, entries).boxed()))
    }

    fn is_held(&self, candidate: &Candidate, now: Instant) -> bool {
        match self.holds.get(&candidate.relay_id).map(|hold| hold.until) {
            None => false,
            Some(Until::Moment(moment)) => moment > now,
            Some(Until::Decided(nonce)) => self.undecided().any(|t| t.record.nonce <= nonce),
        }
    }

    /// Carries out what was prepared.
    pub(super) async fn prepared(
        &mut self,
        prepared: Result<Prepared, Unprepared>,
    ) -> Result<(), RelayerError> {
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(reason) => {
                self.unprepared(&reason);
                return Ok(());
            }
        };
        self.shared.lane().unprepared = None;
        self.batch_items = self.shared.config.batch_max_items;
        // Meanwhile a head may have expired one of them: what was simulated is then not what would be sent.
        for entry in &prepared.entries {
            if self.state_of(entry.relay_id())? != Some(State::Accepted) {
                return Ok(());
            }
        }
        let mut changes = Changes::default();
        self.offered = Some(prepared.fees);
        let nonce = self.next_nonce(prepared.chain_nonce);
        self.fail(&prepared, nonce, &mut changes)?;
        if prepared.entries.is_empty() {
            self.apply(&changes)?;
            return self.settle(true).await;
        }
        let promises = prepared.entries.iter().map(|e| e.item.receipt.include_by_block).collect();
        let Prepared { contract, entries, input, gas_limit, fees, .. } = prepared;
        let items = entries.iter().map(Entry::relay_id).collect();
        let mut record = Transaction::unsigned(nonce, contract, items, input, gas_limit, fees);
        self.sign_version(&mut record)?;
        let (hash, items) = (record.hash(), record.items.len());
        for relay_id in &record.items {
            changes.step(*relay_id, Event::Claim, None, Detail::default());
            let detail = Detail { tx_hash: Some(hash), ..Detail::default() };
            changes.step(*relay_id, Event::Submit, Some(nonce), detail);
        }
        metrics::histogram!("wia_relayer_batch_items").record(u32::try_from(items).unwrap_or(u32::MAX));
        tracing::info!(nonce, %hash, items, gas_limit, "signed a batch");
        changes.put.push(record.clone());
        // The order matters: a nonce is taken by what is on disk, and only what is on disk is sent.
        self.apply(&changes)?;
        self.settle(true).await?;
        let head = self.shared.head().map_or(0, |head| head.number);
        self.shared.claim(&record.items, head)?;
        self.transactions.insert(nonce, Tracked::new(record, promises));
        self.send(nonce);
        Ok(())
    }

    fn unprepared(&mut self, reason: &Unprepared) {
        if let Unprepared::Chain(ChainError::Unavailable { .. }) = reason {
            self.shared.set_away(true);
            self.look_soon();
            return;
        }
        if let Unprepared::TooLarge = reason {
            self.batch_items = (self.batch_items / 2).max(1);
            tracing::info!(items = self.batch_items, "the batch was too large; a smaller one is tried");
            return;
        }
        tracing::warn!(%reason, "no batch could be prepared");
        self.shared.lane().unprepared = Some(reason.to_string());
        self.prepare_at = Some(Instant::now() + self.retry_interval());
    }

    /// Ends or holds the messages that the simulation failed. `nonce` is that of this batch, if it is sent.
    fn fail(&mut self, prepared: &Prepared, nonce: u64, changes: &mut Changes) -> Result<(), RelayerError> {
        let in_flight = self.prepared_behind;
        let behind = if prepared.entries.is_empty() { in_flight } else { in_flight.max(Some(nonce)) };
        for (entry, failure) in &prepared.failed {
            let relay_id = entry.relay_id();
            if self.state_of(relay_id)? != Some(State::Accepted) {
                continue;
            }
            let times = self.holds.get(&relay_id).map_or(0, |hold| hold.times) + 1;
            let soon = Until::Moment(Instant::now() + self.retry_interval());
            let until = match (failure, in_flight, behind) {
                (Failure::NotYetValid, ..) => soon,
                (Failure::Expired, ..) => {
                    let reason = Some("validBefore has passed".to_owned());
                    let detail = Detail { reason, ..Detail::default() };
                    changes.step(relay_id, Event::Expire, None, detail);
                    continue;
                }
                // It may need what this batch or one in flight brings, or a message that comes in just behind it
                // (one signer pays the next): it is tried again after them.
                (Failure::Refused { .. }, _, behind)
                    if times < self.refusal_tries(entry.item.message.from) =>
                {
                    behind.map_or(soon, Until::Decided)
                }
                (Failure::Refused { block, reason }, ..) => {
                    self.reject(relay_id, *block, reason.clone(), changes)?;
                    continue;
                }
                (Failure::Blocked, _, Some(last)) => Until::Decided(last),
                (Failure::Blocked, _, None) if times < self.shared.config.max_attempts => soon,
                (Failure::Blocked, _, None) => {
                    let block = self.shared.head().map_or(0, |h| h.number);
                    let reason = "fails in a batch of its own, without an error when alone";
                    self.reject(relay_id, block, reason.into(), changes)?;
                    continue;
                }
            };
            if let Until::Moment(moment) = until {
                self.look_at = Some(self.look_at.map_or(moment, |before| before.min(moment)));
            }
            self.holds.insert(relay_id, Hold { until, times });
        }
        Ok(())
    }

    /// How often a message of that signer may fail in simulation. More often while somebody pays the signer; not
    /// without end, because two who pay each other out of nothing would wait for ever.
    fn refusal_tries(&self, signer: Address) -> u32 {
        let config = &self.shared.config;
        if self.shared.queue.is_paid(signer) { config.refusal_tries_if_paid } else { config.refusal_tries }
    }

    /// Ends a message with a signed refusal.
    pub(super) fn reject(
        &self,
        relay_id: B256,
        block: u64,
        reason: String,
        changes: &mut Changes,
    ) -> Result<(), RelayerError> {
        let refusal = self.shared.promises.refusal(relay_id, now(), block, reason.clone())?;
        let detail = Detail { reason: Some(reason), refusal: Some(refusal), ..Detail::default() };
        changes.step(relay_id, Event::Reject, None, detail);
        Ok(())
    }

    pub(super) fn state_of(&self, relay_id: B256) -> Result<Option<State>, RelayerError> {
        Ok(self.shared.queue.item(relay_id)?.map(|item| item.state()))
    }

    /// Hands the newest version of a transaction to the endpoint.
    pub(super) fn send(&mut self, nonce: u64) {
        let Some(tracked) = self.transactions.get_mut(&nonce) else { return };
        if tracked.sending {
            return;
        }
        tracked.sending = true;
        let (hash, raw) = (tracked.record.hash(), tracked.record.raw.clone());
        let chain = Arc::clone(&self.shared.chain);
        self.sending.push(async move { Sent { nonce, hash, result: chain.send_raw(&raw).await } }.boxed());
    }

    /// What the endpoint said. Whatever it was, the record on disk is the truth: the transaction is sent again
    /// until it is mined, or its nonce has passed without it.
    pub(super) fn sent(&mut self, Sent { nonce, hash, result }: Sent) {
        let height = self.shared.head().map_or(0, |head| head.number);
        let Some(tracked) = self.transactions.get_mut(&nonce) else { return };
        tracked.sending = false;
        if hash != tracked.record.hash() {
            // Replaced meanwhile: it is the newer version that must be known.
            tracked.sent_at = None;
            self.look_soon();
            return;
        }
        match result {
            Ok(()) => {
                tracked.sent_at = Some(height);
                tracked.waiting_since.get_or_insert(height);
                self.shared.lane().unsent = None;
                tracing::debug!(nonce, %hash, "sent");
            }
            Err(ChainError::Unavailable { method, reason }) => {
                tracing::debug!(nonce, %hash, method, reason, "not sent");
                self.shared.set_away(true);
                self.look_soon();
            }
            Err(error) => self.refused_by_pool(nonce, hash, height, &error.to_string()),
        }
    }

    fn refused_by_pool(&mut self, nonce: u64, hash: B256, height: u64, reason: &str) {
        let Some(tracked) = self.transactions.get_mut(&nonce) else { return };
        let refusal = pool::read(reason);
        if refusal != Refusal::Known {
            tracing::warn!(nonce, %hash, reason, "the endpoint did not take a transaction");
        }
        // Raising fees helps against an underpriced transaction, not against an empty account.
        match refusal {
            Refusal::Known => {
                self.shared.lane().unsent = None;
                tracked.sent_at = Some(height);
                tracked.waiting_since.get_or_insert(height);
                return;
            }
            // Mined, or the nonce went to something else: the next look tells.
            Refusal::NoncePassed => tracked.sent_at = Some(height),
            Refusal::Unfit if !tracked.record.is_empty() => tracked.unfit = true,
            Refusal::Unfit | Refusal::Price => {
                tracked.waiting_since.get_or_insert(height);
            }
            Refusal::Funds => {}
        }
        if refusal != Refusal::NoncePassed {
            self.shared.lane().unsent = Some(format!("the last transaction was not taken: {reason}"));
        }
        self.look_soon();
    }

    /// Sends again what the endpoint may not have, and raises the fees of the one that all others wait for.
    pub(super) async fn resend(&mut self, head: Head, chain_nonce: u64) -> Result<(), RelayerError> {
        self.vacate(head, chain_nonce).await?;
        let config = &self.shared.config;
        let (again, stale) = (config.rebroadcast_after_blocks, config.replace_after_blocks);
        let older = |since: u64, blocks: u64| head.number >= since.saturating_add(blocks);
        let first = self.undecided().find(|t| t.record.nonce >= chain_nonce);
        let stuck = first.filter(|t| t.waiting_since.is_some_and(|since| older(since, stale)));
        if let Some(nonce) = stuck.map(|t| t.record.nonce) {
            self.replace(nonce, head).await?;
        }
        let due: Vec<u64> = self
            .undecided()
            .filter(|t| t.record.nonce >= chain_nonce && t.sent_at.is_none_or(|at| older(at, again)))
            .map(|t| t.record.nonce)
            .collect();
        due.into_iter().for_each(|nonce| self.send(nonce));
        Ok(())
    }

    /// Signs the same transaction with higher fees, under the same nonce: only one version can be mined.
    async fn replace(&mut self, nonce: u64, head: Head) -> Result<(), RelayerError> {
        let caps = self.caps();
        let Some(tracked) = self.transactions.get(&nonce) else { return Ok(()) };
        let before = tracked.record.fees;
        let fresh = offer(head.base_fee_per_gas, before.priority.unwrap_or(before.max_fee), caps).ok();
        let Some(fees) = raise(before, fresh, caps) else {
            tracing::warn!(nonce, "a transaction is stuck, and the fee cap forbids raising its fees");
            return Ok(());
        };
        let mut record = tracked.record.clone();
        record.fees = fees;
        self.sign_version(&mut record)?;
        let hash = record.hash();
        tracing::info!(nonce, %hash, max_fee = fees.max_fee, "raised the fees of a stuck transaction");
        let mut changes = Changes::default();
        for relay_id in &record.items {
            let item = self.shared.queue.item(*relay_id)?;
            if item.is_some_and(|i| i.transaction == Some(nonce) && i.state() == State::Submitted) {
                let detail = Detail { tx_hash: Some(hash), ..Detail::default() };
                changes.step(*relay_id, Event::Submit, Some(nonce), detail);
            }
        }
        changes.put.push(record.clone());
        self.apply(&changes)?;
        self.settle(true).await?;
        if let Some(tracked) = self.transactions.get_mut(&nonce) {
            tracked.record = record;
            tracked.sent_at = None;
            tracked.waiting_since = Some(head.number);
        }
        Ok(())
    }
}
