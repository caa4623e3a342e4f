//! Memory, trees and journal are one: whatever moved where, and wherever the process was killed, the same stands there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::checkpoint::Part;
use super::*;

const RETENTION: Retention = Retention { failed_s: 0, final_s: 0, failed_most: 99 };
const MESSAGES: u8 = 6;

/// What may happen to a queue.
#[derive(Debug, Clone, Copy)]
enum Act {
    Accept(u8),
    Step(u8, Event),
    /// A batch with that message is signed; it stands in a block; it is buried.
    Sign(u8),
    Include(u8),
    Bury(u8),
    Prune(u64),
    Checkpoint,
    /// So many messages were written to the trees, and of the next so many parts; or all, and the transactions. The process
    /// is killed before it says so.
    KilledInCheckpoint(usize, usize),
    Killed,
}

fn acts() -> impl Strategy<Value = Act> {
    let message = 0..MESSAGES;
    let events = prop_oneof![
        Just(Event::Claim),
        Just(Event::Submit),
        Just(Event::Mine),
        Just(Event::Finalize),
        Just(Event::Skip),
        Just(Event::Expire),
        Just(Event::Reject),
        Just(Event::Reorg),
        Just(Event::Release),
        Just(Event::Fail),
    ];
    prop_oneof![
        4 => message.clone().prop_map(Act::Accept),
        12 => (message.clone(), events).prop_map(|(n, event)| Act::Step(n, event)),
        2 => message.clone().prop_map(Act::Sign),
        1 => message.clone().prop_map(Act::Include),
        1 => message.prop_map(Act::Bury),
        1 => (0_u64..40).prop_map(Act::Prune),
        2 => Just(Act::Checkpoint),
        2 => (0_usize..8, 0_usize..3).prop_map(|(messages, parts)| Act::KilledInCheckpoint(messages, parts)),
        1 => Just(Act::Killed),
    ]
}

/// Everything that can be asked.
#[derive(Debug, PartialEq)]
struct Everything {
    items: BTreeMap<B256, Item>,
    transactions: Vec<Transaction>,
    waiting: Vec<B256>,
    live: (usize, Vec<B256>),
    ended: Vec<EndedKey>,
    failed: usize,
    paid: bool,
    credit: U256,
    holders: Vec<Option<B256>>,
}

fn everything(queue: &Queue) -> Everything {
    let failed = queue.lock().failed();
    let credit = queue.lock().credit(TOKEN, Address::repeat_byte(1));
    // A kill may leave keys too many: whoever reads one looks at the record.
    let stands = |key: &EndedKey| {
        let relay_id = B256::from_slice(&key[9..]);
        let item = queue.item(relay_id).unwrap();
        item.and_then(|item| retention::ended_key(relay_id, &item)) == Some(*key)
    };
    let item = |n| Some((id(n), (*queue.item(id(n)).unwrap()?).clone()));
    Everything {
        items: (0..MESSAGES).filter_map(item).collect(),
        transactions: queue.transactions(),
        waiting: queue.waiting(99, |_| true).iter().map(|c| c.relay_id).collect(),
        live: (queue.live_items(), queue.live_of(CONTRACT, Address::repeat_byte(1))),
        ended: keys(queue).into_iter().filter(stands).collect(),
        failed,
        paid: queue.is_paid(Address::repeat_byte(0xbb)),
        credit,
        holders: (0..4)
            .map(|n| queue.holder(CONTRACT, Address::repeat_byte(1), U256::from(n).into()))
            .collect(),
    }
}

/// Of one signer; the first one pays for others.
fn message(n: u8, deadline: u64) -> Item {
    let pays = if n == 0 { 3 } else { 0 };
    let price = Price { token: TOKEN, costs: U256::ONE, pays: U256::from(pays) };
    // Of the last two each has the nonce of another one.
    Item { price, ..item(1, (n % 4).into(), deadline) }
}

fn slot(n: u8) -> Slot {
    Slot { nonce: n.into(), ..SLOT }
}

/// A step, which says where in its batch the message stands when it is mined.
fn placed(queue: &Queue, relay_id: B256, event: Event) -> Result<(), RelayerError> {
    let index = (event == Event::Mine).then_some(0);
    let mut changes = Changes::default();
    changes.step(relay_id, event, None, Detail { index, ..Detail::default() });
    queue.apply(&changes, NOW).map(drop)
}

async fn act(queue: &Queue, act: Act) {
    let mut changes = Changes::default();
    match act {
        Act::Accept(n) => {
            accept(queue, id(n), message(n, 10 + u64::from(n)));
        }
        Act::Step(n, event) => match placed(queue, id(n), event) {
            Ok(_) | Err(RelayerError::Illegal { .. }) => {}
            Err(other) => panic!("{other}"),
        },
        Act::Sign(n) => {
            let (items, input) = (vec![id(n)], Bytes::from_static(b"input"));
            let fees = Fees { max_fee: 1, priority: None };
            changes.put.push(Transaction::unsigned(slot(n), CONTRACT, items, input, 1, fees));
        }
        Act::Include(n) => {
            if let Some(mut record) = queue.transactions().into_iter().find(|t| t.slot == slot(n)) {
                record.inclusion = Some(Inclusion { tx_hash: id(8), block_number: 1, block_hash: id(n) });
                changes.put.push(record);
            }
        }
        Act::Bury(n) => changes.remove.push(slot(n)),
        Act::Prune(now_s) => {
            queue.prune(RETENTION, now_s, 99, HashSet::new).unwrap();
        }
        Act::Checkpoint => queue.checkpoint().await.unwrap(),
        Act::KilledInCheckpoint(written, parts) => {
            let mut unsaved = queue.lock().take_unsaved();
            let mut rest = Vec::new();
            if written < unsaved.messages.len() {
                rest = unsaved.messages.split_off(written);
                unsaved.transactions.clear();
            }
            queue.save_to_trees(&unsaved).await.unwrap();
            for part in &Part::ALL[..parts] {
                queue.trees.write_part(&rest, *part).unwrap();
            }
        }
        Act::Killed => {}
    }
    if !changes.is_empty() {
        queue.apply(&changes, NOW).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_killed_queue_stands_where_one_stands_that_never_was(acts in prop::collection::vec(acts(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let limits = Limits { live: 99, live_per_signer: 99 };
            let (here, there) = (folder(), folder());
            let open = |folder: &Folder| Queue::open(&folder.store, limits).unwrap();
            let (plain, mut moving) = (open(&there), open(&here));
            let mut torn = false;
            for one in acts {
                act(&moving, one).await;
                match one {
                    Act::Checkpoint => {}
                    Act::KilledInCheckpoint(..) | Act::Killed => {
                        drop(moving);
                        moving = open(&here);
                    }
                    of_both => act(&plain, of_both).await,
                }
                let (mut seen, mut expected) = (everything(&moving), everything(&plain));
                // Writes count in each journal for itself; the places of what is gone may be given again.
                for item in seen.items.values_mut().chain(expected.items.values_mut()) {
                    (item.written, item.order) = (0, 0);
                }
                torn |= matches!(one, Act::KilledInCheckpoint(_, 1..));
                if torn {
                    seen.failed = expected.failed;
                }
                assert_eq!(seen, expected, "{one:?}");
            }
        });
    }
}

#[tokio::test]
async fn what_has_moved_leaves_the_memory_and_the_journal() {
    let folder = folder();
    let queue = folder.queue();
    accept(&queue, id(1), item(1, 0, 10));
    accept(&queue, id(2), item(2, 0, 10));
    step(&queue, id(1), Event::Expire).unwrap();
    assert!(!queue.is_checkpoint_due());
    queue.checkpoint().await.unwrap();
    assert!(queue.lock().held(id(1)).is_none(), "only the trees have what ended");
    assert!(queue.lock().held(id(2)).is_some(), "what lives is in memory");
    assert_eq!(queue.trees.through().unwrap(), 3);
    assert_eq!(queue.lock().unsaved_bytes(), 0);
    // Nothing is told of it that is not on disk.
    assert!(!is_ahead(&queue, id(1)) && !is_ahead(&queue, id(2)));
    queue.prune(Retention { failed_s: 0, final_s: 0, failed_most: 0 }, 20, 9, HashSet::new).unwrap();
    assert!(queue.item(id(1)).unwrap().is_none(), "also what only the trees have is forgotten");
    queue.checkpoint().await.unwrap();
    assert!(queue.trees.item(id(1)).unwrap().is_none());
}
