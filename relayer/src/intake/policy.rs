//! What the operator takes beyond what is right: how much one transfer may move, and what being relayed costs.
//!
//! In: rules of the configuration, checked once; then messages. Out: what a message costs and brings, or the refusal that
//! names `value` and the rule.
//!
//! A fee is paid beforehand, by a transfer to the operator's account through this relayer: once it is mined, the signer
//! has its value as credit, and each message of his that this relayer gets mined takes the price of one from it. While
//! messages are under way their price is set aside. What is not executed, or by somebody else, costs and brings nothing,
//! what leaves the chain is given back, and a payment, which pays for one message at least, is free. Credit is kept with the messages ([`crate::queue`]) and outlives them.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolStruct;
use serde::{Deserialize, Serialize};
use wia_abi::authorization::TransferWithAuthorization;
use wia_abi::{Authorization, Deployment, action};
use wia_protocol::{RpcError, relay};

use super::DEPENDS_ON_CHAIN;
use crate::{Config, RelayerError};

/// How much one transfer may move, in the token's smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueBounds {
    /// The least: 0.
    #[serde(with = "units")]
    pub min: U256,
    /// The most: no limit.
    #[serde(with = "units")]
    pub max: U256,
}

/// What one message costs its signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// Deployment name of the token in which it is paid.
    pub contract: String,
    /// Who is paid.
    pub payee: Address,
    /// The price of one message, in the token's smallest unit.
    #[serde(with = "units")]
    pub value: U256,
}

/// The rules of one relayer.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    bounds: BTreeMap<Address, ValueBounds>,
    fee: Option<(Address, Fee)>,
}

/// What a message does to its signer's credit when it is executed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    /// In which the fee is paid; zero without a fee.
    pub(crate) token: Address,
    /// Taken.
    pub(crate) costs: U256,
    /// Given, because it pays.
    pub(crate) pays: U256,
}

impl Price {
    /// What is set aside while the message is under way.
    pub(crate) fn reserved(self) -> U256 {
        self.costs.saturating_sub(self.pays)
    }
}

impl Default for ValueBounds {
    fn default() -> Self {
        Self { min: U256::ZERO, max: U256::MAX }
    }
}

impl Policy {
    /// # Errors
    /// [`RelayerError::Setting`] when a rule names what is not there, or forbids everything.
    pub(crate) fn new(config: &Config) -> Result<Self, RelayerError> {
        let refuse = |field, reason: String| Err(RelayerError::Setting { field, reason });
        let mut bounds = BTreeMap::new();
        for (name, rule) in &config.transfer_values {
            let Some(token) = token(&config.deployment, name) else {
                return refuse("transfer_values", format!("`{name}` is no token of this deployment"));
            };
            if rule.min > rule.max {
                return refuse("transfer_values", format!("{name}: `min` is more than `max`"));
            }
            bounds.insert(token, *rule);
        }
        let Some(fee) = config.fee.clone() else { return Ok(Self { bounds, fee: None }) };
        let Some(token) = token(&config.deployment, &fee.contract) else {
            return refuse("fee", format!("`{}` is no token of this deployment", fee.contract));
        };
        for (member, is_zero) in [("payee", fee.payee.is_zero()), ("value", fee.value.is_zero())] {
            if is_zero {
                return refuse("fee", format!("`{member}` must not be zero"));
            }
        }
        let relayed = config.actions.get(&fee.contract);
        let relayed = relayed.is_some_and(|names| names.iter().any(|n| n == TransferWithAuthorization::NAME));
        if !config.actions.is_empty() && !relayed {
            let (action, token) = (TransferWithAuthorization::NAME, &fee.contract);
            return refuse("fee", format!("nobody could pay it: `actions` leaves out {action} of {token}"));
        }
        if bounds.get(&token).is_some_and(|bounds: &ValueBounds| bounds.max < fee.value) {
            return refuse(
                "fee",
                "nobody could pay it: `transfer_values` forbids transfers of so much".into(),
            );
        }
        Ok(Self { bounds, fee: Some((token, fee)) })
    }

    /// What the message costs and pays.
    ///
    /// # Errors
    /// -32602 naming `value`, with the rule `transfer_values`.
    pub(crate) fn price(&self, contract: Address, message: &Authorization) -> Result<Price, RpcError> {
        if let (Some(value), Some(bounds)) = (message.value(), self.bounds.get(&contract))
            && !(bounds.min..=bounds.max).contains(&value)
        {
            let bound = if value < bounds.min {
                format!("{} or more", bounds.min)
            } else {
                format!("{} or less", bounds.max)
            };
            let reason = format!(
                "this relayer's rule `transfer_values` takes transfers of {bound} of this token; sign another value, or \
                 submit it elsewhere"
            );
            return Err(RpcError::invalid("value", reason));
        }
        let Some((token, fee)) = &self.fee else { return Ok(Price::default()) };
        if message.payee() != Some(fee.payee) || contract != *token {
            return Ok(Price { token: *token, costs: fee.value, pays: U256::ZERO });
        }
        let pays = message.value().unwrap_or_default();
        if pays < fee.value {
            let reason = format!(
                "this relayer's rule `fee` takes {} for each message; pay for one of them at least",
                fee.value
            );
            return Err(RpcError::invalid("value", reason));
        }
        Ok(Price { token: *token, costs: U256::ZERO, pays })
    }

    /// As wallets are told of it.
    pub(crate) fn fee(&self) -> Option<relay::Fee> {
        let (_, Fee { contract, payee, value }) = self.fee.as_ref()?;
        Some(relay::Fee { contract: contract.clone(), payee: *payee, value: value.to_string() })
    }

    /// The refusal of a message whose signer has only so much credit that is not set aside.
    pub(crate) fn unpaid(&self, member: &str, credit: U256) -> RpcError {
        let Some((token, Fee { contract, payee, value })) = &self.fee else { return RpcError::internal() };
        let reason = format!(
            "this relayer's rule `fee` takes {value} of {contract} ({token}) for each message, and the credit of its \
             signer is {credit}; first submit a transfer of at least {value} to {payee}, and wait until it is mined"
        );
        // Waiting alone does not help: no `retryAfter`.
        RpcError::invalid(member, reason)
            .with("credit", credit.to_string())
            .with("fee", value.to_string())
            .with(DEPENDS_ON_CHAIN, true)
    }
}

fn token(deployment: &Deployment, name: &str) -> Option<Address> {
    let takes = action::of(name).any(|row| row.name == TransferWithAuthorization::NAME);
    deployment.contracts.get(name).filter(|_| takes).map(|contract| contract.address)
}

/// Amounts of a token in a configuration file: decimal text.
mod units {
    use alloy::primitives::U256;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(amount: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        U256::from_str_radix(&text, 10)
            .map_err(|_| de::Error::custom(format!("`{text}` is no amount in decimal digits")))
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use wia_abi::BlockNumber;
    use wia_abi::deployment::Contract;

    use super::*;

    const CREDIT: Address = Address::repeat_byte(1);
    const DOLLAR: Address = Address::repeat_byte(2);
    const OPERATOR: Address = Address::repeat_byte(9);

    fn config() -> Config {
        let at = |address| Contract { address, block_number: BlockNumber(0) };
        let contracts =
            [("CarbonCredit", CREDIT), ("TestUSD", DOLLAR), ("RelayBatcher", Address::repeat_byte(3))];
        let contracts = contracts.into_iter().map(|(name, address)| (name.to_owned(), at(address)));
        Config::new(Deployment { chain_id: 31_337, contracts: contracts.collect() })
    }

    fn fee() -> Fee {
        Fee { contract: "TestUSD".into(), payee: OPERATOR, value: U256::from(100) }
    }

    fn transfer(to: Address, value: u64) -> Authorization {
        let message = TransferWithAuthorization {
            from: Address::repeat_byte(7),
            to,
            value: U256::from(value),
            validAfter: U256::ZERO,
            validBefore: U256::MAX,
            nonce: B256::ZERO,
        };
        Authorization::from(&message)
    }

    #[test]
    fn a_transfer_moves_no_less_and_no_more_than_the_rule_says() {
        let mut config = config();
        let bounds = ValueBounds { min: U256::from(10), max: U256::from(20) };
        config.transfer_values.insert("CarbonCredit".into(), bounds);
        let policy = Policy::new(&config).unwrap();
        let to = Address::repeat_byte(8);
        for (contract, value, taken) in [
            (CREDIT, 9, false),
            (CREDIT, 10, true),
            (CREDIT, 20, true),
            (CREDIT, 21, false),
            (DOLLAR, 21, true),
        ] {
            let price = policy.price(contract, &transfer(to, value));
            match price {
                Ok(price) => assert!(taken && price == Price::default(), "{value}"),
                Err(error) => {
                    let data = error.data.unwrap();
                    assert!(!taken && data["field"] == "value", "{value}: {data}");
                    assert!(data["reason"].as_str().unwrap().contains("`transfer_values`"), "{data}");
                }
            }
        }
    }

    #[test]
    fn only_a_transfer_of_that_token_to_the_operator_pays() {
        let mut config = config();
        config.fee = Some(fee());
        let policy = Policy::new(&config).unwrap();
        let pays = |contract, to| policy.price(contract, &transfer(to, 500)).unwrap().pays;
        assert_eq!(pays(DOLLAR, OPERATOR), U256::from(500));
        assert_eq!(pays(CREDIT, OPERATOR), U256::ZERO);
        assert_eq!(pays(DOLLAR, Address::repeat_byte(8)), U256::ZERO);
        assert_eq!(policy.price(CREDIT, &transfer(OPERATOR, 1)).unwrap().costs, U256::from(100));
        assert_eq!(policy.price(DOLLAR, &transfer(OPERATOR, 100)).unwrap().costs, U256::ZERO, "it is free");
        let too_little = policy.price(DOLLAR, &transfer(OPERATOR, 99)).unwrap_err();
        assert_eq!(too_little.data.unwrap()["field"], "value");
        let told = policy.unpaid("from", U256::from(40)).data.unwrap();
        assert_eq!([&told["field"], &told["credit"], &told["fee"]], ["from", "40", "100"]);
    }

    #[test]
    fn a_rule_that_cannot_work_is_the_operators_mistake() {
        let bounds = |min: u64, max: u64| ValueBounds { min: U256::from(min), max: U256::from(max) };
        let refused = |change: &dyn Fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            Policy::new(&config).unwrap_err().to_string()
        };
        let values = |name: &str, rule: ValueBounds| {
            refused(&|config| {
                config.transfer_values.insert(name.into(), rule);
            })
        };
        assert!(values("RelayBatcher", bounds(0, 1)).contains("`RelayBatcher` is no token"));
        assert!(values("TestUSD", bounds(2, 1)).contains("`min` is more than `max`"));
        for fee in [
            Fee { contract: "Dollar".into(), ..fee() },
            Fee { payee: Address::ZERO, ..fee() },
            Fee { value: U256::ZERO, ..fee() },
        ] {
            assert!(refused(&|config| config.fee = Some(fee.clone())).starts_with("setting `fee`"));
        }
        let unpayable = refused(&|config| {
            config.fee = Some(fee());
            config.actions.insert("CarbonCredit".into(), vec!["TransferWithAuthorization".into()]);
        });
        assert!(
            unpayable.contains("`actions` leaves out TransferWithAuthorization of TestUSD"),
            "{unpayable}"
        );
        let unpayable = refused(&|config| {
            config.fee = Some(fee());
            config.transfer_values.insert("TestUSD".into(), bounds(0, 99));
        });
        assert!(unpayable.contains("`transfer_values` forbids"), "{unpayable}");
    }
}
