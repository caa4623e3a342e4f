//! Publishes sources, so that anyone can read what stands at an address: Etherscan's API v2 and Sourcify's API v2.
//!
//! In: the files that `contracts/tools/standard-json` writes. Both services compile what they are given and compare;
//! here it is handed over, and the verdict waited for. A key for a service comes from an environment variable that the
//! network names, and is in no error.

mod etherscan;
mod sourcify;

use std::path::Path;
use std::time::Duration;

use alloy::primitives::{Address, Bytes};
use alloy::transports::http::reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::DeployError;
use super::network::Verifier;
use super::patience::Patience;

/// How long one request may take; the sources of a contract are some 300 kB.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a service may take to compile and compare.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// A contract that stands, and what it was made of.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) address: Address,
    /// The constructor's, ABI-encoded.
    pub(crate) arguments: Bytes,
}

/// What `contracts/tools/standard-json` writes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sources {
    contract_name: String,
    /// `0.8.34+commit.…`
    compiler_version: String,
    /// `src/Contract.sol:Contract`
    contract_identifier: String,
    /// solc's standard JSON input.
    input: Value,
}

/// How a service sees a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Not decided yet.
    Pending,
    Verified,
    /// It was before.
    Already,
    Refused(String),
}

/// Publishes every one of `subjects` on every service of `verifiers`, and says what came of it. One that fails keeps
/// no other from being tried.
pub(crate) async fn publish(
    verifiers: &[Verifier],
    chain_id: u64,
    subjects: &[Subject],
    sources: &Path,
    say: &dyn Fn(&str),
) -> Result<(), DeployError> {
    let client = Client::builder().timeout(REQUEST_TIMEOUT).build().map_err(|e| failed("HTTP", e))?;
    let mut first_failure = None;
    for verifier in verifiers {
        let service = match verifier {
            Verifier::Etherscan { url, key_variable } => {
                let Some(key) = std::env::var(key_variable).ok().filter(|k| !k.is_empty()) else {
                    say(&format!("{url}: left out, {key_variable} holds no key"));
                    continue;
                };
                Service::Etherscan { client: &client, url, key, chain_id }
            }
            Verifier::Sourcify { url } => Service::Sourcify { client: &client, url, chain_id },
        };
        for subject in subjects {
            match service.publish(subject, &read(sources, subject.name)?).await {
                Ok(()) => say(&format!("{} is verified on {}", subject.name, service.url())),
                Err(error) => {
                    say(&format!("{} is not verified on {}: {error}", subject.name, service.url()));
                    first_failure.get_or_insert(error);
                }
            }
        }
    }
    first_failure.map_or(Ok(()), Err)
}

/// A service that is asked about one chain.
enum Service<'a> {
    Etherscan { client: &'a Client, url: &'a str, key: String, chain_id: u64 },
    Sourcify { client: &'a Client, url: &'a str, chain_id: u64 },
}

impl Service<'_> {
    fn url(&self) -> &str {
        match self {
            Service::Etherscan { url, .. } | Service::Sourcify { url, .. } => url,
        }
    }

    async fn publish(&self, subject: &Subject, sources: &Sources) -> Result<(), DeployError> {
        let mut patience = Patience::of(VERDICT_TIMEOUT, FIRST_PAUSE, LONGEST_PAUSE);
        let mut ticket: Option<String> = None;
        loop {
            // Without a ticket the request is made, or made again: an explorer may not have seen the contract yet.
            let (verdict, given) = match &ticket {
                None => self.submit(subject, sources).await?,
                Some(ticket) => (self.ask(ticket).await?, None),
            };
            ticket = ticket.or(given);
            match verdict {
                Verdict::Verified | Verdict::Already => return Ok(()),
                Verdict::Refused(reason) => return Err(failed(self.url(), reason)),
                Verdict::Pending => {}
            }
            if !patience.wait().await {
                let reason = format!("no verdict within {} s", VERDICT_TIMEOUT.as_secs());
                return Err(failed(self.url(), reason));
            }
        }
    }

    /// Hands the sources over: a verdict already, or a ticket to ask with.
    async fn submit(
        &self,
        subject: &Subject,
        sources: &Sources,
    ) -> Result<(Verdict, Option<String>), DeployError> {
        match self {
            Service::Etherscan { client, url, key, chain_id } => {
                let request = etherscan::submission(client, url, key, *chain_id, subject, sources);
                Ok(etherscan::submitted(&self.answer(request?).await?.1))
            }
            Service::Sourcify { client, url, chain_id } => {
                let request = sourcify::submission(client, url, *chain_id, subject, sources);
                let (status, answer) = self.answer(request).await?;
                Ok(sourcify::submitted(status, &answer))
            }
        }
    }

    async fn ask(&self, ticket: &str) -> Result<Verdict, DeployError> {
        match self {
            Service::Etherscan { client, url, key, chain_id } => {
                let request = etherscan::question(client, url, key, *chain_id, ticket)?;
                Ok(etherscan::verdict(&self.answer(request).await?.1))
            }
            Service::Sourcify { client, url, .. } => {
                let request = sourcify::question(client, url, ticket);
                Ok(sourcify::verdict(&self.answer(request).await?.1))
            }
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Value), DeployError> {
        // The URL of a request may hold a key.
        let lost = |e: alloy::transports::http::reqwest::Error| failed(self.url(), e.without_url());
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(failed(self.url(), format!("an answer of more than {MAX_ANSWER_BYTES} bytes")));
            }
        }
        let answer = serde_json::from_slice(&body)
            .map_err(|_| failed(self.url(), format!("no JSON in an answer with status {status}")))?;
        Ok((status, answer))
    }
}

fn read(folder: &Path, name: &str) -> Result<Sources, DeployError> {
    let path = folder.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|e| DeployError::File {
        path: path.clone(),
        reason: format!("{e}; contracts/tools/standard-json writes it"),
    })?;
    let sources: Sources = serde_json::from_str(&text).map_err(DeployError::file(&path))?;
    if sources.contract_name == name {
        return Ok(sources);
    }
    Err(DeployError::File { path, reason: format!("is of {}", sources.contract_name) })
}

fn failed(service: &str, reason: impl std::fmt::Display) -> DeployError {
    DeployError::Verification { service: service.to_owned(), reason: reason.to_string() }
}
