//! `wia indexer`: the node's configuration without its relayer, and the same doors but the relayer's.

use alloy::transports::http::reqwest;
use serde_json::json;
use wia_tests::{Environment, Wia};

use super::{get, pay, to_stranger, websocket};

#[tokio::test]
async fn the_indexer_runs_alone_on_the_nodes_configuration() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(env.data().join("wia.toml")).unwrap();
    let mut config: toml::Table = text.parse().unwrap();
    config.remove("relayer").expect("the node's configuration has a relayer");
    config.insert("data_dir".into(), folder.path().join("data").display().to_string().into());
    let file = folder.path().join("wia.toml");
    std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();

    let refused = Wia::command(&["node", "--config", file.to_str().unwrap()]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`relayer`"), "{refused:?}");

    let command = Wia::command(&["indexer", "--config", file.to_str().unwrap()]);
    let mut alone = Wia::start(command, folder.path()).await;
    let http = alone.ready.http_url.clone();
    assert_eq!(alone.ready.contracts, env.ready().contracts);
    assert_eq!(alone.ready.relay_url, "", "there is none");
    assert_eq!(get(&http, "status").await.1["state"], "live");
    for (path, code) in [("healthz", 200), ("readyz", 200), ("metrics", 200), ("relay/v1", 404)] {
        assert_eq!(reqwest::get(format!("{http}/{path}")).await.unwrap().status().as_u16(), code, "{path}");
    }
    let params = json!({"filter": to_stranger(), "promotions": false});
    let mut client = websocket(&http, &params, &["event=1"]);
    client.line().await.unwrap();
    let block = pay(&env).await;
    assert_eq!(client.finish().await[0]["blockNumber"], block);

    alone.terminate();
    assert_eq!(alone.ended().await.code(), Some(0), "{}", alone.output());
}
