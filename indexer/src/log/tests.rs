//! The log against a model: whatever is appended reads back, balances are those of the canonical chain, and
//! closing and opening changes nothing.

use alloy::primitives::Address;

use super::*;
use crate::log::entry::{Event, EventRecord};

const CONTRACT: Address = Address::repeat_byte(0xcc);
const ALICE: Address = Address::repeat_byte(1);
const BOB: Address = Address::repeat_byte(2);

fn config() -> Config {
    Config::new(7, "http://localhost", None, vec![CONTRACT], BlockNumber(1))
}

fn block(number: u64, fork: u8, parent_fork: u8, transfers: &[(Address, Address, u64)]) -> Block {
    let hash = |number: u64, fork| {
        let mut hash = B256::with_last_byte(fork);
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    };
    let record = |(i, &(from, to, value)): (usize, &(Address, Address, u64))| EventRecord {
        log_index: i as u64,
        transaction: 0,
        contract: CONTRACT,
        event: Event::Transfer { from, to, value: U256::from(value) },
        before: None,
    };
    Block {
        number: BlockNumber(number),
        hash: hash(number, fork),
        parent_hash: hash(number - 1, parent_fork),
        timestamp_s: number,
        transactions: transfers.first().map(|_| B256::ZERO).into_iter().collect(),
        events: transfers.iter().enumerate().map(record).collect(),
    }
}

fn commit(blocks: Vec<Block>) -> ChainChange {
    ChainChange { old: vec![], new: blocks }
}

fn balance(log: &Log, account: Address) -> u64 {
    log.balance((CONTRACT, account)).unwrap().to()
}

#[test]
fn a_reorganisation_undoes_and_redoes_in_one_step_and_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (a1, a2) =
        (block(1, b'a', 0, &[(Address::ZERO, ALICE, 10)]), block(2, b'a', b'a', &[(ALICE, BOB, 4)]));
    let b2 = block(2, b'b', b'a', &[(ALICE, BOB, 1), (ALICE, BOB, 1)]);
    {
        let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
        log.append(commit(vec![a1.clone(), a2.clone()])).unwrap();
        assert_eq!((balance(&log, ALICE), balance(&log, BOB)), (6, 4));
        let (entries, head) =
            log.append(ChainChange { old: vec![a2.reference()], new: vec![b2.clone()] }).unwrap();
        assert_eq!(head, Some(b2.head()));
        // a1 took 0 and 1, a2 took 2 and 3.
        assert_eq!(entries.iter().map(|e| e.offset.0).collect::<Vec<_>>(), [4, 6]);
        assert_eq!(entries[0].change, Change::Retracted { committed_at: Offset(2) });
        assert_eq!(entries[0].event_offset(0), Offset(3));
    }
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
    assert_eq!((balance(&log, ALICE), balance(&log, BOB)), (8, 2));
    assert_eq!(log.checkpoint().unwrap(), Checkpoint { end: Offset(9), head: Some(Offset(6)) });
    assert_eq!(log.recent(10).unwrap(), [a1.reference(), b2.reference()]);
    assert_eq!(log.recent(1).unwrap(), [b2.reference()]);
    assert!(log.find(Offset(1)).unwrap().is_none());
    assert_eq!(log.entry(Offset(4)).unwrap().block.hash, a2.hash);
}

#[test]
fn a_block_that_came_back_is_found_as_it_was_at_each_point() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
    let (a, b) = (block(1, b'a', 0, &[]), block(1, b'b', 0, &[]));
    log.append(commit(vec![a.clone()])).unwrap();
    log.append(ChainChange { old: vec![a.reference()], new: vec![b.clone()] }).unwrap();
    log.append(ChainChange { old: vec![b.reference()], new: vec![a.clone()] }).unwrap();
    // Entries: 0 +a, 1 −a, 2 +b, 3 −b, 4 +a.
    for (before, found) in [(0, None), (1, Some(0)), (4, Some(0)), (5, Some(4))] {
        assert_eq!(
            log.committed_before(a.hash, Offset(before)).unwrap(),
            found.map(Offset),
            "before {before}"
        );
    }
    assert_eq!(log.recent(5).unwrap(), [a.reference()]);
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
    log.append(commit(vec![block(1, b'a', 0, &[(Address::ZERO, ALICE, 10)])])).unwrap();
    let before = log.checkpoint().unwrap();
    for change in [
        commit(vec![block(3, b'a', b'a', &[])]),
        commit(vec![block(2, b'a', b'b', &[])]),
        commit(vec![block(2, b'a', b'a', &[(ALICE, BOB, 3)]), block(3, b'a', b'a', &[(BOB, ALICE, 4)])]),
        ChainChange { old: vec![block(1, b'b', 0, &[]).reference()], new: vec![] },
    ] {
        log.append(change).unwrap_err();
    }
    assert_eq!(log.checkpoint().unwrap(), before);
    assert_eq!((balance(&log, ALICE), balance(&log, BOB)), (10, 0));
}

#[test]
fn a_log_of_something_else_is_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let log = Log::open(&store, &config()).unwrap();
    log.bind_genesis(B256::repeat_byte(1)).unwrap();
    log.bind_genesis(B256::repeat_byte(1)).unwrap();
    assert!(log.bind_genesis(B256::repeat_byte(2)).unwrap_err().to_string().contains("block 0"));
    let other = [
        (Config { chain_id: 8, ..config() }, "chain 7, now it is 8"),
        (Config { contracts: vec![ALICE], ..config() }, "contracts"),
        (Config { first_block: BlockNumber(2), ..config() }, "first block"),
    ];
    for (config, text) in other {
        let error = Log::open(&store, &config).err().unwrap().to_string();
        assert!(error.contains(text) && error.contains("empty data folder"), "{error}");
    }
}
