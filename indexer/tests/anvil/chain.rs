//! An anvil process with the contract deployed, mined by hand.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::anvil::ReorgOptions;
use alloy::sol_types::SolCall;
use wia_abi::{BlockNumber, CarbonCredit, carbon_credit, create2};
use wia_indexer::{Config, Contract, Endpoint, Kind};

/// A running anvil; gone when dropped.
pub(crate) struct Anvil {
    child: Child,
    pub(crate) port: u16,
}

impl Anvil {
    /// Starts one that mines only when told to, on a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["--port", "0", "--no-mining", "--accounts", "5"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Listening on ")?.rsplit_once(':')?.1.trim().parse().ok())
            .expect("anvil says where it listens");
        // It logs every call: without a reader it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Anvil {
    /// Asks it to end, which makes it write its state, and waits for that.
    pub(crate) fn end(&mut self) {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap();
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn binary() -> PathBuf {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts");
    let found = Command::new(contracts.join("tools/foundry")).args(["--path", "anvil"]).output();
    let found = found.expect("contracts/tools/foundry runs");
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    String::from_utf8(found.stdout).unwrap().trim().into()
}

/// The contract on one anvil. Account 0 is its admin.
pub(crate) struct Chain {
    pub(crate) anvil: Anvil,
    pub(crate) provider: RootProvider,
    pub(crate) accounts: Vec<Address>,
    pub(crate) token: Address,
    minted: u64,
}

impl Chain {
    /// Deploys in block 1.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let chain = Self::bare(arguments).await;
        chain.deploy(&carbon_credit::plan(chain.accounts[0], 0)).await;
        chain.mine(1).await;
        assert!(!chain.provider.get_code_at(chain.token).await.unwrap().is_empty(), "deployed");
        chain
    }

    /// Block 0 alone: nothing is deployed yet.
    pub(crate) async fn bare(arguments: &[&str]) -> Self {
        let anvil = Anvil::start(arguments);
        let url = format!("http://127.0.0.1:{}", anvil.port);
        let provider = RootProvider::new(RpcClient::new_http(url.parse().unwrap()));
        let accounts = provider.get_accounts().await.unwrap();
        let token = carbon_credit::plan(accounts[0], 0).address();
        Self { anvil, provider, accounts, token, minted: 0 }
    }

    /// Queues the creation of a contract.
    pub(crate) async fn deploy(&self, plan: &create2::Plan) {
        self.send(self.accounts[0], create2::FACTORY, plan.factory_input()).await;
    }

    /// The indexer's configuration for this chain, with a patience fit for tests.
    pub(crate) async fn config(&self, pushed: bool) -> Config {
        let chain_id = self.provider.get_chain_id().await.unwrap();
        let endpoints = vec![endpoint(self.anvil.port, pushed)];
        Config {
            reorg_patience_ms: 50,
            poll_interval_ms: 10,
            head_check_interval_ms: 10,
            retry_min_ms: 5,
            retry_max_ms: 50,
            ..Config::new(chain_id, endpoints, vec![contract(self.token)], BlockNumber(1))
        }
    }

    /// Puts a transaction into the pool.
    pub(crate) async fn send(&self, from: Address, to: Address, input: Bytes) -> B256 {
        let request = TransactionRequest {
            from: Some(from),
            to: Some(TxKind::Call(to)),
            gas: Some(10_000_000),
            input: input.into(),
            ..Default::default()
        };
        *self.provider.send_transaction(request).await.unwrap().tx_hash()
    }

    /// Queues a mint under a fresh credit id.
    pub(crate) async fn mint(&mut self, to: usize, credits: u64) -> B256 {
        self.minted += 1;
        let call = CarbonCredit::mintCall {
            to: self.accounts[to],
            amount: wei(credits),
            creditId: format!("VCS-{}", self.minted),
        };
        self.send(self.accounts[0], self.token, call.abi_encode().into()).await
    }

    /// Queues a transfer.
    pub(crate) async fn transfer(&self, from: usize, to: usize, credits: u64) -> B256 {
        let call = CarbonCredit::transferCall { to: self.accounts[to], value: wei(credits) };
        self.send(self.accounts[from], self.token, call.abi_encode().into()).await
    }

    /// Mines what is queued, and empty blocks up to `blocks`.
    pub(crate) async fn mine(&self, blocks: u64) {
        self.provider.anvil_mine(Some(blocks), None).await.unwrap();
    }

    /// Replaces the last `depth` blocks by empty ones.
    pub(crate) async fn reorg(&self, depth: u64) {
        self.provider.anvil_reorg(ReorgOptions { depth, tx_block_pairs: vec![] }).await.unwrap();
    }

    /// What the contract says.
    pub(crate) async fn balance(&self, account: Address) -> U256 {
        self.balance_in(self.token, account).await
    }

    /// What any token says.
    pub(crate) async fn balance_in(&self, token: Address, account: Address) -> U256 {
        let call = CarbonCredit::balanceOfCall { account };
        let request = TransactionRequest::default().to(token).input(call.abi_encode().into());
        let answer = self.provider.call(request).await.unwrap();
        CarbonCredit::balanceOfCall::abi_decode_returns(&answer).unwrap()
    }
}

/// A node on this machine, with heads pushed or polled for.
pub(crate) fn endpoint(port: u16, pushed: bool) -> Endpoint {
    let ws_url = pushed.then(|| format!("ws://127.0.0.1:{port}"));
    Endpoint { http_url: format!("http://127.0.0.1:{port}"), ws_url }
}

/// The token as the indexer is to follow it.
pub(crate) fn contract(address: Address) -> Contract {
    let abi = wia_abi::contracts::abi(carbon_credit::NAME).unwrap();
    Contract { name: carbon_credit::NAME.into(), address, kind: Kind::Credit, abi, balances: true }
}

pub(crate) fn wei(credits: u64) -> U256 {
    U256::from(credits) * U256::from(wia_abi::units::WEI_PER_CREDIT)
}

/// `what`, or a failed test after a time that no honest run needs.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("{what}: not within {limit:?}"))
}
