//! Chains that change their mind: replaced blocks, removed blocks, and more of them than may be.

use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use wia_indexer::{Config, IndexerError, Push, Start};

use crate::chain::Chain;
use crate::listener::{Running, store};

const MAX_DEPTH: u64 = 8;

async fn survives_every_depth(pushed: bool) {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = Config { max_reorg_depth: MAX_DEPTH, ..chain.config(pushed).await };
    let running = Running::start(&store(folder.path()), config);
    let mut listener = running.listen(&chain, Start::Now);
    chain.mint(1, 10_000).await;
    chain.mine(1).await;
    for depth in 1..=MAX_DEPTH {
        let mut lost = Vec::new();
        for _ in 0..depth {
            lost.push(chain.transfer(1, 2, depth).await);
            chain.mine(1).await;
        }
        listener.confirmed(lost[0], depth).await;
        listener.agrees(&chain).await;
        chain.reorg(depth).await;
        // Last mined, first taken back.
        for transaction in lost.iter().rev() {
            listener.confirmed(*transaction, 0).await;
        }
        listener.agrees(&chain).await;
        running.caught_up(&chain).await;
    }
    let taken_back = |p: &&Push| matches!(p, Push::BalanceChanged(p) if p.reason == "reorg");
    let transfers = usize::try_from(MAX_DEPTH * (MAX_DEPTH + 1) / 2).unwrap();
    assert_eq!(listener.pushes.iter().filter(taken_back).count(), 2 * transfers);
    running.stop().await;
}

#[tokio::test]
async fn reorganisations_of_every_depth_by_websocket() {
    survives_every_depth(true).await;
}

#[tokio::test]
async fn reorganisations_of_every_depth_by_polling() {
    survives_every_depth(false).await;
}

#[tokio::test]
async fn a_transaction_that_is_mined_again_after_a_reorganisation_is_told_again() {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), chain.config(true).await);
    running.caught_up(&chain).await;
    let mut listener = running.listen(&chain, Start::Now);
    let minted = chain.mint(1, 5).await;
    chain.mine(3).await;
    listener.confirmed(minted, 3).await;
    let raw = chain.provider.get_raw_transaction_by_hash(minted).await.unwrap().unwrap();
    let options = alloy::rpc::types::anvil::ReorgOptions {
        depth: 3,
        tx_block_pairs: vec![(alloy::rpc::types::anvil::TransactionData::Raw(raw), 1)],
    };
    chain.provider.anvil_reorg(options).await.unwrap();
    listener.confirmed(minted, 0).await;
    listener.confirmed(minted, 1).await;
    listener.confirmed(minted, 2).await;
    listener.agrees(&chain).await;
    running.stop().await;
}

/// Neither emits anything: only a head that stays lower tells.
async fn cut_back(pushed: bool) {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), chain.config(pushed).await);
    running.caught_up(&chain).await;
    let mut listener = running.listen(&chain, Start::Now);
    chain.mint(1, 5).await;
    chain.mine(1).await;
    let snapshot = chain.provider.anvil_snapshot().await.unwrap();
    let first = chain.transfer(1, 2, 1).await;
    chain.mine(2).await;
    listener.confirmed(first, 2).await;
    chain.provider.anvil_rollback(Some(2)).await.unwrap();
    listener.confirmed(first, 0).await;
    listener.agrees(&chain).await;
    running.caught_up(&chain).await;

    let second = chain.transfer(1, 3, 2).await;
    chain.mine(3).await;
    listener.confirmed(second, 3).await;
    assert!(chain.provider.anvil_revert(snapshot).await.unwrap());
    listener.confirmed(second, 0).await;
    listener.agrees(&chain).await;
    running.caught_up(&chain).await;

    let third = chain.transfer(1, 4, 3).await;
    chain.mine(1).await;
    listener.confirmed(third, 1).await;
    listener.agrees(&chain).await;
    running.stop().await;
}

#[tokio::test]
async fn a_chain_that_is_cut_back_by_websocket() {
    cut_back(true).await;
}

#[tokio::test]
async fn a_chain_that_is_cut_back_by_polling() {
    cut_back(false).await;
}

#[tokio::test]
async fn deeper_than_allowed_stops_with_what_to_do() {
    let chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = Config { max_reorg_depth: 3, ..chain.config(true).await };
    let running = Running::start(&store(folder.path()), config);
    chain.mine(10).await;
    running.caught_up(&chain).await;
    let health = running.indexer.clone();
    chain.reorg(4).await;
    let error = running.end().await;
    assert!(matches!(error, IndexerError::TooDeep { max_reorg_depth: 3, .. }), "{error}");
    assert!(error.to_string().contains("raise max_reorg_depth"), "{error}");
    assert!(matches!(health.health().state, wia_indexer::State::Stopped { .. }));
}
