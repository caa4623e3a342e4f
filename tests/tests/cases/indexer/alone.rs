//! `wia indexer`: the node's configuration without its relayer, and the same doors but the relayer's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use alloy::transports::http::reqwest;
use serde_json::json;
use wia_tests::{Environment, Wia, wait_until};

use super::{get, pay, to_stranger, websocket};

#[tokio::test]
async fn the_indexer_runs_alone_on_the_nodes_configuration() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(&env, folder.path(), toml::Table::new());

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

/// A full log disk, or a pipe that nobody reads any more, is no reason to stop indexing.
#[tokio::test]
async fn it_goes_on_when_what_it_prints_cannot_be_written() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(&env, folder.path(), toml::Table::new());
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$0" "$@" > /dev/full 2>&1"#]).arg(Wia::binary());
    command.args(["indexer", "--config", file.to_str().unwrap()]);
    let mut alone = Wia::start(command, folder.path()).await;
    let http = alone.ready.http_url.clone();
    let block = pay(&env).await;
    // Which it warns of.
    env.chain().reorg_from(block).await;
    env.chain().mine(1).await;
    wait_until("the new head", Duration::from_secs(20), async || {
        let (_, status) = get(&http, "status").await;
        let caught_up = status["head"]["number"] == status["chainHead"] && status["state"] == "live";
        (caught_up && status["head"]["number"].as_u64() > Some(block)).then_some(())
    })
    .await;
    alone.terminate();
    assert_eq!(alone.ended().await.code(), Some(0));
}

#[tokio::test]
async fn what_only_an_operator_can_mend_ends_it_with_the_reason() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let indexer = toml::Table::from_iter([("max_reorg_depth".to_owned(), toml::Value::from(2))]);
    let file = configuration(&env, folder.path(), indexer);
    let command = Wia::command(&["indexer", "--config", file.to_str().unwrap()]);
    let mut alone = Wia::start(command, folder.path()).await;
    let http = alone.ready.http_url.clone();
    let block = pay(&env).await;
    env.chain().mine(5).await;
    wait_until("five blocks more", Duration::from_secs(20), async || {
        let head = get(&http, "status").await.1["head"]["number"].as_u64();
        (head >= Some(block + 5)).then_some(())
    })
    .await;
    env.chain().reorg_from(block).await;
    env.chain().mine(1).await;
    assert_eq!(alone.ended().await.code(), Some(1), "{}", alone.output());
    let output = alone.output();
    assert!(output.contains("max_reorg_depth") && output.contains("indexer ended"), "{output}");
}

/// The node's configuration without its relayer, its data in `folder`, with those settings of the indexer.
fn configuration(env: &Environment, folder: &Path, indexer: toml::Table) -> PathBuf {
    let text = std::fs::read_to_string(env.data().join("wia.toml")).unwrap();
    let mut config: toml::Table = text.parse().unwrap();
    config.remove("relayer").expect("the node's configuration has a relayer");
    config.insert("data_dir".into(), folder.join("data").display().to_string().into());
    let section = config.entry("indexer").or_insert_with(|| toml::Table::new().into());
    section.as_table_mut().unwrap().extend(indexer);
    let file = folder.join("wia.toml");
    std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
    file
}
