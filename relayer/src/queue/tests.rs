//! What the queue keeps, refuses, and finds again after reopening.

mod moving;

use std::collections::HashSet;

use alloy::primitives::{Bytes, U256};
use wia_abi::Authorization;
use wia_abi::authorization::TransferWithAuthorization;
use wia_protocol::relay::Receipt;

use super::record::{Fees, Inclusion, Slot};
use super::retention::{EndedKey, Retention};
use super::*;
use crate::intake::policy::Price;
use crate::state::Event;

const CONTRACT: Address = Address::repeat_byte(4);
const LIMITS: Limits = Limits { live: 4, live_per_signer: 2 };
const TOKEN: Address = Address::repeat_byte(6);
const NOW: Timestamp = Timestamp(1);
const SLOT: Slot = Slot { lane: Address::repeat_byte(5), nonce: 7 };

fn item(signer: u8, nonce: u64, deadline: u64) -> Item {
    let receipt =
        Receipt { relayer: Address::ZERO, received_at: NOW, include_by_block: 1, signature: Bytes::new() };
    let message = TransferWithAuthorization {
        from: Address::repeat_byte(signer),
        to: Address::repeat_byte(0xbb),
        value: U256::from(1),
        validAfter: U256::ZERO,
        validBefore: U256::from(deadline),
        nonce: B256::from(U256::from(nonce)),
    };
    Item {
        contract: CONTRACT,
        message: Authorization::from(&message),
        signature: Bytes::new(),
        by_contract: false,
        order: 0,
        due: deadline.min(25),
        receipt,
        history: Vec::new(),
        transaction: None,
        attempts: 0,
        price: Price::default(),
        written: 0,
    }
}

fn id(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

struct Folder {
    store: Store,
    _folder: tempfile::TempDir,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    Folder { store: Store::open(folder.path()).unwrap(), _folder: folder }
}

impl Folder {
    fn queue(&self) -> Queue {
        Queue::open(&self.store, LIMITS).unwrap()
    }
}

fn accept(queue: &Queue, relay_id: B256, item: Item) -> Acceptance {
    let outcome = queue.accept(relay_id, item, NOW).unwrap();
    if let Acceptance::Written(item) = &outcome {
        queue.offer(relay_id, item);
    }
    outcome
}

fn step(
    queue: &Queue,
    relay_id: B256,
    event: Event,
) -> Result<Vec<(Address, wia_protocol::relay::Update)>, RelayerError> {
    let mut changes = Changes::default();
    changes.step(relay_id, event, None, Detail::default());
    queue.apply(&changes, NOW)
}

#[test]
fn one_digest_is_accepted_once_and_one_nonce_has_one_holder() {
    let folder = folder();
    let queue = folder.queue();
    assert!(matches!(accept(&queue, id(1), item(1, 0, 10)), Acceptance::Written(_)));
    assert!(matches!(accept(&queue, id(1), item(1, 0, 10)), Acceptance::Known));
    assert!(
        matches!(accept(&queue, id(2), item(1, 0, 20)), Acceptance::NonceHeld(holder) if holder == id(1))
    );
    assert_eq!((queue.depth(), queue.live_items()), (1, 1));
    assert!(queue.item(id(2)).unwrap().is_none());
}

#[test]
fn live_messages_are_bounded_in_all_and_per_signer() {
    let folder = folder();
    let queue = folder.queue();
    for n in 0..4 {
        assert!(matches!(accept(&queue, id(n), item(n / 2, u64::from(n), 10)), Acceptance::Written(_)));
    }
    assert!(matches!(accept(&queue, id(9), item(9, 9, 10)), Acceptance::Full));
    step(&queue, id(0), Event::Reject).unwrap();
    assert!(matches!(accept(&queue, id(9), item(1, 9, 10)), Acceptance::SignerFull));
    assert!(matches!(accept(&queue, id(9), item(9, 9, 10)), Acceptance::Written(_)));
}

#[test]
fn a_fee_is_paid_beforehand_set_aside_and_taken_once_we_executed_it() {
    let folder = folder();
    let queue = Queue::open(&folder.store, Limits { live: 9, live_per_signer: 9 }).unwrap();
    let priced = |nonce, costs, pays| {
        let price = Price { token: TOKEN, costs: U256::from(costs), pays: U256::from(pays) };
        Item { price, ..item(1, nonce, 100) }
    };
    let credit = || queue.lock().credit(TOKEN, Address::repeat_byte(1));
    let mined = |relay_id, index| {
        for event in [Event::Claim, Event::Submit] {
            step(&queue, relay_id, event).unwrap();
        }
        let mut changes = Changes::default();
        changes.step(relay_id, Event::Mine, Some(SLOT), Detail { index, ..Detail::default() });
        queue.apply(&changes, NOW).unwrap();
    };
    let executed = |relay_id| mined(relay_id, Some(0));
    let poor = accept(&queue, id(1), priced(1, 10, 0));
    assert!(matches!(poor, Acceptance::Unpaid(credit) if credit.is_zero()));
    assert!(
        matches!(accept(&queue, id(2), priced(2, 10, 9)), Acceptance::Unpaid(_)),
        "less than its own price"
    );
    accept(&queue, id(3), priced(3, 10, 35));
    assert_eq!(credit(), U256::ZERO, "not before it is executed");
    executed(id(3));
    assert_eq!(credit(), U256::from(25));

    accept(&queue, id(1), priced(1, 10, 0));
    accept(&queue, id(2), priced(2, 10, 0));
    assert_eq!(credit(), U256::from(5), "set aside");
    assert!(matches!(accept(&queue, id(4), priced(4, 10, 0)), Acceptance::Unpaid(_)));
    step(&queue, id(1), Event::Reject).unwrap();
    assert_eq!(credit(), U256::from(15), "what is not executed costs nothing");
    executed(id(2));
    assert_eq!(credit(), U256::from(15));
    step(&queue, id(2), Event::Reorg).unwrap();
    assert_eq!(credit(), U256::from(15), "set aside again");
    step(&queue, id(3), Event::Reorg).unwrap();
    assert_eq!(credit(), U256::ZERO, "the payment left the chain");

    accept(&queue, id(5), priced(5, 10, 99));
    mined(id(5), None);
    assert_eq!(credit(), U256::ZERO, "a stranger's transaction proves no payment");
}

#[test]
fn a_message_that_has_moved_on_is_not_offered() {
    let folder = folder();
    let queue = folder.queue();
    let Acceptance::Written(accepted) = queue.accept(id(1), item(1, 0, 10), NOW).unwrap() else {
        panic!("not accepted")
    };
    // A block that was thought lost executes it before its acceptance is durable.
    let mut changes = Changes::default();
    changes.step(id(1), Event::Claim, Some(SLOT), Detail::default());
    changes.step(id(1), Event::Submit, Some(SLOT), Detail::default());
    queue.apply(&changes, NOW).unwrap();
    queue.offer(id(1), &accepted);
    assert_eq!(queue.depth(), 0);
}

#[tokio::test]
async fn a_record_is_told_only_once_it_is_durable() {
    let folder = folder();
    let queue = folder.queue();
    assert!(queue.settled(id(1)).await.unwrap().is_none());
    accept(&queue, id(1), item(1, 0, 10));
    accept(&queue, id(2), item(1, 1, 10));
    assert!(is_ahead(&queue, id(1)));
    assert_eq!(queue.settled(id(1)).await.unwrap().unwrap().state(), State::Accepted);
    assert!(!is_ahead(&queue, id(1)));
    assert!(!is_ahead(&queue, id(2)), "one fsync is for all that was written before it");
    // Of what is durable, nothing waits.
    let at_once = futures::FutureExt::now_or_never(queue.settled(id(1)));
    assert!(at_once.is_some_and(|item| item.unwrap().is_some()));

    step(&queue, id(1), Event::Expire).unwrap();
    assert!(is_ahead(&queue, id(1)));
    assert_eq!(queue.settled(id(1)).await.unwrap().unwrap().state(), State::Expired);
    assert!(!is_ahead(&queue, id(1)));
}

/// Whether what stands of a message may be lost.
fn is_ahead(queue: &Queue, relay_id: B256) -> bool {
    queue.item(relay_id).unwrap().unwrap().written > queue.durable.load(Ordering::Acquire)
}

/// Where the messages that have ended stand, in memory and in the trees.
fn keys(queue: &Queue) -> Vec<EndedKey> {
    let table = queue.lock();
    let classes = [retention::FAILED, retention::FINAL].into_iter();
    classes.flat_map(|class| queue.ended(&table, class)).map(Result::unwrap).collect()
}

#[test]
fn what_ended_is_forgotten_when_its_time_is_over() {
    let retention = Retention { failed_s: 5, final_s: 100, failed_most: 9 };
    let folder = folder();
    let queue = folder.queue();
    let prune = |now_s, limit, named: &[B256]| {
        queue.prune(retention, now_s, limit, || named.iter().copied().collect()).unwrap()
    };
    for (n, signer) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        accept(&queue, id(n), item(signer, 0, 10));
    }
    step(&queue, id(1), Event::Expire).unwrap();
    step(&queue, id(2), Event::Reject).unwrap();
    for event in [Event::Claim, Event::Submit, Event::Mine, Event::Finalize] {
        step(&queue, id(3), event).unwrap();
    }
    assert_eq!(prune(15, 9, &[]), 0, "not before its time");
    assert_eq!(prune(16, 9, &[id(1), id(2)]), 0, "a transaction names them");
    assert_eq!(prune(16, 1, &[]), 1, "so many at a time");
    assert_eq!(prune(16, 9, &[]), 1);
    assert_eq!(prune(110, 9, &[]), 0);
    let third = queue.item(id(3)).unwrap();
    assert_eq!(third.unwrap().state(), State::Final);
    assert_eq!(prune(111, 9, &[]), 1);
    assert_eq!((keys(&queue).len(), queue.live_items()), (0, 1), "the live one stays");
    assert_eq!(prune(u64::MAX, 9, &[]), 0);
    // What was forgotten may be accepted like any other.
    assert!(matches!(accept(&queue, id(1), item(1, 0, 10)), Acceptance::Written(_)));
    assert_eq!(queue.item(id(1)).unwrap().unwrap().history.len(), 1);
}

#[test]
fn failed_messages_are_bounded_in_number_also_after_reopening() {
    let retention = Retention { failed_s: 1_000, final_s: 1_000, failed_most: 1 };
    let folder = folder();
    {
        let queue = folder.queue();
        for (n, deadline) in [(1, 30), (2, 10), (3, 20)] {
            accept(&queue, id(n), item(n, 0, deadline));
            step(&queue, id(n), Event::Reject).unwrap();
        }
    }
    let queue = folder.queue();
    let prune = |named: &[B256]| queue.prune(retention, 5, 9, || named.iter().copied().collect()).unwrap();
    assert_eq!(prune(&[id(1), id(2), id(3)]), 0, "a transaction names them");
    assert_eq!(prune(&[]), 2);
    assert!(queue.item(id(1)).unwrap().is_some(), "the one that is valid for longest stays");
    assert_eq!(prune(&[]), 0);
    // One that is accepted anew has not failed.
    accept(&queue, id(1), item(1, 0, 30));
    assert_eq!(queue.lock().failed(), 0);
}

#[test]
fn what_comes_back_by_a_reorg_is_no_longer_due_to_go() {
    let folder = folder();
    let queue = folder.queue();
    accept(&queue, id(1), item(1, 0, 10));
    for event in [Event::Claim, Event::Submit, Event::Mine, Event::Finalize, Event::Reorg] {
        step(&queue, id(1), event).unwrap();
    }
    assert_eq!((keys(&queue).len(), queue.live_items()), (0, 1));
}

#[test]
fn a_failed_message_keeps_its_history_when_it_is_accepted_anew() {
    let folder = folder();
    let queue = folder.queue();
    accept(&queue, id(1), item(1, 0, 10));
    step(&queue, id(1), Event::Expire).unwrap();
    assert_eq!(queue.holder(CONTRACT, Address::repeat_byte(1), B256::ZERO), None);
    // The nonce is free again, for this message or another one.
    assert!(matches!(accept(&queue, id(1), item(1, 0, 10)), Acceptance::Written(_)));
    let again = queue.item(id(1)).unwrap().unwrap();
    let states: Vec<_> = again.history.iter().map(|s| (s.sequence, s.state)).collect();
    assert_eq!(states, [(0, State::Accepted), (1, State::Expired), (2, State::Accepted)]);
}

#[test]
fn what_was_meant_for_a_message_that_had_ended_is_not_for_the_one_handed_in_again() {
    let folder = folder();
    let queue = folder.queue();
    for n in [1, 2] {
        accept(&queue, id(n), item(n, 0, 10));
    }
    // Decided while both had been skipped; meanwhile they were accepted anew.
    let mut changes = Changes::default();
    for event in [Event::Accept, Event::Claim, Event::Submit, Event::Mine] {
        changes.step(id(1), event, Some(SLOT), Detail::default());
    }
    for event in [Event::Reorg, Event::Submit] {
        changes.step(id(2), event, Some(SLOT), Detail::default());
    }
    queue.apply(&changes, NOW).unwrap();
    let state = |n| queue.item(id(n)).unwrap().unwrap().state();
    assert_eq!((state(1), state(2)), (State::Mined, State::Accepted));
    assert_eq!(queue.depth(), 1);
}

#[test]
fn an_impossible_step_writes_nothing_of_the_whole_change() {
    let folder = folder();
    let queue = folder.queue();
    accept(&queue, id(1), item(1, 0, 10));
    accept(&queue, id(2), item(1, 1, 10));
    let mut changes = Changes::default();
    changes.step(id(1), Event::Claim, None, Detail::default());
    changes.step(id(2), Event::Mine, None, Detail::default());
    let error = queue.apply(&changes, NOW).unwrap_err();
    assert!(matches!(error, RelayerError::Illegal { relay_id, .. } if relay_id == id(2)), "{error}");
    assert_eq!(queue.item(id(1)).unwrap().unwrap().state(), State::Accepted);
    assert_eq!(queue.depth(), 2);
}

#[test]
fn what_waits_is_found_by_urgency_and_again_after_reopening() {
    let folder = folder();
    let transaction = Transaction {
        slot: SLOT,
        contract: CONTRACT,
        items: vec![id(2)],
        input: Bytes::new(),
        gas_limit: 1,
        fees: Fees { max_fee: 1, priority: None },
        hashes: vec![id(8)],
        raw: Bytes::from_static(b"raw"),
        inclusion: Some(Inclusion { tx_hash: id(8), block_number: 1, block_hash: id(6) }),
        finalized: false,
    };
    {
        let queue = folder.queue();
        accept(&queue, id(1), item(1, 0, 30));
        accept(&queue, id(2), item(1, 1, 20));
        accept(&queue, id(3), item(2, 0, 10));
        // Valid for longest, but promised before the first one's end.
        accept(&queue, id(5), item(3, 0, 1_000));
        let mut changes = Changes::default();
        changes.step(id(2), Event::Claim, None, Detail::default());
        changes.step(id(2), Event::Submit, Some(SLOT), Detail::default());
        changes.put.push(transaction.clone());
        queue.apply(&changes, NOW).unwrap();
    }
    let queue = folder.queue();
    assert!(queue.lock().unsaved_bytes() > 0, "the journal's length counts from its beginning");
    let waiting: Vec<_> = queue.waiting(10, |_| true).iter().map(|c| c.relay_id).collect();
    assert_eq!(waiting, [id(3), id(1), id(5)]);
    assert_eq!(queue.overdue(10), [id(3)]);
    assert_eq!(queue.overdue(30), [id(3), id(1)], "due is not over");
    assert_eq!(queue.live_items(), 4);
    assert_eq!(queue.transactions(), [transaction]);
    assert_eq!(queue.item(id(2)).unwrap().unwrap().transaction, Some(SLOT));
    let live = queue.live_of(CONTRACT, Address::repeat_byte(1));
    assert_eq!(live, [id(1), id(2)], "in the order of acceptance");
    // What is accepted now comes after what was accepted before.
    step(&queue, id(3), Event::Expire).unwrap();
    accept(&queue, id(4), item(2, 1, 10));
    assert_eq!(queue.item(id(4)).unwrap().unwrap().order, 4);
}
