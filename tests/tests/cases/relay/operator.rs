//! The operator's view: what it says, to whom, and `wia relayer status` on a terminal and off it.

use std::process::Command;

use alloy::transports::http::reqwest::Client as Http;
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Client, Environment, Settings, Wia, output, repository};

use super::{get, read, url};
use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn it_says_how_lane_queue_and_mesh_stand_and_what_happened_of_late() {
    let env = Environment::start().await;
    let poor = env.wallet(1);
    let too_much = poor.pay(STRANGER, env.chain().balance(poor.address()).await + MILLICREDIT);
    let paid = env.wallet(2).pay(STRANGER, MILLICREDIT);
    let mut relay = env.relay().await;
    relay.accepted(&paid).await;
    relay.accepted(&too_much).await;
    let block = relay.until(&[paid.id], State::Mined).await[&paid.id].block.unwrap();
    relay.until(&[too_much.id], State::Rejected).await;

    let (status, view) = get(&env, "/operator").await;
    assert_eq!(
        (status, &view["chainId"], &view["relayer"]["state"]),
        (200, &json!(31_337), &json!("ready")),
        "{view:#}"
    );
    let lane = &view["relayer"]["lanes"][0];
    assert!(lane["nonce"].as_u64().unwrap() > 0 && lane["balanceWei"].is_string(), "{view:#}");
    assert!(view["relayer"]["head"].as_u64().unwrap() >= block);
    let steps = &view["recent"]["steps"];
    assert_eq!(
        (&steps["accepted"], &steps["mined"], &steps["rejected"]),
        (&json!(2), &json!(1), &json!(1)),
        "{view:#}"
    );
    let executed = json!({"number": block, "executed": 1, "skipped": 0, "reorged": 0});
    assert_eq!(view["recent"]["blocks"][0], executed, "{view:#}");
    let failure = &view["recent"]["failures"][0];
    assert_eq!((&failure["relayId"], &failure["status"]), (&json!(too_much.id), &json!("rejected")));
    assert_eq!(view["mesh"]["addresses"][0], env.ready().p2p_addr);
    assert_eq!(view["mesh"]["peers"], 0);

    let http = &env.ready().http_url;
    let shown = output(Wia::command(&["relayer", "status", "--node", http])).await;
    for said in [
        "state        ready",
        "1 mined",
        &format!("{block:<10} 1 executed"),
        "rejected",
        &env.ready().p2p_addr,
    ] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    let json: Value =
        serde_json::from_str(&output(Wia::command(&["relayer", "status", "--url", http, "--json"])).await)
            .unwrap();
    assert_eq!(json["recent"]["blocks"][0], executed);
}

#[tokio::test]
async fn others_and_pages_in_browsers_are_refused_and_told_what_to_set() {
    let named =
        &[("WIA_HTTP__OPERATORS", "[\"192.0.2.7\"]"), ("WIA_HTTP__TRUSTED_PROXIES", "[\"127.0.0.1\"]")];
    let env = Environment::with(Settings { variables: named, ..Settings::default() }).await;
    let alone = Environment::shared().await;
    let asked = async |env: &Environment, headers: &[(&str, &str)]| {
        let request = Http::new().get(url(&env.ready().http_url, "/operator"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        read(request.send().await.unwrap()).await
    };
    for (env, headers, status) in [
        (&env, &[][..], 200),
        (&env, &[("x-forwarded-for", "192.0.2.7")], 200),
        (&env, &[("x-forwarded-for", "192.0.2.8")], 403),
        (&env, &[("x-forwarded-for", "192.0.2.7"), ("origin", "https://yourapp.com")], 403),
        (&*alone, &[], 200),
        // Behind a proxy that nobody named, everybody seems to be on this machine.
        (&*alone, &[("x-forwarded-for", "127.0.0.1")], 403),
        (&*alone, &[("forwarded", "for=127.0.0.1")], 403),
        (&*alone, &[("origin", "http://localhost:3000")], 403),
        (&*alone, &[("host", "evil.example")], 403),
        (&*alone, &[("host", "localhost:1")], 200),
    ] {
        let (found, body) = asked(env, headers).await;
        assert_eq!(found, status, "{headers:?}: {body}");
        if status == 403 {
            assert!(body["error"]["reason"].as_str().unwrap().contains("http.operators"), "{body}");
        }
    }
}

#[tokio::test]
async fn on_a_terminal_it_is_drawn_in_place_until_ctrl_c_and_the_terminal_given_back() {
    let env = Environment::shared().await;
    let mut command = Command::new("python3");
    command.arg(repository().join("tests/clients/python/terminal.py"));
    // The third drawing begins at home.
    command.args(["\u{1b}[H", "3"]).arg(Wia::binary());
    command.args(["relayer", "status", "--watch", "--node", &env.ready().http_url]);
    let seen: Value = serde_json::from_str(&output(command).await).unwrap();
    let text = seen["output"].as_str().unwrap();
    assert_eq!(seen["status"], 0, "{text:?}");
    let (screen, after) = text.split_once("\u{1b}[?1049l").expect("the first screen again");
    assert!(screen.starts_with("\u{1b}[?1049h") && screen.matches("queue        ").count() >= 2, "{text:?}");
    assert!(
        after.contains("queue        ") && !after.contains('\u{1b}'),
        "what was seen last stays: {after:?}"
    );
}

#[tokio::test]
async fn off_a_terminal_it_is_a_line_each_time_and_outlives_the_node() {
    let mut env = Environment::start().await;
    let http = env.ready().http_url.clone();
    let mut lines = Client::wia(&["relayer", "status", "--watch", "--json", "--node", &http]);
    for _ in 0..2 {
        assert_eq!(lines.line().await.unwrap()["chainId"], 31_337);
    }
    env.wia.terminate();
    env.wia.ended().await;
    let refused = Command::new(Wia::binary()).args(["relayer", "status", "--node", &http]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot be reached"), "{refused:?}");
}
