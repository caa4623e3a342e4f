//! How messages travel: the one call that carries a batch, and what its answer says of each message.
//!
//! In: the messages of a batch, and the deployment's `RelayBatcher`. Out: contract and calldata. Three ways:
//!
//! | messages | call | an item that fails |
//! |---|---|---|
//! | token transfers of one contract | its own `transferWithAuthorizationBatch`, the cheapest | `AuthorizationSkipped` |
//! | all others, of any contracts | `RelayBatcher.relay`, each with its own gas | `ItemFailed` |
//! | one, where there is no batcher | the function that takes it | the transaction reverts |

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall;
use wia_abi::CarbonCredit::transferWithAuthorizationBatchCall as BatchCall;
use wia_abi::relay_batcher::IRelayBatcher::Call;
use wia_abi::relay_batcher::RelayBatcher::relayCall;

use super::batch::wallet_gas;
use crate::queue::record::Item;

/// How a message travels, and with which others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// In the batch function of this token.
    Token(Address),
    /// In a batch over any contracts, by this batcher.
    Batcher(Address),
    /// In a transaction of its own, to this contract.
    Alone(Address),
}

impl Way {
    /// The way of a message for `contract`, as far as itself tells; `transfer`: it moves tokens.
    pub(crate) fn of(contract: Address, transfer: bool) -> Self {
        if transfer { Self::Token(contract) } else { Self::Alone(contract) }
    }

    /// The same where this batcher is deployed.
    pub(crate) fn by(self, batcher: Option<Address>) -> Self {
        match (self, batcher) {
            (Self::Alone(_), Some(batcher)) => Self::Batcher(batcher),
            (way, _) => way,
        }
    }

    /// Where the transaction goes.
    pub(crate) fn to(self) -> Address {
        match self {
            Self::Token(to) | Self::Batcher(to) | Self::Alone(to) => to,
        }
    }

    /// The calldata that submits these messages in this order; they must all go this way.
    pub(crate) fn input<'a>(self, mut items: impl Iterator<Item = &'a Item>) -> Bytes {
        match self {
            Self::Token(_) => {
                let signed =
                    |item: &Item| Some(item.message.transfer()?.with_signature(item.signature.clone()));
                BatchCall { items: items.filter_map(signed).collect() }.abi_encode().into()
            }
            Self::Batcher(_) => relayCall { calls: items.map(call).collect() }.abi_encode().into(),
            Self::Alone(_) => items.next().map(single_input).unwrap_or_default(),
        }
    }

    /// Which messages the answer of a simulated call says were executed: bit i is message i.
    pub(crate) fn executed(self, answer: &[u8]) -> U256 {
        match self {
            Self::Token(_) => BatchCall::abi_decode_returns(answer).unwrap_or_default(),
            Self::Batcher(_) => relayCall::abi_decode_returns(answer).unwrap_or_default(),
            // It did not revert.
            Self::Alone(_) => U256::ONE,
        }
    }
}

/// The calldata that submits one message alone, which reverts with the reason when it cannot be executed.
pub(crate) fn single_input(item: &Item) -> Bytes {
    item.message.calldata(&item.signature)
}

/// The gas that a message gets of a batcher: twice what it uses at the most, because on other chains the same may cost
/// more, and what is not used is not paid for.
pub(crate) fn item_gas(item: &Item) -> u64 {
    item.message.execution_gas().saturating_mul(2).saturating_add(wallet_gas(item))
}

fn call(item: &Item) -> Call {
    Call { target: item.contract, gasLimit: U256::from(item_gas(item)), data: single_input(item) }
}
