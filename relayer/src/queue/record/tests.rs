//! What is written reads back, with every optional member empty and full.

use alloy::primitives::U256;
use wia_abi::authorization::TransferWithAuthorization;

use super::*;

fn item() -> Item {
    let message = TransferWithAuthorization {
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::MAX,
        validAfter: U256::ZERO,
        validBefore: U256::from(1_800_000_000_u64),
        nonce: B256::repeat_byte(3),
    };
    let receipt = Receipt {
        relayer: Address::repeat_byte(9),
        received_at: Timestamp(1_736_942_400_007),
        include_by_block: 120,
        signature: Bytes::from_static(&[7; 65]),
    };
    Item {
        contract: Address::repeat_byte(4),
        message: Authorization::from(&message),
        signature: Bytes::from_static(&[5; 65]),
        by_contract: false,
        order: 1,
        due: 9,
        receipt,
        history: Vec::new(),
        transaction: Some(Slot { lane: Address::repeat_byte(5), nonce: 3 }),
        attempts: 0,
        price: Price::default(),
        written: 7,
    }
}

#[test]
fn a_message_reads_back_with_empty_and_full_steps() {
    let mut item = item();
    item.push(State::Accepted, Timestamp(1), Detail::default());
    let refusal = Refusal {
        relayer: Address::repeat_byte(9),
        refused_at: Timestamp(5),
        block: 7,
        reason: "ERC20InsufficientBalance".into(),
        signature: Bytes::from_static(&[7; 65]),
    };
    let full = Detail {
        tx_hash: Some(B256::repeat_byte(1)),
        block: Some(2),
        index: Some(3),
        confirmations: Some(12),
        reason: Some("reason".into()),
        refusal: Some(refusal),
    };
    item.push(State::Rejected, Timestamp(2), full);
    let bytes = postcard::to_stdvec(&item).unwrap();
    assert_eq!(postcard::from_bytes::<Item>(&bytes).unwrap(), item);
}

#[test]
fn a_transaction_reads_back() {
    let transaction = Transaction {
        slot: Slot { lane: Address::repeat_byte(5), nonce: 7 },
        contract: Address::repeat_byte(4),
        items: vec![B256::repeat_byte(1), B256::repeat_byte(2)],
        input: Bytes::from_static(b"input"),
        gas_limit: 1 << 24,
        fees: Fees { max_fee: u128::MAX, priority: None },
        hashes: vec![B256::repeat_byte(8)],
        raw: Bytes::from_static(b"raw"),
        inclusion: Some(Inclusion {
            tx_hash: B256::repeat_byte(8),
            block_number: 9,
            block_hash: B256::repeat_byte(6),
        }),
        finalized: true,
    };
    let bytes = postcard::to_stdvec(&transaction).unwrap();
    assert_eq!(postcard::from_bytes::<Transaction>(&bytes).unwrap(), transaction);
}

#[test]
fn a_long_history_forgets_its_oldest_steps_and_goes_on_counting() {
    let mut item = item();
    for _ in 0..MAX_HISTORY + 5 {
        item.push(State::Accepted, Timestamp(1), Detail::default());
    }
    assert_eq!(item.history.len(), MAX_HISTORY);
    assert_eq!(item.history[0].sequence, 5);
    assert_eq!(item.last().unwrap().sequence as usize, MAX_HISTORY + 4);
}
