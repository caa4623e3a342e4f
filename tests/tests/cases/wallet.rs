//! `wia wallet` as a person uses it: keys that nobody sees, a balance, a transfer over QUIC, the stream in a terminal.

mod receipts;

use std::path::Path;
use std::process::Command;

use wia_tests::{Client, Environment, Wia, output};

use crate::MILLICREDIT;

#[tokio::test]
async fn a_key_is_made_paid_and_pays() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let mut new = wallet(&env, &["new", "mine"]);
    keystore(&mut new, folder.path(), &password);
    let printed = output(new).await;
    let mine: alloy::primitives::Address = printed.split_whitespace().next().unwrap().parse().unwrap();

    let mut pay_me =
        wallet(&env, &["transfer", "--from-dev", "1", "--amount", "2", "--to", &mine.to_string()]);
    let quic = relay_addresses(&env).await.into_iter().find(|a| a.contains("/quic-v1/")).unwrap();
    pay_me.args(["--via", "p2p", "--peer", &quic]);
    let said = output(pay_me).await;
    for word in ["accepted", "submitted", "mined", "final", "0 -> 2 WCCM", "1000 -> 998 WCCM"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }

    let stranger = crate::STRANGER.to_string();
    let mut i_pay = wallet(&env, &["transfer", "--from", "mine", "--amount", "0.5", "--to", &stranger]);
    keystore(&mut i_pay, folder.path(), &password);
    let said = output(i_pay).await;
    assert!(said.contains("2 -> 1.5 WCCM"), "{said}");
    assert_eq!(output(wallet(&env, &["balance", &mine.to_string()])).await, "1.5 WCCM\n");
    assert_eq!(env.chain().balance(mine).await, MILLICREDIT * alloy::primitives::U256::from(1_500));

    std::fs::write(&password, "wrong").unwrap();
    let mut wrong = wallet(&env, &["transfer", "--from", "mine", "--amount", "0.5", "--to", &stranger]);
    keystore(&mut wrong, folder.path(), &password);
    let refused = wrong.output().unwrap();
    assert!(!refused.status.success() && !refused.stderr.is_empty());
}

#[tokio::test]
async fn an_imported_key_is_kept_encrypted_and_never_printed() {
    let env = Environment::shared().await;
    let folder = tempfile::tempdir().unwrap();
    let (password, key_file) = (folder.path().join("password"), folder.path().join("key"));
    let key = &env.ready().accounts[5].private_key;
    std::fs::write(&password, "correct horse").unwrap();
    std::fs::write(&key_file, key).unwrap();
    let mut import = wallet(&env, &["import", "old", "--key-file", key_file.to_str().unwrap()]);
    keystore(&mut import, folder.path(), &password);
    let printed = output(import).await;
    assert!(printed.contains(&env.ready().accounts[5].address.to_string()), "{printed}");
    let kept = std::fs::read_to_string(folder.path().join("keys/old")).unwrap();
    let digits = key.trim_start_matches("0x");
    assert!(!printed.contains(digits) && !kept.to_lowercase().contains(digits), "the key is readable");
    let mut twice = wallet(&env, &["import", "old", "--key-file", key_file.to_str().unwrap()]);
    keystore(&mut twice, folder.path(), &password);
    assert!(!twice.output().unwrap().status.success(), "an existing key is not written over");
    assert_eq!(std::fs::read_to_string(folder.path().join("keys/old")).unwrap(), kept);
}

#[tokio::test]
async fn follow_prints_what_a_subscriber_sees() {
    let env = Environment::shared().await;
    let token = env.data().join("dev-token");
    let node = env.ready().http_url.clone();
    let follow = ["wallet", "follow", "--json", "--token-file", token.to_str().unwrap(), "--node", &node];
    let mut follower = Client::wia(&follow);
    let paid = env.wallet(9).pay(crate::STRANGER, MILLICREDIT);
    follower.says("subscribed").await;
    env.relay().await.accepted(&paid).await;
    let own = env.wallet(9).address().to_string();
    follower.lines_until(|push| push["params"]["address"] == own).await;
}

fn wallet(env: &Environment, arguments: &[&str]) -> Command {
    let mut command = Wia::command(&["wallet"]);
    command.args(arguments);
    if arguments[0] != "new" && arguments[0] != "import" {
        command.args(["--node", &env.ready().http_url]);
    }
    command
}

fn keystore(command: &mut Command, folder: &Path, password: &Path) {
    command.arg("--keystore").arg(folder.join("keys")).arg("--password-file").arg(password);
}

async fn relay_addresses(env: &Environment) -> Vec<String> {
    let info = env.relay().await.socket.call("relay.info", serde_json::json!({})).await.unwrap();
    serde_json::from_value(info["p2p"].clone()).unwrap()
}
