//! Which contracts and actions this relayer serves, and in which domain each message is signed.
//!
//! In: the deployment and the operator's list of actions, read once; then what submissions name. Out: address and
//! domain, whose separator is computed once, or the refusal that names `contract` or `action` and the rule.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use wia_abi::action::{self, Action};
use wia_abi::authorization::Domain;
use wia_abi::{Deployment, relay_batcher, typed_data};
use wia_protocol::RpcError;

use crate::RelayerError;

/// The allow-list of a configuration: names of actions by contract; empty for all of all.
pub(crate) type Actions = BTreeMap<String, Vec<String>>;

/// One contract whose messages are taken.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Its deployment name.
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) domain: Domain,
    /// What is relayed to it.
    actions: Vec<&'static Action>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Destinations {
    contracts: Vec<Destination>,
    /// What carries messages of several contracts in one transaction, where it is deployed.
    pub(crate) batcher: Option<Address>,
}

impl Destinations {
    /// Every contract of the deployment that takes signed actions, as far as `allowed` names it.
    ///
    /// # Errors
    /// [`RelayerError::Action`] when `allowed` names a contract that is not deployed, or an action that it does not
    /// take: an operator's mistake that would else be noticed by nobody but the wallets that are refused.
    pub(crate) fn new(deployment: &Deployment, allowed: &Actions) -> Result<Self, RelayerError> {
        for (contract, actions) in allowed {
            let takes: Vec<_> = action::of(contract).map(|row| row.name).collect();
            if takes.is_empty() || !deployment.contracts.contains_key(contract) {
                let served: Vec<_> =
                    deployment.contracts.keys().filter(|name| action::of(name).next().is_some()).collect();
                let reason = format!("no such contract is deployed here; there are: {served:?}");
                return Err(RelayerError::Action { contract: contract.clone(), reason });
            }
            if actions.is_empty() {
                let reason = format!("it names none; of it can be relayed: {}", takes.join(", "));
                return Err(RelayerError::Action { contract: contract.clone(), reason });
            }
            if let Some(unknown) = actions.iter().find(|name| !takes.contains(&name.as_str())) {
                let reason = format!("it does not take `{unknown}`; it takes: {}", takes.join(", "));
                return Err(RelayerError::Action { contract: contract.clone(), reason });
            }
        }
        let served = |name: &str, row: &Action| {
            allowed.is_empty() || allowed.get(name).is_some_and(|names| names.iter().any(|n| n == row.name))
        };
        let mut contracts = Vec::new();
        for signed in typed_data::all() {
            let Some(contract) = deployment.contracts.get(signed.contract) else { continue };
            let actions: Vec<_> =
                action::of(signed.contract).filter(|row| served(signed.contract, row)).collect();
            if !actions.is_empty() {
                contracts.push(Destination {
                    name: signed.contract.to_owned(),
                    address: contract.address,
                    domain: Domain::of(signed.domain_name, deployment.chain_id, contract.address),
                    actions,
                });
            }
        }
        let batcher = deployment.contracts.get(relay_batcher::NAME).map(|contract| contract.address);
        Ok(Self { contracts, batcher })
    }

    /// The contract of that deployment name or address, if `action` is relayed to it.
    ///
    /// # Errors
    /// -32602 naming `contract` or `action`, with what there is instead.
    pub(crate) fn find(&self, contract: &str, action: &'static Action) -> Result<&Destination, RpcError> {
        let address = contract.parse::<Address>().ok();
        let found = self.contracts.iter().find(|d| d.name == contract || Some(d.address) == address);
        let Some(destination) = found else {
            let names = self.contracts.iter().map(|d| format!("{} ({})", d.name, d.address));
            let names: Vec<_> = names.collect();
            let reason = format!(
                "`{contract}` is not served here: it is not deployed, or this relayer's rule `actions` leaves it out; \
                 the contracts are: {}",
                names.join(", ")
            );
            return Err(RpcError::invalid("contract", reason));
        };
        if destination.actions.contains(&action) {
            return Ok(destination);
        }
        let (name, relayed) = (&destination.name, destination.names().join(", "));
        let reason = if action.is_on(name) {
            format!(
                "this relayer's rule `actions` leaves out {} of {name}; of it are relayed: {relayed}",
                action.name
            )
        } else {
            format!("{name} does not take {}; it takes: {relayed}", action.name)
        };
        Err(RpcError::invalid("action", reason))
    }

    /// What is relayed, by contract.
    pub(crate) fn offered(&self) -> BTreeMap<String, Vec<String>> {
        let names = |d: &Destination| d.names().into_iter().map(str::to_owned).collect();
        self.contracts.iter().map(|d| (d.name.clone(), names(d))).collect()
    }
}

impl Destination {
    fn names(&self) -> Vec<&'static str> {
        self.actions.iter().map(|row| row.name).collect()
    }
}

#[cfg(test)]
mod tests {
    use wia_abi::BlockNumber;
    use wia_abi::deployment::Contract;

    use super::*;

    fn deployment() -> Deployment {
        let names = ["CarbonCredit", "ConsentAnchor", "RelayBatcher"];
        let at = |byte| Contract { address: Address::repeat_byte(byte), block_number: BlockNumber(0) };
        let contracts = names.into_iter().zip(1..).map(|(name, byte)| (name.to_owned(), at(byte)));
        Deployment { chain_id: 31_337, contracts: contracts.collect() }
    }

    fn allowed(contract: &str, actions: &[&str]) -> Actions {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        Actions::from([(contract.to_owned(), actions)])
    }

    fn row(name: &str) -> &'static Action {
        Action::by_name(name).unwrap()
    }

    #[test]
    fn without_a_list_everything_that_is_deployed_is_served_by_name_and_address() {
        let all = Destinations::new(&deployment(), &Actions::new()).unwrap();
        assert_eq!(all.batcher, Some(Address::repeat_byte(3)));
        let anchor = all.find("ConsentAnchor", row("AnchorAuthorization")).unwrap();
        assert_eq!((anchor.address, anchor.name.as_str()), (Address::repeat_byte(2), "ConsentAnchor"));
        let address = Address::repeat_byte(1).to_string();
        for contract in ["CarbonCredit", &address, &address.to_lowercase()] {
            let credit = all.find(contract, row("RetireAuthorization")).unwrap();
            assert_eq!(credit.domain.fields().name.as_deref(), Some("WIA Carbon Credit Micro"));
            assert_eq!(credit.domain.fields().verifying_contract, Some(credit.address));
        }
        assert_eq!(all.offered()["CarbonCredit"], ["TransferWithAuthorization", "RetireAuthorization"]);
        assert_eq!(all.offered().keys().collect::<Vec<_>>(), ["CarbonCredit", "ConsentAnchor"]);
    }

    #[test]
    fn refusals_name_the_member_and_the_rule() {
        let some =
            Destinations::new(&deployment(), &allowed("CarbonCredit", &["RetireAuthorization"])).unwrap();
        for (contract, action, field, words) in [
            ("CarbonDebit", "RetireAuthorization", "contract", "the contracts are: CarbonCredit (0x01"),
            ("ConsentAnchor", "AnchorAuthorization", "contract", "is not served here"),
            ("CarbonCredit", "TransferWithAuthorization", "action", "rule `actions` leaves out"),
            (
                "CarbonCredit",
                "AnchorAuthorization",
                "action",
                "does not take AnchorAuthorization; it takes: Retire",
            ),
        ] {
            let data = some.find(contract, row(action)).unwrap_err().data.unwrap();
            assert_eq!(data["field"], field, "{data}");
            assert!(data["reason"].as_str().unwrap().contains(words), "{data}");
        }
        assert_eq!(some.offered(), allowed("CarbonCredit", &["RetireAuthorization"]));
    }

    #[test]
    fn a_list_that_names_what_is_not_there_is_the_operators_mistake() {
        for (contract, action, words) in [
            ("BatteryPassport", "RegisterAuthorization", "no such contract is deployed here"),
            ("RelayBatcher", "RegisterAuthorization", "no such contract is deployed here"),
            ("CarbonCredit", "Vote", "it does not take `Vote`; it takes: TransferWithAuthorization"),
        ] {
            let error = Destinations::new(&deployment(), &allowed(contract, &[action])).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
