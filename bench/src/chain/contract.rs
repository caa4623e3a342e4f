//! `CarbonCredit` on an anvil of ours: the committed bytecode at the address of `wia deploy`, put there the same way.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U64, U256, address};
use alloy::sol_types::SolCall;
use serde::Deserialize;
use serde_json::{Value, json};
use wia_abi::CarbonCredit::mintCall;
use wia_abi::{BlockNumber, Deployment, carbon_credit, create2, deployment};

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    block_number: U64,
    status: U64,
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

    /// The deployment file that the indexer gets.
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
    let input = Bytes::copy_from_slice(input);
    let call = json!({"from": ADMIN, "to": to, "gas": hex(gas), "gasPrice": "0x0", "input": input});
    let hash: B256 = rpc.call("eth_sendTransaction", json!([call])).await?;
    mine(rpc).await?;
    let receipt: Receipt = rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
    if receipt.status != U64::from(1) {
        return Err(BenchError::Wrong(format!("transaction {hash} to {to} reverted")));
    }
    Ok(receipt.block_number.to())
}
