//! The indexer's REST: status, and pages of events.

use std::time::Duration;

use alloy::transports::http::reqwest::Client;
use serde::Deserialize;

use super::{EVENTS, Kind, Message};
use crate::error::BenchError;
use crate::rpc::http_client;
use crate::wait::within;

/// Events on one page.
const PAGE: usize = 1_000;

const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// One kept connection.
pub(crate) struct Rest {
    client: Client,
    base: String,
}

/// What is read of the status.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) head: Option<Head>,
    pub(crate) log: LogStatus,
}

/// What is read of the log's status.
#[derive(Debug, Deserialize)]
pub(crate) struct LogStatus {
    /// Of its entries on disk.
    pub(crate) bytes: u64,
}

/// The last block that the indexer has.
#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    pub(crate) number: u64,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<Message<'a>>,
    next: Option<String>,
}

impl Rest {
    /// Of the process at `base`, e.g. `http://127.0.0.1:8080`.
    pub(crate) fn at(base: &str) -> Result<Self, BenchError> {
        Ok(Self { client: http_client()?, base: base.to_owned() })
    }

    /// The height up to which it has read; `None` while it does not answer or has nothing.
    pub(crate) async fn head(&self) -> Result<Option<u64>, BenchError> {
        let Ok(status) = self.status().await else { return Ok(None) };
        Ok(status.head.map(|head| head.number))
    }

    /// How it stands.
    pub(crate) async fn status(&self) -> Result<Status, BenchError> {
        let body = self.get("/indexer/v1/status").await?;
        serde_json::from_slice(&body).map_err(BenchError::malformed("status"))
    }

    /// Whether it says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_ok()
    }

    /// Whether the event can be read among those of its block.
    pub(crate) async fn has(&self, id: &str, block: u64) -> Result<bool, BenchError> {
        let body = self.get(&format!("{EVENTS}?fromBlock={block}&toBlock={block}&limit={PAGE}")).await?;
        let page: Page<'_> = serde_json::from_slice(&body).map_err(BenchError::malformed("events"))?;
        Ok(page.events.iter().any(|message| message.kind == Kind::Event && message.id == id))
    }

    /// Reads all pages and compares them with `expected`: the same ids in the same order. Returns their cursors.
    pub(crate) async fn check_all(&self, expected: &[String]) -> Result<Vec<String>, BenchError> {
        let mut cursors = Vec::with_capacity(expected.len());
        let mut next = None;
        loop {
            let cursor = next.map(|cursor: String| format!("&cursor={cursor}")).unwrap_or_default();
            let url = format!("{EVENTS}?limit={PAGE}{cursor}");
            let body = within("a page of events", PAGE_TIMEOUT, self.get(&url)).await?;
            let page: Page<'_> = serde_json::from_slice(&body).map_err(BenchError::malformed("events"))?;
            for message in &page.events {
                let wanted = expected.get(cursors.len());
                if message.kind != Kind::Event || wanted.is_none_or(|id| *id != message.id) {
                    return Err(out_of_order(cursors.len(), wanted, message));
                }
                cursors.push(message.cursor.clone().into_owned());
            }
            match page.next {
                Some(cursor) if !page.events.is_empty() => next = Some(cursor),
                _ => break,
            }
        }
        if cursors.len() < expected.len() {
            let missing = expected.len() - cursors.len();
            return Err(BenchError::Wrong(format!("{missing} of {} events are missing", expected.len())));
        }
        Ok(cursors)
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, BenchError> {
        let url = format!("{}{path}", self.base);
        let response = self.client.get(&url).send().await.map_err(BenchError::connection(&url))?;
        let status = response.status();
        let body = response.bytes().await.map_err(BenchError::connection(&url))?;
        if status.is_success() {
            Ok(body.to_vec())
        } else {
            Err(BenchError::connection(&url)(format!("{status}: {}", String::from_utf8_lossy(&body))))
        }
    }
}

/// The error of a reader that got another message than the next one expected.
pub(crate) fn out_of_order(at: usize, wanted: Option<&String>, message: &Message<'_>) -> BenchError {
    let wanted = wanted.map_or("nothing more", String::as_str);
    BenchError::Wrong(format!(
        "message {at} is {:?} {} (block {}) instead of {wanted}",
        message.kind, message.id, message.block_number
    ))
}
