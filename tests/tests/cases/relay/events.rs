//! The way of messages as server-sent events, heard by the `eventsource` package.

use alloy::transports::http::reqwest::{Client as Http, Url};
use serde_json::{Value, json};
use wia_tests::{Client, Environment, Gate, Settings};

use super::url;
use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn a_wallet_on_fetch_and_eventsource_follows_its_message_through_a_lost_connection() {
    let env = Environment::start().await;
    let http = env.ready().http_url.trim_end_matches('/');
    let gate = Gate::before(Url::parse(http).unwrap().port().unwrap()).await;
    let (to, value) = (STRANGER.to_string(), MILLICREDIT.to_string());
    let arguments = ["--url", http, "--to", &to, "--value-wei", &value, "--events", &gate.url()];
    let mut wallet = Client::node("relay-rest.mjs", &arguments, &env.ready().accounts[1].private_key);

    let answers =
        [wallet.line().await.unwrap(), wallet.line().await.unwrap()].map(|mut line| line["answer"].take());
    let id = answers[0]["body"]["relayId"].as_str().unwrap().to_owned();
    assert_eq!(answers.each_ref().map(|answer| answer["status"].clone()), [json!(201), json!(200)]);
    assert_eq!(answers[0]["location"], format!("/relay/v1/messages/{id}"));
    let subscribed = json!({"subscribed": {"relayIds": [id]}});
    assert_eq!(wallet.line().await.unwrap(), subscribed);
    let mut seen = wallet.lines_until(|line| line["update"]["status"] == "mined").await;

    gate.close();
    assert_eq!(wallet.line().await.unwrap(), json!({"lost": true}));
    gate.open();
    seen.extend(wallet.finish().await.into_iter().filter(|line| line.get("update").is_some()));
    let sequences: Vec<u64> = seen.iter().map(|line| line["update"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (0..sequences.len() as u64).collect::<Vec<_>>(), "no gap, no double: {seen:#?}");
    assert!(
        seen.iter().all(|line| line["id"].as_str() == Some(line["update"]["sequence"].to_string().as_str())),
        "{seen:#?}"
    );
    assert_eq!(seen.last().unwrap()["update"]["status"], "final");
}

#[tokio::test]
async fn the_messages_of_a_signer_and_those_that_are_named_come_on_one_stream() {
    let env = Environment::shared().await;
    let wallet = env.wallet(8);
    let known = wallet.pay(STRANGER, MILLICREDIT);
    env.relay().await.accepted(&known).await;
    let later = wallet.pay(STRANGER, MILLICREDIT);
    for query in [format!("address={}", wallet.address()), format!("relayId={},{}", known.id, later.id)] {
        let url = url(&env.ready().http_url, &format!("/events?{query}"));
        let mut client = Client::node("relay-events.mjs", &["--url", &url, "--until", "mined=2"], "");
        client.line().await.unwrap()["subscribed"].take();
        env.relay().await.accepted(&later).await;
        let lines = client.finish().await;
        for id in [known.id, later.id] {
            let of = |line: &&Value| line["update"]["relayId"] == json!(id);
            let statuses: Vec<_> = lines.iter().filter(of).map(|line| &line["update"]["status"]).collect();
            assert_eq!(statuses[..2], [&json!("accepted"), &json!("claimed")], "{query}: {lines:#?}");
        }
        let named = |line: &Value| {
            format!("{}:{}", line["update"]["relayId"].as_str().unwrap(), line["update"]["sequence"])
        };
        assert!(lines.iter().all(|line| line["id"] == named(line)), "{lines:#?}");
    }
}

#[tokio::test]
async fn a_stopping_node_ends_the_streams() {
    let mut env = Environment::start().await;
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    env.relay().await.accepted(&paid).await;
    let events = url(&env.ready().http_url, &format!("/messages/{}/events", paid.id));
    let mut source = Client::node("relay-events.mjs", &["--url", &events], "");
    source.lines_until(|line| line["update"]["status"] == "mined").await;
    env.wia.terminate();
    source.lines_until(|line| line.get("lost").is_some()).await;
    assert_eq!(env.wia.ended().await.code(), Some(0), "{}", env.wia.output());
}

#[tokio::test]
async fn watches_are_bounded_and_the_refusal_says_when_to_come_back() {
    let variables = &[("WIA_RELAYER__TUNING__MAX_WATCHES", "1")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let events = url(&env.ready().http_url, &format!("/events?address={STRANGER}"));
    let first = Http::new().get(&events).send().await.unwrap();
    assert_eq!(
        (first.status().as_u16(), &first.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let second = Http::new().get(&events).send().await.unwrap();
    assert_eq!((second.status().as_u16(), &second.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(second.json::<Value>().await.unwrap()["error"]["field"], "relayId");
    drop(first);
    wia_tests::wait_until("the watch to be over", std::time::Duration::from_secs(20), async || {
        (Http::new().get(&events).send().await.unwrap().status() == 200).then_some(())
    })
    .await;
}
