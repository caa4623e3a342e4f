//! What an HTTP request asks for beside its path: the query string, and what its headers want the answer to be.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, header};

use super::refusal::Refusal;

/// A query string, in its order.
pub(super) type Pairs = Vec<(String, String)>;

/// A query string, or why it is none.
pub(super) type Asked = Result<Query<Pairs>, QueryRejection>;

/// The pairs of a query string that is one.
pub(super) fn pairs(asked: Asked) -> Result<Pairs, Refusal> {
    match asked {
        Ok(Query(pairs)) => Ok(pairs),
        Err(rejection) => Err(Refusal::invalid("query", rejection.body_text())),
    }
}

/// Refuses what nobody has read.
pub(super) fn nothing_left(left: Pairs, of_what: &str) -> Result<(), Refusal> {
    match left.into_iter().next() {
        None => Ok(()),
        Some((name, _)) => {
            let name: String = name.chars().take(80).collect();
            Err(Refusal::invalid(name, format!("is no parameter of {of_what}")))
        }
    }
}

/// Whether the client asks for an upgrade to WebSocket.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|v| v.to_str().ok());
    upgrade.is_some_and(|v| v.split(',').any(|p| p.trim().eq_ignore_ascii_case("websocket")))
}

/// Whether the client asks for server-sent events.
pub(super) fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut types = accepted.flat_map(|v| v.split(',')).filter_map(|t| t.split(';').next());
    types.any(|t| t.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Where a client that comes back says it was, if it does (WHATWG HTML §9.2).
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(last) = headers.get("last-event-id").filter(|id| !id.is_empty()) else { return Ok(None) };
    last.to_str().map(Some).map_err(|_| Refusal::invalid("Last-Event-ID", "is no text"))
}
