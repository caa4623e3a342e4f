//! Every entry reads back, and the bytes stay what they are.

use proptest::prelude::*;

use super::*;

fn event() -> impl Strategy<Value = Event> {
    let address = any::<[u8; 20]>().prop_map(Address::from);
    let word = any::<[u8; 32]>().prop_map(B256::from);
    let amount = any::<[u64; 4]>().prop_map(U256::from_limbs);
    prop_oneof![
        (address.clone(), address.clone(), amount.clone()).prop_map(|(from, to, value)| Event::Transfer {
            from,
            to,
            value
        }),
        (address.clone(), amount.clone(), ".{0,40}")
            .prop_map(|(recipient, amount, credit_id)| Event::CreditMinted { recipient, amount, credit_id }),
        (address.clone(), word.clone())
            .prop_map(|(authorizer, nonce)| Event::AuthorizationUsed { authorizer, nonce }),
        (address, word.clone())
            .prop_map(|(authorizer, nonce)| Event::AuthorizationCanceled { authorizer, nonce }),
        (amount, word.clone(), any::<[u8; 4]>()).prop_map(|(index, digest, reason)| {
            Event::AuthorizationSkipped { index, digest, reason: reason.into() }
        }),
        (prop::collection::vec(word, 0..=4), prop::collection::vec(any::<u8>(), 0..80))
            .prop_map(|(topics, data)| Event::Raw { topics, data: data.into() }),
    ]
}

proptest! {
    #[test]
    fn every_entry_reads_back(
        events in prop::collection::vec((any::<u64>(), any::<u32>(), event(), any::<Option<[u64; 4]>>()), 0..5),
        retracted: Option<u64>,
        offset: u64,
    ) {
        let entry = Entry {
            offset: Offset(offset),
            change: retracted.map_or(Change::Committed, |o| Change::Retracted { committed_at: Offset(o) }),
            block: Block {
                number: BlockNumber(7),
                hash: B256::repeat_byte(1),
                parent_hash: B256::repeat_byte(2),
                timestamp_s: 1_700_000_000,
                transactions: vec![B256::repeat_byte(3)],
                events: events
                    .into_iter()
                    .map(|(log_index, transaction, event, before)| EventRecord {
                        log_index,
                        transaction,
                        contract: Address::repeat_byte(4),
                        event,
                        before: before.map(|l| Before { from: U256::from_limbs(l), to: U256::ZERO }),
                    })
                    .collect(),
            },
        };
        let bytes = entry.encode().unwrap();
        prop_assert_eq!(Entry::decode(entry.offset, &bytes).unwrap(), entry);
    }
}

#[test]
fn a_transfer_is_stored_in_few_bytes() {
    let block = |events| Block {
        number: BlockNumber(20_000_000),
        hash: B256::repeat_byte(1),
        parent_hash: B256::repeat_byte(2),
        timestamp_s: 1_700_000_000,
        transactions: vec![B256::repeat_byte(3)],
        events,
    };
    let size = |events| {
        Entry { offset: Offset(1), change: Change::Committed, block: block(events) }.encode().unwrap().len()
    };
    let credits = U256::from(1_000_u64) * U256::from(10_u64.pow(18));
    let transfer = EventRecord {
        log_index: 3,
        transaction: 0,
        contract: Address::repeat_byte(4),
        event: Event::Transfer { from: Address::repeat_byte(5), to: Address::repeat_byte(6), value: credits },
        before: Some(Before { from: credits, to: credits }),
    };
    assert!(size(vec![transfer]) - size(vec![]) <= 100);
}

#[test]
fn unknown_formats_are_refused() {
    assert!(Entry::decode(Offset(0), &[]).unwrap_err().contains("format"));
    assert!(Entry::decode(Offset(0), &[9, 1, 2]).unwrap_err().contains("Some(9)"));
    assert!(Entry::decode(Offset(0), &[FORMAT, 0]).is_err());
}
