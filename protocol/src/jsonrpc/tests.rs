//! The examples of the JSON-RPC 2.0 specification, and the refusals of C-117.

use super::*;

fn refusal(frame: &str) -> Value {
    serde_json::to_value(parse(frame).unwrap_err()).unwrap()
}

fn single(frame: &str) -> Element {
    match parse(frame).unwrap() {
        Frame::Single(element) => element,
        Frame::Batch(_) => panic!("not a single call"),
    }
}

#[test]
fn a_call_with_an_id_is_a_request_and_one_without_is_a_notification() {
    let call = single(r#"{"jsonrpc":"2.0","id":"req_1","method":"m","params":{"a":1}}"#).unwrap();
    let id = serde_json::to_value(call.id.unwrap()).unwrap();
    assert_eq!((id, call.method.as_str(), call.params), (json!("req_1"), "m", json!({"a":1})));
    assert_eq!(single(r#"{"jsonrpc":"2.0","method":"m"}"#).unwrap().id, None);
    // An explicit null is an id: it is answered.
    assert_eq!(single(r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#).unwrap().id, Some(Id::null()));
}

#[test]
fn an_id_goes_back_digit_by_digit() {
    for id in ["12345678901234567890123", "1.50", "-0", "1e400", "\"\\u00e9\"", "null"] {
        let call = single(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#)).unwrap();
        let reply = serde_json::to_string(&Reply::new(call.id.unwrap(), Ok(json!(1)))).unwrap();
        assert_eq!(reply, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":1}}"#));
    }
}

#[test]
fn what_is_not_json_is_a_parse_error_with_id_null() {
    let reply = refusal("{\"jsonrpc\": \"2.0\", \"method\"");
    assert_eq!((&reply["error"]["code"], &reply["id"]), (&json!(-32700), &Value::Null));
    assert_eq!(reply["error"]["data"]["field"], "message");
}

#[test]
fn an_empty_or_too_long_batch_is_an_invalid_request() {
    assert_eq!(refusal("[]")["error"]["code"], -32600);
    let long = format!("[{}]", vec!["1"; MAX_BATCH + 1].join(","));
    assert!(refusal(&long)["error"]["data"]["reason"].as_str().unwrap().contains("101 calls"));
}

#[test]
fn each_element_of_a_batch_stands_for_itself() {
    let Frame::Batch(items) =
        parse(r#"[1, {"jsonrpc":"2.0","method":"n"}, {"jsonrpc":"2.0","id":7}]"#).unwrap()
    else {
        panic!("not a batch")
    };
    assert_eq!(serde_json::to_value(items[0].as_ref().unwrap_err()).unwrap()["error"]["code"], -32600);
    assert_eq!(items[1].as_ref().unwrap().method, "n");
    let third = serde_json::to_value(items[2].as_ref().unwrap_err()).unwrap();
    assert_eq!((&third["id"], &third["error"]["data"]["field"]), (&json!(7), &json!("method")));
}

#[test]
fn malformed_members_are_named() {
    for (frame, field) in [
        (r#"{"id":1,"method":"m"}"#, "jsonrpc"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, "jsonrpc"),
        (r#"{"jsonrpc":"2.0","id":1,"method":2}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":"p"}"#, "params"),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#, "id"),
        ("1", "message"),
    ] {
        let reply = serde_json::to_value(single(frame).unwrap_err()).unwrap();
        assert_eq!(reply["error"]["code"], -32600, "{frame}");
        assert_eq!(reply["error"]["data"]["field"], field, "{frame}");
    }
}

#[test]
fn replies_and_pushes_have_the_members_of_the_specification_and_no_others() {
    let ok = Reply::new(Id("\"req_123\"".into()), Ok(json!({"subscribed": true})));
    assert_eq!(
        serde_json::to_string(&ok).unwrap(),
        r#"{"jsonrpc":"2.0","id":"req_123","result":{"subscribed":true}}"#
    );
    let error = Reply::new(Id("1".into()), Err(RpcError::invalid("symbols", "Array cannot be empty")));
    assert_eq!(
        serde_json::to_value(&error).unwrap(),
        json!({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params",
            "data":{"field":"symbols","reason":"Array cannot be empty"}}})
    );
    let push = Notification::new("wallet.balance_changed", json!({"a": 1})).text();
    assert_eq!(push, r#"{"jsonrpc":"2.0","method":"wallet.balance_changed","params":{"a":1}}"#);
}

#[test]
fn the_error_table_is_c_117_and_c_118() {
    use Code::*;
    let all = [
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        InternalError,
        ServerError,
        Unauthorized,
        Forbidden,
        NotFound,
    ];
    let codes: Vec<i64> = all.iter().map(|c| c.row().0).collect();
    assert_eq!(codes, [-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32003]);
}
