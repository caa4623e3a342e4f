//! The chain of one measurement: an empty anvil with the contract, the senders' credits and the lanes' ether, from then
//! on with a block every second.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolEvent};
use serde_json::json;
use wia_abi::CarbonCredit::{AuthorizationUsed, authorizationStateCall};

use super::load::Load;
use crate::chain::{Anvil, CALLS_PER_REQUEST, Contract, Log, hex, key};
use crate::error::BenchError;
use crate::rpc::Rpc;
use crate::wait::until;

/// Seconds from block to block.
const BLOCK_S: u64 = 1;

/// What a block may hold: more than anvil executes in a second, little enough that it comes in time.
const BLOCK_GAS: &str = "1000000000";

/// Ether of each lane: 1,000.
const LANE_WEI: u128 = 1_000_000_000_000_000_000_000;

/// Nonces that are asked for one by one; the events tell of all.
const CHECKED_NONCES: usize = 100;

const BLOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Where chains come from.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// The native anvil.
    pub(super) anvil: PathBuf,
    /// Where it leaves its output.
    pub(super) scratch: PathBuf,
    pub(super) seed: u64,
}

/// A running anvil with the contract on it.
pub(super) struct Chain {
    pub(super) anvil: Anvil,
    pub(super) contract: Contract,
    pub(super) rpc: Rpc,
    /// Keys that can pay for transactions.
    pub(super) lanes: Vec<PrivateKeySigner>,
}

impl Chain {
    /// Starts one with that many lanes; blocks come only when asked for.
    pub(super) async fn start(ground: &Ground, lanes: usize) -> Result<Self, BenchError> {
        let anvil = Anvil::start(&ground.anvil, &ground.scratch, ["--gas-limit", BLOCK_GAS]).await?;
        let rpc = Rpc::to(&anvil.http_url())?;
        let contract = Contract::deploy(&rpc).await?;
        let lanes: Vec<_> =
            (0..lanes).map(|n| key(ground.seed, &format!("lane {n}"))).collect::<Result<_, _>>()?;
        for lane in &lanes {
            rpc.tell("anvil_setBalance", json!([lane.address(), U256::from(LANE_WEI)])).await?;
        }
        Ok(Self { anvil, contract, rpc, lanes })
    }

    /// Gives the senders of that load their credits.
    pub(super) async fn fund(&self, load: &Load) -> Result<(), BenchError> {
        self.contract.mint_all(&self.rpc, &load.shares()).await
    }

    /// A block every second from now on.
    pub(super) async fn run(&self) -> Result<(), BenchError> {
        self.rpc.tell("evm_setIntervalMining", json!([BLOCK_S])).await
    }

    /// Waits for the next block; when it was there. Whoever starts here has a whole second until the next one.
    pub(super) async fn next_block(&self) -> Result<Instant, BenchError> {
        let before = self.head().await?;
        until("the next block", BLOCK_TIMEOUT, async || Ok((self.head().await? > before).then(Instant::now)))
            .await
    }

    async fn head(&self) -> Result<u64, BenchError> {
        let head: U64 = self.rpc.call("eth_blockNumber", json!([])).await?;
        Ok(head.to())
    }

    /// Waits until the recipients have been paid everything; when that was seen.
    pub(super) async fn settled(&self, load: &Load, timeout: Duration) -> Result<Instant, BenchError> {
        let mut seen = 0;
        until("every transfer to be on the chain", timeout, async || {
            let head = self.head().await?;
            if head == seen {
                return Ok(None);
            }
            seen = head;
            Ok(self.paid(load).await?.then(Instant::now))
        })
        .await
    }

    /// Whether the recipients have been paid everything.
    pub(super) async fn paid(&self, load: &Load) -> Result<bool, BenchError> {
        let balances = self.contract.balances(&self.rpc, load.recipients()).await?;
        Ok(balances == load.paid())
    }

    /// Checks that every message was executed, each once, and nothing else: the chain's own `AuthorizationUsed`, the
    /// balances of all accounts, and (of some) the nonces.
    pub(super) async fn check(&self, load: &Load) -> Result<(), BenchError> {
        let wrong = |what: String| Err(BenchError::Wrong(format!("relayed transfers: {what}")));
        let mut used: Vec<(Address, B256)> = Vec::with_capacity(load.messages.len());
        for number in self.contract.block..=self.head().await? {
            let filter = json!([{
                "address": self.contract.address, "fromBlock": hex(number), "toBlock": hex(number),
                "topics": [AuthorizationUsed::SIGNATURE_HASH],
            }]);
            let logs: Vec<Log> = self.rpc.call("eth_getLogs", filter).await?;
            for log in logs {
                let [_, authorizer, nonce] = log.topics[..] else {
                    return wrong("an event without a nonce".into());
                };
                used.push((Address::from_word(authorizer), nonce));
            }
        }
        let different: BTreeSet<_> = used.iter().copied().collect();
        if different.len() != used.len() {
            return wrong(format!("{} were executed twice", used.len() - different.len()));
        }
        let signed: BTreeSet<_> = load.messages.iter().map(|s| (s.message.from, s.message.nonce)).collect();
        if different != signed {
            return wrong(format!("{} of {} were executed", different.len(), signed.len()));
        }
        let (accounts, wanted): (Vec<_>, Vec<_>) = load.balances().into_iter().unzip();
        for (accounts, wanted) in accounts.chunks(CALLS_PER_REQUEST).zip(wanted.chunks(CALLS_PER_REQUEST)) {
            let balances = self.contract.balances(&self.rpc, accounts).await?;
            if balances != wanted {
                return wrong(format!("{accounts:?} hold {balances:?} instead of {wanted:?}"));
            }
        }
        let step = (load.messages.len() / CHECKED_NONCES).max(1);
        for signed in load.messages.iter().step_by(step) {
            let (authorizer, nonce) = (signed.message.from, signed.message.nonce);
            let input: Bytes = authorizationStateCall { authorizer, nonce }.abi_encode().into();
            let call = json!([{"to": self.contract.address, "input": input}, "latest"]);
            let used: U256 = self.rpc.call("eth_call", call).await?;
            if used != U256::ONE {
                return wrong(format!("nonce {nonce} of {authorizer} is not used"));
            }
        }
        Ok(())
    }
}
