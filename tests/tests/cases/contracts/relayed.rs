//! The other signed actions on the relay's main line: outside wallets sign what `abi/typed-data.json` publishes, hand it in over
//! WebSocket, and everyone sees what came of it.

use alloy::primitives::keccak256;
use serde_json::{Value, json};
use wia_tests::{Account, Client, Environment, cast};

use crate::indexer::notified;
use crate::transfers::followed_to_finality;

#[tokio::test]
async fn ethers_registers_a_battery_that_somebody_else_pays_the_gas_for() {
    const ID: &str = "BAT-2026-LI-000042";
    let env = Environment::shared().await;
    let maker = &env.ready().accounts[4];
    let hash = keccak256("passport");
    let message = json!({ "batteryId": ID, "dataHash": hash });
    let lines =
        submit(&env, "submit-ethers.mjs", maker, "BatteryPassport", "RegisterBatteryAuthorization", &message);
    let transaction = followed_to_finality(lines.finish().await);
    let sender = cast(&["tx", transaction.as_str().unwrap(), "from", "--rpc-url", &env.anvil.url()]).await;
    assert_ne!(sender.trim().to_lowercase(), maker.address.to_string().to_lowercase(), "the relayer sent it");
    assert_eq!(
        ask(&env, "BatteryPassport", "verifyData(string,bytes32)(bool)", &[ID, &hash.to_string()]).await,
        "true"
    );
    let told = notified(&env, "BatteryPassport", "BatteryRegistered", &maker.address.to_string()).await;
    assert_eq!([&told["batteryId"], &told["eventType"]], [ID, "battery_registered"], "{told}");
}

#[tokio::test]
async fn viem_anchors_a_consent_and_asks_its_approvers() {
    let env = Environment::shared().await;
    let anchorer = &env.ready().accounts[5];
    let mut members = [6, 7].map(|account| env.ready().accounts[account].address);
    members.sort();
    let list = format!("[{},{}]", members[0], members[1]);
    let approvers = ask(&env, "ConsentAnchor", "approversHash(address[])(bytes32)", &[&list]).await;
    let commitment = keccak256("a salted consent");
    let far = u64::from(u32::MAX).to_string();
    let terms = json!({
        "commitment": commitment, "level": "2", "expiry": far, "approversHash": approvers, "threshold": "2",
        "guardian": "0x0000000000000000000000000000000000000000",
    });
    let lines = submit(&env, "submit-viem.mjs", anchorer, "ConsentAnchor", "AnchorAuthorization", &terms);
    followed_to_finality(lines.finish().await);

    let operation = keccak256("speak at the memorial");
    // The set stands in the message, and is not signed.
    let request =
        json!({ "commitment": commitment, "operationHash": operation, "deadline": far, "members": members });
    let lines = submit(&env, "submit-viem.mjs", anchorer, "ConsentAnchor", "OpenAuthorization", &request);
    followed_to_finality(lines.finish().await);
    let signature = "consentKeyOf(address,bytes32)(bytes32)";
    let key =
        ask(&env, "ConsentAnchor", signature, &[&anchorer.address.to_string(), &commitment.to_string()])
            .await;
    let asked = format!("({key},0,{operation},{far})");
    let id =
        ask(&env, "ConsentAnchor", "requestIdOf((bytes32,uint32,bytes32,uint40))(bytes32)", &[&asked]).await;
    let record =
        ask(&env, "ConsentAnchor", "requestOf(bytes32)((uint8,uint40,uint8,uint8,uint32,uint32))", &[&id])
            .await;
    assert!(record.starts_with("(1,"), "open: {record}");
}

fn submit(
    env: &Environment,
    script: &str,
    by: &Account,
    contract: &str,
    action: &str,
    message: &Value,
) -> Client {
    let (url, message) = (&env.ready().relay_url, message.to_string());
    let arguments = ["--url", url, "--contract", contract, "--action", action, "--message", &message];
    Client::node(script, &arguments, &by.private_key)
}

async fn ask(env: &Environment, contract: &str, signature: &str, arguments: &[&str]) -> String {
    let (contract, url) = (env.ready().contracts[contract].to_string(), env.anvil.url());
    let call = ["call", &contract, signature];
    cast(&[&call, arguments, &["--rpc-url", &url]].concat()).await.trim().to_owned()
}
