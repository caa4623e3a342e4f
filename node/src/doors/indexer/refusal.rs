//! Why a door of the indexer refuses, and how each transport says so. The only place that turns [`IndexerError`] into
//! what a stranger may read.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tonic::Status;
use wia_indexer::IndexerError;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;

/// A refusal: of what kind, about which field, why and what to do next.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    kind: Kind,
    field: String,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    NotFound,
    Gone,
    Origin,
    Busy,
    Internal,
}

impl Refusal {
    fn new(kind: Kind, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind, field: field.into(), reason: reason.into() }
    }

    /// What was asked cannot be meant.
    pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, field, reason)
    }

    /// There is no such thing.
    pub(crate) fn not_found(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, field, reason)
    }

    /// A page of a site that is not on the list.
    pub(crate) fn origin() -> Self {
        Self::new(Kind::Origin, "origin", "this origin is not allowed here")
    }

    /// Too many at once.
    pub(crate) fn busy(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Kind::Busy, field, reason)
    }

    /// Our fault; the log says what.
    pub(crate) fn internal() -> Self {
        Self::new(Kind::Internal, "server", "the server could not carry this out; try again later")
    }

    /// The same with the names of a query string, where a list is written item by item.
    pub(crate) fn of_query(mut self) -> Self {
        let names = [
            ("contracts", "contract"),
            ("events", "event"),
            ("addresses", "address"),
            ("topics", "topic"),
            ("arguments", "argument"),
        ];
        if let Some((_, name)) = names.iter().find(|(list, _)| *list == self.field) {
            self.field = (*name).to_owned();
        }
        self
    }

    /// For JSON-RPC.
    pub(crate) fn into_rpc(self) -> RpcError {
        let code = match self.kind {
            Kind::Invalid => Code::InvalidParams,
            Kind::NotFound | Kind::Gone => Code::NotFound,
            Kind::Origin => Code::Forbidden,
            Kind::Busy => Code::ServerError,
            Kind::Internal => return RpcError::internal(),
        };
        RpcError::new(code, &self.field, self.reason)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = match self.kind {
            Kind::Invalid => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Kind::Gone => (StatusCode::GONE, "NO_LONGER_KEPT"),
            Kind::Origin => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Kind::Busy => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_CONNECTIONS"),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        };
        let message = format!("{}: {}", self.field, self.reason);
        let body = json!({"error": {
            "code": code, "message": message, "field": self.field, "reason": self.reason,
            "statusCode": status.as_u16(),
        }});
        (status, Json(body)).into_response()
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.kind {
            Kind::Invalid => tonic::Code::InvalidArgument,
            Kind::NotFound => tonic::Code::NotFound,
            Kind::Gone => tonic::Code::OutOfRange,
            Kind::Origin => tonic::Code::PermissionDenied,
            Kind::Busy => tonic::Code::ResourceExhausted,
            Kind::Internal => tonic::Code::Internal,
        };
        Status::new(code, format!("{}: {}", refusal.field, refusal.reason))
    }
}

impl From<IndexerError> for Refusal {
    fn from(error: IndexerError) -> Self {
        match error {
            IndexerError::Cursor { cursor, reason } => {
                Self::invalid("cursor", format!("`{cursor}` {reason}"))
            }
            IndexerError::Filter { field, reason } => Self::invalid(field, reason),
            IndexerError::Forgotten { .. } => Self::new(Kind::Gone, "block", error.to_string()),
            other => {
                tracing::error!(error = %other, "the indexer failed a reader");
                Self::internal()
            }
        }
    }
}

impl From<RpcError> for Refusal {
    /// Of what could not be read as a request.
    fn from(error: RpcError) -> Self {
        let text = |key: &str| {
            let data = error.data.as_ref().and_then(|data| data.get(key));
            data.and_then(Value::as_str).unwrap_or("params").to_owned()
        };
        Self::invalid(text("field"), text("reason"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_retention_removed_is_gone_on_every_door() {
        let refusal = Refusal::from(IndexerError::Forgotten { offset: 7, oldest: 9 });
        let rpc = refusal.clone().into_rpc();
        assert_eq!((rpc.code, &rpc.data.unwrap()["field"]), (-32003, &json!("block")));
        assert_eq!(Status::from(refusal.clone()).code(), tonic::Code::OutOfRange);
        assert_eq!(refusal.into_response().status(), StatusCode::GONE);
    }

    #[test]
    fn inner_text_does_not_leave() {
        let inner = IndexerError::Damaged { at: "entry 7".into(), reason: "secret".into() };
        let refusal = Refusal::from(inner);
        assert!(!format!("{refusal:?}").contains("secret"));
        assert_eq!(Status::from(refusal).code(), tonic::Code::Internal);
    }

    #[test]
    fn a_query_string_has_names_of_its_own() {
        let refused = Refusal::from(RpcError::invalid("contracts", "no")).of_query();
        assert_eq!((refused.field.as_str(), refused.reason.as_str()), ("contract", "no"));
    }
}
