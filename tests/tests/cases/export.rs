//! `wia export`: what the chain says is in the file, whichever the format, as csv, json and DuckDB read it (C-006, C-007).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use alloy::primitives::U256;
use serde_json::{Value, json};
use wia_abi::CarbonCredit::transferCall;
use wia_tests::{Client, Environment, Wia, output, wait_until};

use crate::operations::get;
use crate::{MILLICREDIT, STRANGER};

const PATIENCE: Duration = Duration::from_secs(30);

/// Transfers of a case.
const TRANSFERS: u64 = 5;

#[tokio::test]
async fn parquet_csv_and_json_lines_hold_what_the_chain_says() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let sender = env.ready().accounts[1].address;
    env.chain().hold().await;
    let mut sent = Vec::new();
    for n in 1..=TRANSFERS {
        let call = transferCall { to: STRANGER, value: MILLICREDIT * U256::from(n) };
        sent.push(env.chain().send(sender, call).await.to_string());
        env.chain().mine(1).await;
    }
    let last = env.chain().head().await;
    env.chain().mine(11).await;
    // One more, which is not final.
    env.chain().send(sender, transferCall { to: STRANGER, value: MILLICREDIT }).await;
    env.chain().mine(1).await;
    indexed(&env, last + 12).await;

    let stranger = STRANGER.to_string();
    let filter = ["--contract", "CarbonCredit", "--event", "Transfer", "--address", &stranger];
    let mut files = Vec::new();
    for format in ["csv", "jsonl", "parquet"] {
        let file = folder.path().join(format!("events.{format}"));
        let said = output(export(&env, &file, &filter)).await;
        assert!(
            said.contains(&format!("exported {TRANSFERS} events of blocks 0…{} of chain", last + 1)),
            "{said}"
        );
        files.extend([format!("--{format}"), file.display().to_string()]);
    }
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let read = Client::python("duckdb", "read_export.py", &files).finish().await;

    let messages = read[1]["rows"].as_array().unwrap();
    assert_eq!(messages.len() as u64, TRANSFERS);
    for (n, message) in (1..).zip(messages) {
        assert_eq!(message["transactionHash"], sent[n - 1]);
        let value = (MILLICREDIT * U256::from(n)).to_string();
        let arguments = json!({"from": sender.to_string(), "to": stranger, "value": value});
        assert_eq!(message["arguments"], arguments);
        assert_eq!(message["type"], "event");
    }
    // The same rows, whoever wrote and whoever read them.
    let rows: Vec<_> = messages.iter().map(row).collect();
    assert_eq!((&read[0]["format"], &read[0]["rows"]), (&json!("csv"), &json!(rows)));
    assert_eq!((&read[2]["format"], &read[2]["rows"]), (&json!("parquet"), &json!(rows)));
    assert_eq!(read[0]["columns"], read[2]["columns"]);
    let types = &read[2]["types"];
    assert_eq!(
        ["id", "block_number", "timestamp", "log_index", "arguments", "data"].map(|name| &types[name]),
        ["VARCHAR", "BIGINT", "TIMESTAMP WITH TIME ZONE", "BIGINT", "JSON", "VARCHAR"],
    );
    assert_eq!(read[2]["groups"], json!([[0, TRANSFERS, "SNAPPY"]]));
}

#[tokio::test]
async fn an_export_covers_what_is_asked_for_and_replaces_no_file_unasked() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    env.chain().hold().await;
    env.chain()
        .send(env.ready().accounts[1].address, transferCall { to: STRANGER, value: MILLICREDIT })
        .await;
    env.chain().mine(1).await;
    let head = env.chain().head().await;
    indexed(&env, head).await;

    let here = head.to_string();
    output(export(&env, &file, &["--from-block", &here, "--all"])).await;
    let first = std::fs::read_to_string(&file).unwrap();
    let blocks = first.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["blockNumber"].clone());
    assert_eq!(blocks.collect::<Vec<_>>(), [json!(head)]);

    for (more, words) in [
        (&["--all"][..], "is there already; --force"),
        (&["--force", "--to-block", "999999"], "the node's head is"),
        (&["--force", "--all", "--contract", "Nobody"], "contract"),
        (&["--force", "--all", "--cursor", "x"], "cursor"),
    ] {
        let refused = export(&env, &file, more).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{more:?}: {said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    }
    output(export(&env, &file, &["--force", "--all"])).await;
    let all = std::fs::read_to_string(&file).unwrap();
    assert!(all.ends_with(&first) && all.lines().count() > 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left behind");
}

fn export(env: &Environment, file: &Path, more: &[&str]) -> Command {
    let mut command = Wia::command(&["export", "--node", &env.ready().http_url, "--output"]);
    command.arg(file).args(more);
    command
}

/// Waits until the indexer has that block.
async fn indexed(env: &Environment, block: u64) {
    wait_until("the indexer to have the block", PATIENCE, async || {
        let (_, body) = get(env, "/indexer/v1/status").await;
        let status: Value = serde_json::from_str(&body).unwrap();
        status["head"]["number"].as_u64().filter(|head| *head >= block)
    })
    .await;
}

/// A message as the row that it must be, moments in milliseconds since 1970.
fn row(message: &Value) -> Value {
    let time: wia_protocol::Timestamp = serde_json::from_value(message["timestamp"].clone()).unwrap();
    json!({
        "id": message["id"], "block_number": message["blockNumber"], "block_hash": message["blockHash"],
        "timestamp": time.0, "transaction_hash": message["transactionHash"], "log_index": message["logIndex"],
        "contract": message["contract"], "contract_name": message["contractName"], "event": message["event"],
        "signature": message["signature"], "arguments": message["arguments"], "topics": message["topics"],
        "data": message["data"],
    })
}
