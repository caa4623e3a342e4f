//! `CarbonCredit` on an anvil of ours: the committed bytecode at the address of `wia deploy`, put there the same way.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U64, U256, address};
use alloy::sol_types::SolCall;
use serde::Deserialize;
use serde_json::{Value, json};
use wia_abi::CarbonCredit::{balanceOfCall, mintCall};
use wia_abi::{BlockNumber, Deployment, carbon_credit, create2, deployment};

use super::CALLS_PER_REQUEST;
use super::wire::hex;
use crate::error::BenchError;
use crate::rpc::Rpc;

/// The contracts' admin on anvil (`networks.toml`): the first development account, for which anvil signs.
const ADMIN: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

/// Units of the token in one serial of 0.001 t.
const UNITS_PER_SERIAL: u64 = 1_000_000_000_000_000;

const DEPLOY_GAS: u64 = 12_000_000;
const CALL_GAS: u64 = 500_000;

/// The contract on one chain.
#[derive(Debug, Clone)]
pub(crate) struct Contract {
    pub(crate) chain_id: u64,
    pub(crate) address: Address,
    /// The block that created it.
    pub(crate) block: u64,
}

/// What is read of a receipt.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    block_number: U64,
    status: U64,
    /// What the transaction cost.
    pub(crate) gas_used: U64,
    contract_address: Option<Address>,
}

impl Contract {
    /// Deploys it through the CREATE2 factory, in a block of its own.
    pub(crate) async fn deploy(rpc: &Rpc) -> Result<Self, BenchError> {
        let plan = carbon_credit::plan(ADMIN, 0);
        let chain_id: U64 = rpc.call("eth_chainId", json!([])).await?;
        let input = plan.factory_input();
        let block = in_own_block(rpc, create2::FACTORY, &input, DEPLOY_GAS).await?;
        let code: Bytes = rpc.call("eth_getCode", json!([plan.address(), "latest"])).await?;
        if !plan.is_runtime(&code) {
            return Err(BenchError::Wrong(format!("{} has other code than was deployed", plan.address())));
        }
        Ok(Self { chain_id: chain_id.to(), address: plan.address(), block })
    }

    /// Where it stands on a chain that was loaded: in the block that created it there.
    pub(crate) fn loaded(chain_id: u64, block: u64) -> Self {
        Self { chain_id, address: carbon_credit::plan(ADMIN, 0).address(), block }
    }

    /// Mints to `account`, in a block of its own.
    pub(crate) async fn mint(&self, rpc: &Rpc, account: Address, serials: u64) -> Result<(), BenchError> {
        let call = mintCall { to: account, amount: units(serials), creditId: "CCR-2026-000001".into() };
        let call = call.abi_encode();
        in_own_block(rpc, self.address, &call, CALL_GAS).await.map(|_| ())
    }

    /// Mints to each account so many serials, all in one block of their own.
    pub(crate) async fn mint_all(&self, rpc: &Rpc, shares: &[(Address, u64)]) -> Result<(), BenchError> {
        let mut hashes: Vec<B256> = Vec::with_capacity(shares.len());
        let calls = shares.iter().map(|(to, serials)| {
            // No id may be issued twice.
            let credit_id = format!("CCR-{to}");
            let call = mintCall { to: *to, amount: units(*serials), creditId: credit_id };
            json!([as_admin(self.address, &call.abi_encode(), CALL_GAS)])
        });
        for calls in calls.collect::<Vec<_>>().chunks(CALLS_PER_REQUEST) {
            hashes.extend(rpc.batch::<B256>("eth_sendTransaction", calls.iter().cloned()).await?);
        }
        mine(rpc).await?;
        for hash in hashes {
            succeeded(rpc, hash).await?;
        }
        Ok(())
    }

    /// What those accounts hold now.
    pub(crate) async fn balances(&self, rpc: &Rpc, accounts: &[Address]) -> Result<Vec<U256>, BenchError> {
        let calls = accounts.iter().map(|account| {
            let input: Bytes = balanceOfCall { account: *account }.abi_encode().into();
            json!([{"to": self.address, "input": input}, "latest"])
        });
        rpc.batch("eth_call", calls).await
    }

    /// The deployment file that `wia` gets.
    pub(crate) fn deployment(&self) -> Deployment {
        let contract = deployment::Contract { address: self.address, block_number: BlockNumber(self.block) };
        let contracts = BTreeMap::from([(carbon_credit::NAME.to_owned(), contract)]);
        Deployment { chain_id: self.chain_id, contracts }
    }
}

/// Units of so many serials.
pub(crate) fn units(serials: u64) -> U256 {
    U256::from(serials) * U256::from(UNITS_PER_SERIAL)
}

/// Makes one block with what is in the pool.
pub(crate) async fn mine(rpc: &Rpc) -> Result<(), BenchError> {
    rpc.call::<Value>("evm_mine", json!([])).await.map(|_| ())
}

/// The admin's call, in a block of its own; which, when it succeeded.
async fn in_own_block(rpc: &Rpc, to: Address, input: &[u8], gas: u64) -> Result<u64, BenchError> {
    let hash: B256 = rpc.call("eth_sendTransaction", json!([as_admin(to, input, gas)])).await?;
    mine(rpc).await?;
    Ok(succeeded(rpc, hash).await?.block_number.to())
}

/// Creates any contract, in a block of its own; where it is.
pub(crate) async fn create(rpc: &Rpc, code: &[u8], arguments: &[u8]) -> Result<Address, BenchError> {
    let input: Bytes = [code, arguments].concat().into();
    let call = json!({"from": ADMIN, "gas": hex(DEPLOY_GAS), "gasPrice": "0x0", "input": input});
    let hash: B256 = rpc.call("eth_sendTransaction", json!([call])).await?;
    mine(rpc).await?;
    let receipt = succeeded(rpc, hash).await?;
    receipt.contract_address.ok_or_else(|| BenchError::Wrong(format!("transaction {hash} created nothing")))
}

/// The admin's call, for `eth_sendTransaction`.
fn as_admin(to: Address, input: &[u8], gas: u64) -> Value {
    let input = Bytes::copy_from_slice(input);
    json!({"from": ADMIN, "to": to, "gas": hex(gas), "gasPrice": "0x0", "input": input})
}

/// The receipt of a mined transaction; an error when it reverted.
pub(crate) async fn succeeded(rpc: &Rpc, hash: B256) -> Result<Receipt, BenchError> {
    let receipt: Receipt = rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
    if receipt.status != U64::from(1) {
        return Err(BenchError::Wrong(format!("transaction {hash} reverted")));
    }
    Ok(receipt)
}
