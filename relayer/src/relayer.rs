//! The relayer's API, behind every door.
use serde_json::Value;
use wia_protocol::RpcError;
use wia_protocol::relay::{Info, Status, StatusQuery, Submission, Submitted, Watch};

use crate::{Health, Origin, Updates};

/// A handle; clones share the relayer.
#[derive(Clone)]
pub struct Relayer {}

#[allow(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::unused_async)]
impl Relayer {
    pub async fn submit(&self, _submission: Submission, _origin: &Origin) -> Result<Submitted, RpcError> {
        Err(RpcError::internal())
    }
    pub async fn status(&self, _query: StatusQuery) -> Result<Status, RpcError> {
        Err(RpcError::internal())
    }
    pub fn watch(&self, _watch: Watch) -> Result<Updates, RpcError> {
        Err(RpcError::internal())
    }
    #[must_use]
    pub fn info(&self) -> Info {
        unreachable!("filled by the next commit")
    }
    pub fn set_p2p_addresses(&self, _addresses: Vec<String>) {}
    pub async fn call(&self, _method: &str, _params: &Value, _origin: &Origin) -> Result<Value, RpcError> {
        Err(RpcError::internal())
    }
    #[must_use]
    pub fn health(&self) -> Health {
        unreachable!("filled by the next commit")
    }
}
