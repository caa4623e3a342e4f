//! Events by POST, signed as Standard Webhooks has it (<https://www.standardwebhooks.com>): any library of it checks them.
//!
//! In: batches of the indexer. Out: one request each, over a connection that is kept, with
//!
//! | header | value |
//! |---|---|
//! | `webhook-id` | the same when the batch is delivered again: the idempotency key, the cursor of its last message |
//! | `webhook-timestamp` | Unix seconds of this attempt |
//! | `webhook-signature` | `v1,` and base64 of HMAC-SHA-256 over `id.timestamp.body` |
//!
//! and the body `{"webhook": name, "recovered": bool, "events": [message…]}`. Taken is what is answered with 2xx;
//! everything else is tried again. Each message has an `id` and a `type`, by which a receiver that has a part of a batch
//! already knows it (X-12).

use std::path::Path;
use std::time::Duration;

use alloy::transports::http::reqwest::{Client, Url, header, redirect};
use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use wia_indexer::sink::{Batch, Begin, Refusal, Sink, SinkConfig};
use wia_indexer::{Catalog, EventFilter, Wish};
use wia_protocol::endpoint::{innermost, retry_after_s, without_secrets};
use wia_protocol::indexer::{FilterSpec, MAX_CONFIRMATIONS, MinConfirmations};

use crate::clock;
use crate::config;
use crate::wiring::NodeError;

/// The most of a receiver's answer that is read, for the operator's log.
const MAX_ANSWER_BYTES: usize = 200;

/// A receiver.
pub(crate) struct Webhook {
    name: String,
    url: Url,
    key: hmac::Key,
    client: Client,
}

/// A webhook of the configuration, and how it is to be served.
pub(crate) fn open(config: &config::Webhook, catalog: &Catalog) -> Result<(SinkConfig, Webhook), NodeError> {
    let failed = |field: &str, reason: String| NodeError::Webhook {
        name: config.name.clone(),
        field: field.to_owned(),
        reason,
    };
    let url =
        config.url.parse::<Url>().ok().filter(|u| ["http", "https"].contains(&u.scheme()) && u.has_host());
    let url = url.ok_or_else(|| failed("url", "is no http:// or https:// URL".into()))?;
    let spec = FilterSpec {
        contracts: config.contracts.clone(),
        events: config.events.clone(),
        addresses: config.addresses.clone(),
        ..FilterSpec::default()
    };
    let filter = EventFilter::resolve(&spec, catalog).map_err(|e| failed("filter", e.to_string()))?;
    if config.min_confirmations > MAX_CONFIRMATIONS {
        return Err(failed("min_confirmations", format!("must be at most {MAX_CONFIRMATIONS}")));
    }
    if config.request_timeout_ms == 0 {
        return Err(failed("request_timeout_ms", "must be above zero".into()));
    }
    let key = key(&config.secret_file).map_err(|reason| failed("secret_file", reason))?;
    let client = Client::builder()
        .timeout(Duration::from_millis(config.request_timeout_ms))
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .build()
        .map_err(|e| failed("url", e.to_string()))?;
    let sink = SinkConfig {
        name: config.name.clone(),
        wish: Wish {
            filter,
            min_confirmations: MinConfirmations::Blocks(config.min_confirmations),
            promotions: config.promotions,
        },
        begin: if config.from_oldest { Begin::Oldest } else { Begin::Now },
        max_batch_messages: config.max_batch_messages,
        retry_min_ms: config.retry_min_ms,
        retry_max_ms: config.retry_max_ms,
        give_up_after_ms: config.give_up_after_ms,
    };
    Ok((sink, Webhook { name: config.name.clone(), url, key, client }))
}

/// The secret as Standard Webhooks writes it, or as it is.
fn key(path: &Path) -> Result<hmac::Key, String> {
    const MIN_SECRET_BYTES: usize = 16;
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let secret = match text.trim().strip_prefix("whsec_") {
        Some(encoded) => BASE64.decode(encoded).map_err(|_| "after `whsec_` comes base64".to_owned())?,
        None => text.trim().as_bytes().to_vec(),
    };
    if secret.len() < MIN_SECRET_BYTES {
        return Err(format!("{} must hold at least {MIN_SECRET_BYTES} bytes", path.display()));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

impl Webhook {
    fn body(&self, batch: &Batch) -> String {
        let mut body = format!(
            r#"{{"webhook":{},"recovered":{},"events":["#,
            serde_json::Value::from(self.name.as_str()),
            batch.recovered
        );
        for (place, message) in batch.messages.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            message.write_json(&mut body);
        }
        body + "]}"
    }

    fn signature(&self, id: &str, timestamp: u64, body: &str) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body.as_bytes());
        format!("v1,{}", BASE64.encode(context.sign()))
    }
}

#[async_trait]
impl Sink for Webhook {
    async fn deliver(&self, batch: &Batch) -> Result<(), Refusal> {
        let (body, timestamp) = (self.body(batch), clock::now_s());
        let signature = self.signature(&batch.key, timestamp, &body);
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &batch.key)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(body);
        let refused = |reason: String, retry_after| Refusal {
            reason: format!("{}: {reason}", without_secrets(self.url.as_str())),
            retry_after,
        };
        // The error's own text would name the URL, which may hold a key.
        let mut answer = request.send().await.map_err(|e| refused(innermost(&e.without_url()), None))?;
        let status = answer.status();
        let wait = answer.headers().get(header::RETRY_AFTER).and_then(|v| retry_after_s(v.to_str().ok()?));
        // Read to its end, so that the connection can be used again; a receiver that talks on is cut off.
        let mut said = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            said.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER_BYTES)]);
            if said.len() > MAX_ANSWER_BYTES {
                break;
            }
        }
        if status.is_success() {
            return Ok(());
        }
        let said: String = String::from_utf8_lossy(&said).chars().filter(|c| !c.is_control()).collect();
        Err(refused(format!("{status} {said}"), wait.map(Duration::from_secs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let webhook = Webhook {
            name: "test".into(),
            url: "http://localhost/".parse().unwrap(),
            key: key(&path).unwrap(),
            client: Client::new(),
        };
        let signature =
            webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn short_and_broken_secrets_are_refused_without_being_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for text in ["short", "whsec_!!!", "whsec_c2hvcnQ="] {
            std::fs::write(&path, text).unwrap();
            let reason = key(&path).unwrap_err();
            assert!(!reason.contains(text), "{reason}");
        }
        assert!(key(&folder.path().join("none")).is_err());
    }
}
