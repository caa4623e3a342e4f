//! `wia deploy` as an operator uses it: it shows before it does, refuses before it sends, does everything once.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256, address};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use tempfile::TempDir;
use wia_abi::create2::{Plan, Settings};
use wia_abi::{Deployment, create2};
use wia_tests::{Anvil, Explorer, Wia, wait_until};

/// Admin of the test's network, whose key nobody here has.
const ADMIN: Address = address!("0x00000000000000000000000000000000000AD214");

/// anvil's second account.
const LANE: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");

const PATIENCE: Duration = Duration::from_secs(30);

/// A chain, a folder, a network that is that chain.
struct Site {
    anvil: Anvil,
    provider: DynProvider,
    folder: TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let anvil = Anvil::start(folder.path()).await;
        let provider = ProviderBuilder::new().connect_http(anvil.url().parse().unwrap()).erased();
        Self { anvil, provider, folder }
    }

    /// `wia deploy` for the network `here`: chain 31337 unless `overrides` (TOML lines) say otherwise. Without a
    /// keystore it is paid by anvil's first account.
    fn deploy(&self, overrides: &str, arguments: &[&str]) -> Command {
        let networks = self.folder.path().join("networks.toml");
        let text = format!(
            "[defaults]\nadmin = \"{ADMIN}\"\nadmin_delay_s = 5\ngated = true\ntest_tokens = true\nlegacy = false\n\
             confirmations = 1\nreceipt_timeout_s = 20\ncurrency = \"ETH\"\ngrants = []\n\
             [networks.here]\nchain_id = 31337\nrpc_url = \"{}\"\n",
            self.anvil.url(),
        );
        let mut table: toml::Table = text.parse().unwrap();
        let overrides: toml::Table = overrides.parse().unwrap();
        table["networks"]["here"].as_table_mut().unwrap().extend(overrides);
        std::fs::write(&networks, table.to_string()).unwrap();
        let mut command = Wia::command(&["deploy", "--network", "here", "--networks"]);
        command.arg(networks).arg("--data-dir").arg(self.folder.path().join("data"));
        command.arg("--deployments").arg(self.folder.path().join("deployments"));
        command.args(arguments);
        command
    }

    fn plans(&self) -> Vec<Plan> {
        create2::plans(&Settings { admin: ADMIN, admin_delay_s: 5, gated: true, test_tokens: true })
    }

    fn deployment_file(&self) -> PathBuf {
        self.folder.path().join("deployments/31337.json")
    }

    fn deployment(&self) -> Deployment {
        serde_json::from_str(&std::fs::read_to_string(self.deployment_file()).unwrap()).unwrap()
    }

    /// The signed bytes and hashes that the journal holds.
    fn journal(&self) -> Vec<Value> {
        let path = self.folder.path().join("data/deploy/31337.json");
        let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
        serde_json::from_str::<Value>(&text).unwrap()["transactions"].as_array().unwrap().clone()
    }

    async fn sent_by(&self, account: Address) -> u64 {
        self.provider.get_transaction_count(account).await.unwrap()
    }

    /// anvil's first account, who pays.
    async fn payer(&self) -> Address {
        self.provider.get_accounts().await.unwrap()[0]
    }

    /// A new key in a keystore, with so much to pay with.
    async fn keystore(&self, wei: U256) -> (Address, [String; 4]) {
        let password = self.folder.path().join("password");
        std::fs::write(&password, "correct horse\n").unwrap();
        let key = PrivateKeySigner::random();
        let file = self.folder.path().join("key");
        std::fs::write(&file, key.to_bytes().to_string()).unwrap();
        let keys = self.folder.path().join("keys");
        let mut import = Wia::command(&["wallet", "import", "deployer", "--key-file"]);
        import.arg(&file).arg("--keystore").arg(&keys).arg("--password-file").arg(&password);
        good(&mut import);
        self.provider.anvil_set_balance(key.address(), wei).await.unwrap();
        let text = |path: &Path| path.display().to_string();
        let flags =
            ["--keystore".into(), text(&keys.join("deployer")), "--password-file".into(), text(&password)];
        (key.address(), flags)
    }
}

/// Standard output of a command that must end well.
fn good(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Standard error of a command that must be refused.
fn refused(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(!status.success(), "{}", String::from_utf8_lossy(&stdout));
    String::from_utf8(stderr).unwrap()
}

fn said(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_everything_and_sends_nothing() {
    let site = Site::new().await;
    let shown = good(&mut site.deploy("", &[]));
    for plan in site.plans() {
        said(&shown, &[plan.name, &plan.address().to_string()]);
    }
    said(&shown, &["to deploy", "gas", "at most", "10000.0", "nothing was sent", &ADMIN.to_string()]);
    assert_eq!(site.provider.get_block_number().await.unwrap(), 0);
    assert_eq!(site.sent_by(site.payer().await).await, 0);
    assert!(site.journal().is_empty() && !site.deployment_file().exists());
}

#[tokio::test]
async fn deploying_twice_changes_nothing_and_says_so() {
    let site = Site::new().await;
    let first = good(&mut site.deploy("", &["--broadcast"]));
    let count = site.plans().len();
    said(&first, &[&format!("{count} transactions are confirmed"), "wrote"]);
    let deployment = std::fs::read_to_string(site.deployment_file()).unwrap();
    let sent = site.sent_by(site.payer().await).await;
    assert_eq!(sent, count as u64);

    let second = good(&mut site.deploy("", &["--broadcast"]));
    said(&second, &["nothing to send", "everything is there already", "unchanged"]);
    assert_eq!(site.sent_by(site.payer().await).await, sent);
    assert_eq!(std::fs::read_to_string(site.deployment_file()).unwrap(), deployment);
}

#[tokio::test]
async fn the_deployment_file_holds_the_block_that_created_each_contract() {
    let site = Site::new().await;
    site.provider.anvil_mine(Some(7), None).await.unwrap();
    good(&mut site.deploy("", &["--broadcast"]));
    let from_receipts = site.deployment();
    for plan in site.plans() {
        let contract = &from_receipts.contracts[plan.name];
        assert_eq!(contract.address, plan.address());
        let block = contract.block_number.0;
        let code = async |number| site.provider.get_code_at(plan.address()).number(number).await.unwrap();
        assert!(code(block - 1).await.is_empty() && plan.is_runtime(&code(block).await), "{}", plan.name);
    }
    // Whoever comes later finds the same blocks by looking for them, also when a file is wrong about them.
    site.provider.anvil_mine(Some(40), None).await.unwrap();
    std::fs::remove_file(site.deployment_file()).unwrap();
    good(&mut site.deploy("", &["--broadcast"]));
    assert_eq!(site.deployment(), from_receipts);
    let mut wrong = from_receipts.clone();
    for contract in wrong.contracts.values_mut() {
        contract.block_number.0 += 20;
    }
    std::fs::write(site.deployment_file(), serde_json::to_string(&wrong).unwrap()).unwrap();
    good(&mut site.deploy("", &["--broadcast"]));
    assert_eq!(site.deployment(), from_receipts);
}

#[tokio::test]
async fn a_killed_run_goes_on_where_it_was_and_sends_nothing_twice() {
    let site = Site::new().await;
    // Nothing is mined: the first transaction stays in the pool.
    site.provider.anvil_set_auto_mine(false).await.unwrap();
    let mut run = site.deploy("", &["--broadcast"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let pooled = wait_until("a transaction in the pool", PATIENCE, async || pooled(&site).await.pop()).await;
    run.kill().unwrap();
    run.wait().unwrap();
    let kept = site.journal();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["hash"].as_str().unwrap().parse::<B256>().unwrap(), pooled);

    // Also when the node has forgotten it meanwhile: the same bytes, not others.
    site.provider.anvil_drop_transaction(pooled).await.unwrap();
    assert!(self::pooled(&site).await.is_empty());
    site.provider.anvil_set_auto_mine(true).await.unwrap();
    let said_now = good(&mut site.deploy("", &["--broadcast"]));
    said(&said_now, &["sent by an earlier run", &pooled.to_string()]);
    assert!(site.provider.get_transaction_receipt(pooled).await.unwrap().is_some());
    let journal = site.journal();
    assert_eq!(journal.len(), site.plans().len());
    assert_eq!(journal[0]["raw"], kept[0]["raw"]);
    assert_eq!(site.sent_by(site.payer().await).await, journal.len() as u64);
    assert_eq!(site.deployment().contracts.len(), journal.len());
}

#[tokio::test]
async fn what_is_not_mined_in_time_is_kept_and_can_be_replaced() {
    let site = Site::new().await;
    site.provider.anvil_set_auto_mine(false).await.unwrap();
    let late = refused(&mut site.deploy("receipt_timeout_s = 1", &["--broadcast"]));
    said(&late, &["was not mined within 1 s", "Run the same command again", "--replace"]);
    let first = pooled(&site).await;
    assert_eq!(first.len(), 1);

    let mut run = site.deploy("", &["--broadcast", "--replace"]);
    let mut run = run.stdout(std::process::Stdio::null()).spawn().unwrap();
    wait_until("the replacement", PATIENCE, async || {
        pooled(&site).await.pop().filter(|hash| *hash != first[0])
    })
    .await;
    assert_eq!(pooled(&site).await.len(), 1, "one nonce, one transaction");
    site.provider.anvil_set_auto_mine(true).await.unwrap();
    site.provider.anvil_mine(Some(1), None).await.unwrap();
    assert!(run.wait().unwrap().success());
    assert_eq!(site.sent_by(site.payer().await).await, site.plans().len() as u64);
    assert!(site.provider.get_transaction_receipt(first[0]).await.unwrap().is_none());
}

#[tokio::test]
async fn a_wrong_chain_is_refused() {
    let site = Site::new().await;
    let (_, key) = site.keystore(U256::from(10).pow(U256::from(18))).await;
    let text = refused(site.deploy("chain_id = 1", &["--broadcast"]).args(key));
    said(&text, &["chain 31337", "`here` is chain 1", "nothing was sent"]);
    assert_eq!(site.provider.get_block_number().await.unwrap(), 0);
}

#[tokio::test]
async fn a_deployer_who_cannot_pay_is_refused_before_anything_is_sent() {
    let site = Site::new().await;
    let (deployer, key) = site.keystore(U256::from(1_000_000_000_000_u64)).await;
    let mut command = site.deploy("", &["--broadcast"]);
    let text = refused(command.args(&key));
    said(&text, &[&deployer.to_string(), "has 0.000001", "may cost up to", "nothing of it was sent"]);
    assert_eq!(site.sent_by(deployer).await, 0);
    assert!(site.journal().is_empty());
    // The plan can be looked at all the same.
    let mut dry = site.deploy("", &[]);
    said(&good(dry.args(&key)), &["nothing was sent", "may cost up to"]);
}

#[tokio::test]
async fn foreign_code_at_an_address_is_refused() {
    let site = Site::new().await;
    let plan = site.plans().remove(0);
    let mut code = plan.runtime.to_vec();
    *code.last_mut().unwrap() ^= 1;
    site.provider.anvil_set_code(plan.address(), code.into()).await.unwrap();
    let text = refused(&mut site.deploy("", &["--broadcast"]));
    said(&text, &[plan.name, &plan.address().to_string(), "other code", "nothing was sent"]);
    assert_eq!(site.sent_by(site.payer().await).await, 0);
}

#[tokio::test]
async fn a_chain_without_the_factory_is_refused_with_the_way_to_get_it() {
    let site = Site::new().await;
    site.provider.anvil_set_code(create2::FACTORY, Bytes::new()).await.unwrap();
    let text = refused(&mut site.deploy("", &["--broadcast"]));
    said(&text, &[&create2::FACTORY.to_string(), "0x3fAB184622Dc19b6109349B94811493BF45362bd", "genesis"]);
    assert_eq!(site.sent_by(site.payer().await).await, 0);
}

#[tokio::test]
async fn what_only_an_admin_may_do_is_printed_for_an_admin_who_is_elsewhere() {
    let site = Site::new().await;
    let settings = format!(
        "grants = [{{ contract = \"CarbonCredit\", role = \"MINTER_ROLE\", account = \"{LANE}\" }}, \
         {{ contract = \"CarbonCredit\", role = \"SERIES:VCS\", account = \"{LANE}\" }}]\n\
         quotas = [{{ issuer = \"{LANE}\", serials = 5000 }}]\nfee_recipient = \"{LANE}\""
    );
    let left = good(&mut site.deploy(&settings, &["--broadcast"]));
    // Two roles, a quota, two payment tokens, the fees' recipient.
    said(&left, &["left to the admin", "6 steps left for the admin", "grant SERIES:VCS", "data 0x2f2ff15d"]);
    assert_eq!(site.sent_by(site.payer().await).await, site.plans().len() as u64);

    // The multisig does what was printed; from then on it is done.
    site.provider.anvil_impersonate_account(ADMIN).await.unwrap();
    site.provider.anvil_set_balance(ADMIN, U256::from(10).pow(U256::from(18))).await.unwrap();
    let printed = |word: &'static str| left.lines().filter_map(move |l| l.trim().strip_prefix(word));
    for (to, data) in printed("to   ").zip(printed("data ")) {
        let call = TransactionRequest::default().from(ADMIN).to(to.parse().unwrap());
        let call = call.input(data.parse::<Bytes>().unwrap().into());
        let receipt = site.provider.send_transaction(call).await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status(), "{to} {data}");
    }
    let done = good(&mut site.deploy(&settings, &["--broadcast"]));
    said(&done, &["MINTER_ROLE", ": done", "5000 serials", "everything is there already"]);
    assert!(!done.contains("left"), "{done}");
    let changed = settings.replace("5000", "6000");
    said(&good(&mut site.deploy(&changed, &["--broadcast"])), &["1 steps left for the admin"]);
}

#[tokio::test]
async fn a_deployer_who_is_the_admin_takes_every_step_once() {
    let site = Site::new().await;
    let settings = format!(
        "admin = \"{}\"\n\
         grants = [{{ contract = \"CreditExchange\", role = \"OPERATOR_ROLE\", account = \"{LANE}\" }}]",
        site.payer().await
    );
    let first = good(&mut site.deploy(&settings, &["--broadcast"]));
    said(&first, &["grant OPERATOR_ROLE of CreditExchange", "as payment on the exchange: mined in block"]);
    let sent = site.sent_by(site.payer().await).await;
    assert_eq!(sent, site.plans().len() as u64 + 3);
    let again = good(&mut site.deploy(&settings, &["--broadcast"]));
    said(&again, &["everything is there already"]);
    assert_eq!(site.sent_by(site.payer().await).await, sent);

    let typo = refused(&mut site.deploy(&settings.replace("OPERATOR", "OPERATER"), &[]));
    said(&typo, &["`OPERATER_ROLE`", "OPERATOR_ROLE, "]);
    let nowhere = refused(&mut site.deploy(&settings.replace("CreditExchange", "Exchange"), &[]));
    said(&nowhere, &["no contract `Exchange`"]);
}

/// anvil holds its accounts' keys and answers eth_signTransaction, as Clef and Web3signer do.
#[tokio::test]
async fn a_signer_elsewhere_signs_what_it_is_asked_to() {
    let site = Site::new().await;
    let payer = site.payer().await;
    let (url, from) = (site.anvil.url(), payer.to_string());
    let signer = ["--signer-url", &url, "--from", &from];
    good(&mut site.deploy("", &[&signer[..], &["--broadcast"]].concat()));
    for plan in site.plans() {
        assert!(!site.provider.get_code_at(plan.address()).await.unwrap().is_empty(), "{}", plan.name);
    }
    let of_payer = |sent: &Value| sent["from"] == from;
    assert!(!site.journal().is_empty() && site.journal().iter().all(of_payer));

    let stranger = Address::repeat_byte(7);
    site.provider.anvil_set_balance(stranger, U256::from(10).pow(U256::from(19))).await.unwrap();
    let stranger = stranger.to_string();
    let grants = format!(
        "grants = [{{ contract = \"CarbonCredit\", role = \"MINTER_ROLE\", account = \"{stranger}\" }}]\nadmin = \"{stranger}\""
    );
    let without_key = ["--signer-url", &url, "--from", &stranger, "--broadcast"];
    said(&refused(&mut site.deploy(&grants, &without_key)), &["the signer cannot sign"]);
    said(&refused(&mut site.deploy("", &["--from", &from, "--broadcast"])), &["--signer-url"]);
}

/// As on a private Hyperledger Besu network: transactions of before EIP-1559, and gas that costs nothing.
#[tokio::test]
async fn a_chain_without_fees_takes_legacy_transactions_for_nothing() {
    let site = Site::new().await;
    site.provider.anvil_set_next_block_base_fee_per_gas(0).await.unwrap();
    let (deployer, keystore) = site.keystore(U256::ZERO).await;
    let flags: Vec<&str> = keystore.iter().map(String::as_str).chain(["--broadcast"]).collect();
    good(&mut site.deploy("legacy = true\ngas_price_wei = 0", &flags));
    assert_eq!(site.provider.get_balance(deployer).await.unwrap(), U256::ZERO);
    assert!(!site.journal().is_empty());
    for sent in site.journal() {
        let raw: Bytes = sent["raw"].as_str().unwrap().parse().unwrap();
        assert!(raw[0] >= 0xc0, "a list of RLP, which is what a legacy transaction begins with: {raw}");
    }
    assert_eq!(site.deployment().contracts.len(), site.plans().len());
}

#[tokio::test]
async fn no_flag_takes_a_key() {
    let help = good(&mut Wia::command(&["deploy", "--help"]));
    assert!(!help.contains("private") && !help.contains("mnemonic"), "{help}");
    let site = Site::new().await;
    let text = refused(&mut site.deploy("chain_id = 31338", &["--broadcast"]));
    said(&text, &["who pays?", "--keystore"]);
}

#[tokio::test]
async fn sources_are_published_as_the_explorers_document_it() {
    let site = Site::new().await;
    let explorer = Explorer::start().await;
    let verification = format!(
        "verification = [{{ kind = \"etherscan\", url = \"{url}/v2/api\", key_variable = \"MY_KEY\" }}, \
         {{ kind = \"sourcify\", url = \"{url}/server\" }}]",
        url = explorer.url
    );
    let sources = site.folder.path().join("sources");
    std::fs::create_dir(&sources).unwrap();
    for plan in site.plans() {
        let written = json!({
            "contractName": plan.name,
            "compilerVersion": "0.8.34+commit.80d5c536",
            "contractIdentifier": format!("src/{}.sol:{}", plan.name, plan.name),
            "input": {"language": "Solidity", "sources": {}, "settings": {"viaIR": true}},
        });
        std::fs::write(sources.join(format!("{}.json", plan.name)), written.to_string()).unwrap();
    }
    let mut command = site.deploy(&verification, &["--broadcast", "--verify", "--sources"]);
    command.arg(&sources).env("MY_KEY", "the key of the service");
    let said_now = tokio::task::spawn_blocking(move || good(&mut command)).await.unwrap();
    assert!(!said_now.contains("the key of the service"));
    for plan in site.plans() {
        said(&said_now, &[&format!("{} is verified on {}/v2/api", plan.name, explorer.url)]);
        said(&said_now, &[&format!("{} is verified on {}/server", plan.name, explorer.url)]);
        let handed_in = explorer.seen(|r| r.field("contractaddress") == Some(plan.address().to_string()));
        let [request] = &handed_in[..] else { panic!("{}: {} submissions", plan.name, handed_in.len()) };
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/api?chainid=31337"));
        for (field, value) in [
            ("module", "contract"),
            ("action", "verifysourcecode"),
            ("apikey", "the key of the service"),
            ("codeformat", "solidity-standard-json-input"),
            ("compilerversion", "v0.8.34+commit.80d5c536"),
            ("contractname", &format!("src/{}.sol:{}", plan.name, plan.name)),
            ("constructorArguments", &alloy::hex::encode(&plan.arguments)),
            ("constructorArguements", &alloy::hex::encode(&plan.arguments)),
        ] {
            assert_eq!(request.field(field).as_deref(), Some(value), "{}: {field}", plan.name);
        }
        let source: Value = serde_json::from_str(&request.field("sourceCode").unwrap()).unwrap();
        assert_eq!(source["settings"]["viaIR"], true);

        let path = format!("/server/v2/verify/31337/{}", plan.address());
        let jobs = explorer.seen(|r| r.path == path);
        assert_eq!(jobs.len(), 1, "{path}");
        let job: Value = serde_json::from_str(&jobs[0].body).unwrap();
        assert_eq!(job["compilerVersion"], "0.8.34+commit.80d5c536");
        assert_eq!(job["contractIdentifier"], format!("src/{}.sol:{}", plan.name, plan.name));
        assert_eq!(job["stdJsonInput"]["language"], "Solidity");
    }
    let asked = explorer.seen(|r| r.path.contains("action=checkverifystatus"));
    assert_eq!(asked.len(), 2 * site.plans().len(), "pending once, then a verdict");
    assert!(asked.iter().all(|r| r.method == "GET" && r.path.contains("chainid=31337")));

    // Without a key the service is left out; sources that are not there are named.
    let mut keyless = site.deploy(&verification, &["--broadcast", "--verify", "--sources"]);
    keyless.arg(&sources);
    let said_now = tokio::task::spawn_blocking(move || good(&mut keyless)).await.unwrap();
    said(&said_now, &["left out, MY_KEY holds no key"]);
    let mut nothing = site.deploy(&verification, &["--broadcast", "--verify", "--sources", "/nowhere"]);
    said(&refused(&mut nothing), &["/nowhere/CarbonCredit.json", "contracts/tools/standard-json"]);
}

/// Hashes of the transactions that wait in the pool.
async fn pooled(site: &Site) -> Vec<B256> {
    let content: Value = site.provider.raw_request("txpool_content".into(), ()).await.unwrap();
    let by_sender = content["pending"].as_object().cloned().unwrap_or_default();
    let transactions = by_sender.values().flat_map(|by_nonce| by_nonce.as_object().unwrap().values());
    transactions.map(|t| t["hash"].as_str().unwrap().parse().unwrap()).collect()
}
