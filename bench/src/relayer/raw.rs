//! What the chain can do: the same messages in ready-made transactions, pushed at the same anvil.
//!
//! JSON-RPC arrays over four connections, one lane each, which is the fastest way into it. The clock runs from a new
//! block, with the first request, until the recipients have everything. Transactions are signed before.

use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use futures::future::try_join_all;
use serde_json::{Value, json};
use wia_abi::Authorization;
use wia_abi::CarbonCredit::transferWithAuthorizationBatchCall;

use super::chain::Chain;
use super::load::{Load, Signed};
use crate::chain::{CALLS_PER_REQUEST, CONNECTIONS, Wallet};
use crate::error::BenchError;
use crate::process::own_usage;
use crate::report::{Figure, Quantity, Section};
use crate::rpc::Rpc;

pub(super) const UNIT: &str = "transfers/s";

const TIMEOUT: Duration = Duration::from_secs(1_800);

/// Of a transaction, and of each message in it with a cold nonce word.
const BASE_GAS: u64 = 60_000;
const MESSAGE_GAS: u64 = 66_000;

/// What was seen of one way onto the chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) wall: Duration,
    /// Processor time of anvil.
    pub(super) anvil: Duration,
    pub(super) transfers: usize,
}

impl Seen {
    /// Transfers per second.
    pub(super) fn rate(&self) -> Quantity {
        Quantity::per_s(self.transfers, self.wall, UNIT)
    }

    /// Transfers per second of anvil's processor time.
    pub(super) fn per_anvil_s(&self) -> Quantity {
        Quantity::per_s(self.transfers, self.anvil, UNIT)
    }
}

/// The calldata that submits these messages: a batch, or the one by itself.
pub(super) fn input(messages: &[Signed]) -> Bytes {
    match messages {
        [Signed { message, signature, .. }] => Authorization::from(message).calldata(signature),
        many => {
            let items = many.iter().map(|s| s.message.with_signature(s.signature.clone())).collect();
            transferWithAuthorizationBatchCall { items }.abi_encode().into()
        }
    }
}

/// The gas limit of that transaction.
pub(super) fn gas_limit(messages: usize) -> u64 {
    BASE_GAS + MESSAGE_GAS * messages as u64
}

/// Pushes the load in transactions of so many messages each.
pub(super) async fn raw(
    chain: &Chain,
    load: &Load,
    per_transaction: usize,
) -> Result<(Seen, Section), BenchError> {
    chain.fund(load).await?;
    let mut wallets: Vec<_> = chain.lanes.iter().cloned().map(Wallet::new).collect();
    let lanes = wallets.len().clamp(1, CONNECTIONS);
    let mut requests: Vec<Vec<Value>> = vec![Vec::new(); lanes];
    for (number, messages) in load.messages.chunks(per_transaction.max(1)).enumerate() {
        let lane = number % lanes;
        let Some(wallet) = wallets.get_mut(lane) else { break };
        let raw = wallet.call(&load.contract, input(messages), gas_limit(messages.len()))?;
        requests[lane].push(json!([raw]));
    }
    let connections = Rpc::several(&chain.anvil.http_url(), lanes)?;
    chain.run().await?;
    let started = chain.next_block().await?;
    let used = || Ok::<_, BenchError>((chain.anvil.process().usage()?.cpu, own_usage()?.cpu));
    let before = used()?;
    let pushing = connections.iter().zip(&requests).map(|(connection, requests)| async move {
        for request in requests.chunks(CALLS_PER_REQUEST) {
            let _: Vec<B256> = connection.batch("eth_sendRawTransaction", request.iter().cloned()).await?;
        }
        Ok::<_, BenchError>(())
    });
    try_join_all(pushing).await?;
    let pushed = started.elapsed();
    let wall = chain.settled(load, TIMEOUT).await? - started;
    let after = used()?;
    chain.check(load).await?;
    let seen = Seen { wall, anvil: after.0 - before.0, transfers: load.messages.len() };
    let title = match per_transaction {
        1 => "raw, one transfer per transaction".to_owned(),
        some => format!("raw, batches of {some}"),
    };
    let section = Section::new(title)
        .figure(Figure::plain("pushed to on the chain", seen.rate()))
        .figure(Figure::plain("per second of anvil's processor time", seen.per_anvil_s()))
        .figure(Figure::plain("the whole of it", Quantity::s(wall)))
        .figure(Figure::plain("of it until the last was in the pool", Quantity::s(pushed)))
        .figure(Figure::plain("anvil's processor time", Quantity::s(seen.anvil)))
        .figure(Figure::plain("our processor time", Quantity::s(after.1 - before.1)))
        .raw("transfers", load.messages.len());
    Ok((seen, section))
}
