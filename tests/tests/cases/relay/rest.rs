//! One message over REST: what is answered, how a status is waited for, how a refusal looks.

use alloy::transports::http::reqwest::{Client, Method};
use serde_json::{Value, json};
use wia_protocol::relay::batch::MAX_BATCH_BYTES;
use wia_tests::{Environment, Settings};

use super::{get, post, posted, read, url};
use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn info_is_what_the_websocket_says_on_both_paths() {
    let env = Environment::shared().await;
    let told = env.relay().await.socket.call("relay.info", json!({})).await.unwrap();
    for path in ["", "/info"] {
        assert_eq!(get(&env, path).await, (200, told.clone()), "{path}");
    }
}

#[tokio::test]
async fn a_message_is_created_once_and_known_from_then_on_whatever_door_asks() {
    let env = Environment::shared().await;
    let paid = env.wallet(9).pay(STRANGER, MILLICREDIT);
    let (status, first) = post(&env, &paid.params).await;
    assert_eq!((status, &first["relayId"], &first["status"]), (201, &json!(paid.id), &json!("accepted")));
    let (status, again) = post(&env, &paid.params).await;
    assert_eq!((status, &again["receipt"]), (200, &first["receipt"]), "the same promise, not a second one");
    let over_websocket = env.relay().await.accepted(&paid).await;
    assert_eq!(json!(over_websocket.receipt), first["receipt"]);
    assert_eq!(first.as_object().unwrap().len(), 3, "{first}");

    // Each answer comes with a later step than the one before, until it is in a block.
    let (mut after, mut told) = (0, Vec::new());
    loop {
        let path = format!("/messages/{}?after={after}&waitMs=8000", paid.id);
        let (status, body) = get(&env, &path).await;
        assert_eq!(status, 200, "{body}");
        after = body["sequence"].as_u64().unwrap();
        told.push(body["status"].clone());
        if body["status"] == "mined" || body["status"] == "final" {
            let history: Vec<_> = body["history"].as_array().unwrap().iter().map(|s| &s["status"]).collect();
            assert_eq!(
                history[..4],
                ["accepted", "claimed", "submitted", "mined"].map(Value::from).each_ref()
            );
            break;
        }
        assert!(told.len() < 20, "{told:?}");
    }
    assert_eq!(
        env.chain().used_nonces(paid.message.from).await.iter().filter(|n| **n == paid.message.nonce).count(),
        1
    );
}

#[tokio::test]
async fn what_is_refused_has_the_documents_body_and_names_the_field() {
    let env = Environment::shared().await;
    let unknown = format!("/messages/0x{}", "ab".repeat(32));
    for (path, code, field) in [
        ("/messages/0x12".to_owned(), 400, "relayId"),
        (unknown.clone(), 404, "relayId"),
        (format!("{unknown}?after=x"), 400, "after"),
        (format!("{unknown}?after=0&waitMs=8001"), 400, "waitMs"),
        (format!("{unknown}?colour=red"), 400, "colour"),
        (format!("{unknown}/events?after=-1"), 400, "after"),
        ("/messages/0x12/events".to_owned(), 400, "relayId"),
        ("/events".to_owned(), 400, "relayId"),
        ("/events?relayId=0x12".to_owned(), 400, "relayId"),
        ("/events?address=0x12".to_owned(), 400, "address"),
    ] {
        let (status, body) = get(&env, &path).await;
        let error = &body["error"];
        assert_eq!(
            (status, &error["field"], &error["statusCode"]),
            (code, &json!(field), &json!(code)),
            "{path}: {body}"
        );
        assert!(error["reason"].as_str().unwrap().len() > 5, "{body}");
    }
    for body in ["{", "", "7", "null", "[]"] {
        let (status, answer) = read(posted(&env, body.into()).await).await;
        let field = &answer["error"]["field"];
        assert!(status == 400 && (field == "body" || field == "params"), "{body}: {answer}");
    }
    let (status, body) =
        read(Client::new().get(url(&env.ready().http_url, "/messages")).send().await.unwrap()).await;
    assert_eq!((status, &body["error"]["code"]), (405, &json!("METHOD_NOT_ALLOWED")));
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_and_the_next_one_taken() {
    let env = Environment::shared().await;
    let paid = env.wallet(9).pay(STRANGER, MILLICREDIT);
    let (status, body) = read(posted(&env, " ".repeat(MAX_BATCH_BYTES + 1)).await).await;
    assert_eq!((status, &body["error"]["field"]), (413, &json!("body")), "{body}");
    assert!(body["error"]["reason"].as_str().unwrap().contains(&MAX_BATCH_BYTES.to_string()), "{body}");
    assert_eq!(post(&env, &paid.params).await.0, 201);
}

#[tokio::test]
async fn who_is_too_fast_hears_when_to_come_back() {
    let variables =
        &[("WIA_RELAYER__TUNING__ORIGIN_BURST", "2"), ("WIA_RELAYER__TUNING__ORIGIN_PER_SECOND", "1")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let wallet = env.wallet(1);
    // One in a batch and one alone count alike.
    let batch = json!({"messages": [wallet.pay(STRANGER, MILLICREDIT).params, wallet.pay(STRANGER, MILLICREDIT).params]});
    let (_, taken) = post(&env, &batch).await;
    assert!(
        taken["results"].as_array().unwrap().iter().all(|result| result["status"] == "accepted"),
        "{taken}"
    );
    let more = json!({"messages": vec![wallet.pay(STRANGER, MILLICREDIT).params; 20]});
    let (status, refused) = post(&env, &more).await;
    let last = &refused["results"][19]["error"];
    assert_eq!(
        (status, &last["code"], &last["statusCode"]),
        (200, &json!("RATE_LIMIT_EXCEEDED"), &json!(429)),
        "{refused}"
    );

    // The bucket may have gained one meanwhile; of several in a row one is too many.
    let (answers, mut limited) = (20, None);
    for _ in 0..answers {
        let answer = posted(&env, wallet.pay(STRANGER, MILLICREDIT).params.to_string()).await;
        if answer.status() == 429 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("one of twenty is refused");
    let seconds: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let (_, body) = read(limited).await;
    assert_eq!((&body["error"]["retryAfter"], &body["error"]["field"]), (&json!(seconds), &json!("origin")));
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_post_and_another_may_not() {
    let variables = &[("WIA_HTTP__ALLOWED_ORIGINS", "[\"https://yourapp.com\"]")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let asked = async |origin: &str| {
        let request = Client::new().request(Method::OPTIONS, url(&env.ready().http_url, "/messages"));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type").send().await.unwrap()
    };
    let allowed = asked("https://yourapp.com").await;
    assert_eq!(
        (allowed.status().as_u16(), &allowed.headers()["access-control-allow-origin"]),
        (204, &"https://yourapp.com".parse().unwrap())
    );
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("content-type"));
    assert_eq!(asked("https://elsewhere.example").await.status().as_u16(), 403);
}
