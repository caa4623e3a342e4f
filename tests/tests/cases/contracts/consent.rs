//! Consents by several parties (E-091…E-093): an anchorer, five approvers and a submitter, all on viem.

use serde_json::json;
use wia_tests::{Client, Environment, repository};

use crate::indexer::notified;

#[tokio::test]
async fn three_of_five_approvers_on_viem_grant_and_nothing_less_does() {
    // Its own: it sends from accounts that other cases send from, too.
    let env = Environment::start().await;
    let accounts = &env.ready().accounts;
    let approvers: Vec<&str> = accounts[4..9].iter().map(|a| a.private_key.as_str()).collect();
    let variables = [
        ("ANCHORER_KEY", accounts[9].private_key.clone()),
        ("SUBMITTER_KEY", accounts[3].private_key.clone()),
        ("APPROVER_KEYS", approvers.join(",")),
    ];
    let contract = env.ready().contracts["ConsentAnchor"].to_string();
    let artifacts = repository().join("abi/artifacts");
    let artifacts = artifacts.to_str().expect("a path of text");
    let rpc_url = env.anvil.url();
    let arguments = ["--url", &rpc_url, "--contract", &contract, "--artifacts", artifacts];
    let lines = Client::node_with("consent.mjs", &arguments, &variables).finish().await;

    const ACTIVE: u8 = 1;
    const REVOKED: u8 = 4;
    let expected = [
        json!({ "status": ACTIVE, "valid": true }),
        json!({ "votes": 2, "granted": false, "actionable": false }),
        json!({ "again": { "counted": "0" } }),
        json!({ "replayed": "RequestNotOpened" }),
        json!({ "stranger": "NotAnApprover" }),
        json!({ "votes": 3, "granted": true, "actionable": true }),
        json!({ "status": REVOKED, "valid": false, "actionable": false }),
    ];
    assert_eq!(lines, expected);

    // And as the consent document's messages, to an outside subscriber.
    let anchorer = accounts[9].address.to_string();
    let anchored = notified(&env, "ConsentAnchor", "ConsentAnchored", &anchorer).await;
    let revoked = notified(&env, "ConsentAnchor", "ConsentRevoked", &anchorer).await;
    for told in [&anchored, &revoked] {
        assert_eq!([&told["version"], &told["type"]], ["1.0.0", "EVENT_NOTIFICATION"], "{told}");
        assert_eq!(told["sender"]["type"], "contract");
        assert!(told["messageId"].as_str().is_some_and(|id| id.starts_with("MSG-")), "{told}");
    }
    let (anchored, revoked) = (&anchored["payload"], &revoked["payload"]);
    assert_eq!(
        [&anchored["eventType"], &anchored["consentLevel"]],
        ["consent_anchored", "family_interaction"]
    );
    assert_eq!(anchored["threshold"], 3);
    assert_eq!(revoked["eventType"], "consent_revoked");
    assert_eq!([&revoked["consentId"], &revoked["revokedBy"]], [&anchored["consentId"], &json!(anchorer)]);
}
