//! Golden vectors: what each entry says, to the byte. They change on purpose or not at all: set
//! `WIA_WRITE_GOLDEN=1` to write them anew, and read the difference.

use alloy::json_abi::JsonAbi;
use alloy::primitives::B256;
use proptest::prelude::*;
use wia_abi::BlockNumber;

use super::*;
use crate::chain::catalog::Contract;
use crate::log::entry::{Account, Block, EventRecord, Offset, TRANSFER};

const CONTRACT: Address = Address::repeat_byte(0xcc);
const ALICE: Address = Address::repeat_byte(0xaa);
const BOB: Address = Address::repeat_byte(0xbb);

fn terms() -> Terms {
    let name = "CarbonCredit".to_owned();
    let contract =
        Contract { name, address: CONTRACT, kind: Kind::Credit, abi: JsonAbi::new(), balances: true };
    Terms { chain_id: 31_337, final_confirmations: 3, catalog: Arc::new(Catalog::new([contract])) }
}

fn milli(n: u64) -> U256 {
    U256::from(n) * U256::from(10_u64.pow(15))
}

fn filter(addresses: &[Address], channels: &[Channel]) -> Filter {
    Filter {
        user_id: "USER-2025-001".into(),
        addresses: addresses.iter().copied().collect(),
        channels: channels.iter().copied().collect(),
    }
}

fn transfer(transaction: u32, from: Address, to: Address, value: U256) -> EventRecord {
    EventRecord {
        log_index: 0,
        transaction,
        contract: CONTRACT,
        topics: vec![TRANSFER, from.into_word(), to.into_word()],
        data: value.to_be_bytes_vec().into(),
    }
}

fn minted(transaction: u32, to: Address, credit_id: &str) -> EventRecord {
    let event =
        CarbonCredit::CreditMinted { recipient: to, amount: U256::from(1), creditId: credit_id.into() };
    let data = event.encode_log_data();
    let (topics, data) = (data.topics().to_vec(), data.data.clone());
    EventRecord { topics, data, ..transfer(transaction, ALICE, BOB, U256::ZERO) }
}

fn entry(offset: u64, number: u64, events: Vec<EventRecord>, opening: &[(Address, U256)]) -> Entry {
    let mut events = events;
    for (log_index, record) in (0_u64..).zip(&mut events) {
        record.log_index = log_index;
    }
    let transactions = events.iter().map(|e| e.transaction + 1).max().unwrap_or(0);
    let hash = |n: u64| B256::left_padding_from(&n.to_be_bytes());
    Entry {
        offset: Offset(offset),
        change: Change::Committed,
        block: Block {
            number: BlockNumber(number),
            hash: hash(number),
            parent_hash: hash(number - 1),
            // 15 January 2025, 12:00:00 UTC at block 0.
            timestamp_s: 1_736_942_400 + number,
            transactions: (0..transactions).map(|t| hash((number << 16) + u64::from(t))).collect(),
            events,
            opening: opening
                .iter()
                .map(|(a, balance)| ((CONTRACT, *a), *balance))
                .collect::<Vec<(Account, U256)>>(),
        },
    }
}

fn retraction(offset: u64, of: &Entry) -> Entry {
    Entry {
        offset: Offset(offset),
        change: Change::Retracted { committed_at: of.offset },
        block: of.block.clone(),
    }
}

/// Three blocks: a mint; transfers of all kinds; nothing. Then the second and third are taken back.
fn story() -> Vec<(Entry, Vec<Arc<Entry>>)> {
    let nobody = Address::ZERO;
    let mint = vec![transfer(0, nobody, ALICE, milli(2_500)), minted(0, ALICE, "VCS-1")];
    let first = entry(10, 1, mint, &[(ALICE, U256::ZERO)]);
    let second = entry(
        13,
        2,
        vec![
            transfer(0, ALICE, BOB, milli(1_000)),
            transfer(0, ALICE, ALICE, milli(7)),
            transfer(1, BOB, ALICE, U256::ZERO),
            transfer(1, BOB, nobody, milli(1)),
        ],
        &[(ALICE, milli(2_500)), (BOB, U256::ZERO)],
    );
    let third = entry(18, 3, vec![], &[]);
    let shared: Vec<_> = [&first, &second].map(|e| Arc::new(e.clone())).into();
    let (third_back, second_back) = (retraction(19, &third), retraction(20, &second));
    vec![
        (first, vec![]),
        (second, shared[..1].to_vec()),
        (third, shared),
        (third_back, vec![]),
        (second_back, vec![]),
    ]
}

fn told(filter: &Filter) -> Vec<(u32, Push)> {
    story().iter().flat_map(|(entry, below)| pushes(&terms(), entry, below, filter)).collect()
}

#[test]
fn the_golden_vectors() {
    let lines: String =
        told(&filter(&[ALICE, BOB], &Channel::ALL)).iter().map(|(_, p)| p.text() + "\n").collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stream/notify/golden.jsonl");
    if std::env::var_os("WIA_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    for (line, golden) in lines.lines().zip(golden.lines()) {
        assert_eq!(line, golden);
    }
    assert_eq!(lines.lines().count(), golden.lines().count());
}

#[test]
fn a_subscriber_hears_only_of_its_addresses_and_channels() {
    let balances = told(&filter(&[BOB], &[Channel::WalletBalance]));
    assert!(balances.iter().all(|(_, p)| matches!(p, Push::BalanceChanged(p) if p.address == BOB)));
    // Received, retired, and both back.
    assert_eq!(balances.len(), 4);
    // Bob has no part in block 1, and both transactions of block 2: twice on the way up, once on the way back.
    let confirmations = told(&filter(&[BOB], &[Channel::BlockchainConfirmations]));
    assert_eq!(confirmations.len(), 6);
    assert!(told(&filter(&[CONTRACT], &Channel::ALL)).is_empty());
    assert!(told(&filter(&[ALICE, BOB], &[])).is_empty());
}

#[test]
fn the_number_of_a_push_is_the_same_for_every_filter() {
    let all = told(&filter(&[ALICE, BOB], &Channel::ALL));
    for part in [filter(&[ALICE], &Channel::ALL), filter(&[ALICE, BOB], &[Channel::BlockchainConfirmations])]
    {
        let told = told(&part);
        assert!(!told.is_empty() && told.len() < all.len());
        assert!(told.iter().all(|push| all.contains(push)));
    }
    for (entry, below) in story() {
        let numbers = pushes(&terms(), &entry, &below, &filter(&[ALICE, BOB], &Channel::ALL));
        assert!(numbers.iter().all(|(n, _)| (*n as usize) < count(&entry, &below)));
        assert!(numbers.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

proptest! {
    /// previousBalance + change = newBalance along the whole stream, there and back (C-051).
    #[test]
    fn balances_follow_from_each_other(wishes in prop::collection::vec((0_u8..3, 0_u8..3, 0_u64..50), 0..30)) {
        let names = [Address::ZERO, ALICE, BOB];
        let mut have = [U256::MAX >> 1_usize, U256::ZERO, U256::ZERO];
        let mut events = Vec::new();
        for (from, to, value) in wishes {
            let (from, to) = (from as usize, to as usize);
            let value = milli(value).min(have[from]);
            have[from] -= value;
            have[to] += value;
            events.push(transfer(0, names[from], names[to], value));
        }
        let there = entry(0, 1, events, &[(ALICE, U256::ZERO), (BOB, U256::ZERO)]);
        let back = retraction(100, &there);
        let mut book = [U256::ZERO; 3];
        for (step, entry) in [&there, &back].into_iter().enumerate() {
            for (_, push) in pushes(&terms(), entry, &[], &filter(&[ALICE, BOB], &[Channel::WalletBalance])) {
                let Push::BalanceChanged(p) = push else { unreachable!() };
                let who = names.iter().position(|n| *n == p.address).unwrap();
                prop_assert_eq!(&p.previous_balance_wei, &book[who].to_string());
                book[who] = p.new_balance_wei.parse().unwrap();
                prop_assert_ne!(p.amount_wei, "0");
                prop_assert_eq!(p.reason == "reorg", step == 1);
            }
            if step == 0 {
                prop_assert_eq!(&book[1..], &have[1..]);
            }
        }
        prop_assert!(book.iter().all(|b| b.is_zero()));
    }
}
