//! Formats written and read back, the rules of the range, and an export against a node that says what a case wants.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::parquet::basic::{LogicalType, TimeUnit};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, RowAccessor};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Parser;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::output::kept_name;
use super::row::COLUMNS;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    export: Export,
}

fn export(arguments: &str) -> Export {
    Line::try_parse_from(["export"].into_iter().chain(arguments.split(' '))).unwrap().export
}

fn message(block: u64) -> Value {
    json!({
        "type": "event", "id": format!("31337:0x{block:064x}:0"), "cursor": format!("{block}.0"), "chainId": 31_337,
        "blockNumber": block, "blockHash": format!("0x{block:064x}"), "timestamp": "2025-01-15T12:00:00.007Z",
        "transactionHash": format!("0x{:064x}", block + 1), "logIndex": 3,
        "contract": "0x257297eE911278eDd6311cee86373Ce010454DB6", "contractName": "CarbonCredit", "event": "Minted",
        "signature": "Minted(address,string)", "arguments": {"to": "0x12", "creditId": "a \"b\", c\nd"},
        "topics": ["0x01", "0x02"], "data": "0x", "confirmations": 12,
    })
}

/// What no ABI knows.
fn unknown(block: u64) -> Value {
    let mut message = message(block);
    for name in ["contractName", "event", "signature", "arguments"] {
        message.as_object_mut().unwrap().remove(name);
    }
    message
}

fn raw(message: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(message).unwrap()
}

fn written(path: &Path, format: Format, messages: &[Value]) {
    let mut output = Output::begin(path, format, false).unwrap();
    output.write(&messages.iter().map(raw).collect::<Vec<_>>()).unwrap();
    assert!(!path.exists(), "not before it is whole");
    assert_eq!(output.finish().unwrap(), path.metadata().unwrap().len());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn csv_quotes_what_rfc_4180_wants_quoted() {
    let mut bytes = Vec::new();
    let fields = ["plain", "", "a,b", "say \"hi\"", "two\nlines", "cr\r", "ü 'single'"];
    csv::record(&mut bytes, fields.into_iter()).unwrap();
    let expected = "plain,,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"cr\r\",ü 'single'\r\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn csv_has_a_header_and_empty_fields_for_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv");
    written(&path, Format::Csv, &[message(5), unknown(6)]);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], COLUMNS.map(|(name, _)| name).join(","));
    assert!(lines[1].contains(r#",CarbonCredit,Minted,"Minted(address,string)","{""#), "{}", lines[1]);
    assert!(lines[2].contains(r#"4DB6,,,,,"[""0x01"",""0x02""]",0x"#), "{}", lines[2]);
    assert!(lines[2].contains(",2025-01-15T12:00:00.007Z,"), "{}", lines[2]);
}

#[test]
fn json_lines_are_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut output = Output::begin(&path, Format::Jsonl, false).unwrap();
    let spread = RawValue::from_string(format!("{:#}", message(5))).unwrap();
    output.write(&[raw(&unknown(6)), spread]).unwrap();
    output.finish().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [unknown(6), message(5)]);
}

#[test]
fn parquet_reads_back_with_its_types_nulls_and_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.parquet");
    let count = parquet::GROUP_ROWS as u64 + 2;
    let messages: Vec<_> = (0..count).map(|b| if b % 2 == 0 { message(b) } else { unknown(b) }).collect();
    written(&path, Format::Parquet, &messages);

    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups = reader.metadata().row_groups();
    assert_eq!(groups.iter().map(|g| g.num_rows()).collect::<Vec<_>>(), [10_000, 2]);
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<_> = schema.columns().iter().map(|c| c.name().to_owned()).collect();
    assert_eq!(columns, COLUMNS.map(|(name, _)| name));
    let logical = |place: usize| schema.column(place).logical_type_ref().cloned();
    assert_eq!(logical(0), Some(LogicalType::String));
    assert_eq!(logical(3), Some(LogicalType::timestamp(true, TimeUnit::MILLIS)));
    assert_eq!(logical(10), Some(LogicalType::Json));

    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len() as u64, count);
    for (message, row) in messages.iter().zip(&rows) {
        assert_eq!(row.get_string(0).unwrap(), message["id"].as_str().unwrap());
        assert_eq!(row.get_long(1).unwrap(), message["blockNumber"].as_i64().unwrap());
        assert_eq!(row.get_timestamp_millis(3).unwrap(), 1_736_942_400_007);
        assert_eq!(row.get_long(5).unwrap(), 3);
        let fields: Vec<_> = row.get_column_iter().map(|(_, field)| field.clone()).collect();
        let Some(arguments) = message.get("arguments") else {
            assert!(fields[7..=10].iter().all(|field| *field == Field::Null), "{fields:?}");
            continue;
        };
        assert_eq!(serde_json::from_str::<Value>(row.get_string(10).unwrap()).unwrap(), *arguments);
        assert_eq!(row.get_string(8).unwrap(), "Minted");
        assert_eq!(row.get_string(11).unwrap(), r#"["0x01","0x02"]"#);
    }
}

#[test]
fn an_output_that_is_given_up_leaves_nothing_and_one_that_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.csv");
    for format in [Format::Csv, Format::Jsonl, Format::Parquet] {
        let mut output = Output::begin(&path, format, false).unwrap();
        output.write(&[raw(&message(1))]).unwrap();
        drop(output);
        assert_eq!(names(folder.path()), [""; 0]);
    }
    let output = Output::begin(&path, Format::Csv, false).unwrap();
    std::fs::write(&path, "mine").unwrap();
    let refused = [output.finish().err(), Output::begin(&path, Format::Csv, false).err()];
    for error in refused {
        assert!(error.unwrap().to_string().contains("is there already; --force"));
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    Output::begin(&path, Format::Csv, true).unwrap().finish().unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("id,block_number"));
    assert_eq!(names(folder.path()), ["events.csv"]);
}

#[test]
fn the_format_is_asked_for_or_the_extensions() {
    for (arguments, format) in [
        ("--output a.parquet", Format::Parquet),
        ("--output a.CSV", Format::Csv),
        ("--output a.b.ndjson", Format::Jsonl),
        ("--output a.jsonl", Format::Jsonl),
        ("--output a.jsonl --format csv", Format::Csv),
    ] {
        assert_eq!(export(arguments).format().unwrap(), format, "{arguments}");
    }
    assert!(export("--output a.txt").format().unwrap_err().to_string().contains("--format"));
}

#[test]
fn blocks_end_at_the_last_final_one_unless_asked_otherwise() {
    for (arguments, head, from, to) in [
        ("", 100, 0, 89),
        ("", 11, 0, 0),
        ("--all", 100, 0, 100),
        ("--all", 0, 0, 0),
        ("--from-block 89", 100, 89, 89),
        ("--to-block 95", 100, 0, 95),
        ("--to-block 95 --final-only", 100, 0, 89),
        ("--to-block 5 --final-only", 100, 0, 5),
    ] {
        let line = format!("--output a.csv {arguments}");
        assert_eq!(export(line.trim()).range(Some(head)).unwrap(), Range { from, to }, "{arguments}");
    }
    for (arguments, head, words) in [
        ("", None, "no block yet"),
        ("", Some(10), "no block is final yet"),
        ("--to-block 5 --final-only", Some(10), "no block is final yet"),
        ("--to-block 101", Some(100), "--to-block 101"),
        ("--from-block 90", Some(100), "--from-block 90"),
    ] {
        let line = format!("--output a.csv {arguments}");
        let error = export(line.trim()).range(head).unwrap_err().to_string();
        assert!(error.contains(words), "{arguments}: {error}");
    }
}

#[test]
fn what_is_kept_says_up_to_where_it_goes_and_how_to_go_on() {
    let path = Path::new("/data/events.parquet");
    assert_eq!(kept_name(path, "15.3"), "events.until-15.3.parquet");
    assert_eq!(kept_name(Path::new("events"), "15"), "events.until-15");
    assert_eq!(kept_name(path, "../../x"), "events.until-..-..-x.parquet");
    let error = ExportError::Unfinished {
        reason: ExportError::Interrupted.into(),
        cursor: "15.3".into(),
        to_block: 90,
        path: Some("events.until-15.3.parquet".into()),
    };
    assert_eq!(
        error.to_string(),
        "interrupted; what came before is in events.until-15.3.parquet, which is whole; to go on from there: \
         --cursor 15.3 --to-block 90"
    );
}

/// A node with three events, one a page.
#[derive(Clone)]
struct Node {
    /// How often it still fails at the second page, and with what.
    failures: Arc<AtomicUsize>,
    status: StatusCode,
    /// Whether its last block is another one each time that it is asked.
    reorgs: bool,
    asked: Arc<AtomicUsize>,
}

impl Node {
    async fn events(State(node): State<Self>, Query(query): Query<Vec<(String, String)>>) -> Response {
        let value = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!((value("toBlock"), value("limit")), (Some("89"), Some("1000")));
        let at: u64 = value("cursor").map_or(0, |cursor| cursor.trim_end_matches(".0").parse().unwrap());
        let left = |left: usize| left.checked_sub(1);
        if at == 1 && node.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
            let error = json!({"error": {"message": "cursor: of a case"}});
            return (node.status, [("retry-after", "0")], Json(error)).into_response();
        }
        let next = (at < 2).then(|| format!("{}.0", at + 1));
        Json(json!({"events": [message(at + 1)], "next": next})).into_response()
    }

    async fn last_block(State(node): State<Self>) -> Json<Value> {
        let branch = if node.reorgs { node.asked.fetch_add(1, Ordering::Relaxed) } else { 0 };
        Json(json!({"hash": format!("0x{branch:064x}")}))
    }
}

/// The URL of a [`Node`].
async fn node(failures: usize, status: StatusCode, reorgs: bool) -> String {
    let node = Node { failures: Arc::new(failures.into()), status, reorgs, asked: Arc::default() };
    let answer = json!({"chainId": 31_337, "head": {"number": 100}, "log": {"firstOffset": 0}});
    let router = axum::Router::new()
        .route("/indexer/v1/events", get(Node::events))
        .route("/indexer/v1/blocks/89", get(Node::last_block))
        .route("/indexer/v1/status", get(move || std::future::ready(Json(answer))))
        .with_state(node);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn exported(url: &str, folder: &Path, more: &str) -> Result<(), ExportError> {
    let output = folder.join("events.jsonl");
    export(&format!("--node {url} --output {}{more}", output.display())).run().await
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = node(5, StatusCode::SERVICE_UNAVAILABLE, false).await;
    exported(&url, folder.path(), "").await.unwrap();
    let text = std::fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 3);
}

#[tokio::test]
async fn an_export_that_cannot_go_on_keeps_what_it_has_and_the_rest_comes_with_its_cursor() {
    for (failures, status) in [(6, StatusCode::TOO_MANY_REQUESTS), (1, StatusCode::GONE)] {
        let folder = tempfile::tempdir().unwrap();
        let url = node(failures, status, false).await;
        let error = exported(&url, folder.path(), "").await.unwrap_err().to_string();
        assert!(error.starts_with("the node refuses: cursor: of a case; what came before is in "), "{error}");
        let (_, go_on) = error.split_once("to go on from there:").unwrap();
        assert_eq!(names(folder.path()), ["events.until-1.0.jsonl"]);
        exported(&url, folder.path(), go_on).await.unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let both = read("events.until-1.0.jsonl") + &read("events.jsonl");
        let blocks = both.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["blockNumber"].clone());
        assert_eq!(blocks.collect::<Vec<_>>(), [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_reorg_meanwhile_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = node(0, StatusCode::OK, true).await;
    let error = exported(&url, folder.path(), "").await.unwrap_err().to_string();
    assert!(error.contains("block 89 was replaced"), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}
