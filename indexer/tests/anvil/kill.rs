//! kill -9 at random moments under load: what a reader heard before and after is the whole story, once.
//!
//! The indexer runs in a process of its own: this test's binary, started again with the environment that makes
//! [`indexes_until_killed`] do its work instead of nothing. It prints every push and every event; this side books the
//! prints. `WIA_TEST_KILLS` says how often it is killed (`scripts/soak`), `WIA_TEST_SEED` repeats an order.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use wia_abi::BlockNumber;
use wia_indexer::{Config, EventsFrom, Start, Wish};

use crate::chain::{Chain, contract, endpoint};
use crate::events::Reader;
use crate::listener::{Running, everything_of, store};

/// As many times it is killed, unless the environment says otherwise.
const KILLS: u64 = 10;

#[tokio::test]
async fn kill_9_loses_nothing_and_doubles_nothing() {
    let seed = std::env::var("WIA_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_251_120_u64);
    let kills = std::env::var("WIA_TEST_KILLS").ok().and_then(|s| s.parse().ok()).unwrap_or(KILLS);
    println!("WIA_TEST_SEED={seed} WIA_TEST_KILLS={kills}");
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    chain.mint(1, 100_000).await;
    chain.mine(1).await;
    let (mut heard, mut cursor): (Vec<Value>, String) = (Vec::new(), "0.0".into());
    let mut events: Vec<Value> = Vec::new();
    let mut random = seed;
    for round in 0..=kills {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::indexes_until_killed", "--nocapture"])
            .env("WIA_TEST_INDEX", folder.path())
            .env("WIA_TEST_CURSOR", &cursor)
            .env("WIA_TEST_EVENT", events.last().map_or("", |e| e["cursor"].as_str().unwrap()))
            .env("WIA_TEST_PORT", chain.anvil.port.to_string())
            .env("WIA_TEST_TOKEN", chain.token.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (lines, printed) = mpsc::sync_channel(1 << 16);
        let reading = std::thread::spawn(move || {
            let mut events: Vec<Value> = Vec::new();
            for line in output.lines().map_while(Result::ok) {
                // A line that the kill cut off is nothing that anybody got.
                if let Some(push) = line.strip_prefix("push ").and_then(|p| serde_json::from_str(p).ok()) {
                    let _ = lines.send(push);
                }
                events.extend(line.strip_prefix("event ").and_then(|e| serde_json::from_str(e).ok()));
            }
            events
        });
        // xorshift: how many pushes this life may tell before it ends, and what the chain does meanwhile.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let life = usize::try_from(random % 40).unwrap();
        let mut last = None;
        for i in 0..6_u64 {
            chain.transfer(1, 2, i).await;
            last = Some(chain.transfer(1, 3, 1 + i).await);
            chain.mine(1 + (random >> i) % 2).await;
        }
        if round > 0 {
            chain.reorg(random % 4 + 1).await;
        }
        let mut told = 0;
        loop {
            let push: Value = printed.recv_timeout(Duration::from_secs(20)).expect("the process speaks");
            cursor = push["params"]["cursor"].as_str().unwrap().to_owned();
            heard.push(push);
            told += 1;
            if round < kills && told > life {
                break;
            }
            if round == kills {
                // The last life tells everything up to a mark on the chain.
                if told == 1 {
                    last = Some(chain.mint(4, 1).await);
                    chain.mine(1).await;
                }
                let mark = last.unwrap().to_string();
                if heard.last().is_some_and(|p| p["params"]["transactionHash"] == mark.as_str()) {
                    break;
                }
            }
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // What was printed before the kill was heard too.
        events.extend(reading.join().unwrap());
        if round < kills {
            for push in printed.try_iter() {
                cursor = push["params"]["cursor"].as_str().unwrap().to_owned();
                heard.push(push);
            }
        }
    }
    // One reader that reads it all in one go must hear the same.
    let running = Running::start(&store(folder.path()), chain.config(false).await);
    let mut replay = running.listen(&chain, Start::After("0.0".into()));
    replay.until("the last cursor", |p| p.cursor() == cursor).await;
    let replayed: Vec<Value> =
        replay.pushes.iter().map(|p| serde_json::from_str(&p.text()).unwrap()).collect();
    assert_eq!(replayed, heard);
    replay.agrees(&chain).await;
    let mut reader = Reader::open(&running, 1, &EventsFrom::Oldest);
    reader.agrees(&chain).await;
    let told: Vec<Value> = reader.heard.told.iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    assert!(events.len() > told.len() / 2, "{} of {} events were heard", events.len(), told.len());
    assert_eq!(events, told[..events.len()], "no event missing, doubled or out of order");
    running.stop().await;
}

/// Does nothing unless the environment asks for it.
#[tokio::test]
async fn indexes_until_killed() {
    let Some(folder) = std::env::var_os("WIA_TEST_INDEX") else { return };
    let of = |name: &str| std::env::var(name).unwrap();
    let (port, token) = (of("WIA_TEST_PORT").parse().unwrap(), of("WIA_TEST_TOKEN").parse().unwrap());
    let config = Config {
        reorg_patience_ms: 50,
        head_check_interval_ms: 10,
        ..Config::new(31_337, vec![endpoint(port, true)], vec![contract(token)], BlockNumber(1))
    };
    let running = Running::start(&store(folder.as_ref()), config);
    let provider = alloy::providers::RootProvider::<alloy::network::Ethereum>::new(
        alloy::rpc::client::RpcClient::new_http(format!("http://127.0.0.1:{port}").parse().unwrap()),
    );
    let accounts = alloy::providers::Provider::get_accounts(&provider).await.unwrap();
    let start = Start::After(of("WIA_TEST_CURSOR"));
    // The first life has no log yet, so its first cursor becomes known only with the first block.
    let mut subscription = loop {
        match running.indexer.subscribe(everything_of(&accounts), start.clone()) {
            Ok(subscription) => break subscription,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let from = match of("WIA_TEST_EVENT") {
        cursor if cursor.is_empty() => EventsFrom::Oldest,
        cursor => EventsFrom::After(cursor),
    };
    let mut events = running.indexer.events(Wish::default(), &from).unwrap();
    loop {
        tokio::select! {
            push = subscription.next() => print(&format!("push {}", push.unwrap().text())),
            messages = events.next() => {
                messages.unwrap().iter().for_each(|m| print(&format!("event {}", m.json())));
            }
        }
    }
}

fn print(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}
