//! The operator's door of a running node, `GET /relay/v1/operator`, from outside.
//!
//! In: the node's HTTP address. Out: the view as the node wrote it, bounded in size and time.

use std::time::Duration;

use alloy::transports::http::reqwest::{Client, Error, Url};
use serde_json::Value;
use wia_protocol::endpoint::{innermost, without_secrets};

use super::RelayerCliError;

/// How long a node may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer, bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// A node's door.
pub(super) struct Door {
    client: Client,
    url: Url,
}

impl Door {
    /// The door of the node at that HTTP address.
    pub(super) fn of(node: &str) -> Result<Self, RelayerCliError> {
        let wrong = |reason: String| RelayerCliError::Url { url: without_secrets(node), reason };
        let url = Url::parse(&format!("{}/relay/v1/operator", node.trim_end_matches('/')));
        let url = url.map_err(|e| wrong(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://".into()));
        }
        let client = Client::builder().timeout(TIMEOUT).build().map_err(|e| wrong(e.to_string()))?;
        Ok(Self { client, url })
    }

    /// How the relayer stands.
    pub(super) async fn view(&self) -> Result<Value, RelayerCliError> {
        // The error's own text would name the URL, which may hold a password.
        let unreachable = |e: Error| RelayerCliError::Unreachable {
            url: without_secrets(self.url.as_str()),
            reason: innermost(&e.without_url()),
        };
        let mut answer = self.client.get(self.url.clone()).send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(RelayerCliError::Answer(format!("it has more than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let read = serde_json::from_slice::<Value>(&body);
        if answer.status().is_success() {
            return read.map_err(|e| RelayerCliError::Answer(e.to_string()));
        }
        let said = read.ok().and_then(|body| body["error"]["message"].as_str().map(str::to_owned));
        Err(RelayerCliError::Refused(said.unwrap_or_else(|| answer.status().to_string())))
    }
}
