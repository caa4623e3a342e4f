//! What a submission must look like, and that every refusal names the field.

use alloy::primitives::U256;

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

/// A message of that action with a value for each member.
fn message_of(action: &wia_abi::Action) -> Value {
    use wia_abi::action::Kind;
    let value = |kind| match kind {
        Kind::Address => json!("0x70997970c51812dc3a010c7d01b50e0d17dc79c8"),
        Kind::Uint(8) => json!("255"),
        Kind::Uint(_) => json!("1099511627775"),
        Kind::FixedBytes(length) => json!(format!("0x{}", "ab".repeat(length))),
        Kind::Text => json!("Müller \"&\" Söhne\u{0}"),
        Kind::Addresses => json!(["0x70997970c51812dc3a010c7d01b50e0d17dc79c8"]),
    };
    let members = action.members.iter().map(|m| (m.name.to_owned(), value(m.kind)));
    Value::Object(members.collect())
}

#[test]
fn a_message_of_every_action_reads_back_in_its_one_form() {
    for action in wia_abi::action::all() {
        let mut params = params();
        (params["action"], params["message"]) = (json!(action.name), message_of(action));
        let submission = Submission::parse(&params).unwrap();
        assert_eq!(submission.to_params(), params, "{}", action.name);
        // And over libp2p.
        let cbor = crate::cbor::encode(&params).unwrap();
        assert!(cbor.len() <= MAX_MESSAGE_BYTES, "{}", action.name);
        assert_eq!(crate::cbor::decode(&cbor).unwrap(), params, "{}", action.name);
    }
}

#[test]
fn the_members_of_every_action_are_named_when_they_are_wrong() {
    use wia_abi::action::Kind;
    for action in wia_abi::action::all() {
        for member in &action.members {
            let wrong = match member.kind {
                Kind::Address => vec![json!("0x12"), json!(null), json!(["0x12"])],
                Kind::Uint(256) => vec![json!(7), json!("0x7"), json!("-7"), json!("1".repeat(79))],
                Kind::Uint(bits) => vec![json!(7), json!((U256::ONE << bits).to_string())],
                Kind::FixedBytes(length) => {
                    vec![
                        json!(7),
                        json!(format!("0x{}", "ab".repeat(length + 1))),
                        json!("ab".repeat(length)),
                    ]
                }
                Kind::Text => vec![json!(7), json!(null), json!("x".repeat(1_025))],
                Kind::Addresses => vec![
                    json!([]),
                    json!("0x70997970c51812dc3a010c7d01b50e0d17dc79c8"),
                    json!(["0x12"]),
                    json!(vec!["0x70997970c51812dc3a010c7d01b50e0d17dc79c8"; 33]),
                ],
            };
            for value in wrong.into_iter().map(Some).chain([None]) {
                let mut bad = params();
                (bad["action"], bad["message"]) = (json!(action.name), message_of(action));
                let members = bad["message"].as_object_mut().unwrap();
                members.remove(member.name);
                members.extend(value.clone().map(|value| (member.name.to_owned(), value)));
                let error = Submission::parse(&bad).unwrap_err();
                let on = format!("{} of {} = {value:?}", member.name, action.name);
                assert_eq!(
                    (error.code, &error.data.unwrap()["field"]),
                    (-32602, &json!(member.name)),
                    "{on}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_relayed_says_what_to_do_instead() {
    for (name, instead) in [
        ("ReceiveWithAuthorization", "sign TransferWithAuthorization"),
        ("CancelAuthorization", "call cancelAuthorization"),
        ("Permit", "call permit"),
        ("SecondLifeAuthorization", "call beginSecondLife"),
        ("Vote", "call voteWithSignature"),
        ("Order", "CancelOrderAuthorization"),
        ("Steal", "the actions are: TransferWithAuthorization, RetireAuthorization,"),
    ] {
        let mut bad = params();
        bad["action"] = json!(name);
        let data = Submission::parse(&bad).unwrap_err().data.unwrap();
        assert_eq!(data["field"], "action");
        assert!(data["reason"].as_str().unwrap().contains(instead), "{data}");
    }
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
