//! The neighbour: OpenZeppelin's `ERC2771Forwarder` with an ERC-20 behind it (`bench/forwarder`), compiled like our own
//! contracts. Best effort, as our batches are: a request that fails is skipped.

use alloy::primitives::aliases::U48;
use alloy::primitives::{B256, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolCall, SolConstructor};
use serde_json::json;
use wia_abi::authorization::Domain;

use super::super::chain::Chain;
use crate::chain::{Contract, Wallet, create, key, mine, succeeded};
use crate::error::BenchError;

sol! {
    #[allow(missing_docs)]
    ERC2771Forwarder,
    "forwarder/ERC2771Forwarder.json"
}

sol! {
    #[allow(missing_docs)]
    ForwardedToken,
    "forwarder/ForwardedToken.json"
}

sol! {
    /// What a wallet signs for it.
    struct ForwardRequest {
        address from;
        address to;
        uint256 value;
        uint256 gas;
        uint256 nonce;
        uint48 deadline;
        bytes data;
    }
}

/// The domain's name; any will do.
const NAME: &str = "Forwarder";

/// What one transfer may take behind the forwarder.
const REQUEST_GAS: u64 = 80_000;

const BATCH_GAS: u64 = 16_000_000;

/// Gas of one transfer in a batch of `size`, every one by another wallet to another one, all of whom have sent and
/// received before.
pub(super) async fn forwarded(
    chain: &Chain,
    wallet: &mut Wallet,
    seed: u64,
    size: usize,
) -> Result<u64, BenchError> {
    let arguments = ERC2771Forwarder::constructorCall { name: NAME.to_owned() }.abi_encode();
    let forwarder = create(&chain.rpc, &ERC2771Forwarder::BYTECODE, &arguments).await?;
    let arguments = ForwardedToken::constructorCall { forwarder }.abi_encode();
    let token = create(&chain.rpc, &ForwardedToken::BYTECODE, &arguments).await?;
    let chain_id = chain.contract.chain_id;
    let contract = |address| Contract { chain_id, address, block: 0 };
    let keys: Vec<_> = (0..size).map(|n| key(seed, &format!("signer {n}"))).collect::<Result<_, _>>()?;
    let recipients: Vec<_> = (0..size)
        .map(|n| Ok(key(seed, &format!("recipient {n}"))?.address()))
        .collect::<Result<_, BenchError>>()?;
    for account in keys.iter().map(|key| key.address()).chain(recipients.iter().copied()) {
        let input = ForwardedToken::mintCall { to: account, value: U256::from(1_000) }.abi_encode();
        send(chain, wallet, &contract(token), input.into()).await?;
    }
    let domain = Domain::new(Eip712Domain::new(
        Some(NAME.into()),
        Some("1".into()),
        Some(U256::from(chain_id)),
        Some(forwarder),
        None,
    ));
    let mut gas = 0;
    for nonce in 0..2_u64 {
        let mut requests = Vec::with_capacity(size);
        for (key, to) in keys.iter().zip(&recipients) {
            let data: Bytes =
                ForwardedToken::transferCall { to: *to, value: U256::from(7) }.abi_encode().into();
            let request = ForwardRequest {
                from: key.address(),
                to: token,
                value: U256::ZERO,
                gas: U256::from(REQUEST_GAS),
                nonce: U256::from(nonce),
                deadline: U48::MAX,
                data: data.clone(),
            };
            let signature = key.sign_hash_sync(&domain.digest(&request));
            let signature = signature.map_err(BenchError::malformed("a request"))?;
            requests.push(ERC2771Forwarder::ForwardRequestData {
                from: request.from,
                to: token,
                value: U256::ZERO,
                gas: request.gas,
                deadline: U48::MAX,
                data,
                signature: signature.as_bytes().into(),
            });
        }
        // A receiver of refunds is what makes it skip instead of revert.
        let refund_receiver = wallet.address();
        let input =
            ERC2771Forwarder::executeBatchCall { requests, refundReceiver: refund_receiver }.abi_encode();
        gas = send(chain, wallet, &contract(forwarder), input.into()).await?;
    }
    // The second batch is the one that is told; both must have moved all that they should.
    let balances = contract(token).balances(&chain.rpc, &recipients).await?;
    if balances.iter().any(|balance| *balance != U256::from(1_000 + 2 * 7)) {
        return Err(BenchError::Wrong("the forwarder skipped a transfer".into()));
    }
    Ok(gas / size as u64)
}

/// Sends a call in a block of its own; its gas.
async fn send(chain: &Chain, wallet: &mut Wallet, to: &Contract, input: Bytes) -> Result<u64, BenchError> {
    let raw = wallet.call(to, input, BATCH_GAS)?;
    let hash: B256 = chain.rpc.call("eth_sendRawTransaction", json!([raw])).await?;
    mine(&chain.rpc).await?;
    Ok(succeeded(&chain.rpc, hash).await?.gas_used.to())
}
