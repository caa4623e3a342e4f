//! The contracts that are followed and what their ABIs say of their events. Pure.
//!
//! In: names, addresses, ABIs (ours from `abi/artifacts`, anybody's from a file). Out: events by name with named
//! arguments, and the accounts that an event speaks of. What no ABI knows, or whose bytes do not fit it, stays raw.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use alloy::dyn_abi::{DynSolEvent, DynSolType, DynSolValue, Specifier};
use alloy::json_abi::{Event as EventAbi, JsonAbi, Param};
use alloy::primitives::{Address, B256};
use serde_json::Value;

use super::spelling::{Spelling, write_hex};
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
    /// Shared: it only remembers.
    spelling: Arc<Spelling>,
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
    name: String,
    signature: String,
    /// How its bytes are laid out; `None` when its types are none that can be decoded.
    layout: Option<DynSolEvent>,
    arguments: Vec<Argument>,
    /// Which topics (1…3) are addresses.
    address_topics: Vec<usize>,
    /// Which words of the data are addresses.
    address_words: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Argument {
    /// As the ABI has it; those without one, or with one that another has already, are called by their place.
    name: String,
    /// As the ABI writes it.
    ty: String,
    indexed: bool,
    components: Vec<Param>,
}

/// An event in the words of its ABI.
#[derive(Debug)]
pub struct Decoded<'c> {
    shape: &'c EventShape,
    spelling: &'c Spelling,
    /// In the order of the ABI.
    values: Vec<DynSolValue>,
}

impl Decoded<'_> {
    /// `Transfer`
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shape.name
    }

    /// `Transfer(address,address,uint256)`
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.shape.signature
    }

    /// The value of the argument of that name, as messages have it.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<Value> {
        let place = self.shape.arguments.iter().position(|argument| argument.name == name)?;
        let mut text = String::new();
        write_value(
            self.values.get(place)?,
            &self.shape.arguments[place].components,
            self.spelling,
            &mut text,
        );
        // What was just written is JSON.
        serde_json::from_str(&text).ok()
    }

    /// Writes the JSON object of all arguments. Integers are decimal text, bytes and hashes in hex, addresses in
    /// EIP-55, structs objects.
    pub(crate) fn write_arguments(&self, out: &mut String) {
        write_all(
            out,
            ('{', '}'),
            self.shape.arguments.iter().zip(&self.values),
            |(argument, value), out| {
                write_text(&argument.name, out);
                out.push(':');
                write_value(value, &argument.components, self.spelling, out);
            },
        );
    }
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
        Self { contracts: contracts.into_iter().map(known).collect(), spelling: Arc::default() }
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
        let named = shapes.filter(|(_, s)| s.name == event || s.signature == event);
        named.map(|(topic, _)| *topic).collect()
    }

    /// The ABI types of all arguments of that name, of those events of those contracts; empty sets: of all.
    #[must_use]
    pub fn argument_types(
        &self,
        name: &str,
        contracts: &BTreeSet<Address>,
        events: &BTreeSet<B256>,
    ) -> BTreeSet<&str> {
        let known = self.contracts.iter().filter(|(at, _)| contracts.is_empty() || contracts.contains(*at));
        let shapes = known.flat_map(|(_, known)| &known.events);
        let shapes = shapes.filter(|(topic, _)| events.is_empty() || events.contains(*topic));
        let arguments = shapes.flat_map(|(_, shape)| &shape.arguments);
        arguments.filter(|a| a.name == name).map(|a| a.ty.as_str()).collect()
    }

    /// The first topics that the contract's ABI knows.
    pub fn known_topics(&self, contract: Address) -> impl Iterator<Item = B256> {
        self.contracts.get(&contract).into_iter().flat_map(|c| c.events.keys().copied())
    }

    /// The event in the words of its contract's ABI; `None` when that does not know it or its bytes do not fit.
    #[must_use]
    pub fn decode(&self, record: &EventRecord) -> Option<Decoded<'_>> {
        let shape = self.shape(record)?;
        let layout = shape.layout.as_ref()?;
        let decoded = layout.decode_log_parts(record.topics.iter().copied(), &record.data).ok()?;
        let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
        let arguments = shape.arguments.iter();
        let values = arguments.map(|a| if a.indexed { indexed.next() } else { body.next() });
        Some(Decoded { shape, spelling: &self.spelling, values: values.collect::<Option<_>>()? })
    }

    /// Writes an address as messages have it: as EIP-55.
    pub(crate) fn spell(&self, address: Address, out: &mut String) {
        self.spelling.write(address, out);
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
        let mut arguments: Vec<Argument> = Vec::with_capacity(abi.inputs.len());
        let (mut topic, mut word) = (1, 0);
        for (place, input) in abi.inputs.iter().enumerate() {
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
            let taken = input.name.is_empty() || arguments.iter().any(|a| a.name == input.name);
            let name = if taken { place.to_string() } else { input.name.clone() };
            let (ty, indexed, components) = (input.ty.clone(), input.indexed, input.components.clone());
            arguments.push(Argument { name, ty, indexed, components });
        }
        let (signature, layout) = (abi.signature(), abi.resolve().ok());
        Self { name: abi.name, signature, layout, arguments, address_topics, address_words }
    }
}

/// Writes a value as messages have it.
fn write_value(value: &DynSolValue, components: &[Param], spelling: &Spelling, out: &mut String) {
    match value {
        DynSolValue::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        // A String takes everything.
        DynSolValue::Int(int, _) => _ = write!(out, "\"{int}\""),
        DynSolValue::Uint(uint, _) => _ = write!(out, "\"{uint}\""),
        DynSolValue::FixedBytes(word, size) => quoted(out, |out| write_hex(&word[..*size], out)),
        DynSolValue::Address(address) => quoted(out, |out| spelling.write(*address, out)),
        DynSolValue::Function(function) => quoted(out, |out| write_hex(function.as_slice(), out)),
        DynSolValue::Bytes(bytes) => quoted(out, |out| write_hex(bytes, out)),
        DynSolValue::String(text) => write_text(text, out),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => {
            write_all(out, ('[', ']'), values, |value, out| write_value(value, components, spelling, out));
        }
        DynSolValue::Tuple(values) | DynSolValue::CustomStruct { tuple: values, .. } => {
            if components.len() != values.len() || components.iter().any(|c| c.name.is_empty()) {
                return write_all(out, ('[', ']'), values, |value, out| {
                    write_value(value, &[], spelling, out)
                });
            }
            write_all(out, ('{', '}'), components.iter().zip(values), |(part, value), out| {
                write_text(&part.name, out);
                out.push(':');
                write_value(value, &part.components, spelling, out);
            });
        }
    }
}

fn quoted(out: &mut String, write: impl FnOnce(&mut String)) {
    out.push('"');
    write(out);
    out.push('"');
}

/// Writes a text with what JSON wants escaped.
fn write_text(text: &str, out: &mut String) {
    // Text cannot fail to be JSON.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn write_all<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
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
        let (catalog, mixed) = (catalog(), mixed());
        let decoded = catalog.decode(&mixed).unwrap();
        assert_eq!(decoded.name(), "Mixed");
        let account = |n| Address::repeat_byte(n).to_checksum(None);
        let two = U256::from_be_bytes(Address::repeat_byte(2).into_word().0).to_string();
        let expected = json!({
            "one": account(1), "two": two, "pair": [account(3), "4"], "three": account(5), "four": "text",
            "five": account(6),
        });
        let mut text = String::new();
        decoded.write_arguments(&mut text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(decoded.argument(name).as_ref(), Some(value));
        }
        assert_eq!(decoded.argument("six"), None);
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
            assert!(catalog().decode(&record).is_none());
        }
    }

    #[test]
    fn arguments_that_share_a_name_are_told_apart_by_their_places() {
        let abi = JsonAbi::parse(["event Twice(uint256 n, uint256 n, uint256)"]).unwrap();
        let topic = keccak256("Twice(uint256,uint256,uint256)");
        let contract = Contract { abi, ..Contract::without_abi(AT, false) };
        let data: Vec<u8> = (1_u8..=3).flat_map(|n| B256::with_last_byte(n).0).collect();
        let record = EventRecord {
            log_index: 0,
            transaction: 0,
            contract: AT,
            topics: vec![topic],
            data: data.into(),
        };
        let (catalog, mut text) = (Catalog::new([contract]), String::new());
        catalog.decode(&record).unwrap().write_arguments(&mut text);
        assert_eq!(text, r#"{"n":"1","1":"2","2":"3"}"#);
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
