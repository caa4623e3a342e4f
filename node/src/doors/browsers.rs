//! What browsers are told of the REST and SSE doors (C-023): pages of allowed origins may read the answers and post
//! JSON, others are refused. A WebSocket says it by its close code instead.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::query::wants_websocket;
use super::refusal::Refusal;
use super::{Shared, origin_allowed};

/// How long a browser may remember the answer to its preflight, in seconds.
const PREFLIGHT_AGE_S: &str = "3600";

/// As middleware around the doors that pages may use.
pub(super) async fn for_browsers(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let Some(origin) = origin.filter(|_| !wants_websocket(request.headers())) else {
        return next.run(request).await;
    };
    if !origin_allowed(&shared, &String::from_utf8_lossy(origin.as_bytes())) {
        return Refusal::origin().into_response();
    }
    let asks_first = header::ACCESS_CONTROL_REQUEST_METHOD;
    let mut response = if request.method() == Method::OPTIONS && request.headers().contains_key(asks_first) {
        preflight()
    } else {
        next.run(request).await
    };
    let any = shared.services.config.allowed_origins.is_empty();
    let allowed = if any { HeaderValue::from_static("*") } else { origin };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    response
}

/// What a page may send (Fetch §3.3.2): JSON, and where its event source was.
fn preflight() -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, last-event-id"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (StatusCode::NO_CONTENT, headers).into_response()
}
