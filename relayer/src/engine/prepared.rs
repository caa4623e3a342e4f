//! What becomes of a batch that was prepared: signed, written down and sent; or held, ended, tried again later.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use tokio::time::Instant;
use wia_protocol::relay::State;

use super::{Engine, Hold, Preparation, Until};
use crate::RelayerError;
use crate::chain::ChainError;
use crate::lane::prepare::{Entry, Failure, Prepared, Unprepared};
use crate::lane::sign::{Draft, Unsigned, sign};
use crate::queue::Changes;
use crate::queue::record::{Detail, Slot, Transaction};
use crate::shared::now;
use crate::state::Event;

impl Engine {
    /// Carries out what was prepared.
    pub(super) async fn prepared(&mut self, done: Preparation) -> Result<(), RelayerError> {
        let Preparation { lane, taken, behind, result } = done;
        for relay_id in &taken {
            self.taken.remove(relay_id);
        }
        if let Some(account) = self.lanes.get_mut(lane) {
            account.busy = false;
        }
        match result {
            Ok(prepared) => self.submit(lane, behind, prepared).await,
            Err(reason) => {
                self.unprepared(lane, &reason);
                Ok(())
            }
        }
    }

    async fn submit(
        &mut self,
        lane: usize,
        behind: Option<u64>,
        prepared: Prepared,
    ) -> Result<(), RelayerError> {
        self.unprepared_because(lane, None);
        self.batch_items = self.shared.config.batch_max_items;
        // Meanwhile a head may have expired one of them: what was simulated is then not what would be sent.
        for entry in &prepared.entries {
            if self.state_of(entry.relay_id())? != Some(State::Accepted) {
                return Ok(());
            }
        }
        let Some(account) = self.lanes.get_mut(lane) else { return Ok(()) };
        account.offered = Some(prepared.fees);
        let address = account.address();
        let slot = Slot { lane: address, nonce: self.next_nonce(address, prepared.chain_nonce) };
        let mut changes = Changes::default();
        self.fail(&prepared, behind, &mut changes)?;
        if prepared.entries.is_empty() {
            self.apply(&changes).await?;
            return self.settle(true).await;
        }
        let Prepared { contract, entries, input, gas_limit, fees, .. } = prepared;
        let items = entries.iter().map(Entry::relay_id).collect();
        // What nobody else holds is changed where it is.
        drop(entries);
        let mut record = Transaction::unsigned(slot, contract, items, input, gas_limit, fees);
        if let Err(reason) = self.sign_version(&mut record).await {
            self.unsigned(lane, &reason);
            self.apply(&changes).await?;
            return self.settle(true).await;
        }
        let (hash, items) = (record.hash(), record.items.len());
        for relay_id in &record.items {
            changes.step(*relay_id, Event::Claim, None, Detail::default());
            let detail = Detail { tx_hash: Some(hash), ..Detail::default() };
            changes.step(*relay_id, Event::Submit, Some(slot), detail);
        }
        metrics::histogram!("wia_relayer_batch_items").record(u32::try_from(items).unwrap_or(u32::MAX));
        tracing::info!(lane = %slot.lane, nonce = slot.nonce, %hash, items, gas_limit, "signed a batch");
        changes.put.push(record.clone());
        // The order matters: a nonce is taken by what is on disk, and only what is on disk is sent.
        self.apply(&changes).await?;
        self.settle(true).await?;
        let head = self.shared.head().map_or(0, |head| head.number);
        self.shared.claim(&record.items, head);
        self.track(record)?;
        self.send(slot);
        Ok(())
    }

    fn unprepared(&mut self, lane: usize, reason: &Unprepared) {
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
        self.wait(lane, reason.to_string(), "no batch could be prepared");
    }

    /// The batch is not signed: its messages stay where they are, and its nonce is taken by nothing.
    fn unsigned(&mut self, lane: usize, reason: &Unsigned) {
        self.wait(lane, reason.to_string(), "a batch could not be signed");
    }

    fn wait(&mut self, lane: usize, reason: String, what: &'static str) {
        let prepare_at = Instant::now() + self.retry_interval();
        if let Some(account) = self.lanes.get_mut(lane) {
            tracing::warn!(lane = %account.address(), reason, what);
            account.prepare_at = Some(prepare_at);
        }
        self.unprepared_because(lane, Some(reason));
    }

    /// Ends or holds the messages that the simulation failed. `in_flight` is the newest transaction that it may have
    /// been made without.
    fn fail(
        &mut self,
        prepared: &Prepared,
        in_flight: Option<u64>,
        changes: &mut Changes,
    ) -> Result<(), RelayerError> {
        // The number that this batch will have, if it is sent.
        let behind = if prepared.entries.is_empty() { in_flight } else { Some(self.signed + 1) };
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
                (Failure::Executed(execution), ..) => {
                    self.adopt_stranger((relay_id, &entry.item), execution, changes)?;
                    continue;
                }
                // It may need what this batch or one in flight brings, or a message that comes in just behind it
                // (one signer pays the next): it is tried again after them.
                (Failure::Refused { .. }, _, behind)
                    if times < self.refusal_tries(entry.item.message.signer()) =>
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
        let refusal = self.shared.promises.refusal(relay_id, now(), block, reason.clone());
        let detail = Detail { reason: Some(reason), refusal: Some(refusal), ..Detail::default() };
        changes.step(relay_id, Event::Reject, None, detail);
        Ok(())
    }

    pub(super) fn state_of(&self, relay_id: B256) -> Result<Option<State>, RelayerError> {
        Ok(self.shared.queue.item(relay_id)?.map(|item| item.state()))
    }

    /// Signs the record as it stands, as its newest version.
    pub(super) async fn sign_version(&mut self, record: &mut Transaction) -> Result<(), Unsigned> {
        let Slot { lane, nonce } = record.slot;
        let lane = self.lanes.iter().find(|known| known.address() == lane);
        let signer = &lane.ok_or(Unsigned::OtherAccount(record.slot.lane))?.signer;
        let draft = Draft {
            chain_id: self.shared.config.deployment.chain_id,
            nonce,
            to: if record.is_empty() { record.slot.lane } else { record.contract },
            input: &record.input,
            gas_limit: record.gas_limit,
            fees: record.fees,
        };
        let patience = Duration::from_millis(self.shared.config.sign_timeout_ms);
        let (hash, raw) = sign(signer, draft, patience).await?;
        record.hashes.push(hash);
        record.raw = raw;
        Ok(())
    }
}
