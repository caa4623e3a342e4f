//! What a submission must look like, and that every refusal names the field.

use super::*;

pub(super) fn params() -> Value {
    json!({
        "chainId": "31337",
        "contract": "CarbonCredit",
        "action": "TransferWithAuthorization",
        "message": {
            "from": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "to": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
            "value": "1500000000000000000",
            "validAfter": "0",
            "validBefore": "1900000000",
            "nonce": format!("0x{}", "ab".repeat(32)),
        },
        "signature": format!("0x{}", "11".repeat(65)),
    })
}

#[test]
fn a_submission_reads_back_as_it_was() {
    let submission = Submission::parse(&params()).unwrap();
    assert_eq!(submission.chain_id, 31337);
    assert_eq!(Submission::parse(&submission.to_params()).unwrap(), submission);
}

#[test]
fn a_chain_id_may_be_a_json_number() {
    let mut number = params();
    number["chainId"] = json!(31337);
    assert_eq!(Submission::parse(&number).unwrap(), Submission::parse(&params()).unwrap());
}

#[test]
fn every_malformed_field_is_named() {
    let cases: [(&str, &str, Value); 17] = [
        ("/chainId", "chainId", json!("0x7a69")),
        ("/chainId", "chainId", json!(-1)),
        ("/contract", "contract", json!(7)),
        ("/action", "action", json!("Steal")),
        ("/action", "action", json!("ReceiveWithAuthorization")),
        ("/message", "message", json!([])),
        ("/message/from", "from", json!("0x1234")),
        ("/message/to", "to", json!("70997970C51812dc3A010C7d01b50e0d17dc79C8")),
        ("/message/value", "value", json!(1.5)),
        ("/message/value", "value", json!(15)),
        ("/message/value", "value", json!("-1")),
        ("/message/value", "value", json!("1".repeat(79))),
        ("/message/validAfter", "validAfter", json!("007")),
        ("/message/validBefore", "validBefore", json!("")),
        ("/message/nonce", "nonce", json!("0x00")),
        ("/signature", "signature", json!("0x1")),
        ("/signature", "signature", json!("1111")),
    ];
    for (path, field, value) in cases {
        let mut bad = params();
        *bad.pointer_mut(path).unwrap() = value.clone();
        let error = Submission::parse(&bad).unwrap_err();
        assert_eq!(error.code, -32602);
        assert_eq!(error.data.unwrap()["field"], field, "{path} = {value}");
    }
}

#[test]
fn missing_and_unknown_members_are_named() {
    for field in ["chainId", "contract", "action", "message", "signature"] {
        let mut bad = params();
        bad.as_object_mut().unwrap().remove(field);
        assert_eq!(Submission::parse(&bad).unwrap_err().data.unwrap()["field"], field);
    }
    let mut bad = params();
    bad["message"]["memo"] = json!("hi");
    let data = Submission::parse(&bad).unwrap_err().data.unwrap();
    assert_eq!(data["field"], "memo");
    assert!(data["reason"].as_str().unwrap().contains("validBefore"), "{data}");
}

#[test]
fn watch_and_status_queries_read_back() {
    let id = format!("0x{}", "cd".repeat(32));
    let query = StatusQuery::parse(&json!({"relayId": id, "after": 2, "waitMs": 8000})).unwrap();
    assert_eq!((query.after, query.wait_ms), (Some(2), 8000));
    assert_eq!(StatusQuery::parse(&query.to_params()).unwrap(), query);
    assert!(StatusQuery::parse(&json!({"relayId": id, "waitMs": 8001})).is_err());
    assert!(matches!(Watch::parse(&json!({"relayIds": [id]})).unwrap(), Watch::Ids(ids) if ids.len() == 1));
    for (bad, field) in [
        (json!({}), "relayIds"),
        (json!({"relayIds": []}), "relayIds"),
        (json!({"address": "0x"}), "address"),
    ] {
        assert_eq!(Watch::parse(&bad).unwrap_err().data.unwrap()["field"], field);
    }
}

#[test]
fn an_id_that_is_named_again_counts_once() {
    let [one, two] = [1, 2].map(B256::repeat_byte);
    let watch = Watch::parse(&json!({"relayIds": [one, two, one, one, two]})).unwrap();
    assert_eq!(watch, Watch::Ids(vec![one, two]), "in the order in which they were named first");
}
