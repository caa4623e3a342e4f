//! A deployment file: what stands where on one chain, and from which block an indexer must read.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use crate::BlockNumber;

/// `deployments/<chainId>.json`: written by `wia dev` (into its data folder) and by `wia deploy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Contracts by deployment name.
    pub contracts: BTreeMap<String, Contract>,
}

/// One deployed contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contract {
    /// Where it is (any case is read, EIP-55 is written; X-18).
    #[serde(with = "crate::eip55")]
    pub address: Address,
    /// A block at or before the one that created it: the indexer starts here.
    pub block_number: BlockNumber,
}

impl Deployment {
    /// The contract of that name, or at that address in any case; `None` when neither is known here.
    #[must_use]
    pub fn resolve(&self, name_or_address: &str) -> Option<(&str, Address)> {
        let address = name_or_address.parse::<Address>().ok();
        self.contracts
            .iter()
            .find(|(name, contract)| *name == name_or_address || Some(contract.address) == address)
            .map(|(name, contract)| (name.as_str(), contract.address))
    }

    /// The same with these contracts alone, as far as they are there.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let mut some = self.clone();
        some.contracts.retain(|name, _| names.contains(&name.as_str()));
        some
    }

    /// The first block that can hold an event of any of the contracts; zero when there are none.
    #[must_use]
    pub fn first_block(&self) -> BlockNumber {
        self.contracts.values().map(|c| c.block_number).min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_is_found_by_name_and_by_address_in_any_case() {
        let text = r#"{"chainId":31337,"contracts":{"CarbonCredit":
            {"address":"0x742d35cc6634c0532925a3b844bc9e7595f0beb1","blockNumber":3}}}"#;
        let deployment: Deployment = serde_json::from_str(text).unwrap();
        for key in [
            "CarbonCredit",
            "0x742d35cC6634c0532925A3b844bc9E7595F0beB1",
            "0x742D35CC6634C0532925A3B844BC9E7595F0BEB1",
        ] {
            assert_eq!(deployment.resolve(key).unwrap().0, "CarbonCredit", "{key}");
        }
        assert_eq!(deployment.resolve("carboncredit"), None);
        assert_eq!(deployment.first_block(), BlockNumber(3));
        let written = serde_json::to_string(&deployment).unwrap();
        assert!(written.contains("0x742d35cC6634c0532925A3b844bc9E7595F0beB1"), "{written}");
    }

    #[test]
    fn some_contracts_begin_where_they_begin() {
        let at = |block| Contract { address: Address::repeat_byte(1), block_number: BlockNumber(block) };
        let contracts = BTreeMap::from([("A".into(), at(5)), ("B".into(), at(3))]);
        let both = Deployment { chain_id: 1, contracts };
        assert_eq!(both.first_block(), BlockNumber(3));
        let one = both.only(&["A", "C"]);
        assert_eq!((one.chain_id, one.contracts.len(), one.first_block()), (1, 1, BlockNumber(5)));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = serde_json::from_str::<Deployment>(r#"{"chainId":1,"contracts":{},"chain":1}"#);
        assert!(error.unwrap_err().to_string().contains("`chain`"));
    }
}
