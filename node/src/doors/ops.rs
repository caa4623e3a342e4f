//! What an operator asks: is it alive, is it ready and if not why, and the numbers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wia_indexer::State as IndexerState;
use wia_relayer::Condition;

use super::{Services, Shared};

/// `GET /healthz`: the process serves.
pub(super) async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// `GET /readyz`: messages and events flow, or the reasons why not.
pub(super) async fn readyz(State(shared): State<Shared>) -> Response {
    let mut reasons = shared.services.reasons_not_ready();
    if shared.stop.is_cancelled() {
        reasons.push("node: stopping".into());
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = json!({"ready": reasons.is_empty(), "reasons": reasons});
    if let Some(indexing) = &shared.services.indexing {
        let indexer = indexing.indexer.health();
        body["indexer"] = json!({
            "head": indexer.committed_head,
            "chainHead": indexer.chain_head,
            "lagBlocks": indexer.lag_blocks,
            "sinceHeadMs": indexer.since_head_ms,
        });
    }
    if let Some(relaying) = &shared.services.relaying {
        body["relayer"] = json!(relaying.relayer.health());
        body["p2pPeers"] = json!(relaying.mesh.peers());
    }
    (status, Json(body)).into_response()
}

/// `GET /metrics`: Prometheus text, format 0.0.4.
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    // What silence would hide: with no endpoint left, head and lag just stay as they are.
    if let Some(indexing) = &shared.services.indexing {
        let indexer = indexing.indexer.health();
        metrics::gauge!("wia_indexer_live").set(u8::from(indexer.state == IndexerState::Live));
        metrics::gauge!("wia_indexer_since_head_seconds")
            .set(Duration::from_millis(indexer.since_head_ms).as_secs_f64());
    }
    let text = shared.services.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

impl Services {
    /// Empty when messages are taken and events flow.
    pub(crate) fn reasons_not_ready(&self) -> Vec<String> {
        let indexer = self.indexing.as_ref().and_then(|indexing| indexing.indexer.health().reason());
        let mut reasons: Vec<_> = indexer.map(|reason| format!("indexer: {reason}")).into_iter().collect();
        match self.relaying.as_ref().map(|r| r.relayer.health().condition) {
            None | Some(Condition::Ready) => {}
            Some(Condition::Degraded { reason } | Condition::Stopped { reason }) => {
                reasons.push(format!("relayer: {reason}"));
            }
        }
        reasons
    }
}
