//! Endpoints that go away and come back, and endpoints that are somebody else's.

use wia_indexer::{Config, Endpoint, IndexerError, Start, State};

use crate::chain::{Anvil, Chain, endpoint, soon};
use crate::endpoint::Door;
use crate::listener::{Running, store};

async fn until_stalled(running: &Running) {
    soon("health says stalled", async {
        while !matches!(running.indexer.health().state, State::Stalled { .. }) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_goes_away_and_comes_back_loses_nothing() {
    let mut chain = Chain::start(&[]).await;
    let mut door = Door::to(chain.anvil.port).await;
    let config = Config { endpoints: vec![endpoint(door.port, true)], ..chain.config(true).await };
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), config);
    running.caught_up(&chain).await;
    let mut listener = running.listen(&chain, Start::Now);
    chain.mint(1, 100).await;
    chain.mine(1).await;
    for round in 1..=3 {
        listener.agrees(&chain).await;
        door.shut().await;
        until_stalled(&running).await;
        // Behind its back the chain grows, and even changes its mind.
        chain.transfer(1, 2, round).await;
        chain.mine(2).await;
        chain.reorg(1).await;
        door.reopen().await;
    }
    let last = chain.transfer(1, 3, 1).await;
    chain.mine(1).await;
    listener.confirmed(last, 1).await;
    listener.agrees(&chain).await;
    assert_eq!(running.indexer.health().state, State::Live);
    running.stop().await;
}

#[tokio::test]
async fn without_its_websocket_it_polls_and_returns_to_it() {
    let mut chain = Chain::start(&[]).await;
    let mut door = Door::to(chain.anvil.port).await;
    let config = Config {
        endpoints: vec![Endpoint {
            ws_url: endpoint(door.port, true).ws_url,
            ..endpoint(chain.anvil.port, false)
        }],
        // So rare that what arrives soon after the return was pushed.
        head_check_interval_ms: 3_600_000,
        ..chain.config(true).await
    };
    door.shut().await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), config);
    let mut listener = running.listen(&chain, Start::Now);
    let minted = chain.mint(1, 100).await;
    chain.mine(1).await;
    listener.confirmed(minted, 1).await;
    door.reopen().await;
    for _ in 0..2 {
        let sent = chain.transfer(1, 2, 1).await;
        chain.mine(1).await;
        listener.confirmed(sent, 1).await;
    }
    door.shut().await;
    let sent = chain.transfer(1, 2, 1).await;
    chain.mine(1).await;
    listener.confirmed(sent, 1).await;
    running.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_a_stall_with_its_reason() {
    let chain = Chain::start(&[]).await;
    // Takes connections (the backlog does) and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("127.0.0.1:{port}");
    let config =
        Config { endpoints: vec![endpoint(port, true)], request_timeout_ms: 20, ..chain.config(true).await };
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), config);
    until_stalled(&running).await;
    let State::Stalled { reason } = running.indexer.health().state else { panic!("it was stalled") };
    assert!(reason.contains(&url) && reason.contains("within 20 ms"), "{reason}");
    running.stop().await;
}

#[tokio::test]
async fn another_chain_id_is_refused() {
    let chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = Config { chain_id: 137, ..chain.config(true).await };
    let running = Running::start(&store(folder.path()), config);
    let error = running.end().await;
    assert!(matches!(error, IndexerError::WrongChain { configured: 137, reported: 31_337, .. }), "{error}");
}

#[tokio::test]
async fn a_log_of_another_chain_with_the_same_id_is_refused() {
    let chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = chain.config(true).await;
    let running = Running::start(&store(folder.path()), config.clone());
    running.caught_up(&chain).await;
    running.stop().await;
    let other = Chain::start(&["--timestamp", "1700000000"]).await;
    let config = Config { endpoints: vec![endpoint(other.anvil.port, false)], ..config };
    let running = Running::start(&store(folder.path()), config);
    let error = running.end().await;
    assert!(matches!(error, IndexerError::OtherLog { .. }), "{error}");
    assert!(error.to_string().contains("empty data folder"), "{error}");
}

/// anvil restarted from its state keeps blocks: the log goes on where it was.
#[tokio::test]
async fn a_chain_that_is_restarted_from_its_state_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("state.json");
    let mut chain = Chain::start(&["--state", file.to_str().unwrap()]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = chain.config(true).await;
    let running = Running::start(&store(folder.path()), config.clone());
    chain.mint(1, 100).await;
    chain.mine(2).await;
    running.caught_up(&chain).await;
    running.stop().await;
    chain.anvil.end();
    chain.anvil = Anvil::start(&["--state", file.to_str().unwrap()]);
    let url = format!("http://127.0.0.1:{}", chain.anvil.port);
    chain.provider =
        alloy::providers::RootProvider::new(alloy::rpc::client::RpcClient::new_http(url.parse().unwrap()));
    let config = Config { endpoints: vec![endpoint(chain.anvil.port, false)], ..config };
    let running = Running::start(&store(folder.path()), config);
    let mut listener = running.listen(&chain, Start::After("0.0".into()));
    let sent = chain.transfer(1, 2, 30).await;
    chain.mine(1).await;
    listener.confirmed(sent, 1).await;
    assert_eq!(running.indexer.balance_of(chain.accounts[2]).unwrap().0, crate::chain::wei(30));
    running.stop().await;
}
