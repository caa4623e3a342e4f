//! Every entry reads back, damaged bytes are refused, and the bytes stay what they are.

use alloy::primitives::hex;
use proptest::prelude::*;

use super::*;

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

/// Words as chains have them: small numbers, amounts in steps, addresses, text, hashes.
fn word() -> impl Strategy<Value = B256> {
    prop_oneof![
        any::<u64>().prop_map(|n| B256::from(U256::from(n))),
        any::<u64>().prop_map(|n| B256::from(U256::from(n) * U256::from(1_000_000_000_000_000_u64))),
        address().prop_map(|a| a.into_word()),
        any::<[u8; 8]>().prop_map(|text| B256::right_padding_from(&text)),
        any::<[u8; 32]>().prop_map(B256::from),
        Just(B256::ZERO),
    ]
}

fn event() -> impl Strategy<Value = EventRecord> {
    let words = prop::collection::vec(word(), 0..4).prop_map(|words| words.concat());
    let data = prop_oneof![words, prop::collection::vec(any::<u8>(), 0..80)];
    let topics = prop::collection::vec(word(), 0..=4);
    (any::<u64>(), any::<u32>(), address(), topics, data).prop_map(
        |(log_index, transaction, contract, topics, data)| EventRecord {
            log_index,
            transaction,
            contract,
            topics,
            data: data.into(),
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let events = prop::collection::vec(event(), 0..9);
    let opening = prop::collection::vec(((address(), address()), word()), 0..4);
    let hashes = prop::collection::vec(any::<[u8; 32]>().prop_map(B256::from), 2..9);
    (any::<Option<u64>>(), any::<u64>(), any::<u64>(), any::<u64>(), hashes, events, opening).prop_map(
        |(retracted, offset, number, timestamp_s, mut hashes, events, opening)| Entry {
            offset: Offset(offset),
            change: retracted.map_or(Change::Committed, |o| Change::Retracted { committed_at: Offset(o) }),
            block: Block {
                number: BlockNumber(number),
                hash: hashes.remove(0),
                parent_hash: hashes.remove(0),
                timestamp_s,
                transactions: hashes,
                events,
                opening: opening.into_iter().map(|(a, w)| (a, U256::from_be_bytes(w.0))).collect(),
            },
        },
    )
}

proptest! {
    #[test]
    fn every_entry_reads_back(entry in entry()) {
        prop_assert_eq!(Entry::decode(entry.offset, &entry.encode()).unwrap(), entry);
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_as_something_but_never_panic(
        entry in entry(),
        at: prop::sample::Index,
        byte: u8,
        cut: prop::sample::Index,
    ) {
        let mut bytes = entry.encode();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let _ = Entry::decode(entry.offset, &bytes);
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(Entry::decode(entry.offset, &bytes).is_err());
    }
}

fn transfer(from: u8, to: u8, milli: u64) -> EventRecord {
    let value = U256::from(milli) * U256::from(1_000_000_000_000_000_u64);
    EventRecord {
        log_index: u64::from(from),
        transaction: 0,
        contract: Address::repeat_byte(4),
        topics: vec![TRANSFER, Address::repeat_byte(from).into_word(), Address::repeat_byte(to).into_word()],
        data: value.to_be_bytes_vec().into(),
    }
}

fn block(events: Vec<EventRecord>, opening: Vec<(Account, U256)>) -> Block {
    Block {
        number: BlockNumber(20_000_000),
        hash: B256::repeat_byte(1),
        parent_hash: B256::repeat_byte(2),
        timestamp_s: 1_700_000_000,
        transactions: vec![B256::repeat_byte(3)],
        events,
        opening,
    }
}

#[test]
fn the_bytes_stay_what_they_are() {
    let account = (Address::repeat_byte(4), Address::repeat_byte(5));
    let block = block(vec![transfer(5, 6, 1_500)], vec![(account, U256::from(7))]);
    let entry = Entry { offset: Offset(1), change: Change::Committed, block };
    let expected = concat!(
        "0400",
        "80dac409",
        "0101010101010101010101010101010101010101010101010101010101010101",
        "0202020202020202020202020202020202020202020202020202020202020202",
        "80e2cfaa06",
        "010303030303030303030303030303030303030303030303030303030303030303",
        "010404040404040404040404040404040404040404",
        // Two words, both cut to 20 bytes.
        "020114",
        "05050505050505050505050505050505050505050606060606060606060606060606060606060606",
        // One opening balance: contract 0, the account expected next, 7.
        "010100010001",
        "0107",
        // One event: log index 5, transaction 0, contract 0, three topics, of them each; 32 bytes in words, one of which
        // is 1,500 steps.
        "010106010201000103010001010102",
        "014101",
        "4205dc",
    );
    assert_eq!(hex::encode(entry.encode()), expected);
}

#[test]
fn a_transfer_is_stored_in_few_bytes() {
    let size = |block| Entry { offset: Offset(1), change: Change::Committed, block }.encode().len();
    let thousand = U256::from(10).pow(U256::from(21));
    let opening = [5, 6].map(|a| ((Address::repeat_byte(4), Address::repeat_byte(a)), thousand));
    let with = size(block(vec![transfer(5, 6, 1_500)], opening.to_vec()));
    assert!(with - size(block(vec![], vec![])) <= 120, "{with}");
    let many = |n: u8| {
        let accounts = (0..=n).map(|a| ((Address::repeat_byte(4), Address::repeat_byte(a + 1)), thousand));
        size(block((0..n).map(|a| transfer(a + 1, a + 2, 1_500)).collect(), accounts.collect()))
    };
    // Of its transaction's hash without: an address, two places, the amount, and a balance.
    assert!(many(101) - many(1) <= 100 * 35, "{}", many(101) - many(1));
}

#[test]
fn what_repeats_itself_is_compressed_and_hashes_are_not_tried() {
    let texts = (0..40).map(|n| EventRecord { data: vec![n; 333].into(), ..transfer(n, n + 1, 1) });
    let entry =
        |events| Entry { offset: Offset(1), change: Change::Committed, block: block(events, Vec::new()) };
    let texts = entry(texts.collect());
    let bytes = texts.encode();
    assert_eq!((bytes[0], bytes.len() < 40 * 60), (5, true), "{}", bytes.len());
    assert_eq!(Entry::decode(Offset(1), &bytes).unwrap(), texts);
    assert_eq!(entry((0..40).map(|n| transfer(n, n + 1, 1)).collect()).encode()[0], 4);
}

#[test]
fn counts_beyond_every_block_are_refused() {
    let block = block(Vec::new(), Vec::new());
    let bytes = Entry { offset: Offset(1), change: Change::Committed, block }.encode();
    let (nothing, head) = (&bytes[bytes.len() - 3..], &bytes[..bytes.len() - 3]);
    assert_eq!(nothing, [0, 0, 0], "words, opening balances, events");
    for (what, rest) in [
        ("events", vec![0, 0, 0x80, 0x80, 0x80, 0x10]),
        ("balances", vec![0, 0x80, 0x80, 0x80, 0x10]),
        ("words", vec![0x80, 0x80, 0x80, 0x10]),
    ] {
        let error = Entry::decode(Offset(1), &[head, &rest].concat()).unwrap_err();
        assert!(error.contains("that may be"), "{what}: {error}");
    }
}

#[test]
fn unknown_formats_are_refused() {
    assert!(Entry::decode(Offset(0), &[]).unwrap_err().contains("format"));
    assert!(Entry::decode(Offset(0), &[9, 1, 2]).unwrap_err().contains("Some(9)"));
}

#[test]
fn movements_run_through_the_block() {
    let of = |a: u8| (Address::repeat_byte(4), Address::repeat_byte(a));
    let mint = transfer(0, 5, 10);
    let events = vec![mint, transfer(5, 6, 4), transfer(6, 6, 1), transfer(9, 5, 1)];
    let block = block(events, vec![(of(5), U256::from(1)), (of(6), U256::ZERO)]);
    let step = U256::from(1_000_000_000_000_000_u64);
    let moved: Vec<_> = block.movements().iter().map(|m| (m.event, m.from_before, m.to_before)).collect();
    let (one, four, ten) = (U256::from(1), step * U256::from(4), step * U256::from(10));
    // The last one's sender is not among the opening balances: a contract whose balances are not kept.
    assert_eq!(moved, [(0, U256::ZERO, one), (1, one + ten, U256::ZERO), (2, four, four - step)]);
    assert_eq!(block.closing()[&of(5)], one + ten - four);
    assert_eq!(block.closing()[&of(6)], four);
}
