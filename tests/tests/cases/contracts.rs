//! The contract's toolchain and its other users: forge tells the truth, the artifact is what the source says, Rust and
//! forge deploy to the same address, and a wallet on ethers-contract drives the same contract.

mod battery;
mod consent;
mod deploy;
mod exchange;
mod relayed;
mod web3;

use alloy::primitives::{Address, address};
use serde_json::Value;
use tokio::process::Command;
use wia_abi::create2::Settings;
use wia_tests::{Environment, output};

#[tokio::test]
async fn forges_exit_code_tells_a_failing_test() {
    output(Command::new("contracts/tools/check-exit-code")).await;
}

#[tokio::test]
async fn the_committed_artifact_is_what_the_source_compiles_to() {
    let mut artifacts = Command::new("contracts/tools/artifacts");
    artifacts.arg("--check");
    output(artifacts).await;
}

#[tokio::test]
async fn what_explorers_are_given_compiles_to_the_committed_bytecode() {
    let mut sources = Command::new("contracts/tools/standard-json");
    sources.args(["--check", "RelayBatcher", "TestUSD"]);
    output(sources).await;
}

#[tokio::test]
async fn forge_and_rust_deploy_to_the_same_address() {
    const ADMIN: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    const ADMIN_DELAY_S: u64 = 172_800;
    let script = "contracts/script/Deploy.s.sol";
    let mut forge = Command::new("contracts/tools/foundry");
    forge.args(["forge", "script", script, "--sig", "predict()", "--root", "contracts"]);
    forge.env("WIA_ADMIN", ADMIN.to_string()).env("WIA_ADMIN_DELAY_S", ADMIN_DELAY_S.to_string());
    let printed = output(forge).await;
    let settings = Settings { admin: ADMIN, admin_delay_s: ADMIN_DELAY_S, gated: true, test_tokens: true };
    for plan in wia_abi::create2::plans(&settings) {
        let line = format!("{} {}", plan.name, plan.address());
        assert!(printed.contains(&line), "{line} is not in {printed}");
    }
}

#[tokio::test]
async fn a_wallet_on_ethers_contract_reads_and_writes_the_same_contract() {
    let env = Environment::start().await;
    let mut wallet = interop();
    wallet.args([env.anvil.url(), env.contract().to_string()]);
    wallet.env("WALLET_KEY", &env.ready().accounts[6].private_key);
    let printed: Value = serde_json::from_str(&output(wallet).await).unwrap();
    assert_eq!(printed["transferWithAuthorization"]["valueWei"], "1500000000000000000", "{printed}");
}

/// `tests/ethers-interop`: the binary that `WIA_ETHERS_INTEROP` names, else built here and now.
fn interop() -> Command {
    if let Some(binary) = std::env::var_os("WIA_ETHERS_INTEROP") {
        return Command::new(binary);
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--locked", "--manifest-path", "tests/ethers-interop/Cargo.toml", "--"]);
    cargo
}
