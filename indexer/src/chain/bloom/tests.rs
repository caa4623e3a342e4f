//! Complete answers raise no suspicion; each kind of incomplete one that a bloom can show does.

use alloy::json_abi::JsonAbi;
use alloy::primitives::Bytes;
use proptest::prelude::*;
use wia_abi::BlockNumber;

use super::*;
use crate::chain::block::BlockRef;
use crate::chain::catalog::{Contract, Kind};

const OURS: Address = Address::repeat_byte(7);
const STRANGER: Address = Address::repeat_byte(8);

fn watched() -> Watched {
    let abi = JsonAbi::parse(["event A(uint256)", "event B(uint256)"]).unwrap();
    let contract = Contract { name: "Ours".into(), address: OURS, kind: Kind::Other, abi, balances: false };
    Watched::new(&Catalog::new([contract]))
}

fn event(name: &str) -> B256 {
    keccak256(format!("{name}(uint256)"))
}

fn log(address: Address, topic: B256, log_index: u64) -> RawLog {
    RawLog {
        address,
        topics: vec![topic],
        data: Bytes::new(),
        block: BlockRef { number: BlockNumber(1), hash: B256::ZERO },
        transaction_hash: B256::ZERO,
        transaction_index: 0,
        log_index,
    }
}

fn header(logs: &[RawLog]) -> Header {
    let mut logs_bloom = Bloom::default();
    logs.iter().for_each(|l| logs_bloom.accrue_raw_log(l.address, &l.topics));
    Header {
        number: BlockNumber(1),
        hash: B256::ZERO,
        parent_hash: B256::ZERO,
        timestamp_s: 0,
        logs_bloom,
        receipts_root: B256::ZERO,
    }
}

fn suspicion(header: &Header, logs: &[RawLog]) -> Option<Suspicion> {
    watched().suspicion(header, logs, &mut Memo::default())
}

#[test]
fn a_block_with_our_log_is_never_cleared_and_an_empty_one_always_is() {
    assert!(!watched().may_be_in(&header(&[])));
    assert!(!watched().may_be_in(&header(&[log(STRANGER, event("A"), 0)])));
    assert!(watched().may_be_in(&header(&[log(STRANGER, event("A"), 0), log(OURS, event("A"), 1)])));
}

#[test]
fn what_is_missing_is_suspected_by_what_the_bloom_says_of_it() {
    let all = [log(OURS, event("A"), 0), log(OURS, event("B"), 1), log(OURS, event("B"), 2)];
    let whole = header(&all);
    assert_eq!(suspicion(&whole, &all), None);
    assert_eq!(suspicion(&whole, &[]), Some(Suspicion::Contract(OURS)));
    let without_b = Suspicion::Event { contract: OURS, topic: event("B") };
    assert_eq!(suspicion(&whole, &all[..1]), Some(without_b));
    // One of two like it is missing: the bloom is filled, the places are not.
    assert_eq!(suspicion(&whole, &[all[0].clone(), all[2].clone()]), Some(Suspicion::Gaps));
}

#[test]
fn what_was_never_in_the_block_is_suspected() {
    let all = [log(OURS, event("A"), 0)];
    let foreign = [all[0].clone(), log(OURS, B256::repeat_byte(9), 1)];
    assert_eq!(suspicion(&header(&all), &foreign), Some(Suspicion::Foreign));
}

#[test]
fn logs_of_strangers_between_ours_are_no_gaps() {
    let all = [log(OURS, event("A"), 0), log(STRANGER, B256::repeat_byte(5), 1), log(OURS, event("A"), 2)];
    let ours = [all[0].clone(), all[2].clone()];
    assert_eq!(suspicion(&header(&all), &ours), None);
}

proptest! {
    #[test]
    fn complete_answers_are_never_suspected_and_bits_are_those_of_others(
        topics in prop::collection::vec((any::<bool>(), any::<[u8; 32]>()), 0..20),
    ) {
        let each = topics.iter().enumerate();
        let all: Vec<_> =
            each.map(|(i, (known, t))| log(OURS, if *known { event("A") } else { B256::from(*t) }, i as u64)).collect();
        // An unknown topic may look like a known one: that is the one false alarm there may be.
        let found = suspicion(&header(&all), &all);
        prop_assert!(matches!(found, None | Some(Suspicion::Event { .. })), "{:?}", found);
        for (_, topic) in &topics {
            let mut bloom = Bloom::ZERO;
            Bits::of(topic).set_in(&mut bloom);
            prop_assert!(bloom.contains_input(alloy::primitives::BloomInput::Raw(topic)) && Bits::of(topic).are_in(&bloom));
        }
    }
}
