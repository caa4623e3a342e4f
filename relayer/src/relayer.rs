//! The relayer's API, the same behind every door.
//!
//! In: submissions, questions, watches. Out: receipts, states, steps. A handle knows nothing of transports.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::time::Instant;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::batch::{Answer, Batch, BatchResult};
use wia_protocol::relay::{Claim, Info, State, Status, StatusQuery, Submission, Submitted, Watch, method};

use crate::feed::Kind;
use crate::intake::{self, internal};
use crate::shared::{Shared, lock};
use crate::{ClaimNews, Health, Origin, Outgoing, Recent, Updates};

/// How many messages of one batch are taken at a time. They share their fsyncs, and so many questions to the chain.
const BATCH_AT_ONCE: usize = 128;

/// A handle to the relayer; clones share it.
#[derive(Clone)]
pub struct Relayer {
    shared: Arc<Shared>,
}

impl Relayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes a message: verified, on disk, with a signed receipt. A message that is under way or executed
    /// already is answered with its stored receipt and present state; one that was skipped, rejected or has
    /// expired is verified anew.
    ///
    /// # Errors
    /// -32602 naming the field that is wrong (`chainId`, `contract`, `action`, `validAfter`, `validBefore`, `to`,
    /// `signature`, `nonce`, a member that is not signed); -32000 with `retryAfter` in seconds for limits and conditions that pass.
    pub async fn submit(&self, submission: Submission, origin: &Origin) -> Result<Submitted, RpcError> {
        let told = self.shared.others.want(origin).then(|| submission.clone());
        let submitted = intake::submit(&self.shared, submission, origin).await?;
        if let Some(submission) = told.filter(|_| submitted.status == State::Accepted) {
            self.shared.others.tell(submission);
        }
        Ok(submitted)
    }

    /// Takes many, each as [`Relayer::submit`] would: one that is refused costs the others nothing. An element that
    /// could not be read brings its refusal along. The answers stand in the order of the messages.
    pub async fn submit_all(
        &self,
        messages: Vec<Result<Submission, RpcError>>,
        origin: &Origin,
    ) -> Vec<Result<Submitted, RpcError>> {
        let submit = |message: Result<Submission, RpcError>| {
            let (relayer, origin) = (self.clone(), origin.clone());
            async move { relayer.submit(message?, &origin).await }
        };
        stream::iter(messages.into_iter().map(submit)).buffered(BATCH_AT_ONCE).collect().await
    }

    /// Where a message stands, with its history. With [`StatusQuery::after`], waits for a later step; while the
    /// places of those who wait are taken, the answer comes at once and says what there is.
    ///
    /// # Errors
    /// -32003 naming `relayId` when it was never accepted here, or is forgotten
    /// ([`Config::failed_retention_s`](crate::Config::failed_retention_s),
    /// [`Config::final_retention_s`](crate::Config::final_retention_s)).
    pub async fn status(&self, query: StatusQuery, origin: &Origin) -> Result<Status, RpcError> {
        let StatusQuery { relay_id, after, wait_ms } = query;
        let Some(after) = after.filter(|_| wait_ms > 0) else { return self.present(relay_id).await };
        let wait = Duration::from_millis(wait_ms.min(StatusQuery::MAX_WAIT_MS));
        let deadline = Instant::now() + wait;
        // Registered before the record is read, so that no step falls between.
        let updates = self.shared.feed.register(Watch::Ids(vec![relay_id]), Kind::Wait, origin);
        let status = self.present(relay_id).await?;
        let Ok(mut updates) = updates else { return Ok(status) };
        if status.last.sequence > after {
            return Ok(status);
        }
        while let Ok(Some(update)) = tokio::time::timeout_at(deadline, updates.next()).await {
            if update.sequence > after {
                break;
            }
        }
        self.present(relay_id).await
    }

    async fn present(&self, relay_id: B256) -> Result<Status, RpcError> {
        let item = self.shared.queue.settled(relay_id).await.map_err(internal)?;
        let status = item.and_then(|item| item.status(relay_id));
        status.ok_or_else(|| {
            let reason =
                "no such message is known here: it was never accepted, or ended long ago; submit it first";
            RpcError::not_found("relayId", reason)
        })
    }

    /// Every step of what is named: first the history (of a signer: of the messages not yet final), then what
    /// happens. A message that is not known yet may be named; its steps come once it is accepted.
    ///
    /// # Errors
    /// -32000 when there are as many watches as [`Config::max_watches`](crate::Config::max_watches), or as many of
    /// this origin as [`Config::max_watches_per_origin`](crate::Config::max_watches_per_origin).
    pub fn watch(&self, watch: Watch, origin: &Origin) -> Result<Updates, RpcError> {
        let updates = self.shared.feed.register(watch.clone(), Kind::Watch, origin);
        let mut updates = updates.map_err(|_| too_many())?;
        let messages = match watch {
            Watch::Ids(ids) => ids,
            Watch::Signer(signer) => {
                let mut live = Vec::new();
                for contract in self.shared.config.deployment.contracts.values() {
                    live.extend(self.shared.queue.live_of(contract.address, signer));
                }
                live
            }
        };
        updates.begin_with(messages, Arc::downgrade(&self.shared));
        Ok(updates)
    }

    /// What a wallet needs to sign for this relayer.
    #[must_use]
    pub fn info(&self) -> Info {
        let config = &self.shared.config;
        let contracts = config.deployment.contracts.iter();
        Info {
            chain_id: config.deployment.chain_id,
            contracts: contracts.map(|(name, c)| (name.clone(), c.address)).collect(),
            relayer: self.shared.promises.relayer(),
            actions: self.shared.destinations.offered(),
            max_validity_s: config.max_validity_s,
            fee: self.shared.policy.fee(),
            final_confirmations: config.final_confirmations,
            p2p: lock(&self.shared.p2p).clone(),
            rpc_url: config.rpc_url_for_wallets.clone(),
        }
    }

    /// Fills [`Info::p2p`]: the addresses of the mesh, each with the peer id.
    pub fn set_p2p_addresses(&self, addresses: Vec<String>) {
        *lock(&self.shared.p2p) = addresses;
    }

    /// The methods that every door offers: `relay.submit`, `relay.submitBatch`, `relay.status`, `relay.info`.
    ///
    /// # Errors
    /// -32601 for any other method; what the methods themselves refuse.
    pub async fn call(&self, name: &str, params: &Value, origin: &Origin) -> Result<Value, RpcError> {
        let result = match name {
            method::SUBMIT => serde_json::to_value(self.submit(Submission::parse(params)?, origin).await?),
            method::SUBMIT_BATCH => {
                let answers = self.submit_all(Batch::parse(params)?.messages, origin).await;
                serde_json::to_value(BatchResult { results: answers.into_iter().map(Answer::from).collect() })
            }
            method::STATUS => serde_json::to_value(self.status(StatusQuery::parse(params)?, origin).await?),
            method::INFO => serde_json::to_value(self.info()),
            other => {
                let reason = format!(
                    "`{other}` is not a method here; use relay.submit, relay.submitBatch, relay.status, relay.info"
                );
                return Err(RpcError::new(Code::MethodNotFound, "method", reason));
            }
        };
        result.map_err(|error| {
            tracing::error!(%error, "a result could not be written as JSON");
            RpcError::internal()
        })
    }

    /// Whether there are relayers to share the work with ([`Config::sharing`](crate::Config::sharing)).
    #[must_use]
    pub fn shares(&self) -> bool {
        self.shared.others.share()
    }

    /// Takes in what another relayer claims.
    pub async fn heard(&self, claim: &Claim) -> ClaimNews {
        self.shared.heard(claim).await
    }

    /// What the relayers that we share with should know next; for one reader. Dropping it while it waits loses nothing.
    pub async fn outgoing(&self) -> Outgoing {
        self.shared.outgoing().await
    }

    /// What happened since the start, and of late.
    #[must_use]
    pub fn recent(&self) -> Recent {
        self.shared.feed.recent()
    }

    /// Depths, lane, head, and whether anything is wrong.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }
}

fn too_many() -> RpcError {
    let reason =
        "as many watches are open as this relayer allows, in all or from here; close one, or ask again later";
    RpcError::rate_limited("relayIds", reason, 1)
}
