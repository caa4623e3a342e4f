//! A node's log over HTTP, page by page: `GET /indexer/v1/events`, and what an export asks besides.
//!
//! In: a filter and a cursor. Out: messages and the next cursor. What may pass (no connection, time-outs, 429, 5xx) is
//! tried again up to five times, with longer and longer pauses; what the node refuses is not.

use std::time::Duration;

use alloy::primitives::B256;
use alloy::transports::http::reqwest::{Client, Response, StatusCode, Url, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wia_protocol::endpoint::{innermost, retry_after_s, without_secrets};

use super::ExportError;

/// The most messages that a node gives in one page.
const PAGE_LIMIT: usize = 1_000;

/// The largest answer, bytes; a larger page is asked for in halves.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// How often what failed is tried again.
const RETRIES: u32 = 5;

/// The pause before the first of them; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause that a node may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a node may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A node, and what of its log is wanted.
pub(super) struct Pages {
    client: Client,
    node: Url,
    filter: Vec<(&'static str, String)>,
    limit: usize,
}

/// Some messages in the order of the log.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    /// The messages as the node writes them.
    pub(super) events: Vec<Box<RawValue>>,
    /// Where the next page begins; none after the last.
    pub(super) next: Option<String>,
}

/// What an export needs to know of a node.
pub(super) struct Status {
    /// EIP-155.
    pub(super) chain_id: u64,
    /// The height of the log's head; none before the first block.
    pub(super) head: Option<u64>,
    /// The oldest offset that is kept.
    pub(super) first_offset: Option<u64>,
}

/// Why one attempt gave no answer.
enum Failed {
    /// Another attempt may be luckier, after a pause that the node has named or one of ours.
    Passing { error: ExportError, wait: Option<Duration> },
    /// More bytes than are read.
    TooLarge,
    /// It will be the same.
    Lasting(ExportError),
}

impl Pages {
    /// A node, by its HTTP address.
    pub(super) fn of(node: &str) -> Result<Self, ExportError> {
        let wrong =
            |reason: String| ExportError::Usage(format!("--node {}: {reason}", without_secrets(node)));
        let node =
            Url::parse(&format!("{}/", node.trim_end_matches('/'))).map_err(|e| wrong(e.to_string()))?;
        if !matches!(node.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://".into()));
        }
        let client = Client::builder().timeout(TIMEOUT).tcp_nodelay(true).build();
        let client = client.map_err(|e| wrong(e.to_string()))?;
        Ok(Self { client, node, filter: Vec::new(), limit: PAGE_LIMIT })
    }

    /// The same node with that query.
    pub(super) fn with_filter(self, filter: Vec<(&'static str, String)>) -> Self {
        Self { filter, ..self }
    }

    /// `GET /indexer/v1/status`
    pub(super) async fn status(&self) -> Result<Status, ExportError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            chain_id: u64,
            head: Option<Head>,
            log: Log,
        }
        #[derive(Deserialize)]
        struct Head {
            number: u64,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Log {
            first_offset: Option<u64>,
        }
        let answer: Answer = self.get("indexer/v1/status").await?;
        let (head, first_offset) = (answer.head.map(|head| head.number), answer.log.first_offset);
        Ok(Status { chain_id: answer.chain_id, head, first_offset })
    }

    /// `GET /indexer/v1/blocks/{number}`: which block stands there now.
    pub(super) async fn block_hash(&self, number: u64) -> Result<B256, ExportError> {
        #[derive(Deserialize)]
        struct Block {
            hash: B256,
        }
        Ok(self.get::<Block>(&format!("indexer/v1/blocks/{number}")).await?.hash)
    }

    /// The page strictly after `cursor`, or the first.
    pub(super) async fn page(&mut self, cursor: Option<&str>) -> Result<Page, ExportError> {
        loop {
            let mut url = self.url("indexer/v1/events")?;
            url.query_pairs_mut()
                .extend_pairs(self.filter.iter().map(|(name, text)| (*name, text.as_str())))
                .extend_pairs(cursor.map(|cursor| ("cursor", cursor)))
                .append_pair("limit", &self.limit.to_string());
            match self.attempts(url, "/indexer/v1/events").await? {
                Some(page) => return Ok(page),
                None if self.limit > 1 => self.limit /= 2,
                None => return Err(too_large("/indexer/v1/events")),
            }
        }
    }

    fn url(&self, path: &str) -> Result<Url, ExportError> {
        self.node.join(path).map_err(|e| ExportError::Usage(format!("--node: {e}")))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ExportError> {
        let what = "a question about its log";
        self.attempts(self.url(path)?, what).await?.ok_or_else(|| too_large(what))
    }

    /// The answer; none when it is too large.
    async fn attempts<T: DeserializeOwned>(
        &self,
        url: Url,
        what: &'static str,
    ) -> Result<Option<T>, ExportError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            match self.attempt(url.clone(), what).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(Failed::TooLarge) => return Ok(None),
                Err(Failed::Lasting(error)) => return Err(error),
                Err(Failed::Passing { error, .. }) if attempt == RETRIES => return Err(error),
                Err(Failed::Passing { error, wait }) => {
                    let wait = wait.unwrap_or(pause).min(LONGEST_PAUSE);
                    tracing::warn!(%error, wait_ms = wait.as_millis(), "trying again");
                    tokio::time::sleep(wait).await;
                    pause *= 2;
                }
            }
        }
        Ok(None)
    }

    async fn attempt<T: DeserializeOwned>(&self, url: Url, what: &'static str) -> Result<T, Failed> {
        // The error's own text would name the URL, which may hold a password.
        let unreachable = |e: alloy::transports::http::reqwest::Error| Failed::Passing {
            error: ExportError::Unreachable {
                url: without_secrets(self.node.as_str()),
                reason: innermost(&e.without_url()),
            },
            wait: None,
        };
        let mut answer = self.client.get(url).send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Failed::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        if answer.status().is_success() {
            let wrong = |e: serde_json::Error| ExportError::Answer { what, reason: e.to_string() };
            return serde_json::from_slice(&body).map_err(|e| Failed::Lasting(wrong(e)));
        }
        Err(refused(&answer, &body))
    }
}

/// What an answer that is no success means.
fn refused(answer: &Response, body: &[u8]) -> Failed {
    #[derive(Deserialize)]
    struct Body {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let status = answer.status();
    let said = serde_json::from_slice::<Body>(body);
    let said = said.map_or_else(|_| status.to_string(), |body| body.error.message);
    // It goes to a terminal.
    let error = ExportError::Refused(said.chars().filter(|c| !c.is_control()).take(400).collect());
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let wait = answer.headers().get(header::RETRY_AFTER).and_then(|v| retry_after_s(v.to_str().ok()?));
        return Failed::Passing { error, wait: wait.map(Duration::from_secs) };
    }
    Failed::Lasting(error)
}

fn too_large(what: &'static str) -> ExportError {
    ExportError::Answer { what, reason: format!("it has more than {MAX_ANSWER_BYTES} bytes") }
}
