//! What watchers see, how they are cut, and how many there may be.

use wia_protocol::Timestamp;
use wia_protocol::relay::State;

use super::*;

const SIGNER: Address = Address::repeat_byte(1);

fn update(id: u8, sequence: u32) -> Update {
    Update {
        relay_id: B256::repeat_byte(id),
        status: State::Accepted,
        sequence,
        updated_at: Timestamp(0),
        tx_hash: None,
        block: None,
        index: None,
        confirmations: None,
        reason: None,
        refusal: None,
    }
}

fn feed(capacity: usize) -> Feed {
    let waits = Bounds { all: 3, per_origin: 2 };
    Feed::new(capacity, Bounds { all: 2, per_origin: 2 }, waits)
}

fn origin(name: &str) -> Origin {
    Origin::User(name.into(), Tier::Free)
}

fn watch(feed: &Feed, watch: Watch) -> Option<Updates> {
    feed.register(watch, Kind::Watch, &origin("alice")).ok()
}

#[tokio::test]
async fn history_then_live_without_gap_or_double() {
    let feed = feed(8);
    let mut updates = watch(&feed, Watch::Ids(vec![B256::repeat_byte(7)])).unwrap();
    // These two are in the history already when it is read.
    feed.publish(SIGNER, &update(7, 0));
    feed.publish(SIGNER, &update(7, 1));
    updates.precede(vec![update(7, 0), update(7, 1)]);
    feed.publish(SIGNER, &update(8, 0));
    feed.publish(SIGNER, &update(7, 2));
    feed.close();
    let mut seen = Vec::new();
    while let Some(update) = updates.next().await {
        seen.push((update.relay_id[0], update.sequence));
    }
    assert_eq!(seen, [(7, 0), (7, 1), (7, 2)]);
    assert!(!updates.lagged());
}

#[tokio::test]
async fn a_slow_reader_is_cut_and_told_so() {
    let feed = feed(1);
    let mut updates = watch(&feed, Watch::Signer(SIGNER)).unwrap();
    for sequence in 0..3 {
        feed.publish(SIGNER, &update(7, sequence));
    }
    assert_eq!(updates.next().await.unwrap().sequence, 0);
    assert_eq!(updates.next().await, None);
    assert!(updates.lagged());
}

#[tokio::test]
async fn watches_are_bounded_and_end_when_dropped() {
    let feed = feed(1);
    let first = watch(&feed, Watch::Signer(SIGNER)).unwrap();
    let _second = watch(&feed, Watch::Ids(vec![B256::ZERO])).unwrap();
    assert!(watch(&feed, Watch::Signer(SIGNER)).is_none());
    drop(first);
    assert!(watch(&feed, Watch::Signer(SIGNER)).is_some());
    assert!(lock(&feed.registry).by_signer.is_empty());
}

#[tokio::test]
async fn one_origin_takes_no_more_than_its_share_and_waits_take_none_of_the_watches() {
    let feed = feed(1);
    let wait = |who: &str| feed.register(Watch::Signer(SIGNER), Kind::Wait, &origin(who)).ok();
    let open = [wait("mallory"), wait("mallory")].map(Option::unwrap);
    assert!(wait("mallory").is_none(), "its share is taken");
    let other = wait("bob").unwrap();
    assert!(wait("bob").is_none(), "all are taken");
    assert!(watch(&feed, Watch::Signer(SIGNER)).is_some(), "watches have places of their own");
    drop(open);
    assert!(wait("mallory").is_some());
    drop(other);
    feed.close();
    let registry = lock(&feed.registry);
    assert!(registry.waits.is_empty() && registry.watches.is_empty());
}
