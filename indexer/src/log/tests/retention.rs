//! What retention removed is said to be missing, never passed over: over a log of more than one file.

use wia_protocol::indexer::MinConfirmations;

use super::*;
use crate::stream::events::filter::EventFilter;
use crate::stream::events::message::Context;
use crate::stream::events::subscription::{EventSubscription, From, Wish};
use crate::stream::tail::Tail;

/// Bytes of each block's only event, which nothing can compress; a file of the log has 64 MiB.
const EVENT_BYTES: usize = 6 << 20;

/// Blocks that are written, more than one file holds, and how many are kept, all of them in the second.
const BLOCKS: u64 = 14;
const KEPT: u64 = 2;

fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(EVENT_BYTES);
    while bytes.len() < EVENT_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

#[tokio::test]
async fn a_cursor_older_than_what_is_kept_is_not_recovered_and_one_of_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { max_reorg_depth: 1, retention_blocks: KEPT, ..config() };
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config).unwrap();
    for number in 1..=BLOCKS {
        let mut block = block(number, 0, 0, &[(Address::ZERO, ALICE, 1)]);
        block.events[0].topics = vec![B256::repeat_byte(7)];
        block.events[0].data = noise(number).into();
        append(&log, commit(vec![block])).unwrap();
    }
    log.durable().await.unwrap();
    log.forget().unwrap();
    let oldest = log.first_offset().unwrap();
    assert!(oldest > Offset(0), "nothing was removed");

    let catalog = log.catalog().clone();
    let (publisher, published) = Tail::open(log.clone(), 4);
    let open = |after: String| {
        let wish = Wish {
            filter: EventFilter::default(),
            min_confirmations: MinConfirmations::Blocks(1),
            promotions: false,
        };
        let context = Context { chain_id: 7, catalog: catalog.clone() };
        EventSubscription::open(
            publisher.tail().clone(),
            published.clone(),
            context,
            12,
            wish,
            &From::After(after),
        )
    };
    // An id of a block that is gone cannot be told from one that never was: both are missing.
    let lost = format!("7:{}:0", block(1, 0, 0, &[]).hash);
    for after in ["0".to_owned(), "2.0".to_owned(), lost] {
        let mut missed = open(after.clone()).unwrap();
        assert!(!missed.recovered(), "{after}");
        let first = missed.next().await.unwrap();
        assert_eq!(first[0].entry().offset, oldest, "it goes on with the oldest that is kept");
    }
    let mut kept = open(format!("{}.0", oldest.0)).unwrap();
    assert!(kept.recovered());
    assert!(kept.next().await.unwrap()[0].entry().offset > oldest);
}
