//! Makes the blocks of a plan on an empty anvil.

use std::time::Instant;

use alloy::primitives::B256;
use futures::future::try_join_all;
use serde_json::{Value, json};

use super::CALLS_PER_REQUEST;
use super::contract::{Contract, mine};
use super::plan::{POOL, SHARE, Shape, Transfer, blocks};
use super::wallet::{Wallet, pool};
use crate::error::BenchError;
use crate::progress::Progress;
use crate::rpc::Rpc;

/// Deploys, mints, and then makes block after block, their transactions sent over all `connections`.
pub(crate) async fn generate(connections: &[Rpc], shape: Shape, seed: u64) -> Result<Contract, BenchError> {
    let [first, ..] = connections else {
        return Err(BenchError::Refused("a chain needs a connection".into()));
    };
    let mut wallets = pool(seed, POOL)?;
    let contract = Contract::deploy(first).await?;
    contract.mint(first, wallets[0].address(), SHARE * POOL as u64).await?;
    let plan = blocks(shape, seed);
    let mut progress = Progress::of(format!("generating {shape}"), plan.len(), "blocks");
    for block in &plan {
        let calls: Vec<_> =
            block.iter().map(|t| call(&contract, &mut wallets, *t)).collect::<Result<_, _>>()?;
        let requests: Vec<_> = calls.chunks(CALLS_PER_REQUEST).collect();
        let shares = connections.iter().enumerate().map(|(at, connection)| {
            let share = requests.iter().skip(at).step_by(connections.len());
            async move {
                for request in share {
                    let calls = request.iter().cloned();
                    let _: Vec<B256> = connection.batch("eth_sendRawTransaction", calls).await?;
                }
                Ok::<_, BenchError>(())
            }
        });
        try_join_all(shares).await?;
        mine(first).await?;
        progress.step(Instant::now());
    }
    Ok(contract)
}

/// The parameters of an `eth_sendRawTransaction`.
fn call(contract: &Contract, wallets: &mut [Wallet], transfer: Transfer) -> Result<Value, BenchError> {
    let Transfer { from, to, serials } = transfer;
    let to = wallets[to].address();
    Ok(json!([wallets[from].transfer(contract, to, serials)?]))
}
