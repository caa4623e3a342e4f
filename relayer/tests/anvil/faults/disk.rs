//! A disk that fills up under a running relayer, and has room again.

use std::path::Path;

use alloy::primitives::{Address, U256};
use wia_protocol::relay::State;
use wia_relayer::Condition;

use crate::full_disk::{VARIABLE, limit, run_again};
use crate::support::{Anvil, CREDIT, Relay, field, within};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// What is left of the disk, in bytes: less than any record.
const ROOM: u64 = 20;

#[test]
fn a_full_disk_is_said_and_waited_for_and_nothing_is_lost() {
    run_again("faults::disk::fills_the_disk");
}

/// Leaves so many bytes to the journal's last file.
fn fill_up(folder: &Path) {
    let journal = folder.join("journals/relay");
    let sizes = std::fs::read_dir(&journal).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    limit(Some(sizes.max().expect("there is a journal") + ROOM));
}

/// Waits until the relayer says that the disk is full.
async fn complains(relay: &Relay) -> String {
    within("it complains", async {
        loop {
            match relay.relayer.health().condition {
                Condition::Degraded { reason } if reason.contains("the disk is full") => return reason,
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

async fn is_ready(relay: &Relay) {
    within("it is ready again", async {
        while relay.relayer.health().condition != Condition::Ready {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Does nothing unless the environment asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn fills_the_disk() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 10).await;
    let mut relay = Relay::start(&anvil, folder.path()).await;
    for life in 0..2 {
        let (taken, refused) = (
            anvil.transfer(&alice, PAYEE, 1, 2 * life).await,
            anvil.transfer(&alice, PAYEE, 1, 2 * life + 1).await,
        );
        let (relay_id, mut steps) = relay.follow(&taken).await;
        let sent = steps.until(State::Submitted).await;
        fill_up(folder.path());
        // What happens meanwhile is not told, because it cannot be written.
        anvil.mine_with(sent.tx_hash.unwrap()).await;
        let complaint = complains(&relay).await;
        assert!(complaint.contains("free some space"), "{complaint}");
        assert_eq!(relay.status(relay_id).await.last.status, State::Submitted);
        // What cannot be kept is not taken, and leaves nothing behind.
        let error = relay.submit(&refused).await.unwrap_err();
        assert_eq!(field(&error), "server", "{error}");
        assert!(error.to_string().contains("no room"), "{error}");
        if life == 0 {
            limit(None);
        } else {
            // Or it is stopped first: at once, and it says why it had not finished.
            let error = relay.stop_refused().await;
            assert!(error.to_string().contains("the disk is full"), "{error}");
            limit(None);
            relay = Relay::start(&anvil, folder.path()).await;
            steps = relay.steps(relay_id);
        }
        if relay.status(relay_id).await.last.status != State::Mined {
            steps.until(State::Mined).await;
        }
        // It finds out by itself, whatever it has to do.
        is_ready(&relay).await;
        let (_, mut again) = relay.follow(&refused).await;
        again.mined(&anvil).await;
        assert_eq!(anvil.balance(PAYEE).await, U256::from(2 * (life + 1) * CREDIT));
    }
    // With nothing to do but the message that it could not keep.
    let refused = anvil.transfer(&alice, PAYEE, 1, 4).await;
    fill_up(folder.path());
    relay.submit(&refused).await.unwrap_err();
    complains(&relay).await;
    limit(None);
    is_ready(&relay).await;
    relay.stop().await;
    println!("it went on");
}
