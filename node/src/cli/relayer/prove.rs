//! `wia relayer prove-receipt`: whether a relayer kept what it signed, with what anyone needs to check it again.
//!
//! In: the answer of `relay.submit` or `relay.status`, the message, an endpoint. Out: a verdict ([`judge`]) and, as JSON,
//! the proof. The exit code is 0 when the promise was kept or the relayer is excused, 3 when it was broken, 4 when that
//! cannot be told (yet), and 1 when there is nothing to judge.

mod case;
mod chain;
mod judge;

use std::io::Read;
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use clap::Args;
use serde_json::{Value, json};
use wia_abi::Deployment;

use crate::cli::{CliError, say};
use case::Case;
use chain::Asked;
use judge::{Facts, What, judge};

/// The largest file that is read, in bytes: an answer with a long history.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Judge by the chain whether a relayer kept a receipt; exits with 3 when it broke it
#[derive(Debug, Args)]
pub(crate) struct ProveReceipt {
    /// What relay.submit or relay.status answered, as JSON; `-` is standard input
    #[arg(long, value_name = "PATH")]
    receipt: PathBuf,
    /// The message: the params of relay.submit, as JSON; `-` is standard input
    #[arg(long, value_name = "PATH")]
    message: PathBuf,
    /// The relayer's signed refusal, as JSON, where --receipt does not hold it
    #[arg(long, value_name = "PATH")]
    refusal: Option<PathBuf>,
    /// A JSON-RPC endpoint of the chain; old refusals need an archive node
    #[arg(long, value_name = "URL")]
    rpc_url: String,
    /// The deployment file, where the message names its contract
    #[arg(long, value_name = "PATH")]
    deployment: Option<PathBuf>,
    /// The relayer that is expected to have signed
    #[arg(long, value_name = "ADDRESS")]
    relayer: Option<Address>,
    /// Blocks that a block must have on it, itself included, to count
    #[arg(long, value_name = "BLOCKS", default_value_t = 12)]
    confirmations: u64,
    /// Where the search begins; a block before the message was signed
    #[arg(long, value_name = "BLOCK", default_value_t = 0)]
    from_block: u64,
    /// Print the proof as JSON
    #[arg(long)]
    json: bool,
}

impl ProveReceipt {
    pub(crate) async fn run(self) -> Result<(), CliError> {
        let answer = read(&self.receipt)?;
        let message = read(&self.message)?;
        let refusal = self.refusal.as_deref().map(read).transpose()?;
        let deployment: Option<Deployment> = match &self.deployment {
            Some(path) => Some(serde_json::from_value(read(path)?).map_err(|e| unfit(path, &e))?),
            None => None,
        };
        let case = Case::read(&answer, &message, refusal.as_ref(), deployment.as_ref());
        let case = case.map_err(CliError::Refused)?;
        if let Some(expected) = self.relayer.filter(|expected| *expected != case.receipt.relayer) {
            let reason = format!("receipt.relayer: is {}, not {expected}", case.receipt.relayer);
            return Err(CliError::Refused(reason));
        }
        let chain = Asked::at(&self.rpc_url).map_err(refused)?;
        chain.check(&case).await.map_err(refused)?;
        let facts = chain.facts(&case, self.from_block, self.confirmations).await.map_err(refused)?;
        let verdict = judge(&facts);
        let promised = case.receipt.include_by_block;
        let hashes = [
            (promised, chain.hash_of(promised).await.map_err(refused)?),
            (facts.head, chain.hash_of(facts.head).await.map_err(refused)?),
        ];
        let said = if self.json {
            let proof = json!({
                "verdict": verdict.word(),
                "because": verdict.to_string(),
                "chainId": case.chain_id,
                "contract": case.contract,
                "relayId": case.relay_id,
                "message": message,
                "receipt": case.receipt,
                "refusal": case.refusal,
                "confirmations": self.confirmations,
                "searched": { "fromBlock": self.from_block, "toBlock": facts.head },
                "blocks": hashes.map(|(number, hash)| json!({ "number": number, "hash": hash })),
                "outcomes": outcomes(&facts),
            });
            format!("{proof:#}")
        } else {
            verdict.to_string()
        };
        say(&said).map_err(CliError::file("standard output"))?;
        match verdict.exit_code() {
            0 => Ok(()),
            code => Err(CliError::Verdict { verdict: verdict.word(), code }),
        }
    }
}

fn outcomes(facts: &Facts) -> Vec<Value> {
    let one = |outcome: &judge::Outcome| {
        let (what, reason) = match &outcome.what {
            What::Executed => ("executed", None),
            What::Skipped(reason) => ("skipped", Some(reason)),
            What::NonceSpent => ("nonceSpent", None),
        };
        json!({ "block": outcome.block, "transactionHash": outcome.transaction, "what": what, "reason": reason })
    };
    facts.outcomes.iter().map(one).collect()
}

fn read(path: &Path) -> Result<Value, CliError> {
    let mut text = String::new();
    let bytes: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(CliError::file(path))?)
    };
    bytes.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(CliError::file(path))?;
    serde_json::from_str(&text).map_err(|e| unfit(path, &e))
}

fn unfit(path: &Path, error: &serde_json::Error) -> CliError {
    CliError::Refused(format!("{}: {error}", path.display()))
}

fn refused(error: chain::Unanswered) -> CliError {
    CliError::Refused(error.to_string())
}
