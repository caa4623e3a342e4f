//! Properties of every batch, and the cases that shaped it.

use proptest::prelude::*;

use super::*;

fn candidate(contract: u8, signer: u8, nonce: u64, deadline: u64, order: u64) -> Candidate {
    Candidate {
        relay_id: B256::from(U256::from(order)),
        contract: Address::repeat_byte(contract),
        signer: Address::repeat_byte(signer),
        nonce: B256::from(U256::from(nonce)),
        valid_after: 0,
        deadline,
        order,
        way: Way::Token(Address::repeat_byte(contract)),
        gas: TRANSFER_GAS,
        reserved_gas: 0,
        by_contract: false,
        include_by_block: 0,
        share: usize::MAX,
    }
}

const WIDE: BatchLimits = BatchLimits { items: 256, gas: 12_000_000 };

#[test]
fn nothing_waits_nothing_goes() {
    assert_eq!(next_batch(&[], WIDE), Batch::default());
}

#[test]
fn the_most_urgent_message_chooses_the_contract() {
    let waiting = [candidate(2, 1, 0, 10, 5), candidate(1, 1, 0, 20, 1), candidate(2, 1, 1, 30, 2)];
    let orders: Vec<_> = next_batch(&waiting, WIDE).chosen.iter().map(|c| c.order).collect();
    assert_eq!(orders, [2, 5]);
}

#[test]
fn a_message_brings_along_those_of_its_nonce_word() {
    // Room for two: the later deadline of the same word beats the nearer one of another word.
    let waiting = [candidate(1, 1, 0, 10, 1), candidate(1, 2, 0, 20, 2), candidate(1, 1, 255, 30, 3)];
    let batch = next_batch(&waiting, BatchLimits { items: 2, gas: 12_000_000 }).chosen;
    assert_eq!(batch.iter().map(|c| c.order).collect::<Vec<_>>(), [1, 3]);
    // Word 1 begins at nonce 256.
    let waiting = [candidate(1, 1, 0, 10, 1), candidate(1, 2, 0, 20, 2), candidate(1, 1, 256, 30, 3)];
    let batch = next_batch(&waiting, BatchLimits { items: 2, gas: 12_000_000 }).chosen;
    assert_eq!(batch.iter().map(|c| c.order).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn one_message_goes_even_beyond_the_gas_target() {
    let mut heavy = candidate(1, 1, 0, 10, 1);
    heavy.gas = 20_000_000;
    let waiting = [heavy, candidate(1, 2, 0, 20, 2)];
    assert_eq!(next_batch(&waiting, WIDE).chosen.len(), 1);
}

#[test]
fn wallets_and_suspects_go_by_themselves() {
    let mut waiting: Vec<_> = (0..6).map(|n| candidate(1, 1, n, 10, n)).collect();
    waiting[1].by_contract = true;
    waiting[3].share = 2;
    waiting[4].share = 2;
    waiting[5].share = 2;
    let mut batches = Vec::new();
    while !waiting.is_empty() {
        let batch = next_batch(&waiting, WIDE).chosen;
        waiting.retain(|c| !batch.contains(c));
        batches.push(batch.iter().map(|c| c.order).collect::<Vec<_>>());
    }
    assert_eq!(batches, [vec![0, 2], vec![1], vec![3, 4], vec![5]]);
}

#[test]
fn other_actions_of_any_contracts_go_together_where_there_is_a_batcher() {
    let mut waiting: Vec<_> = (0..4).map(|n| candidate(n as u8 % 2 + 1, 1, n << 8, 10, n)).collect();
    for one in &mut waiting[..3] {
        (one.way, one.reserved_gas) = (Way::of(one.contract, false).by(Some(Address::ZERO)), 500_000);
    }
    let orders = |waiting: &[Candidate], limits| -> Vec<u64> {
        next_batch(waiting, limits).chosen.iter().map(|c| c.order).collect()
    };
    assert_eq!(orders(&waiting, WIDE), [0, 1, 2], "not the transfer");
    // Two of them, and what the batcher must have left to hand on.
    let two = BASE_GAS + 2 * TRANSFER_GAS + to_hand_on(500_000);
    assert_eq!(orders(&waiting, BatchLimits { items: 256, gas: two }), [0, 1]);
    assert_eq!(orders(&waiting, BatchLimits { items: 256, gas: two - 1 }), [0]);
    for one in &mut waiting[..3] {
        one.way = Way::of(one.contract, false);
    }
    assert_eq!(orders(&waiting, WIDE), [0], "without a batcher");
}

prop_compose! {
    fn waiting()(
        raw in prop::collection::vec((1_u8..4, 1_u8..6, 0_u64..1_024, 0_u64..100, 0_u64..300_000), 0..300)
    ) -> Vec<Candidate> {
        let mut all: Vec<_> = raw
            .into_iter()
            .zip(0_u64..)
            .map(|((contract, signer, nonce, deadline, extra), order)| {
                let mut one = candidate(contract, signer, nonce, deadline, order);
                one.gas += extra;
                if contract > 1 {
                    (one.way, one.reserved_gas) = (Way::Batcher(Address::ZERO), extra);
                }
                one
            })
            .collect();
        all.sort_by_key(|c| (c.deadline, c.order));
        all
    }
}

proptest! {
    #[test]
    fn every_batch_keeps_its_bounds(waiting in waiting(), items in 0_usize..400, gas in 0_u64..16_000_000) {
        let batch = next_batch(&waiting, BatchLimits { items, gas }).chosen;
        prop_assert_eq!(batch.is_empty(), waiting.is_empty());
        prop_assert!(batch.len() <= items.clamp(1, MAX_BATCH));
        // All go one way, that of the most urgent message, which is in it.
        if let Some(first) = waiting.first() {
            prop_assert!(batch.iter().all(|c| c.way == first.way));
            prop_assert!(batch.contains(first));
        }
        // In the order of acceptance, each once.
        prop_assert!(batch.windows(2).all(|w| w[0].order < w[1].order));
        // Within the gas target, unless it is a single one.
        prop_assert!(batch.len() <= 1 || most_gas(batch.iter()) <= gas);
    }

    #[test]
    fn all_that_waits_goes_in_the_end(mut waiting in waiting()) {
        let mut gone = 0;
        let all = waiting.len();
        while !waiting.is_empty() {
            let batch = next_batch(&waiting, WIDE).chosen;
            gone += batch.len();
            waiting.retain(|c| !batch.contains(c));
        }
        prop_assert_eq!(gone, all);
    }
}

#[test]
fn a_batch_is_full_when_nothing_more_would_get_in() {
    let waiting: Vec<_> = (0..3).map(|nonce| candidate(1, 1, nonce, 10, nonce)).collect();
    let full = |items, gas| next_batch(&waiting, BatchLimits { items, gas }).is_full;
    assert!(full(2, 12_000_000) && full(3, 12_000_000));
    assert!(!full(4, 12_000_000));
    assert!(full(4, 160_000), "gas");
}
