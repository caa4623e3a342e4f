//! anvil's ten development accounts. Their keys are public: they are offered on the development chain only.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use serde::{Deserialize, Serialize};

use super::CliError;

/// The chain id of the development chain, the only one on which these keys are used.
pub(crate) const CHAIN_ID: u64 = 31_337;

/// One account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DevAccount {
    #[serde(with = "wia_abi::eip55")]
    pub(crate) address: Address,
    pub(crate) private_key: B256,
}

/// All ten, in anvil's order.
pub(crate) fn all() -> &'static [DevAccount] {
    static ACCOUNTS: LazyLock<Vec<DevAccount>> = LazyLock::new(|| {
        // A file of this repository, read by the test below: it cannot be malformed at run time.
        serde_json::from_str(include_str!("../../../anvil-fixtures/accounts.json")).unwrap_or_default()
    });
    &ACCOUNTS
}

/// The signer of account `index`.
pub(crate) fn signer(index: usize) -> Result<PrivateKeySigner, CliError> {
    let account = all()
        .get(index)
        .ok_or_else(|| CliError::Refused(format!("there are 10 dev accounts, 0…9; not {index}")))?;
    PrivateKeySigner::from_bytes(&account.private_key).map_err(|e| CliError::Refused(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_belongs_to_its_address() {
        assert_eq!(all().len(), 10);
        for (index, account) in all().iter().enumerate() {
            assert_eq!(signer(index).unwrap().address(), account.address);
        }
    }
}
