//! What a relayer signs, as EIP-712 types of the relayers' own domain, so that anyone can hold it to them.
//!
//! A [`RelayReceipt`] promises execution, or an on-chain skip of this digest, by block `includeByBlock`. A
//! [`RelayRefusal`] says that an accepted message was dropped: `blockNumber` is the state in which it would
//! have failed, which anyone can check by `eth_call`. A [`RelayClaim`] tells the other relayers of a mesh which
//! messages are in a signed transaction of this one, so that they leave them alone for a while.

use alloy::primitives::{ChainId, U256};
use alloy::sol;
use alloy::sol_types::Eip712Domain;

use crate::authorization::Domain;
use crate::typed_data;

sol! {
    /// The promise of a relayer. `receivedAt` in Unix milliseconds.
    #[derive(Debug, PartialEq, Eq)]
    struct RelayReceipt {
        bytes32 relayId;
        address relayer;
        uint64 receivedAt;
        uint64 includeByBlock;
    }

    /// Why an accepted message ends without a transaction. `refusedAt` in Unix milliseconds.
    #[derive(Debug, PartialEq, Eq)]
    struct RelayRefusal {
        bytes32 relayId;
        address relayer;
        uint64 refusedAt;
        uint64 blockNumber;
        string reason;
    }

    /// Messages that a relayer has put into a transaction. Others leave them alone up to block `untilBlock`. Without
    /// `relayIds` it is a sign of life. `issuedAt` in Unix milliseconds.
    #[derive(Debug, PartialEq, Eq)]
    struct RelayClaim {
        address relayer;
        uint64 issuedAt;
        uint64 untilBlock;
        bytes32[] relayIds;
    }
}

/// The EIP-712 domain's `name`.
pub const DOMAIN_NAME: &str = "WIA Relay";

/// The domain of receipts, refusals and claims on `chain_id`: name `WIA Relay`, version `1`, no contract.
#[must_use]
pub fn domain(chain_id: ChainId) -> Domain {
    Domain::new(Eip712Domain::new(
        Some(DOMAIN_NAME.into()),
        Some(typed_data::VERSION.into()),
        Some(U256::from(chain_id)),
        None,
        None,
    ))
}
