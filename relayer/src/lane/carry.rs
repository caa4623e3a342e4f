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

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use wia_abi::CarbonCredit::transferWithAuthorization_0Call as SingleCall;
    use wia_abi::action::{Action, Authorization, Value};
    use wia_abi::authorization::TransferWithAuthorization;
    use wia_protocol::Timestamp;
    use wia_protocol::relay::Receipt;

    use super::*;
    use crate::intake::policy::Price;

    const BATCHER: Address = Address::repeat_byte(7);

    fn item(contract: u8, message: Authorization) -> Item {
        let (relayer, signature) = (Address::ZERO, Bytes::new());
        Item {
            contract: Address::repeat_byte(contract),
            message,
            signature: Bytes::from_static(&[5; 65]),
            by_contract: false,
            order: 1,
            due: 9,
            receipt: Receipt { relayer, received_at: Timestamp(1), include_by_block: 1, signature },
            history: Vec::new(),
            transaction: None,
            attempts: 0,
            price: Price::default(),
            written: 0,
        }
    }

    fn transfer() -> Item {
        let message = TransferWithAuthorization {
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::MAX,
            validAfter: U256::ZERO,
            validBefore: U256::from(9),
            nonce: B256::repeat_byte(3),
        };
        item(4, Authorization::from(&message))
    }

    fn counter() -> Item {
        let row = Action::by_name("IncreaseCounterAuthorization").unwrap();
        let signer = Value::Word(Address::repeat_byte(1).into_word());
        let numbers = (1_u64..=4).map(|n| Value::Word(B256::from(U256::from(n))));
        let values: Vec<_> = std::iter::once(signer).chain(numbers).collect();
        item(6, Authorization::new(row, &values).unwrap())
    }

    fn way(item: &Item) -> Way {
        Way::of(item.contract, item.message.payee().is_some())
    }

    #[test]
    fn transfers_go_by_their_tokens_batch_whatever_is_deployed() {
        let item = transfer();
        let way = way(&item);
        assert_eq!((way, way.by(Some(BATCHER))), (Way::Token(item.contract), way));
        let batch = BatchCall::abi_decode(&way.input([&item].into_iter())).unwrap();
        let single = SingleCall::abi_decode(&single_input(&item)).unwrap();
        let [inner] = batch.items.as_slice() else { panic!("one item") };
        assert_eq!((inner.from, inner.to, inner.value), (single.from, single.to, single.value));
        assert_eq!(inner.signature, single.signature);
        assert_eq!(way.executed(&BatchCall::abi_encode_returns(&U256::from(5))), U256::from(5));
        assert_eq!(way.executed(&[]), U256::ZERO);
    }

    #[test]
    fn other_actions_go_by_the_batcher_each_with_gas_of_its_own() {
        let (first, mut second) = (counter(), counter());
        second.by_contract = true;
        let way = way(&first).by(Some(BATCHER));
        assert_eq!((way, way.to()), (Way::Batcher(BATCHER), BATCHER));
        let calls = relayCall::abi_decode(&way.input([&first, &second].into_iter())).unwrap().calls;
        let [one, other] = calls.as_slice() else { panic!("two items") };
        assert_eq!((one.target, &one.data), (first.contract, &first.message.calldata(&first.signature)));
        assert_eq!(one.gasLimit, U256::from(2 * first.message.execution_gas()));
        assert_eq!(other.gasLimit - one.gasLimit, U256::from(210_000));
    }

    #[test]
    fn without_a_batcher_a_message_goes_to_its_contract() {
        let item = counter();
        let way = way(&item).by(None);
        assert_eq!(way, Way::Alone(item.contract));
        assert_eq!(way.input([&item].into_iter()), item.message.calldata(&item.signature));
        assert_eq!(way.executed(&[]), U256::ONE);
    }
}
