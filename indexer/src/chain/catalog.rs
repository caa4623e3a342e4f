//! The contracts that are followed and what their ABIs say of their events. Pure.
//!
//! In: names, addresses, ABIs (ours from `abi/artifacts`, anybody's from a file). Out: events by name with named
//! arguments, and the accounts that an event speaks of. What no ABI knows, or whose bytes do not fit it, stays raw.

use std::collections::{BTreeMap, BTreeSet};

use alloy::dyn_abi::{DynSolType, DynSolValue, EventExt, Specifier};
use alloy::hex;
use alloy::json_abi::{Event as EventAbi, JsonAbi, Param};
use alloy::primitives::{Address, B256};
use serde_json::{Map, Value};

use crate::log::entry::{EventRecord, address_in};

/// Which of the documents' nouns a contract's events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Carbon credits: `wallet.balance_changed` and the other messages of requirements C.
    Credit,
    /// Battery passports: the supply-chain events of requirements B.
    Battery,
    /// Consents: the messages of requirements E.
    Consent,
    /// Trades of credits.
    Exchange,
    /// Somebody's contract: its events are told as they are, and as no document's message.
    Other,
}

/// A contract to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// What filters and answers call it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// What its events are about.
    pub kind: Kind,
    /// Its events.
    pub abi: JsonAbi,
    /// Whether its transfers are kept as balances; only for tokens that move nothing without a `Transfer`.
    pub balances: bool,
}

#[cfg(test)]
impl Contract {
    /// One of no particular kind whose ABI says nothing.
    pub(crate) fn without_abi(address: Address, balances: bool) -> Self {
        let name = address.to_string();
        Self { name, address, kind: Kind::Other, abi: JsonAbi::new(), balances }
    }
}

/// All that are followed.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    contracts: BTreeMap<Address, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    name: String,
    kind: Kind,
    balances: bool,
    events: BTreeMap<B256, EventShape>,
}

/// An event's ABI with what is worth knowing beforehand.
#[derive(Debug, Clone)]
struct EventShape {
    abi: EventAbi,
    /// Which topics (1…3) are addresses.
    address_topics: Vec<usize>,
    /// Which words of the data are addresses.
    address_words: Vec<usize>,
}

/// An event in the words of its ABI.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// `Transfer`
    pub name: String,
    /// `Transfer(address,address,uint256)`
    pub signature: String,
    /// By name; those without one are called by their place. Integers as decimal text, bytes and hashes in hex,
    /// addresses in EIP-55, structs as objects.
    pub arguments: Map<String, Value>,
}

impl Catalog {
    /// The catalog of these contracts. Of two at one address the last counts.
    #[must_use]
    pub fn new(contracts: impl IntoIterator<Item = Contract>) -> Self {
        let known = |contract: Contract| {
            let events = contract.abi.events.values().flatten().cloned();
            let events = events.filter(|e| !e.anonymous).map(|e| (e.selector(), EventShape::of(e))).collect();
            let Contract { name, address, kind, balances, .. } = contract;
            (address, Known { name, kind, balances, events })
        };
        Self { contracts: contracts.into_iter().map(known).collect() }
    }

    /// Their addresses, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.contracts.keys().copied()
    }

    /// Whether it is followed.
    #[must_use]
    pub fn follows(&self, contract: Address) -> bool {
        self.contracts.contains_key(&contract)
    }

    /// Whether its balances are kept.
    #[must_use]
    pub fn keeps_balances(&self, contract: Address) -> bool {
        self.contracts.get(&contract).is_some_and(|c| c.balances)
    }

    /// What its events are about; `Other` when it is not followed.
    #[must_use]
    pub fn kind(&self, contract: Address) -> Kind {
        self.contracts.get(&contract).map_or(Kind::Other, |c| c.kind)
    }

    /// Those of that kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = Address> {
        self.contracts.iter().filter(move |(_, c)| c.kind == kind).map(|(address, _)| *address)
    }

    /// Those whose balances are kept.
    pub fn tokens(&self) -> impl Iterator<Item = Address> {
        self.contracts.iter().filter(|(_, c)| c.balances).map(|(address, _)| *address)
    }

    /// Its name; `None` when it is not followed.
    #[must_use]
    pub fn name(&self, contract: Address) -> Option<&str> {
        self.contracts.get(&contract).map(|c| c.name.as_str())
    }

    /// The contract of that name, or at that address in any case.
    #[must_use]
    pub fn resolve(&self, name_or_address: &str) -> Option<Address> {
        let address = name_or_address.parse::<Address>().ok();
        let mut known = self.contracts.iter();
        known.find(|(at, c)| c.name == name_or_address || Some(**at) == address).map(|(at, _)| *at)
    }

    /// The first topics of all events of that name, of that signature, or with that topic itself; over all contracts.
    #[must_use]
    pub fn topics_named(&self, event: &str) -> BTreeSet<B256> {
        if let Ok(topic) = event.parse::<B256>() {
            return BTreeSet::from([topic]);
        }
        let shapes = self.contracts.values().flat_map(|c| &c.events);
        let named = shapes.filter(|(_, s)| s.abi.name == event || s.abi.signature() == event);
        named.map(|(topic, _)| *topic).collect()
    }

    /// The first topics that the contract's ABI knows.
    pub fn known_topics(&self, contract: Address) -> impl Iterator<Item = B256> {
        self.contracts.get(&contract).into_iter().flat_map(|c| c.events.keys().copied())
    }

    /// The event in the words of its contract's ABI; `None` when that does not know it or its bytes do not fit.
    #[must_use]
    pub fn decode(&self, record: &EventRecord) -> Option<Decoded> {
        let shape = self.shape(record)?;
        let decoded = shape.abi.decode_log_parts(record.topics.iter().copied(), &record.data).ok()?;
        let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
        let arguments = shape.abi.inputs.iter().enumerate().map(|(place, input)| {
            let name = if input.name.is_empty() { place.to_string() } else { input.name.clone() };
            let value = if input.indexed { indexed.next() } else { body.next() };
            value.map(|value| (name, argument(&value, &input.components)))
        });
        let arguments = arguments.collect::<Option<_>>()?;
        Some(Decoded { name: shape.abi.name.clone(), signature: shape.abi.signature(), arguments })
    }

    /// The accounts that the event names in an argument of type `address`, zero aside. Exact for events that the ABI
    /// knows; of others, whatever a topic can hold.
    #[must_use]
    pub fn accounts(&self, record: &EventRecord) -> Vec<Address> {
        let topic = |place: &usize| record.topics.get(*place).and_then(address_in);
        let word = |place: &usize| {
            let at = place * 32;
            record.data.get(at..at + 32).and_then(|w| address_in(&B256::from_slice(w)))
        };
        let mut accounts: Vec<Address> = match self.shape(record) {
            Some(shape) => {
                let topics = shape.address_topics.iter().filter_map(topic);
                topics.chain(shape.address_words.iter().filter_map(word)).collect()
            }
            None => [1, 2, 3].iter().filter_map(topic).collect(),
        };
        accounts.retain(|a| !a.is_zero());
        accounts
    }

    fn shape(&self, record: &EventRecord) -> Option<&EventShape> {
        self.contracts.get(&record.contract)?.events.get(record.topics.first()?)
    }
}

impl EventShape {
    fn of(abi: EventAbi) -> Self {
        let (mut address_topics, mut address_words) = (Vec::new(), Vec::new());
        let (mut topic, mut word) = (1, 0);
        for input in &abi.inputs {
            let is_address = input.ty == "address";
            if input.indexed {
                if is_address {
                    address_topics.push(topic);
                }
                topic += 1;
            } else {
                if is_address {
                    address_words.push(word);
                }
                word += input.resolve().map_or(1, |t| head_words(&t));
            }
        }
        Self { abi, address_topics, address_words }
    }
}

/// A value as messages write it.
fn argument(value: &DynSolValue, components: &[Param]) -> Value {
    let all = |values: &[DynSolValue]| values.iter().map(|v| argument(v, components)).collect();
    match value {
        DynSolValue::Bool(flag) => Value::from(*flag),
        DynSolValue::Int(int, _) => Value::from(int.to_string()),
        DynSolValue::Uint(uint, _) => Value::from(uint.to_string()),
        DynSolValue::FixedBytes(word, size) => Value::from(hex::encode_prefixed(&word[..*size])),
        DynSolValue::Address(address) => Value::from(address.to_checksum(None)),
        DynSolValue::Function(function) => Value::from(hex::encode_prefixed(function)),
        DynSolValue::Bytes(bytes) => Value::from(hex::encode_prefixed(bytes)),
        DynSolValue::String(text) => Value::from(text.as_str()),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => Value::Array(all(values)),
        DynSolValue::Tuple(values) | DynSolValue::CustomStruct { tuple: values, .. } => {
            if components.len() != values.len() || components.iter().any(|c| c.name.is_empty()) {
                return Value::Array(values.iter().map(|v| argument(v, &[])).collect());
            }
            let member = |(part, value): (&Param, &DynSolValue)| {
                (part.name.clone(), argument(value, &part.components))
            };
            Value::Object(components.iter().zip(values).map(member).collect())
        }
    }
}

/// How many words a value takes in the head of an ABI encoding: one for what is elsewhere.
fn head_words(kind: &DynSolType) -> usize {
    match kind {
        DynSolType::Tuple(members) if !is_dynamic(kind) => members.iter().map(head_words).sum(),
        DynSolType::FixedArray(item, count) if !is_dynamic(kind) => head_words(item) * count,
        _ => 1,
    }
}

fn is_dynamic(kind: &DynSolType) -> bool {
    match kind {
        DynSolType::String | DynSolType::Bytes | DynSolType::Array(_) => true,
        DynSolType::FixedArray(item, _) => is_dynamic(item),
        DynSolType::Tuple(members) => members.iter().any(is_dynamic),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{U256, keccak256};
    use alloy::sol;
    use alloy::sol_types::SolEvent;
    use serde_json::json;

    use super::*;

    sol! {
        struct Pair { address a; uint256 b; }
        event Mixed(address indexed one, uint256 indexed two, Pair pair, address three, string four, address five);
    }

    const AT: Address = Address::repeat_byte(9);

    fn catalog() -> Catalog {
        let abi = JsonAbi::parse([
            "event Mixed(address indexed one, uint256 indexed two, (address,uint256) pair, address three, string four, address five)",
            "event Other(address)",
        ])
        .unwrap();
        Catalog::new([Contract {
            name: "Thing".into(),
            address: AT,
            abi,
            kind: Kind::Other,
            balances: false,
        }])
    }

    fn mixed() -> EventRecord {
        let account = Address::repeat_byte;
        let event = Mixed {
            one: account(1),
            two: account(2).into_word().into(),
            pair: Pair { a: account(3), b: U256::from(4) },
            three: account(5),
            four: "text".into(),
            five: account(6),
        };
        let data = event.encode_log_data();
        EventRecord {
            log_index: 0,
            transaction: 0,
            contract: AT,
            topics: data.topics().to_vec(),
            data: data.data.clone(),
        }
    }

    #[test]
    fn an_event_comes_out_in_the_words_of_its_abi() {
        let decoded = catalog().decode(&mixed()).unwrap();
        assert_eq!(decoded.name, "Mixed");
        let account = |n| Address::repeat_byte(n).to_checksum(None);
        let two = U256::from_be_bytes(Address::repeat_byte(2).into_word().0).to_string();
        let expected = json!({
            "one": account(1), "two": two, "pair": [account(3), "4"], "three": account(5), "four": "text",
            "five": account(6),
        });
        assert_eq!(Value::Object(decoded.arguments), expected);
    }

    #[test]
    fn accounts_are_the_arguments_of_that_type_and_no_others() {
        let accounts = catalog().accounts(&mixed());
        assert_eq!(
            accounts,
            [1, 5, 6].map(Address::repeat_byte),
            "`two` is a number, `pair.a` is inside a tuple"
        );
    }

    #[test]
    fn what_does_not_fit_stays_raw() {
        let mut cut = mixed();
        cut.data = cut.data.slice(..40);
        let mut unknown = mixed();
        unknown.topics[0] = keccak256("Unknown()");
        let mut anonymous = mixed();
        anonymous.topics.clear();
        for record in [cut, unknown, anonymous] {
            assert_eq!(catalog().decode(&record), None);
        }
    }

    #[test]
    fn contracts_and_events_are_found_by_any_of_their_names() {
        let catalog = catalog();
        assert_eq!(catalog.resolve("Thing"), Some(AT));
        assert_eq!(catalog.resolve(&AT.to_string().to_lowercase()), Some(AT));
        assert_eq!(catalog.resolve("Else"), None);
        let other = BTreeSet::from([keccak256("Other(address)")]);
        assert_eq!(catalog.topics_named("Other"), other);
        assert_eq!(catalog.topics_named("Other(address)"), other);
        assert_eq!(catalog.topics_named(&keccak256("Other(address)").to_string()), other);
        assert!(catalog.topics_named("Nothing").is_empty());
    }
}
