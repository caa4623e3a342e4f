//! `wia relayer`: the relayer without an indexer, with its own doors and no others.

use std::time::Duration;

use alloy::transports::http::reqwest::Client as Http;
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Environment, Relay, Wia, wait_until};

use super::{read, url};
use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn it_takes_up_what_the_node_had_accepted_and_serves_its_own_doors_alone() {
    let mut env = Environment::start().await;
    let before = env.wallet(1).pay(STRANGER, MILLICREDIT);
    env.chain().hold().await;
    env.relay().await.accepted(&before).await;
    env.wia.terminate();
    env.wia.ended().await;
    env.chain().resume().await;

    let folder = tempfile::tempdir().unwrap();
    let config = env.data().join("wia.toml");
    let command = Wia::command(&["relayer", "--config", config.to_str().unwrap()]);
    let mut alone = Wia::start(command, folder.path()).await;
    let text = std::fs::read_to_string(folder.path().join("ready.json")).unwrap();
    let ready: Value = serde_json::from_str(&text).unwrap();
    let mut members: Vec<_> = ready.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["chainId", "contracts", "httpUrl", "p2pAddr", "relayUrl", "rpcUrl"]);

    let mut relay = Relay::to(&alone.ready.relay_url).await;
    relay.until(&[before.id], State::Mined).await;
    let http = alone.ready.http_url.trim_end_matches('/').to_owned();
    let after = env.wallet(1).pay(STRANGER, MILLICREDIT);
    let posted =
        Http::new().post(url(&http, "/messages")).body(after.params.to_string()).send().await.unwrap();
    assert_eq!(posted.status().as_u16(), 201);
    relay.until(&[after.id], State::Mined).await;
    assert_eq!(
        env.chain().used_nonces(before.message.from).await,
        [before.message.nonce, after.message.nonce]
    );

    let get = async |path: &str| Http::new().get(format!("{http}{path}")).send().await.unwrap();
    for (path, status) in [
        ("/healthz", 200),
        ("/metrics", 200),
        ("/relay/v1/info", 200),
        ("/relay/v1/operator", 200),
        ("/indexer/v1/status", 404),
        ("/indexer/v1/events", 404),
        ("/carbon-credit-micro/v1/stream", 404),
    ] {
        assert_eq!(get(path).await.status().as_u16(), status, "{path}");
    }
    let (status, body) = read(get("/readyz").await).await;
    assert_eq!((status, &body["reasons"], body.get("indexer")), (200, &json!([]), None), "{body}");
    alone.terminate();
    assert_eq!(alone.ended().await.code(), Some(0), "{}", alone.output());
}

#[tokio::test]
async fn it_says_so_when_it_has_no_configuration_or_the_chain_goes_away() {
    let refused = Wia::command(&["relayer"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--config"), "{refused:?}");

    let mut env = Environment::start().await;
    env.wia.terminate();
    env.wia.ended().await;
    let folder = tempfile::tempdir().unwrap();
    let config = env.data().join("wia.toml");
    let gate = wia_tests::Gate::before(env.anvil.port()).await;
    let mut command = Wia::command(&["relayer", "--config", config.to_str().unwrap()]);
    command
        .env("WIA_CHAIN__HTTP_URL", gate.url())
        .env("WIA_CHAIN__WS_URL", gate.url().replacen("http", "ws", 1));
    let alone = Wia::start(command, folder.path()).await;
    gate.close();
    let reasons = wait_until("the reason", Duration::from_secs(30), async || {
        let (status, body) =
            read(Http::new().get(format!("{}/readyz", alone.ready.http_url)).send().await.ok()?).await;
        (status == 503).then(|| body["reasons"].to_string())
    })
    .await;
    assert!(reasons.contains("relayer: "), "{reasons}");
}
