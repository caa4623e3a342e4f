//! Why a door refuses, and how each transport says so: HTTP with the documents' body, JSON-RPC, gRPC. The
//! only place that turns [`IndexerError`] into what a stranger may read.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
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
    /// What else there is to say, by name: `retryAfter` in seconds, for one.
    more: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    NotFound,
    Gone,
    Forbidden,
    TooLarge,
    /// Too many at once.
    Busy,
    /// Too many in a time.
    Limited,
    /// It will pass.
    Unavailable,
    Internal,
}

impl Refusal {
    fn new(kind: Kind, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind, field: field.into(), reason: reason.into(), more: Map::new() }
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
        Self::forbidden("origin", "this origin is not allowed here")
    }

    /// Not for those who ask from there.
    pub(crate) fn forbidden(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, field, reason)
    }

    /// More bytes than are read.
    pub(crate) fn too_large(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, field, reason)
    }

    /// Too many at once; a second later there may be fewer.
    pub(crate) fn busy(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let mut refusal = Self::new(Kind::Busy, field, reason);
        refusal.more.insert("retryAfter".into(), json!(1));
        refusal
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
            ("relayIds", "relayId"),
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
            Kind::Forbidden => Code::Forbidden,
            Kind::TooLarge => Code::InvalidRequest,
            Kind::Busy | Kind::Limited | Kind::Unavailable => Code::ServerError,
            Kind::Internal => return RpcError::internal(),
        };
        let error = RpcError::new(code, &self.field, self.reason);
        self.more.into_iter().fold(error, |error, (name, value)| error.with(&name, value))
    }

    /// The status of HTTP, and the documents' error body.
    pub(crate) fn into_body(self) -> (StatusCode, Value) {
        let (status, code) = match self.kind {
            Kind::Invalid => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Kind::Gone => (StatusCode::GONE, "NO_LONGER_KEPT"),
            Kind::Forbidden => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Kind::Busy => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_CONNECTIONS"),
            Kind::Limited => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        };
        let mut error = self.more;
        let message = format!("{}: {}", self.field, self.reason);
        error.extend([
            ("code".to_owned(), json!(code)),
            ("message".to_owned(), json!(message)),
            ("field".to_owned(), json!(self.field)),
            ("reason".to_owned(), json!(self.reason)),
            ("statusCode".to_owned(), json!(status.as_u16())),
        ]);
        (status, json!({ "error": error }))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_after = self.more.get("retryAfter").and_then(Value::as_u64);
        let (status, body) = self.into_body();
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.kind {
            Kind::Invalid => tonic::Code::InvalidArgument,
            Kind::NotFound => tonic::Code::NotFound,
            Kind::Gone => tonic::Code::OutOfRange,
            Kind::Forbidden => tonic::Code::PermissionDenied,
            Kind::TooLarge | Kind::Busy | Kind::Limited => tonic::Code::ResourceExhausted,
            Kind::Unavailable => tonic::Code::Unavailable,
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
    /// The same refusal on another transport.
    fn from(error: RpcError) -> Self {
        let mut more = match error.data {
            Some(Value::Object(data)) => data,
            _ => Map::new(),
        };
        let mut text = |key: &str| match more.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (field, reason, code) = (text("field"), text("reason"), text("code"));
        let is = |row: Code| row.row().0 == error.code;
        let kind = if is(Code::NotFound) {
            Kind::NotFound
        } else if is(Code::Forbidden) || is(Code::Unauthorized) {
            Kind::Forbidden
        } else if is(Code::InternalError) {
            Kind::Internal
        } else if !is(Code::ServerError) {
            Kind::Invalid
        } else if code.as_deref() == Some("RATE_LIMIT_EXCEEDED") {
            Kind::Limited
        } else {
            Kind::Unavailable
        };
        let params = || "params".to_owned();
        Self { kind, field: field.unwrap_or_else(params), reason: reason.unwrap_or(error.message), more }
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

    #[test]
    fn a_refusal_of_the_relayer_keeps_all_that_it_says() {
        let limited = Refusal::from(RpcError::rate_limited("origin", "slow down", 7));
        let response = limited.clone().into_response();
        assert_eq!(
            (response.status(), &response.headers()["retry-after"]),
            (StatusCode::TOO_MANY_REQUESTS, &HeaderValue::from(7))
        );
        let (_, body) = limited.into_body();
        let error = json!({"code": "RATE_LIMIT_EXCEEDED", "message": "origin: slow down", "field": "origin",
            "reason": "slow down", "retryAfter": 7, "statusCode": 429});
        assert_eq!(body["error"], error);
        let held = RpcError::invalid("nonce", "is held").with("relayId", "0x01");
        let (status, body) = Refusal::from(held).into_body();
        assert_eq!((status, &body["error"]["relayId"]), (StatusCode::BAD_REQUEST, &json!("0x01")));
        for (error, status) in [
            (RpcError::not_found("relayId", "unknown"), 404),
            (RpcError::internal(), 500),
            (RpcError::new(Code::ServerError, "server", "full").with("retryAfter", 1), 503),
        ] {
            assert_eq!(Refusal::from(error).into_response().status(), status);
        }
    }
}
