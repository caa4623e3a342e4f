//! Which events a reader wants. Pure.
//!
//! In: a [`FilterSpec`] as it was asked for and the catalog. Out: a filter that judges records, and the keys under
//! which the index has what it may let through.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use wia_protocol::indexer::FilterSpec;

use crate::IndexerError;
use crate::chain::catalog::Catalog;
use crate::log::entry::EventRecord;
use crate::log::index::Key;

/// A filter whose names are known. The default one lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    contracts: BTreeSet<Address>,
    events: BTreeSet<B256>,
    addresses: BTreeSet<Address>,
    topics: BTreeSet<B256>,
    arguments: BTreeMap<String, String>,
}

impl EventFilter {
    /// Looks the names up.
    ///
    /// # Errors
    /// [`IndexerError::Filter`] naming the field that names what is not followed.
    pub fn resolve(spec: &FilterSpec, catalog: &Catalog) -> Result<Self, IndexerError> {
        let refuse = |field, text: &str, what: &str| {
            let text: String = text.chars().take(80).collect();
            IndexerError::Filter { field, reason: format!("`{text}` is {what}") }
        };
        let mut filter = Self {
            addresses: spec.addresses.iter().copied().collect(),
            topics: spec.topics.iter().copied().collect(),
            arguments: spec.arguments.clone(),
            ..Self::default()
        };
        for name in &spec.contracts {
            let contract = catalog.resolve(name);
            let what = "no contract that is followed here";
            filter.contracts.insert(contract.ok_or_else(|| refuse("contracts", name, what))?);
        }
        for name in &spec.events {
            let topics = catalog.topics_named(name);
            if topics.is_empty() {
                return Err(refuse("events", name, "no event of a contract that is followed here"));
            }
            filter.events.extend(topics);
        }
        for (name, value) in &spec.arguments {
            let types = catalog.argument_types(name, &filter.contracts, &filter.events);
            if types.is_empty() {
                return Err(refuse("arguments", name, "no argument of the events that are asked for"));
            }
            if !types.iter().any(|ty| can_be(ty, value)) {
                let what =
                    format!("no {} as messages write it", types.into_iter().collect::<Vec<_>>().join(" or "));
                return Err(refuse("arguments", &format!("{name}:{value}"), &what));
            }
        }
        Ok(filter)
    }

    /// Whether it lets the event through.
    #[must_use]
    pub fn lets_through(&self, record: &EventRecord, catalog: &Catalog) -> bool {
        let any = |set: &BTreeSet<B256>, mut of: std::slice::Iter<'_, B256>| {
            set.is_empty() || of.any(|topic| set.contains(topic))
        };
        if !self.contracts.is_empty() && !self.contracts.contains(&record.contract) {
            return false;
        }
        if !any(&self.events, record.topics[..record.topics.len().min(1)].iter()) {
            return false;
        }
        if !any(&self.topics, record.topics.iter()) {
            return false;
        }
        if !self.addresses.is_empty()
            && !catalog.accounts(record).iter().any(|account| self.addresses.contains(account))
        {
            return false;
        }
        self.arguments.is_empty() || self.has_arguments(record, catalog)
    }

    /// Whether every wanted argument is there with its value. Hex is compared without regard to case.
    fn has_arguments(&self, record: &EventRecord, catalog: &Catalog) -> bool {
        let Some(decoded) = catalog.decode(record) else { return false };
        self.arguments.iter().all(|(name, wanted)| {
            decoded.argument(name).is_some_and(|value| match value {
                serde_json::Value::String(text) if text.starts_with("0x") => {
                    text.eq_ignore_ascii_case(wanted)
                }
                serde_json::Value::String(text) => text == *wanted,
                other => {
                    serde_json::from_str::<serde_json::Value>(wanted).is_ok_and(|wanted| wanted == other)
                }
            })
        })
    }

    /// The keys of the index under which everything stands that it lets through: some of each group. Empty when it
    /// asks for nothing that the index knows.
    pub(crate) fn keys(&self) -> Vec<Vec<Key>> {
        let topics = |set: &BTreeSet<B256>| set.iter().map(|t| Key::Topic(*t)).collect();
        let of_address = |a: &Address| [Key::Topic(a.into_word()), Key::Account(*a)];
        let groups: [Vec<Key>; 4] = [
            self.contracts.iter().map(|c| Key::Contract(*c)).collect(),
            topics(&self.events),
            topics(&self.topics),
            self.addresses.iter().flat_map(of_address).collect(),
        ];
        groups.into_iter().filter(|group| !group.is_empty()).collect()
    }
}

/// Whether an argument of that type can have that value, where that is easily said.
fn can_be(ty: &str, value: &str) -> bool {
    let (digits, sign) = match value.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (value, false),
    };
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match ty {
        "address" => value.parse::<Address>().is_ok(),
        "bool" => ["true", "false"].contains(&value),
        _ if ty.ends_with(']') => true,
        _ if ty.starts_with("uint") => decimal && !sign,
        _ if ty.starts_with("int") => decimal,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use alloy::sol_types::SolEvent;
    use wia_abi::{CarbonCredit, carbon_credit};

    use super::*;
    use crate::chain::catalog::{Contract, Kind};

    const AT: Address = Address::repeat_byte(9);
    const ALICE: Address = Address::repeat_byte(1);
    const BOB: Address = Address::repeat_byte(2);

    fn catalog() -> Catalog {
        let abi = wia_abi::contracts::abi(carbon_credit::NAME).unwrap();
        let name = carbon_credit::NAME.to_owned();
        Catalog::new([Contract { name, address: AT, kind: Kind::Credit, abi, balances: true }])
    }

    fn transfer() -> EventRecord {
        let event = CarbonCredit::Transfer { from: ALICE, to: BOB, value: U256::from(5) }.encode_log_data();
        EventRecord {
            log_index: 0,
            transaction: 0,
            contract: AT,
            topics: event.topics().to_vec(),
            data: event.data.clone(),
        }
    }

    #[test]
    fn any_of_each_list_and_all_of_the_lists() {
        let spec = FilterSpec::default();
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
        let argument = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let cases = [
            (spec.clone(), true, 0),
            (FilterSpec { contracts: texts(&["CarbonCredit"]), ..spec.clone() }, true, 1),
            (FilterSpec { events: texts(&["Approval", "Transfer"]), ..spec.clone() }, true, 1),
            (FilterSpec { events: texts(&["Approval"]), ..spec.clone() }, false, 1),
            (FilterSpec { addresses: vec![BOB], ..spec.clone() }, true, 1),
            (FilterSpec { addresses: vec![AT], ..spec.clone() }, false, 1),
            (FilterSpec { topics: vec![ALICE.into_word()], ..spec.clone() }, true, 1),
            (FilterSpec { arguments: argument("value", "5"), ..spec.clone() }, true, 0),
            (
                FilterSpec { arguments: argument("from", &ALICE.to_string().to_lowercase()), ..spec.clone() },
                true,
                0,
            ),
            (FilterSpec { arguments: argument("from", &BOB.to_string()), ..spec.clone() }, false, 0),
            (FilterSpec { events: texts(&["Transfer"]), addresses: vec![AT], ..spec.clone() }, false, 2),
        ];
        let catalog = catalog();
        for (spec, through, groups) in cases {
            let filter = EventFilter::resolve(&spec, &catalog).unwrap();
            assert_eq!(filter.lets_through(&transfer(), &catalog), through, "{spec:?}");
            assert_eq!(filter.keys().len(), groups, "{spec:?}");
        }
    }

    #[test]
    fn names_that_nobody_knows_are_refused() {
        let unknown = |spec| EventFilter::resolve(&spec, &catalog()).unwrap_err().to_string();
        let name = vec!["Nothing".to_owned()];
        assert!(
            unknown(FilterSpec { contracts: name.clone(), ..FilterSpec::default() }).contains("contracts")
        );
        assert!(unknown(FilterSpec { events: name, ..FilterSpec::default() }).contains("events"));
        for (name, value) in [
            ("frm", "0x01"),
            ("from", ""),
            ("from", "0x01"),
            ("value", "abc"),
            ("value", "0x5"),
            ("value", "-5"),
        ] {
            let arguments = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let refused = unknown(FilterSpec { arguments, ..FilterSpec::default() });
            assert!(refused.contains("arguments") && refused.contains(name), "{name}:{value}: {refused}");
        }
        let of_another = FilterSpec {
            events: vec!["Approval".into()],
            arguments: BTreeMap::from([("from".into(), ALICE.to_string())]),
            ..FilterSpec::default()
        };
        assert!(unknown(of_another).contains("arguments"), "an approval has no sender");
    }
}
