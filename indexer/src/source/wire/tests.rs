//! Answers as endpoints give them, whole, strange and broken.

use super::*;

fn header_text(number: &str) -> String {
    format!(
        r#"{{"number":"{number}","hash":"{0}","parentHash":"{0}","timestamp":"0x5","logsBloom":"{1}","receiptsRoot":"{0}","extra":[1]}}"#,
        B256::repeat_byte(1),
        Bloom::ZERO
    )
}

fn log_text(log_index: &str) -> String {
    format!(
        r#"{{"address":"{}","topics":["{1}","{1}"],"data":"0x0102","blockHash":"{1}","blockNumber":"0x7","blockTimestamp":"0x1",
           "transactionHash":"{1}","transactionIndex":"0x2","logIndex":{log_index},"removed":false}}"#,
        Address::repeat_byte(2),
        B256::repeat_byte(1)
    )
}

fn answer(result: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":0,"result":{result}}}"#).into_bytes()
}

#[test]
fn headers_of_unusual_chains_are_read() {
    let header = single::<WireHeader>(&answer(&header_text("0x10"))).unwrap().unwrap().unwrap();
    let header = Header::from(header);
    assert_eq!((header.number, header.timestamp_s), (BlockNumber(16), 5));
    assert!(single::<WireHeader>(&answer("null")).unwrap().unwrap().is_none());
    for number in ["16", "0x", "0x+1", "0x10000000000000000"] {
        assert!(single::<WireHeader>(&answer(&header_text(number))).is_err(), "{number}");
    }
}

#[test]
fn logs_come_with_their_places_and_without_removed_ones() {
    let removed = log_text("\"0x4\"").replace("false", "true");
    let body = answer(&format!("[{},{removed}]", log_text("\"0x3\"")));
    let Logs(logs) = single::<Logs>(&body).unwrap().unwrap().unwrap();
    assert_eq!(logs.len(), 1);
    let log = &logs[0];
    assert_eq!((log.block.number, log.transaction_index, log.log_index), (BlockNumber(7), 2, 3));
    assert_eq!((log.topics.len(), &log.data[..]), (2, &[1, 2][..]));
    let error = single::<Logs>(&answer(&format!("[{}]", log_text("null")))).unwrap_err();
    assert!(error.contains("without its place"), "{error}");
}

#[test]
fn batches_are_put_in_order_and_incomplete_ones_are_none() {
    let part =
        |id: u64, number: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, header_text(number));
    let body = format!(" [{},{}]", part(1, "0x2"), part(0, "0x1")).into_bytes();
    let headers = batch::<WireHeader>(&body, 2).unwrap().unwrap();
    assert_eq!(headers.iter().flatten().map(|h| h.number.0).collect::<Vec<_>>(), [1, 2]);
    assert!(batch::<WireHeader>(&body, 3).unwrap_err().contains("missing"));
    assert!(batch::<WireHeader>(&body, 1).unwrap_err().contains("not made"));
    let refused = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}"#;
    assert_eq!(batch::<WireHeader>(refused, 2).unwrap().unwrap_err().code, -32600);
    assert!(batch::<WireHeader>(b"<html>", 2).unwrap_err().contains("no JSON-RPC answer"));
}

#[test]
fn words_of_endpoints_are_cut() {
    let error = WireError { code: 1, message: format!("a\nb{}", "c".repeat(5_000)) };
    assert!(error.reason().len() <= 4 * MAX_REASON_CHARS && error.reason().starts_with("a b"));
}

#[test]
fn receipts_of_before_and_after_byzantium_are_read() {
    let receipt = |outcome: &str| {
        let log = log_text("\"0x0\"");
        let body = format!(
            r#"{{"type":"0x2",{outcome},"cumulativeGasUsed":"0x5208","transactionHash":"{}","logs":[{log}]}}"#,
            B256::repeat_byte(3)
        );
        Receipt::from(serde_json::from_str::<WireReceipt>(&body).unwrap())
    };
    assert_eq!(receipt(r#""status":"0x0""#).outcome, Outcome::Status(false));
    let old = receipt(&format!(r#""root":"{}""#, B256::repeat_byte(4)));
    assert_eq!(old.outcome, Outcome::State(B256::repeat_byte(4)));
    assert_eq!((old.transaction_type, old.cumulative_gas_used, old.logs.len()), (2, 21_000, 1));
}
