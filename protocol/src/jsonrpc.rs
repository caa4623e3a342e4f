//! JSON-RPC 2.0, exactly: requests, notifications, batches, and the error table C-117/C-118.
//!
//! [`parse`] takes one frame and says what to do with it; [`Reply`] is what goes back. A notification (no
//! `id`) is executed and never answered, not even with an error.

use std::collections::HashMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The most calls in one batch.
pub const MAX_BATCH: usize = 100;

/// A JSON-RPC error object. `data` names the field and the reason, in the shape of C-041.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code}): {}", data.as_ref().map(ToString::to_string).unwrap_or_default())]
pub struct RpcError {
    /// C-117, C-118.
    pub code: i64,
    /// The short text of the table.
    pub message: String,
    /// `{field, reason}` and what else the refusal has to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data: Option<Value>,
}

/// The rows of C-117 and C-118.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// -32700: not JSON.
    ParseError,
    /// -32600: JSON, but not a request.
    InvalidRequest,
    /// -32601: no such method.
    MethodNotFound,
    /// -32602: a parameter is missing or wrong.
    InvalidParams,
    /// -32603: our fault.
    InternalError,
    /// -32000: a limit, or another condition of the server.
    ServerError,
    /// -32001: who are you?
    Unauthorized,
    /// -32002: not yours.
    Forbidden,
    /// -32003: no such thing.
    NotFound,
}

impl Code {
    /// Number and text of the row.
    #[must_use]
    pub fn row(self) -> (i64, &'static str) {
        match self {
            Code::ParseError => (-32700, "Parse error"),
            Code::InvalidRequest => (-32600, "Invalid request"),
            Code::MethodNotFound => (-32601, "Method not found"),
            Code::InvalidParams => (-32602, "Invalid params"),
            Code::InternalError => (-32603, "Internal error"),
            Code::ServerError => (-32000, "Server error"),
            Code::Unauthorized => (-32001, "Unauthorized"),
            Code::Forbidden => (-32002, "Forbidden"),
            Code::NotFound => (-32003, "Not found"),
        }
    }
}

impl RpcError {
    /// An error of `code` about `field`, with the reason and what to do next.
    #[must_use]
    pub fn new(code: Code, field: &str, reason: impl Into<String>) -> Self {
        let (code, message) = code.row();
        Self { code, message: message.into(), data: Some(json!({"field": field, "reason": reason.into()})) }
    }

    /// -32602 about one parameter.
    #[must_use]
    pub fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::new(Code::InvalidParams, field, reason)
    }

    /// -32003 about one parameter.
    #[must_use]
    pub fn not_found(field: &str, reason: impl Into<String>) -> Self {
        Self::new(Code::NotFound, field, reason)
    }

    /// -32000 with the body of X-06: `{code: "RATE_LIMIT_EXCEEDED", field, reason, retryAfter (seconds)}`.
    #[must_use]
    pub fn rate_limited(field: &str, reason: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(Code::ServerError, field, reason)
            .with("code", "RATE_LIMIT_EXCEEDED")
            .with("retryAfter", retry_after_s)
    }

    /// -32603 without inner text: what went wrong stands in the log, not on the wire.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::InternalError, "server", "the server could not carry this out; try again later")
    }

    /// The same error with one more member in `data`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let data = self.data.get_or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(members) = data {
            members.insert(key.into(), value.into());
        }
        self
    }
}

/// A request's id: a string, a number or null, as JSON text, so that it is sent back digit by digit as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// The id of a reply to what had none that could be read.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// One call of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `None`: a notification, which is executed and not answered.
    pub id: Option<Id>,
    /// The method's name.
    pub method: String,
    /// An object, an array, or null where the caller sent none.
    pub params: Value,
}

/// One element of a frame: a call, or what is wrong with it and the id it would be answered under.
pub type Element = Result<Call, Reply>;

/// A parsed frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// One call; its reply goes back alone.
    Single(Element),
    /// Several; their replies go back as one array, or not at all when all are notifications.
    Batch(Vec<Element>),
}

/// A response.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    jsonrpc: Version,
    id: Id,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Result(Value),
    Error(RpcError),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
enum Version {
    #[serde(rename = "2.0")]
    V2,
}

impl Reply {
    /// The response to the call with that id.
    #[must_use]
    pub fn new(id: Id, outcome: Result<Value, RpcError>) -> Self {
        let outcome = outcome.map_or_else(Outcome::Error, Outcome::Result);
        Self { jsonrpc: Version::V2, id, outcome }
    }

    fn refuse(id: Id, error: RpcError) -> Self {
        Self::new(id, Err(error))
    }
}

/// A server push: `{jsonrpc, method, params}`, no id (C-042).
#[derive(Debug, Clone, Serialize)]
pub struct Notification<P> {
    jsonrpc: Version,
    method: &'static str,
    params: P,
}

impl<P: Serialize> Notification<P> {
    /// A push of `params` under `method`.
    pub fn new(method: &'static str, params: P) -> Self {
        Self { jsonrpc: Version::V2, method, params }
    }

    /// The frame's text.
    #[must_use]
    pub fn text(&self) -> String {
        // Our own push types hold nothing that JSON cannot say (no maps with non-text keys).
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads one frame.
///
/// # Errors
/// The reply (id null) to a frame that is not JSON (-32700), is neither object nor array, is an empty batch,
/// or a batch of more than [`MAX_BATCH`] (-32600).
pub fn parse(frame: &str) -> Result<Frame, Reply> {
    let not_json = |e: serde_json::Error| {
        Reply::refuse(Id::null(), RpcError::new(Code::ParseError, "message", format!("not JSON: {e}")))
    };
    let raw: &RawValue = serde_json::from_str(frame).map_err(not_json)?;
    if !raw.get().starts_with('[') {
        return Ok(Frame::Single(element(raw)));
    }
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(not_json)?;
    match items.len() {
        0 => Err(invalid_frame("a batch must hold at least one call")),
        n if n > MAX_BATCH => Err(invalid_frame(&format!("{n} calls in one batch; the most is {MAX_BATCH}"))),
        _ => Ok(Frame::Batch(items.into_iter().map(element).collect())),
    }
}

/// The reply to a frame that is larger than a door takes.
#[must_use]
pub fn oversize(limit_bytes: usize) -> Reply {
    invalid_frame(&format!("the message is larger than {limit_bytes} bytes; send less at once"))
}

/// The reply to a binary frame on a door that speaks text.
#[must_use]
pub fn not_text() -> Reply {
    Reply::refuse(Id::null(), RpcError::new(Code::ParseError, "message", "send JSON as a text frame"))
}

fn invalid_frame(reason: &str) -> Reply {
    Reply::refuse(Id::null(), RpcError::new(Code::InvalidRequest, "message", reason))
}

fn element(raw: &RawValue) -> Element {
    let Ok(mut members) = serde_json::from_str::<HashMap<String, &RawValue>>(raw.get()) else {
        return Err(invalid_frame("a call is an object with jsonrpc, method, params and id"));
    };
    let id = members.remove("id").map(|id| Id(id.get().to_owned()));
    let well_formed = id.as_ref().is_none_or(|id| !id.0.starts_with(['{', '[', 't', 'f']));
    // An element that is no valid request is answered even without an id: nobody can tell that it is a
    // notification (JSON-RPC 2.0 §5, "id … MUST be Null").
    let answer_to = id.clone().filter(|_| well_formed).unwrap_or(Id::null());
    let refuse = |field: &str, reason: &str| {
        Err(Reply::refuse(answer_to.clone(), RpcError::new(Code::InvalidRequest, field, reason)))
    };
    if !well_formed {
        return refuse("id", "must be a string, a number or null");
    }
    let mut take = |name| members.remove(name).map(|m| serde_json::from_str::<Value>(m.get()));
    if take("jsonrpc").is_none_or(|v| !v.is_ok_and(|v| v == "2.0")) {
        return refuse("jsonrpc", "must be \"2.0\"");
    }
    let Some(Ok(Value::String(method))) = take("method") else {
        return refuse("method", "must be a string");
    };
    let Ok(params) = take("params").unwrap_or(Ok(Value::Null)) else {
        // Numbers beyond what can be held, for one.
        return refuse("params", "cannot be read");
    };
    if !matches!(params, Value::Object(_) | Value::Array(_) | Value::Null) {
        return refuse("params", "must be an object or an array");
    }
    Ok(Call { id, method, params })
}

#[cfg(test)]
mod tests;
