//! Sends one transaction after the other: signed, written to the journal, broadcast, waited for; in that order.

use std::time::{Duration, Instant};

use alloy::eips::eip2718::Encodable2718;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes};
use alloy::rpc::types::TransactionRequest;

use super::DeployError;
use super::chain::{Chain, Fees};
use super::journal::{End, Journal, Sent};
use super::network::Network;
use super::patience::Patience;
use super::plan::with_margin;
use super::signer::Deployer;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a nonce must have been used without a receipt of ours before it counts as taken by somebody else. Nodes tell
/// the account's new nonce a moment before the receipt, those behind a load balancer some moments.
const RECEIPT_LAG: Duration = Duration::from_secs(10);

/// One account's transactions on one chain.
pub(crate) struct Sender<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) network: &'a Network,
    pub(crate) deployer: &'a Deployer,
    pub(crate) journal: Journal,
    /// Where progress goes, a line each.
    pub(crate) say: &'a dyn Fn(&str),
    /// What this run saw mined.
    pub(crate) mined: Vec<Sent>,
}

/// For what the chain does.
fn patience(timeout_s: u64) -> Patience {
    Patience::of(Duration::from_secs(timeout_s), FIRST_PAUSE, LONGEST_PAUSE)
}

impl Sender<'_> {
    /// Brings what earlier runs left to its end: the same bytes are broadcast again and waited for. With `replace`,
    /// what is not mined yet is signed again for the same nonce with the fees of now, so that either of the two can
    /// take effect and never both.
    pub(crate) async fn settle(&mut self, replace: bool) -> Result<(), DeployError> {
        while let Some(first) = self.journal.unsettled().first().cloned() {
            (self.say)(&format!("{}: sent by an earlier run as {}", first.what, first.hash));
            if replace && first.from == self.deployer.address && self.mined_as(&first).await?.is_none() {
                self.replace(&first).await?;
            }
            for sent in self.of_nonce(&first) {
                self.chain.broadcast(&sent.what, &sent.raw).await?;
            }
            self.wait_for(&first).await?;
        }
        Ok(())
    }

    /// Sends a call and waits until it is mined.
    pub(crate) async fn send(&mut self, what: &str, to: Address, input: Bytes) -> Result<(), DeployError> {
        let estimated = self.chain.gas(Some(self.deployer.address), to, input.clone()).await?;
        let gas = estimated.map_err(|reason| DeployError::Simulation { what: what.to_owned(), reason })?;
        let fees = self.chain.fees(self.network).await?;
        let nonce = self.chain.next_nonce(self.deployer.address, true).await?;
        let sent = self.sign(what, to, input, nonce, with_margin(gas), fees).await?;
        self.journal.add(sent.clone())?;
        self.chain.broadcast(what, &sent.raw).await?;
        (self.say)(&format!("{what}: sent as {}", sent.hash));
        match self.wait_for(&sent).await? {
            End::Mined(_) => Ok(()),
            End::Reverted(_) => Err(DeployError::Reverted { what: what.to_owned(), hash: sent.hash }),
            End::Superseded => Err(DeployError::Superseded { what: what.to_owned(), nonce: sent.nonce }),
        }
    }

    /// Waits until all that this run saw mined is buried deep enough, and sends again what a reorganisation dropped.
    /// Returns the block of each.
    pub(crate) async fn confirm(&self) -> Result<Vec<(Sent, u64)>, DeployError> {
        let wanted = self.network.confirmations;
        let mut patience = patience(self.network.receipt_timeout_s);
        let mut confirmed = Vec::new();
        for sent in &self.mined {
            loop {
                let block = self.chain.receipt(sent.hash).await?.and_then(|r| r.block_number);
                match block {
                    Some(block) if self.chain.head().await? + 1 >= block + wanted => {
                        confirmed.push((sent.clone(), block));
                        break;
                    }
                    Some(_) => {}
                    None => self.chain.broadcast(&sent.what, &sent.raw).await?,
                }
                if !patience.wait().await {
                    return Err(DeployError::NotConfirmed {
                        block: block.unwrap_or_default(),
                        confirmations: wanted,
                        timeout_s: self.network.receipt_timeout_s,
                    });
                }
            }
        }
        Ok(confirmed)
    }

    async fn sign(
        &self,
        what: &str,
        to: Address,
        input: Bytes,
        nonce: u64,
        gas_limit: u64,
        fees: Fees,
    ) -> Result<Sent, DeployError> {
        let request = TransactionRequest::default()
            .with_from(self.deployer.address)
            .with_to(to)
            .with_input(input)
            .with_nonce(nonce)
            .with_chain_id(self.network.chain_id)
            .with_gas_limit(gas_limit);
        let signed = self.deployer.sign(fees.offer(request)).await?;
        Ok(Sent {
            what: what.to_owned(),
            from: self.deployer.address,
            to,
            nonce,
            hash: *signed.tx_hash(),
            raw: signed.encoded_2718().into(),
            end: None,
        })
    }

    /// Signs `old` once more with higher fees. The journal keeps both.
    async fn replace(&mut self, old: &Sent) -> Result<(), DeployError> {
        let terms = old.terms()?;
        let fees = terms.fees.raised_over(self.chain.fees(self.network).await?);
        let new = self.sign(&old.what, old.to, terms.input, old.nonce, terms.gas_limit, fees).await?;
        (self.say)(&format!("{}: replaced by {}", old.what, new.hash));
        self.journal.add(new)
    }

    /// Unsettled transactions of the same sender and nonce, of which at most one can be mined.
    fn of_nonce(&self, sent: &Sent) -> Vec<Sent> {
        let mut all = self.journal.unsettled();
        all.retain(|t| t.from == sent.from && t.nonce == sent.nonce);
        all
    }

    async fn wait_for(&mut self, sent: &Sent) -> Result<End, DeployError> {
        let mut patience = patience(self.network.receipt_timeout_s);
        let mut used_since = None;
        loop {
            let used = self.chain.next_nonce(sent.from, false).await? > sent.nonce;
            if let Some((hash, end)) = self.mined_as(sent).await? {
                return self.note(sent, hash, end);
            }
            used_since = if used { used_since.or_else(|| Some(Instant::now())) } else { None };
            if used_since.is_some_and(|since: Instant| since.elapsed() >= RECEIPT_LAG) {
                return self.note(sent, sent.hash, End::Superseded);
            }
            if !patience.wait().await {
                return Err(DeployError::NotMined {
                    what: sent.what.clone(),
                    hash: sent.hash,
                    nonce: sent.nonce,
                    from: sent.from,
                    timeout_s: self.network.receipt_timeout_s,
                    journal: self.journal.place(),
                });
            }
        }
    }

    /// Which of the transactions with the nonce of `sent` was mined, and how it ended there.
    async fn mined_as(&self, sent: &Sent) -> Result<Option<(B256, End)>, DeployError> {
        for candidate in self.of_nonce(sent) {
            let receipt = self.chain.receipt(candidate.hash).await?;
            if let Some((receipt, block)) = receipt.and_then(|r| r.block_number.map(|b| (r, b))) {
                let end = if receipt.status() { End::Mined(block) } else { End::Reverted(block) };
                return Ok(Some((candidate.hash, end)));
            }
        }
        Ok(None)
    }

    fn note(&mut self, sent: &Sent, hash: B256, end: End) -> Result<End, DeployError> {
        for candidate in self.of_nonce(sent) {
            let own = candidate.hash == hash;
            self.journal.ended(candidate.hash, if own { end } else { End::Superseded })?;
            if own && matches!(end, End::Mined(_)) {
                self.mined.push(candidate);
            }
        }
        (self.say)(&match end {
            End::Mined(block) => format!("{}: mined in block {block}", sent.what),
            End::Reverted(block) => format!("{}: reverted in block {block}", sent.what),
            End::Superseded => format!("{}: another transaction took its nonce", sent.what),
        });
        Ok(end)
    }
}
