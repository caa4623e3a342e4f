//! Golden vectors: each event of our contracts with a message, as the chain has it (`signature`, `topics`, `data`) and as
//! it is told, there and back. `WIA_WRITE_GOLDEN=1` writes them anew; read the difference.

mod stories;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolEvent, SolValue};
use serde_json::{Value, json};
use wia_abi::{BatteryPassport, BlockNumber, CarbonCredit, CreditExchange};

use super::silent::{SILENT, reason};
use super::*;
use crate::chain::catalog::Contract;
use crate::log::entry::{Block, Change, Offset};
use crate::stream::cursor::Cursor;
use crate::stream::events::depths::Kind as MessageKind;
use crate::stream::events::message::{Context, Message, Shown};

/// The contracts of `abi/artifacts`, what they are about, and where the tests have them.
const CONTRACTS: [(&str, Kind, u8); 8] = [
    ("BatteryPassport", Kind::Battery, 0xb1),
    ("CarbonCredit", Kind::Credit, 0xcc),
    ("ConsentAnchor", Kind::Consent, 0xc5),
    ("CreditExchange", Kind::Exchange, 0xce),
    ("FleetRegistry", Kind::Battery, 0xb2),
    ("RelayBatcher", Kind::Other, 0xba),
    ("TestEUR", Kind::Other, 0xe0),
    ("TestUSD", Kind::Other, 0x05),
];

const CHAIN_ID: u64 = 31_337;

fn folder(beside: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(beside)
}

fn abi(contract: &str) -> JsonAbi {
    wia_abi::contracts::abi(contract).unwrap()
}

fn address(contract: &str) -> Address {
    Address::repeat_byte(CONTRACTS.iter().find(|(name, ..)| *name == contract).unwrap().2)
}

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| {
        Catalog::new(CONTRACTS.map(|(name, kind, byte)| Contract {
            name: name.into(),
            address: Address::repeat_byte(byte),
            kind,
            abi: abi(name),
            balances: false,
        }))
    })
}

/// An event of a contract, in the transaction of that number.
fn log(contract: &str, transaction: u32, event: &impl SolEvent) -> EventRecord {
    let log = event.encode_log_data();
    let (topics, data) = (log.topics().to_vec(), log.data.clone());
    EventRecord { log_index: 0, transaction, contract: address(contract), topics, data }
}

/// A block of 15 January 2025, 12:00:07 UTC, whose entry is the hundredth place of the log.
fn entry(mut events: Vec<EventRecord>) -> Entry {
    for (log_index, record) in (0_u64..).zip(&mut events) {
        record.log_index = log_index;
    }
    let hash = |n: u64| B256::left_padding_from(&n.to_be_bytes());
    let transactions = events.iter().map(|e| u64::from(e.transaction) + 1).max().unwrap_or(0);
    let block = Block {
        number: BlockNumber(7),
        hash: hash(7),
        parent_hash: hash(6),
        timestamp_s: 1_736_942_407,
        transactions: (0..transactions).map(|t| hash(0x7_0000 + t)).collect(),
        events,
        opening: vec![],
    };
    Entry { offset: Offset(100), change: Change::Committed, block }
}

fn taken_back(entry: &Entry) -> Entry {
    let change = Change::Retracted { committed_at: entry.offset };
    Entry { offset: Offset(900), change, block: entry.block.clone() }
}

fn told(entry: &Entry, index: usize) -> Option<Value> {
    notification(CHAIN_ID, catalog(), entry, index).map(|n| serde_json::to_value(n).unwrap())
}

/// One line for each event of the block, there and, from the last to the first, back.
fn vectors(events: Vec<EventRecord>) -> String {
    let catalog = catalog();
    let there = entry(events);
    let back = taken_back(&there);
    let upwards = (0..there.block.events.len()).map(|i| (&there, i));
    let downwards = (0..there.block.events.len()).rev().map(|i| (&back, i));
    let line = |(entry, index): (&Entry, usize)| {
        let record = &entry.block.events[index];
        let decoded = catalog.decode(record).unwrap();
        let input = json!({"contract": catalog.name(record.contract), "signature": decoded.signature(),
            "topics": record.topics, "data": record.data, "removed": entry.is_retraction()});
        let told = notification(CHAIN_ID, catalog, entry, index);
        // Not by way of `Value`: its numbers are doubles.
        let told = told.map_or("null".to_owned(), |n| n.text());
        format!("{{\"log\":{input},\"notification\":{told}}}\n")
    };
    upwards.chain(downwards).map(line).collect()
}

fn golden(noun: &str, events: Vec<EventRecord>) {
    let lines = vectors(events);
    let path = folder("src/stream/notify/golden").join(noun).with_extension("jsonl");
    if std::env::var_os("WIA_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    for (line, golden) in lines.lines().zip(golden.lines()) {
        assert_eq!(line, golden);
    }
    assert_eq!(lines.lines().count(), golden.lines().count());
}

#[test]
fn golden_credit() {
    golden("credit", stories::credit());
}

#[test]
fn golden_battery() {
    golden("battery", stories::battery());
}

#[test]
fn golden_consent() {
    golden("consent", stories::consent());
}

#[test]
fn golden_exchange() {
    golden("exchange", stories::exchange());
}

#[test]
fn every_event_of_our_contracts_has_a_message_or_a_reason_for_none() {
    let all = entry(stories::all());
    let mut told_of = BTreeSet::new();
    for (index, record) in all.block.events.iter().enumerate() {
        if told(&all, index).is_some() {
            told_of.insert((record.contract, record.topics[0]));
        }
    }
    let artifacts = std::fs::read_dir(folder("../abi/artifacts")).unwrap();
    let artifacts = artifacts.map(|f| f.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let mut wrong = Vec::new();
    let mut silent = BTreeSet::new();
    for contract in artifacts {
        assert!(
            CONTRACTS.iter().any(|(name, ..)| *name == contract),
            "{contract} is new: say what it is about"
        );
        for event in abi(&contract).events() {
            let told = told_of.contains(&(address(&contract), event.selector()));
            match reason(&contract, &event.name) {
                Some(_) if told => {
                    wrong.push(format!("{contract}.{} is told, and listed as not", event.name))
                }
                None if !told => {
                    wrong.push(format!("{contract}.{} has neither message nor reason", event.name))
                }
                Some(_) => drop(silent.insert((contract.clone(), event.name.clone()))),
                None => {}
            }
        }
    }
    for (contract, event, _) in SILENT {
        let met = silent.iter().any(|(c, e)| (*contract == "*" || *contract == c) && event == e);
        if !met {
            wrong.push(format!("{contract}.{event} is listed, and there is no such event"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_retraction_is_the_same_message_with_the_mark() {
    let there = entry(stories::all());
    let back = taken_back(&there);
    for index in 0..there.block.events.len() {
        let (Some(there), Some(mut back)) = (told(&there, index), told(&back, index)) else { continue };
        let details = if back.get("payload").is_some() { "payload" } else { "data" };
        assert_eq!(there[details].get("removed"), None);
        assert_eq!(back[details].as_object_mut().unwrap().remove("removed"), Some(json!(true)));
        assert_eq!(there, back);
    }
}

#[test]
fn what_is_not_ours_or_not_whole_has_no_message() {
    let minted = CarbonCredit::CreditMinted {
        recipient: Address::repeat_byte(1),
        amount: U256::from(1),
        creditId: "VCS-1".into(),
    };
    let whole = log("CarbonCredit", 0, &minted);
    let elsewhere = EventRecord { contract: Address::repeat_byte(0x99), ..whole.clone() };
    let other_noun = EventRecord { contract: address("BatteryPassport"), ..whole.clone() };
    let anonymous = EventRecord { topics: vec![], ..whole.clone() };
    let cut = EventRecord { data: whole.data.slice(..70), ..whole.clone() };
    // A status, a side, a level and a state that the contracts do not have; serials that end before they begin.
    let status = BatteryPassport::StatusChanged { key: B256::ZERO, actor: Address::ZERO, from: 1, to: 9 };
    let mut side = stories::trade();
    side.takerSide = 2;
    let mut level = stories::anchored();
    level.level = 6;
    let mut state = stories::request(4, 0, 0);
    let (expired, dirty) = (state.clone(), state.round | U256::from(1) << 200_usize);
    state.round = dirty;
    let serials = CarbonCredit::CreditIssued {
        creditIdHash: B256::ZERO,
        issuer: Address::ZERO,
        series: B256::ZERO,
        firstSerial: 2,
        lastSerial: 1,
    };
    let strange = vec![
        elsewhere,
        other_noun,
        anonymous,
        cut,
        log("BatteryPassport", 0, &status),
        log("CreditExchange", 0, &side),
        log("ConsentAnchor", 0, &level),
        log("ConsentAnchor", 0, &expired),
        log("ConsentAnchor", 0, &state),
        log("CarbonCredit", 0, &serials),
    ];
    let all = entry(strange);
    for index in 0..=all.block.events.len() {
        assert_eq!(told(&all, index), None, "{index}");
    }
    assert!(told(&entry(vec![whole]), 0).is_some());
}

#[test]
fn a_hand_over_by_acceptance_is_told_once_with_its_battery_id_and_documents() {
    let handed_over = entry(stories::accepted("BAT-2025-LI-001234", 0));
    assert_eq!(told(&handed_over, 0), None);
    let message = told(&handed_over, 1).unwrap();
    assert_eq!(message["batteryId"], "BAT-2025-LI-001234");
    assert_eq!(message["data"]["documentsCommitment"], B256::repeat_byte(0xd0).to_string());
    // Two that only happen to stand beside each other: of another battery, or in another transaction.
    let mut strangers = stories::accepted("BAT-2025-LI-001234", 0);
    strangers[1] = stories::accepted("BAT-2025-LI-009999", 0).remove(1);
    let mut apart = stories::accepted("BAT-2025-LI-001234", 0);
    apart[1].transaction = 1;
    for pair in [strangers, apart] {
        let pair = entry(pair);
        assert!(told(&pair, 0).is_some());
        assert_eq!(told(&pair, 1).unwrap()["data"].get("documentsCommitment"), None);
    }
}

#[test]
fn every_digit_of_an_amount_is_written() {
    let minted = CarbonCredit::CreditMinted {
        recipient: Address::repeat_byte(1),
        amount: "1234567890123456789012345".parse().unwrap(),
        creditId: "VCS-1".into(),
    };
    let entry = entry(vec![log("CarbonCredit", 0, &minted)]);
    let text = notification(CHAIN_ID, catalog(), &entry, 0).unwrap().text();
    assert!(text.contains(r#""amount":1234567.890123456789012345,"#), "{text}");
    assert_eq!(told(&entry, 0).unwrap()["data"]["amountWei"], "1234567890123456789012345");
}

#[test]
fn the_method_on_a_json_rpc_door_is_type_and_event() {
    let Some(Notification::Carbon(event)) = notification(1, catalog(), &entry(stories::credit()), 0) else {
        panic!("the first event of the story is one of credits");
    };
    assert_eq!(event.method(), "credit.issued");
    let params = serde_json::to_value(event.data()).unwrap();
    assert_eq!(params["eventId"], "1:0x0000000000000000000000000000000000000000000000000000000000000007:0");
}

#[test]
fn a_message_of_the_event_stream_holds_it_with_every_digit() {
    let minted = CarbonCredit::CreditMinted {
        recipient: Address::repeat_byte(1),
        amount: U256::from(u64::MAX),
        creditId: "VCS-1".into(),
    };
    let paused = CarbonCredit::Paused { account: Address::repeat_byte(1) };
    let events = vec![log("CarbonCredit", 0, &minted), log("CarbonCredit", 0, &paused)];
    let context = Context { chain_id: CHAIN_ID, catalog: Arc::new(catalog().clone()) };
    let shown = Arc::new(Shown::new(Arc::new(entry(events))));
    let json = |event| {
        let cursor = Cursor { entry: Offset(100), n: None };
        Message::new(MessageKind::Event, 1, cursor, (shown.clone(), event), &context).json()
    };
    let expected = notification(CHAIN_ID, catalog(), &shown.entry, 0).unwrap().text();
    assert!(expected.contains(r#""amount":18.446744073709551615,"#));
    assert!(json(0).ends_with(&format!(r#","notification":{expected}}}"#)), "{}", json(0));
    let without: Value = serde_json::from_str(&json(1)).unwrap();
    assert_eq!(without.get("notification"), None);
}
