//! The straight path: blocks in, pushes out, and the same again after a restart.

use wia_indexer::{IndexerError, Push, Start, State};

use crate::chain::{Chain, wei};
use crate::listener::{Running, everything, store};

async fn follows(pushed: bool) {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), chain.config(pushed).await);
    running.caught_up(&chain).await;
    let mut listener = running.listen(&chain, Start::Now);
    let (minted, sent) = (chain.mint(1, 1_000).await, chain.transfer(1, 2, 250).await);
    chain.mine(1).await;
    for _ in 1..12 {
        chain.mine(1).await;
    }
    let last = listener.confirmed(sent, 12).await;
    let Push::TransactionConfirmed(last) = last else { unreachable!() };
    assert!(last.is_final && last.record_id.starts_with("CCR-20"), "{last:?}");
    listener.agrees(&chain).await;
    let balances: Vec<_> = listener
        .pushes
        .iter()
        .filter_map(|p| match p {
            Push::BalanceChanged(p) => Some((p.reason, p.change.to_string(), p.transaction_hash)),
            Push::TransactionConfirmed(_) => None,
        })
        .collect();
    let expected =
        [("mint", "1000", minted), ("transfer_sent", "-250", sent), ("transfer_received", "250", sent)];
    assert_eq!(balances, expected.map(|(reason, change, hash)| (reason, change.to_owned(), hash)));
    // One per depth and transaction, the mint under its credit's id.
    let confirmations = listener.pushes.iter().filter(|p| matches!(p, Push::TransactionConfirmed(_))).count();
    assert_eq!(confirmations, 24);
    assert!(listener.pushes.iter().any(|p| p.text().contains(r#""recordId":"VCS-1""#)));
    assert_eq!(running.indexer.balance_of(chain.accounts[1]).unwrap().0, wei(750));
    let health = running.indexer.health();
    assert_eq!((health.state, health.lag_blocks), (State::Live, 0));
    running.stop().await;
}

#[tokio::test]
async fn pushes_follow_the_chain_by_websocket() {
    follows(true).await;
}

#[tokio::test]
async fn pushes_follow_the_chain_by_polling() {
    follows(false).await;
}

#[tokio::test]
async fn a_restart_resumes_after_the_cursor_and_replay_equals_live() {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = chain.config(true).await;
    let (live, cursor, book) = {
        let running = Running::start(&store(folder.path()), config.clone());
        running.caught_up(&chain).await;
        let mut listener = running.listen(&chain, Start::Now);
        chain.mint(1, 100).await;
        chain.mine(2).await;
        chain.transfer(1, 2, 1).await;
        let second = chain.transfer(1, 3, 2).await;
        chain.mine(1).await;
        listener.confirmed(second, 1).await;
        chain.reorg(2).await;
        listener.confirmed(second, 0).await;
        running.caught_up(&chain).await;
        // In the middle of a block's pushes.
        chain.transfer(1, 2, 5).await;
        let middle = chain.transfer(1, 3, 5).await;
        chain.mine(1).await;
        listener.until("a push in the middle", |p| p.text().contains(&middle.to_string())).await;
        running.stop().await;
        (listener.pushes.clone(), listener.cursor(), listener.book)
    };
    // The chain goes on while nobody looks: one block of ours is replaced, and there are new ones.
    chain.reorg(1).await;
    chain.transfer(1, 4, 7).await;
    chain.mine(3).await;
    let running = Running::start(&store(folder.path()), config);
    let mut resumed = running.listen(&chain, Start::After(cursor));
    resumed.book = book;
    running.caught_up(&chain).await;
    let last = chain.transfer(1, 4, 1).await;
    chain.mine(1).await;
    let end = resumed.until("the end", |p| p.text().contains(&last.to_string())).await;

    let mut replay = running.listen(&chain, Start::After(live[0].cursor().to_owned()));
    replay.book.enter(&live[0]);
    replay.until("the same end", |p| p.cursor() == end.cursor()).await;
    let expected: Vec<_> = live[1..].iter().chain(&resumed.pushes).map(Push::text).collect();
    let replayed: Vec<_> = replay.pushes.iter().map(Push::text).collect();
    assert_eq!(replayed, expected);
    replay.agrees(&chain).await;
    running.stop().await;
}

#[tokio::test]
async fn cursors_that_were_never_given_out_are_refused() {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), chain.config(true).await);
    running.caught_up(&chain).await;
    let mut listener = running.listen(&chain, Start::Now);
    let minted = chain.mint(1, 1).await;
    chain.mine(1).await;
    listener.confirmed(minted, 1).await;
    let (entry, _) = listener.cursor().split_once('.').map(|(e, n)| (e.to_owned(), n.to_owned())).unwrap();
    for cursor in ["", "now", "1", "999999.0", &format!("{entry}.99"), &format!("{entry}1.0"), "1.0"] {
        let refused = running.indexer.subscribe(everything(&chain), Start::After(cursor.to_owned()));
        let error = refused.err().unwrap_or_else(|| panic!("{cursor} was taken"));
        assert!(matches!(&error, IndexerError::Cursor { cursor: c, .. } if c == cursor), "{error}");
    }
    let mut subscription = running.indexer.subscribe(everything(&chain), Start::Now).unwrap();
    running.stop().await;
    assert!(matches!(subscription.next().await, Err(IndexerError::Stopped)));
}
