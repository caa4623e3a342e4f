//! What a relayed transfer costs on the chain, from the receipts of real transactions: one ERC-3009 authorization by
//! itself, OpenZeppelin's forwarder, and our batches.
//!
//! Every transfer is by another wallet to another one, all of whom hold something before. "Warm": the signer has used a
//! nonce of the same word of the bitmap before. "Random": as clients of ERC-3009 choose nonces, each in a word of its
//! own.

mod forwarder;

use alloy::primitives::B256;
use serde_json::json;

use super::chain::Chain;
use super::load::{Load, Nonces, Shape, Signed};
use super::raw::{gas_limit, input};
use crate::chain::{Wallet, mine, succeeded};
use crate::error::BenchError;
use crate::report::{Figure, Quantity, Section};
use forwarder::forwarded;

/// The sizes of our batches.
const BATCHES: [usize; 2] = [50, 200];

/// The most for a transfer of a batch of 50 with warm words (the design's goal).
const MOST_WARM: u64 = 30_000;

/// Measures all.
pub(super) async fn gas(chain: &Chain, seed: u64) -> Result<Section, BenchError> {
    let [lane, ..] = &chain.lanes[..] else { return Err(BenchError::Refused("gas needs a lane".into())) };
    let mut wallet = Wallet::new(lane.clone());
    let mut section = Section::new("gas of one relayed transfer");
    let mut number = seed;
    for (nonces, kind) in [(Nonces::Random, "random nonces"), (Nonces::Dense, "warm words")] {
        for size in [1].into_iter().chain(BATCHES) {
            // Wallets of its own, so that none finds its words warm because of another measurement.
            number = number.wrapping_add(1);
            // A batch that warms the words, and one that is measured.
            let shape = Shape { messages: 2 * size, signers: size, burst: 1, recipients: size, nonces };
            let load = Load::sign(&chain.contract, number, shape)?;
            chain.fund(&load).await?;
            let (first, second) = load.messages.split_at(size);
            execute(chain, &mut wallet, first).await?;
            let gas = execute(chain, &mut wallet, second).await? / size as u64;
            if !chain.paid(&load).await? {
                return Err(BenchError::Wrong(format!("a transfer of a batch of {size} was skipped")));
            }
            let seen = Quantity::count(gas, "gas");
            section = section.figure(match (size, nonces) {
                (1, _) => Figure::plain(format!("ERC-3009 by itself, {kind}"), seen),
                (50, Nonces::Dense) => {
                    let most = Quantity::count(MOST_WARM, "gas");
                    Figure::at_most(format!("ours, a batch of {size}, {kind}"), seen, most)
                }
                _ => Figure::plain(format!("ours, a batch of {size}, {kind}"), seen),
            });
        }
    }
    for size in BATCHES {
        let gas = forwarded(chain, &mut wallet, seed, size).await?;
        let name = format!("OpenZeppelin's forwarder, a batch of {size}");
        section = section.figure(Figure::plain(name, Quantity::count(gas, "gas")));
    }
    Ok(section)
}

/// Executes these messages in one transaction in a block of its own; its gas.
async fn execute(chain: &Chain, wallet: &mut Wallet, messages: &[Signed]) -> Result<u64, BenchError> {
    let raw = wallet.call(&chain.contract, input(messages), gas_limit(messages.len()))?;
    let hash: B256 = chain.rpc.call("eth_sendRawTransaction", json!([raw])).await?;
    mine(&chain.rpc).await?;
    Ok(succeeded(&chain.rpc, hash).await?.gas_used.to())
}
