//! What the mesh needs of a relayer: one call per request, one per gossiped submission or claim, and what it has to say
//! itself.

use serde_json::Value;
use wia_protocol::RpcError;
use wia_protocol::relay::{Claim, Submission};

use crate::{ClaimNews, Origin, Outgoing, Relayer};

/// The relayer behind the mesh. A test puts a recorder here, so that the mesh is tested without a chain.
///
/// The futures of calls, submissions and claims are dropped when they take longer than the peer would wait, so they must
/// leave nothing half-done when dropped.
pub trait RelayService: Clone + Send + Sync + 'static {
    /// Answers `relay.submit`, `relay.submitBatch`, `relay.status`, `relay.info`, and refuses other methods.
    fn call(
        &self,
        method: &str,
        params: &Value,
        origin: &Origin,
    ) -> impl Future<Output = Result<Value, RpcError>> + Send;

    /// Takes a submission from the gossip topic. `Ok` also for one that was accepted before: it is passed on.
    fn submit(
        &self,
        submission: Submission,
        origin: &Origin,
    ) -> impl Future<Output = Result<(), RpcError>> + Send;

    /// Whether it shares its work with other relayers: only then are claims taken from the mesh and passed on.
    fn shares(&self) -> bool;

    /// Takes a claim from its gossip topic.
    fn claim(&self, claim: Claim) -> impl Future<Output = ClaimNews> + Send;

    /// The next thing to gossip; waits for it, for ever if need be. Dropping it while it waits must lose nothing.
    fn outgoing(&self) -> impl Future<Output = Outgoing> + Send;
}

impl RelayService for Relayer {
    async fn call(&self, method: &str, params: &Value, origin: &Origin) -> Result<Value, RpcError> {
        Relayer::call(self, method, params, origin).await
    }

    async fn submit(&self, submission: Submission, origin: &Origin) -> Result<(), RpcError> {
        Relayer::submit(self, submission, origin).await.map(drop)
    }

    fn shares(&self) -> bool {
        Relayer::shares(self)
    }

    async fn claim(&self, claim: Claim) -> ClaimNews {
        self.heard(&claim).await
    }

    async fn outgoing(&self) -> Outgoing {
        Relayer::outgoing(self).await
    }
}
