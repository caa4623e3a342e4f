//! What the indexer answers over REST and gRPC, and how it refuses.

use serde_json::{Value, json};
use wia_tests::{Client, Environment};

use super::{get, grpc_arguments, pay, to_stranger_query};
use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn status_says_where_the_log_and_the_chain_are_on_both_doors() {
    let env = Environment::shared().await;
    let http = &env.ready().http_url;
    let (code, status) = get(http, "status").await;
    assert_eq!((code, &status["state"], &status["reasons"]), (200, &json!("live"), &json!([])));
    assert_eq!(status["chainId"], env.ready().chain_id);
    assert!(status["head"]["number"].as_u64().unwrap() > 30 && status["events"].as_u64().unwrap() > 90);
    assert!(status["log"]["nextOffset"].as_u64() > status["log"]["firstOffset"].as_u64());
    assert_eq!(status["endpoints"][0]["state"], "leading", "{status}");

    let arguments = [&grpc_arguments(http)[..], &["--status"]].concat();
    let told = Client::node("events-grpc.mjs", &arguments, "").finish().await.remove(0);
    assert_eq!((&told["state"], &told["chainId"]), (&json!("live"), &status["chainId"]));
    assert!(told["head"]["number"].as_u64() >= status["head"]["number"].as_u64());
    assert_eq!(told["endpoints"][0]["state"], "leading", "{told}");
}

#[tokio::test]
async fn transfers_balances_and_blocks_are_what_the_chain_says() {
    let env = Environment::start().await;
    let http = &env.ready().http_url;
    let sender = env.ready().accounts[1].address;
    let before = env.chain().balance(sender).await;
    let block = pay(&env).await;

    let (_, page) = get(http, &format!("transfers?address={STRANGER}")).await;
    let transfers = page["transfers"].as_array().unwrap();
    assert_eq!(transfers.len(), 1, "{page}");
    let transfer = &transfers[0];
    assert_eq!((&transfer["blockNumber"], &page["next"]), (&json!(block), &Value::Null));
    assert_eq!(transfer["arguments"]["value"], MILLICREDIT.to_string());

    let balance = async |query: String| {
        let (code, answer) = get(http, &format!("balances/{query}")).await;
        assert_eq!(code, 200, "{answer}");
        answer["balances"][0]["balanceWei"].as_str().unwrap().to_owned()
    };
    let now = env.chain().balance(sender).await;
    assert_eq!(now, before - MILLICREDIT);
    assert_eq!(balance(format!("{sender}?contract=CarbonCredit")).await, now.to_string());
    assert_eq!(balance(format!("{sender}?contract=CarbonCredit&block={block}")).await, now.to_string());
    let earlier = block - 1;
    assert_eq!(balance(format!("{sender}?contract=CarbonCredit&block={earlier}")).await, before.to_string());
    let (_, all) = get(http, &format!("balances/{sender}")).await;
    assert_eq!(all["balances"].as_array().unwrap().len(), 3, "credits and both test tokens: {all}");

    let (_, view) = get(http, &format!("blocks/{block}")).await;
    assert_eq!((&view["hash"], &view["onChain"]), (&transfer["blockHash"], &json!(true)));
    assert_eq!(view["transactions"], json!([transfer["transactionHash"]]));
    let hash = view["hash"].as_str().unwrap().to_owned();
    assert_eq!(get(http, &format!("blocks/{hash}")).await.1["number"], block);
    assert!(get(http, "blocks/latest").await.1["number"].as_u64().unwrap() >= block);

    env.chain().reorg_from(block).await;
    pay(&env).await;
    let (code, gone) = get(http, &format!("blocks/{hash}")).await;
    assert_eq!((code, &gone["onChain"], &gone["confirmations"]), (200, &json!(false), &json!(0)));
    let (_, page) = get(http, &format!("events?{}", to_stranger_query())).await;
    let events = page["events"].as_array().unwrap();
    assert!(events.iter().all(|e| e["blockHash"] != hash), "what left the chain is in no page: {page}");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_and_without_double() {
    let env = Environment::shared().await;
    let http = &env.ready().http_url;
    let (_, all) = get(http, "events?toBlock=20&limit=1000").await;
    assert_eq!(all["next"], Value::Null);
    let ids = |page: &Value| {
        let events = page["events"].as_array().unwrap();
        events.iter().map(|e| e["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ids(&all);
    assert!(all.len() > 20, "{}", all.len());
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let (code, page) = get(http, &format!("events?toBlock=20&limit=7{cursor}")).await;
        assert_eq!(code, 200, "{page}");
        paged.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);
    let (_, after) = get(http, &format!("events?toBlock=20&limit=1000&cursor={}", all[9])).await;
    assert_eq!(ids(&after), all[10..], "an event's own id is a place, too");
}

#[tokio::test]
async fn every_refusal_names_its_field() {
    let env = Environment::shared().await;
    let http = &env.ready().http_url;
    for (path, code, field) in [
        ("events?limit=0", 400, "limit"),
        ("events?limit=1001", 400, "limit"),
        ("events?contract=Nope", 400, "contract"),
        ("events?event=Nope", 400, "event"),
        ("events?address=0x12", 400, "address"),
        ("events?topic=0x12", 400, "topic"),
        ("events?cursor=1.2.3", 400, "cursor"),
        ("events?cursor=1", 400, "cursor"),
        ("events?cursor=99999999", 400, "cursor"),
        ("events?cursor=31337:0x12:0", 400, "cursor"),
        ("events?contract=", 400, "contract"),
        ("events?event=Transfer&argument=frm:0x12", 400, "argument"),
        ("events?event=Transfer&argument=value:abc", 400, "argument"),
        ("events?fromBlock=x", 400, "fromBlock"),
        ("events?fromBlock=9&toBlock=3", 400, "fromBlock"),
        ("events?minConfirmations=3", 400, "minConfirmations"),
        ("events?colour=red", 400, "colour"),
        ("transfers?event=Approval", 400, "event"),
        ("balances/0x12", 400, "address"),
        ("balances/0x00000000000000000000000000000000005714a9?block=99999999", 400, "block"),
        ("balances/0x00000000000000000000000000000000005714a9?contract=ConsentAnchor", 400, "contract"),
        ("blocks/0x12", 400, "block"),
        ("blocks/soon", 400, "block"),
        ("blocks/99999999", 404, "block"),
    ] {
        let (found, body) = get(http, path).await;
        assert_eq!((found, &body["error"]["field"]), (code, &json!(field)), "{path}: {body}");
        assert_eq!(body["error"]["statusCode"], code);
        assert!(!body["error"]["reason"].as_str().unwrap().is_empty());
    }
}
