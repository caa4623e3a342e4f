//! One request and one response per stream: canonical CBOR in each direction, bounded in bytes.
//!
//! In: the bytes of a stream. Out: a [`Call`] or the error that answers it, a [`Reply`]. A request that is too
//! large or not canonical is no broken stream but a request whose answer is an error. Decoding runs in the
//! connection's own task, never in the swarm's loop. Serves C-117 and C-118 over libp2p.
//!
//! ```text
//! request   {"method": text, "params": any}
//! response  {"result": any}  or  {"error": {"code", "message", "data"}}
//! ```

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response};
use serde_json::{Map, Value, json};
use wia_protocol::jsonrpc::Code;
use wia_protocol::{RpcError, cbor};

use super::config::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};

/// A request as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) params: Value,
}

/// What answers a request.
pub(super) type Reply = Result<Value, RpcError>;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Codec;

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    /// `Err`: what the peer sent is no call, and this is the answer.
    type Request = Result<Call, RpcError>;
    type Response = Reply;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Self::Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        let (bytes, whole) = read_at_most(io, REQUEST_BYTES_MAX).await?;
        if whole {
            return Ok(decode_call(&bytes));
        }
        // Taking a little more before answering lets a peer that is just over the limit finish its write and
        // read why it was refused.
        let mut rest = io.take(REQUEST_BYTES_MAX as u64);
        futures::io::copy(&mut rest, &mut futures::io::sink()).await?;
        Ok(Err(RpcError::new(
            Code::InvalidRequest,
            "message",
            format!("the message is larger than {REQUEST_BYTES_MAX} bytes; send less at once"),
        )))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Reply>
    where
        T: AsyncRead + Unpin + Send,
    {
        match read_at_most(io, RESPONSE_BYTES_MAX).await? {
            (bytes, true) => decode_reply(&bytes),
            (_, false) => Err(invalid(format!("a response of more than {RESPONSE_BYTES_MAX} bytes"))),
        }
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Self::Request,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let call = request.map_err(|error| invalid(error.to_string()))?;
        io.write_all(&encode_call(&call).map_err(|e| invalid(e.to_string()))?).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, reply: Reply) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&encode_reply(reply)).await
    }
}

/// The bytes of a request.
pub(super) fn encode_call(call: &Call) -> Result<Vec<u8>, cbor::CborError> {
    cbor::encode(&json!({"method": call.method, "params": call.params}))
}

/// Reads a request; the error is its answer.
pub(super) fn decode_call(bytes: &[u8]) -> Result<Call, RpcError> {
    let refuse = |field, reason: &str| Err(RpcError::new(Code::InvalidRequest, field, reason));
    let value = cbor::decode(bytes)
        .map_err(|e| RpcError::new(Code::ParseError, "message", format!("send canonical CBOR: {e}")))?;
    let Value::Object(mut members) = value else {
        return refuse("message", "must be a map with method and params");
    };
    let Some(Value::String(method)) = members.remove("method") else {
        return refuse("method", "must be a string");
    };
    let params = members.remove("params").unwrap_or(Value::Null);
    match members.keys().next() {
        Some(key) => refuse(&key.clone(), "is not known here; send method and params"),
        None => Ok(Call { method, params }),
    }
}

/// The bytes of a response, whatever the service answered.
pub(super) fn encode_reply(reply: Reply) -> Vec<u8> {
    let bytes = match reply {
        Ok(result) => cbor::encode(&json!({"result": result})),
        Err(error) => cbor::encode(&json!({"error": error})),
    };
    match bytes {
        Ok(bytes) if bytes.len() <= RESPONSE_BYTES_MAX => bytes,
        Ok(bytes) => {
            tracing::warn!(bytes = bytes.len(), "a response is larger than the mesh sends");
            unanswerable()
        }
        Err(error) => {
            tracing::error!(%error, "a response has no canonical CBOR form");
            unanswerable()
        }
    }
}

fn unanswerable() -> Vec<u8> {
    // Text and one small integer always have a canonical form.
    cbor::encode(&json!({"error": RpcError::internal()})).unwrap_or_default()
}

/// Reads a response.
pub(super) fn decode_reply(bytes: &[u8]) -> io::Result<Reply> {
    let value = cbor::decode(bytes).map_err(|e| invalid(format!("a response that is {e}")))?;
    let mut members = match value {
        Value::Object(members) if members.len() == 1 => members,
        _ => return Err(invalid("a response that is neither a result nor an error".into())),
    };
    take_reply(&mut members).ok_or_else(|| invalid("a response that is neither a result nor an error".into()))
}

fn take_reply(members: &mut Map<String, Value>) -> Option<Reply> {
    match (members.remove("result"), members.remove("error")) {
        (Some(result), None) => Some(Ok(result)),
        (None, Some(error)) => serde_json::from_value(error).ok().map(Err),
        _ => None,
    }
}

/// At most `limit` bytes, and whether the stream ended there.
async fn read_at_most<T>(io: &mut T, limit: usize) -> io::Result<(Vec<u8>, bool)>
where
    T: AsyncRead + Unpin + Send,
{
    let mut bytes = Vec::new();
    io.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    let whole = bytes.len() <= limit;
    Ok((bytes, whole))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_golden_request_and_response() {
        let call = Call { method: "relay.info".into(), params: Value::Null };
        let bytes = encode_call(&call).unwrap();
        assert_eq!(bytes, b"\xa2\x66method\x6arelay.info\x66params\xf6");
        assert_eq!(decode_call(&bytes), Ok(call));
        assert_eq!(encode_reply(Ok(json!(1))), b"\xa1\x66result\x01");
    }

    #[test]
    fn errors_come_back_whole() {
        let error = RpcError::rate_limited("requests", "slower", 2);
        assert_eq!(decode_reply(&encode_reply(Err(error.clone()))).unwrap(), Err(error));
    }

    #[test]
    fn a_response_that_cannot_be_written_is_an_internal_error() {
        for result in [json!(0.5), json!("x".repeat(RESPONSE_BYTES_MAX))] {
            assert_eq!(decode_reply(&encode_reply(Ok(result))).unwrap(), Err(RpcError::internal()));
        }
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (value, code, field) in [
            (json!([]), -32600, "message"),
            (json!({"params": {}}), -32600, "method"),
            (json!({"method": 1}), -32600, "method"),
            (json!({"method": "m", "id": 1}), -32600, "id"),
        ] {
            let error = decode_call(&cbor::encode(&value).unwrap()).unwrap_err();
            assert_eq!((error.code, error.data.unwrap()["field"].as_str()), (code, Some(field)), "{value}");
        }
        assert_eq!(decode_call(&[0x18, 0x01]).unwrap_err().code, -32700);
    }

    #[test]
    fn a_response_with_both_or_neither_is_refused() {
        for value in [json!({}), json!({"result": 1, "error": {}}), json!({"error": 1}), json!(7)] {
            assert!(decode_reply(&cbor::encode(&value).unwrap()).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode_call(&bytes);
            let _ = decode_reply(&bytes);
        }
    }
}
