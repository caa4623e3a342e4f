//! Webhooks, received by the `standardwebhooks` package: signed, again after a refusal, and on from where it was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wia_tests::{Client, Environment, Wia};

use super::{client, get, pay, to_stranger_query};
use crate::STRANGER;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver, and the port that it listens on.
async fn receiver(port: u16, refuse: u64) -> (Client, u16) {
    let (port, refuse) = (port.to_string(), refuse.to_string());
    let mut receiver =
        client("webhook.mjs", &["--secret", SECRET, "--port", &port, "--refuse", &refuse], &[]);
    let port = receiver.line().await.unwrap()["listening"].as_u64().unwrap();
    (receiver, port.try_into().unwrap())
}

/// The configuration of `env`'s node for an indexer alone, with a webhook for what the stranger gets.
fn configuration(env: &Environment, folder: &Path, port: u16, secret: &str) -> PathBuf {
    let secret_file = folder.join("secret");
    std::fs::write(&secret_file, secret).unwrap();
    let text = std::fs::read_to_string(env.data().join("wia.toml")).unwrap();
    let mut config: toml::Table = text.parse().unwrap();
    config.remove("relayer");
    config.insert("data_dir".into(), folder.join("data").display().to_string().into());
    let webhook = toml::toml! {
        name = "archive"
        contracts = ["CarbonCredit"]
        events = ["Transfer"]
        from_oldest = true
        retry_min_ms = 5
        retry_max_ms = 20
    };
    let mut webhook = webhook;
    webhook.insert("url".into(), format!("http://127.0.0.1:{port}/hook").into());
    webhook.insert("addresses".into(), vec![STRANGER.to_string()].into());
    webhook.insert("secret_file".into(), secret_file.display().to_string().into());
    config.insert("webhook".into(), vec![webhook].into());
    let file = folder.join("wia.toml");
    std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
    file
}

async fn indexer(file: &Path, folder: &Path) -> Wia {
    Wia::start(Wia::command(&["indexer", "--config", file.to_str().unwrap()]), folder).await
}

/// The ids of what the receiver takes, up to the event of that block.
async fn taken(receiver: &mut Client, block: u64) -> Vec<String> {
    let lines = receiver.lines_until(|line| {
        assert!(line["forged"].is_null(), "{line}");
        line["events"].as_array().is_some_and(|events| events.iter().any(|e| e["blockNumber"] == block))
    });
    let text = |event: &Value| event["id"].as_str().unwrap().to_owned();
    let lines = lines.await;
    lines.iter().filter_map(|l| l["events"].as_array()).flatten().map(text).collect()
}

#[tokio::test]
async fn a_receiver_that_refused_or_was_gone_misses_nothing_and_verifies_all() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut first, port) = receiver(0, 3).await;
    let file = configuration(&env, folder.path(), port, SECRET);
    let mut wia = indexer(&file, folder.path()).await;
    let refused_then = pay(&env).await;
    let mut ids: BTreeSet<String> = taken(&mut first, refused_then).await.into_iter().collect();
    // Both go away, and the chain goes on.
    wia.kill();
    wia.ended().await;
    drop(first);
    pay(&env).await;
    let wia = indexer(&file, folder.path()).await;
    let last = pay(&env).await;
    let (mut second, _) = receiver(port, 0).await;
    let then = taken(&mut second, last).await;
    assert!(then.len() >= 2, "{then:?}");
    ids.extend(then);
    let (_, page) = get(&wia.ready.http_url, &format!("events?{}", to_stranger_query())).await;
    let there: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().map(String::as_str).collect::<BTreeSet<_>>(), there.iter().copied().collect());
    let (_, status) = get(&wia.ready.http_url, "status").await;
    assert_eq!(status["webhooks"][0]["name"], "archive", "{status}");
    assert_eq!(status["webhooks"][0]["deadLetters"], 0, "{status}");
}

#[tokio::test]
async fn a_webhook_that_cannot_be_is_refused_by_name() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(&env, folder.path(), 1, "short");
    let refused = Wia::command(&["indexer", "--config", file.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("`archive`") && said.contains("secret_file"),
        "{said}"
    );
}
