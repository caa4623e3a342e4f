//! What is bounded: how long ended messages are kept, how many may wait and watch, what a long watch replays.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::ext::AnvilApi;
use futures::FutureExt;
use wia_protocol::relay::{State, StatusQuery, Submission, Watch};
use wia_relayer::{Config, Fee, Origin, Tier, ValueBounds};

use crate::support::{Anvil, CREDIT, Relay, config, field, message, origin, within};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// Nothing is kept longer than it must be, and messages may end in a moment.
fn brief(anvil: &Anvil) -> Config {
    Config {
        failed_retention_s: 0,
        final_retention_s: 0,
        final_confirmations: 2,
        max_reorg_depth: 3,
        min_remaining_validity_s: 1,
        ..config(anvil)
    }
}

/// A transfer that is valid for a few seconds of our clock, which is the one that anvil's blocks follow.
async fn brief_transfer(anvil: &Anvil, from: &alloy::signers::local::PrivateKeySigner) -> Submission {
    let transfer = anvil.transfer(from, PAYEE, 1, 0).await;
    let mut message = message(&transfer);
    message.validBefore = U256::from(anvil.now().await + 4);
    anvil.signed(from, message)
}

/// Mines until nothing is known of the message.
async fn forgotten(anvil: &Anvil, relay: &Relay, relay_id: B256) {
    let gone = async {
        let query = StatusQuery { relay_id, after: None, wait_ms: 0 };
        while let Ok(status) = relay.relayer.status(query.clone(), &origin()).await {
            assert_ne!(status.last.status, State::Accepted);
            anvil.mine(1).await;
        }
    };
    within("it is forgotten", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_message_is_forgotten_after_its_time_and_refused_as_too_late() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start_with(&anvil, folder.path(), brief(&anvil), anvil.port).await;
    let poor = anvil.wallet(1, 0).await;
    let transfer = brief_transfer(&anvil, &poor).await;
    let relay_id = relay.submit(&transfer).await.unwrap().relay_id;
    relay.mine_until(&anvil, relay_id, State::Rejected).await;
    forgotten(&anvil, &relay, relay_id).await;
    assert_eq!(field(&relay.submit(&transfer).await.unwrap_err()), "validBefore");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_message_is_forgotten_once_no_reorg_can_bring_it_back() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start_with(&anvil, folder.path(), brief(&anvil), anvil.port).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = brief_transfer(&anvil, &alice).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    steps.mined(&anvil).await;
    anvil.mine(1).await;
    steps.until(State::Final).await;
    // Its time is over by both clocks, but the block is not deep enough yet.
    anvil.provider.anvil_increase_time(60).await.unwrap();
    forgotten(&anvil, &relay, relay_id).await;
    assert_eq!(field(&relay.submit(&transfer).await.unwrap_err()), "validBefore");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_fee_a_signer_pays_first_and_what_he_paid_survives_a_restart() {
    const OPERATOR: Address = Address::repeat_byte(0xfe);
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let one = U256::from(CREDIT);
    let fee = Fee { contract: "CarbonCredit".into(), payee: OPERATOR, value: one };
    let config = || Config { fee: Some(fee.clone()), ..config(&anvil) };
    let relay = Relay::start_with(&anvil, folder.path(), config(), anvil.port).await;
    let told = relay.relayer.info().fee.unwrap();
    assert_eq!((told.contract.as_str(), told.payee, told.value), ("CarbonCredit", OPERATOR, one.to_string()));
    let alice = anvil.wallet(1, 10).await;
    let refused = relay.submit(&anvil.transfer(&alice, PAYEE, 1, 0).await).await.unwrap_err();
    assert_eq!((refused.code, field(&refused)), (-32602, "from"));
    let data = refused.data.unwrap();
    assert_eq!([&data["credit"], &data["fee"]], [&"0".to_owned(), &one.to_string()]);

    // For two; the payment itself is free.
    let (_, mut steps) = relay.follow(&anvil.transfer(&alice, OPERATOR, 2, 1).await).await;
    steps.mined(&anvil).await;
    relay.stop().await;
    let relay = Relay::start_with(&anvil, folder.path(), config(), anvil.port).await;
    let mut last = B256::ZERO;
    for nonce in [2, 3] {
        last = relay.submit(&anvil.transfer(&alice, PAYEE, 1, nonce).await).await.unwrap().relay_id;
    }
    let refused = relay.submit(&anvil.transfer(&alice, PAYEE, 1, 4).await).await.unwrap_err();
    assert_eq!(field(&refused), "from", "what she paid is set aside");
    relay.mine_until(&anvil, last, State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, one * U256::from(2));
    assert_eq!(anvil.balance(OPERATOR).await, one * U256::from(2));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_out_of_bounds_is_refused_by_the_rule_that_names_them() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut config = config(&anvil);
    let most = U256::from(2) * U256::from(CREDIT);
    let bounds = ValueBounds { max: most, ..ValueBounds::default() };
    config.transfer_values.insert("CarbonCredit".into(), bounds);
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let alice = anvil.wallet(1, 10).await;
    let refused = relay.submit(&anvil.transfer(&alice, PAYEE, 3, 0).await).await.unwrap_err();
    assert_eq!((refused.code, field(&refused)), (-32602, "value"));
    assert!(refused.to_string().contains(&most.to_string()), "{refused}");
    let taken = relay.submit(&anvil.transfer(&alice, PAYEE, 2, 0).await).await.unwrap().relay_id;
    relay.mine_until(&anvil, taken, State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, most);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_origin_cannot_take_the_places_of_the_others() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let config = Config { max_waits_per_origin: 1, max_watches_per_origin: 1, ..config(&anvil) };
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let alice = anvil.wallet(1, 0).await;
    // Not valid yet: it waits, and nothing happens to it.
    let mut message = message(&anvil.transfer(&alice, PAYEE, 1, 0).await);
    message.validAfter = U256::from(anvil.now().await + 50);
    let relay_id = relay.submit(&anvil.signed(&alice, message)).await.unwrap().relay_id;

    let query = StatusQuery { relay_id, after: Some(0), wait_ms: StatusQuery::MAX_WAIT_MS };
    let (greedy, modest) =
        (Origin::User("greedy".into(), Tier::Free), Origin::User("modest".into(), Tier::Free));
    let mut first = Box::pin(relay.relayer.status(query.clone(), &greedy));
    assert!(first.as_mut().now_or_never().is_none(), "it waits");
    let second = relay.relayer.status(query.clone(), &greedy).await.unwrap();
    assert_eq!(second.last.sequence, 0, "no place to wait: what there is, at once");
    assert!(first.as_mut().now_or_never().is_none(), "the first one still waits");
    let mut other = Box::pin(relay.relayer.status(query, &modest));
    assert!(other.as_mut().now_or_never().is_none(), "another origin has places of its own");

    let watch = || Watch::Ids(vec![relay_id]);
    let held = relay.relayer.watch(watch(), &greedy).unwrap();
    assert_eq!(relay.relayer.watch(watch(), &greedy).unwrap_err().code, -32000);
    assert!(relay.relayer.watch(watch(), &modest).is_ok());
    drop(held);
    assert!(relay.relayer.watch(watch(), &greedy).is_ok());
    drop((first, other));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_many_replays_each_in_turn_and_goes_on_live() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let mut ids = vec![B256::repeat_byte(0xee)];
    for nonce in 0..3 {
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        let (relay_id, mut steps) = relay.follow(&transfer).await;
        steps.until(State::Submitted).await;
        ids.push(relay_id);
    }
    let mut updates = relay.relayer.watch(Watch::Ids(ids.clone()), &origin()).unwrap();
    // Meanwhile all are mined: that is live, and comes after the history of each.
    for relay_id in &ids[1..] {
        relay.mine_until(&anvil, *relay_id, State::Mined).await;
    }
    let mut seen: Vec<(B256, u32)> = Vec::new();
    for _ in 0..12 {
        let update = within("a step", updates.next()).await.unwrap();
        seen.push((update.relay_id, update.sequence));
    }
    for relay_id in &ids[1..] {
        let sequences: Vec<u32> = seen.iter().filter(|(id, _)| id == relay_id).map(|(_, n)| *n).collect();
        assert_eq!(sequences, [0, 1, 2, 3], "every step once, in order");
    }
    relay.stop().await;
}
