//! What the mesh needs of a relayer: one call per request, one per gossiped submission.

use serde_json::Value;
use wia_protocol::RpcError;
use wia_protocol::relay::Submission;

use crate::{Origin, Relayer};

/// The relayer behind the mesh. A test puts a recorder here, so that the mesh is tested without a chain.
///
/// Both futures are dropped when they take longer than the peer would wait, so they must leave nothing
/// half-done when dropped.
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
}

impl RelayService for Relayer {
    async fn call(&self, method: &str, params: &Value, origin: &Origin) -> Result<Value, RpcError> {
        Relayer::call(self, method, params, origin).await
    }

    async fn submit(&self, submission: Submission, origin: &Origin) -> Result<(), RpcError> {
        Relayer::submit(self, submission, origin).await.map(drop)
    }
}
