//! The battery document's chain section (B-110…B-117): its own ABI, driven by ethers.

use serde_json::{Value, json};
use wia_tests::{Client, Environment};

use crate::indexer::notified;

#[tokio::test]
async fn ethers_registers_verifies_updates_and_hands_over_by_the_documents_own_abi() {
    const ID: &str = "BAT-2025-LI-001234";
    let env = Environment::shared().await;
    let (owner, buyer) = (&env.ready().accounts[9], env.ready().accounts[2].address.to_string());
    let contract = env.ready().contracts["BatteryPassport"].to_string();
    let rpc_url = env.anvil.url();
    let arguments = ["--url", &rpc_url, "--contract", &contract, "--battery", ID, "--to", &buyer];
    let lines = Client::node("battery.mjs", &arguments, &owner.private_key).finish().await;

    let owner = owner.address.to_string();
    let hashes = lines[10]["auditTrail"].clone();
    let told = |line: &Value, event: &str| line["events"][0][event].clone();
    assert_eq!(
        told(&lines[0], "BatteryRegistered"),
        json!({ "batteryId": ID, "manufacturer": owner, "dataHash": hashes[0] })
    );
    assert_eq!(lines[1], json!({ "refused": "Battery already registered" }));
    assert_eq!([&lines[2]["isValid"], &lines[3]["isValid"]], [true, false]);
    assert_eq!(told(&lines[4], "DataUpdated")["newHash"], hashes[1]);
    assert_eq!(lines[5], json!({ "isValid": true }));
    let handed_over = json!({ "batteryId": ID, "from": owner, "to": buyer });
    assert_eq!(told(&lines[6], "OwnershipTransferred"), handed_over);
    assert_eq!(lines[7], json!({ "refused": "Not authorized" }));
    assert_eq!(lines[8], json!({ "refused": "Not current owner" }));
    let passport = &lines[9]["passport"];
    assert_eq!(
        [&passport["batteryId"], &passport["dataHash"], &passport["manufacturer"], &passport["currentOwner"]],
        [&json!(ID), &hashes[1], &json!(owner), &json!(buyer)]
    );
    assert_eq!(lines[11], json!({ "pastTheEnd": true }));

    // And as the battery document's updates, to an outside subscriber.
    for (event, account, kind) in [
        ("BatteryRegistered", &owner, "battery_registered"),
        ("OwnershipTransferred", &buyer, "ownership_transfer"),
    ] {
        let told = notified(&env, "BatteryPassport", event, account).await;
        assert_eq!([&told["batteryId"], &told["eventType"], &told["type"]], [ID, kind, kind], "{told}");
        assert!(told["messageId"].as_str().is_some_and(|id| id.starts_with("msg-")), "{told}");
        assert!(told["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{told}");
    }
}
