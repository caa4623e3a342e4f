//! The wallets between which the token moves: keys that follow from the seed, transactions signed here.
//!
//! Signed, because anvil hashes an impersonated transaction again for every log of it that is read (a third more
//! processor time for `eth_getLogs`): no other endpoint does. Without fees, so that no wallet needs ether.

use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, Bytes, TxKind, U256, keccak256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use wia_abi::CarbonCredit::transferCall;

use super::contract::{Contract, units};
use crate::error::BenchError;

/// Twice what a transfer to a wallet without any takes.
const TRANSFER_GAS: u64 = 100_000;

/// One wallet.
#[derive(Debug, Clone)]
pub(crate) struct Wallet {
    signer: PrivateKeySigner,
    /// Of its next transaction.
    nonce: u64,
}

/// The first `count` wallets of that seed, none of which has sent anything.
pub(crate) fn pool(seed: u64, count: usize) -> Result<Vec<Wallet>, BenchError> {
    (0..count).map(|number| key(seed, &number.to_string()).map(Wallet::new)).collect()
}

/// The key of that seed and name.
pub(crate) fn key(seed: u64, name: &str) -> Result<PrivateKeySigner, BenchError> {
    let secret = keccak256(format!("wia-bench/{seed}/{name}"));
    PrivateKeySigner::from_bytes(&secret).map_err(BenchError::malformed("a wallet's key"))
}

impl Wallet {
    /// One that has sent nothing.
    pub(crate) fn new(signer: PrivateKeySigner) -> Self {
        Self { signer, nonce: 0 }
    }

    /// Its address.
    pub(crate) fn address(&self) -> Address {
        self.signer.address()
    }

    /// Its next transaction, encoded (EIP-2718): a transfer of so many serials.
    pub(crate) fn transfer(
        &mut self,
        contract: &Contract,
        to: Address,
        serials: u64,
    ) -> Result<Bytes, BenchError> {
        let input = transferCall { to, value: units(serials) }.abi_encode();
        self.call(contract, input.into(), TRANSFER_GAS)
    }

    /// Its next transaction, encoded (EIP-2718): a call of the contract with no more than so much gas.
    pub(crate) fn call(
        &mut self,
        contract: &Contract,
        input: Bytes,
        gas_limit: u64,
    ) -> Result<Bytes, BenchError> {
        let mut transaction = TxEip1559 {
            chain_id: contract.chain_id,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(contract.address),
            value: U256::ZERO,
            access_list: alloy::eips::eip2930::AccessList::default(),
            input,
        };
        self.nonce += 1;
        let signature = self.signer.sign_transaction_sync(&mut transaction);
        let signature = signature.map_err(BenchError::malformed("a transaction"))?;
        Ok(transaction.into_signed(signature).encoded_2718().into())
    }
}
