//! A receipt is worth something because anyone can hold its relayer to it: `wia relayer prove-receipt` against a chain.

use std::path::{Path, PathBuf};
use std::process::Output;

use alloy::primitives::{B256, U256};
use serde_json::{Value, json};
use wia_abi::receipt::{RelayReceipt, RelayRefusal, domain};
use wia_protocol::Timestamp;
use wia_protocol::relay::{Receipt, Refusal, State};
use wia_tests::{Environment, Signed, Wallet, Wia};

use crate::{MILLICREDIT, STRANGER};

/// A folder for the files, and what stands in them.
struct Desk {
    folder: tempfile::TempDir,
    rpc_url: String,
}

impl Desk {
    fn at(env: &Environment) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), rpc_url: env.anvil.url() }
    }

    fn file(&self, name: &str, value: &Value) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path
    }

    /// What the command says of this receipt, with blocks counting from so many confirmations on.
    fn judge(&self, receipt: &Value, message: &Signed, confirmations: u64) -> Output {
        let (receipt, message) = (self.file("receipt", receipt), self.file("message", &message.params));
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let mut command = Wia::command(&["relayer", "prove-receipt", "--json", "--rpc-url", &self.rpc_url]);
        command.args(["--receipt", &path(&receipt), "--message", &path(&message)]);
        command.args(["--confirmations", &confirmations.to_string()]).output().unwrap()
    }

    fn verdict(&self, receipt: &Value, message: &Signed, confirmations: u64) -> (i32, Value) {
        let output = self.judge(receipt, message, confirmations);
        let said = String::from_utf8_lossy(&output.stderr);
        let proof = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
        (output.status.code().unwrap(), proof)
    }
}

/// What a relayer with this key would answer.
fn promise(relayer: &Wallet, chain_id: u64, message: &Signed, include_by_block: u64) -> Value {
    let promise = RelayReceipt {
        relayId: message.id,
        relayer: relayer.address(),
        receivedAt: 5,
        includeByBlock: include_by_block,
    };
    let receipt = Receipt {
        relayer: relayer.address(),
        received_at: Timestamp(5),
        include_by_block,
        signature: relayer.sign_digest(domain(chain_id).digest(&promise)),
    };
    json!({ "relayId": message.id, "receipt": receipt })
}

/// And how it would take it back.
fn refusal(relayer: &Wallet, chain_id: u64, relay_id: B256, block: u64) -> Value {
    let reason = "it says so".to_owned();
    let refusal = RelayRefusal {
        relayId: relay_id,
        relayer: relayer.address(),
        refusedAt: 6,
        blockNumber: block,
        reason: reason.clone(),
    };
    let signature = relayer.sign_digest(domain(chain_id).digest(&refusal));
    let refusal = Refusal { relayer: relayer.address(), refused_at: Timestamp(6), block, reason, signature };
    serde_json::to_value(refusal).unwrap()
}

#[tokio::test]
async fn a_receipt_of_the_relayer_is_found_kept() {
    let env = Environment::start().await;
    let (desk, mut relay) = (Desk::at(&env), env.relay().await);
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    let receipt = serde_json::to_value(relay.accepted(&paid).await).unwrap();
    let mined = relay.until(&[paid.id], State::Mined).await.remove(&paid.id).unwrap();
    let (code, proof) = desk.verdict(&receipt, &paid, 1);
    assert_eq!((code, &proof["verdict"]), (0, &json!("kept")), "{proof}");
    assert_eq!(proof["outcomes"][0]["transactionHash"], json!(mined.tx_hash), "{proof}");
    assert_eq!(proof["outcomes"][0]["what"], "executed");
    let (code, proof) = desk.verdict(&receipt, &paid, 1_000_000);
    assert_eq!((code, &proof["verdict"]), (4, &json!("notYetDue")), "{proof}");

    // Of another message, or with another promise, it is nobody's.
    let other = desk.judge(&receipt, &env.wallet(1).pay(STRANGER, MILLICREDIT), 1);
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(other.status.code() == Some(1) && said.contains("do not belong together"), "{said}");
    let mut better = receipt.clone();
    better["receipt"]["includeByBlock"] = json!(1);
    let forged = desk.judge(&better, &paid, 1);
    let said = String::from_utf8_lossy(&forged.stderr);
    assert!(forged.status.code() == Some(1) && said.contains("receipt.signature"), "{said}");
}

#[tokio::test]
async fn a_broken_promise_is_proved_and_an_excuse_is_checked() {
    let env = Environment::start().await;
    let (desk, chain_id) = (Desk::at(&env), env.ready().chain_id);
    let (idle, head) = (env.wallet(3), env.chain().head().await);

    // Promised, and nothing was done.
    let never = env.wallet(2).pay(STRANGER, MILLICREDIT);
    let receipt = promise(&idle, chain_id, &never, 1);
    let (code, proof) = desk.verdict(&receipt, &never, 1);
    assert_eq!((code, &proof["verdict"]), (3, &json!("broken")), "{proof}");
    assert_eq!((&proof["relayId"], &proof["outcomes"]), (&json!(never.id), &json!([])));
    assert_eq!(proof["blocks"][0]["number"], 1);
    assert!(proof["blocks"][0]["hash"].is_string() && proof["receipt"]["signature"].is_string());
    let later = promise(&idle, chain_id, &never, head + 1_000_000);
    assert_eq!(desk.verdict(&later, &never, 1).1["verdict"], "notYetDue");

    // A refusal is worth what the chain says: this message would have been executed.
    let mut refused = promise(&idle, chain_id, &never, head);
    refused["refusal"] = refusal(&idle, chain_id, never.id, head);
    let (code, proof) = desk.verdict(&refused, &never, 1);
    assert_eq!((code, &proof["verdict"]), (3, &json!("broken")), "{proof}");
    assert!(proof["because"].as_str().unwrap().contains("would have been executed"), "{proof}");
    // This one not: there is no such money.
    let beyond = env.wallet(2).pay(STRANGER, MILLICREDIT * U256::from(1_000_000_000_u64));
    let mut refused = promise(&idle, chain_id, &beyond, head);
    refused["refusal"] = refusal(&idle, chain_id, beyond.id, head);
    let (code, proof) = desk.verdict(&refused, &beyond, 1);
    assert_eq!((code, &proof["verdict"]), (0, &json!("excused")), "{proof}");
    assert!(proof["because"].as_str().unwrap().contains("ERC20InsufficientBalance"), "{proof}");

    // Nor can a relayer do anything about a signer that uses the nonce twice.
    let mut relay = env.relay().await;
    let wallet = env.wallet(4);
    let first = wallet.pay(STRANGER, MILLICREDIT);
    let mut rival = first.message.clone();
    rival.value += U256::from(1);
    let rival = wallet.sign(rival);
    relay.accepted(&first).await;
    let block = relay.until(&[first.id], State::Mined).await[&first.id].block.unwrap();
    let receipt = promise(&idle, chain_id, &rival, block);
    let (code, proof) = desk.verdict(&receipt, &rival, 1);
    assert_eq!((code, &proof["verdict"]), (0, &json!("excused")), "{proof}");
    assert_eq!(proof["outcomes"][0]["what"], "nonceSpent", "{proof}");
}
