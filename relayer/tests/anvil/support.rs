//! One chain, one relayer, and wallets: what the cases need to say in one line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wia_abi::authorization::{Domain, TransferWithAuthorization};
use wia_abi::deployment::Contract;
use wia_abi::{Authorization, BlockNumber, CarbonCredit, Deployment, carbon_credit, create2};
use wia_protocol::RpcError;
use wia_protocol::relay::{State, Status, StatusQuery, Submission, Submitted, Update, Watch};
use wia_relayer::{Chain, Config, Keys, Origin, Relayer, RelayerError, RpcChain, Updates, open};
use wia_store::{Store, StoreError};

/// The longest that any one condition may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the relayer waits for one answer of the chain, in milliseconds.
const REQUEST_TIMEOUT_MS: u64 = 2_000;

pub(crate) const CREDIT: u64 = 1_000_000_000_000_000_000;

/// Waits for `condition`, bounded.
pub(crate) async fn within<T>(what: &str, condition: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, condition).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// The store. An engine that has just ended may hold it for a moment longer, in a task that is being dropped.
pub(crate) async fn opened(folder: &Path) -> Store {
    within("the store is free", async {
        loop {
            match Store::open(folder) {
                Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
    })
    .await
}

/// A chain of its own, ended when dropped.
pub(crate) struct Anvil {
    process: Child,
    pub(crate) port: u16,
    pub(crate) provider: RootProvider,
    pub(crate) deployment: Deployment,
    pub(crate) contract: Address,
    pub(crate) domain: Domain,
    admin: Address,
    minted: AtomicU64,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binary() -> PathBuf {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts");
    let asked = Command::new("bash").arg(contracts.join("tools/foundry")).args(["--path", "anvil"]).output();
    let path = asked.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
    if path.is_empty() {
        contracts.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    } else {
        path.into()
    }
}

impl Anvil {
    /// Starts a chain, deploys the contract, and turns automatic mining off.
    pub(crate) async fn start() -> Self {
        let mut process = Command::new(binary())
            .args(["--port", "0", "--no-request-size-limit"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("anvil is needed: npm ci --prefix contracts");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (found, port) = tokio::sync::oneshot::channel();
        // Reads to the end: a full pipe would stop anvil.
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in lines.map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Listening on ")
                    && let Some(found) = found.take()
                {
                    let port: u16 = address.rsplit(':').next().unwrap().trim().parse().unwrap();
                    let _ = found.send(port);
                }
            }
        });
        let port = within("anvil listens", port).await.expect("anvil says where it listens");
        let provider: RootProvider =
            ProviderBuilder::default().connect_http(format!("http://127.0.0.1:{port}").parse().unwrap());
        let admin = provider.get_accounts().await.unwrap()[0];
        let plan = carbon_credit::plan(admin, 0);
        let contract = plan.address();
        let chain_id = provider.get_chain_id().await.unwrap();
        let entry = Contract { address: contract, block_number: BlockNumber(0) };
        let deployment = Deployment { chain_id, contracts: BTreeMap::from([(plan.name.to_owned(), entry)]) };
        let domain = Domain::carbon_credit(chain_id, contract);
        let anvil =
            Self { process, port, provider, deployment, contract, domain, admin, minted: AtomicU64::new(0) };
        anvil.provider.anvil_set_auto_mine(false).await.unwrap();
        anvil.send(admin, create2::FACTORY, plan.factory_input()).await;
        anvil.mine(1).await;
        assert!(!anvil.provider.get_code_at(contract).await.unwrap().is_empty());
        anvil
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends from one of anvil's own accounts.
    pub(crate) async fn send(&self, from: Address, to: Address, input: Bytes) -> B256 {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(to)
            .with_input(input)
            .with_gas_limit(8_000_000);
        *self.provider.send_transaction(request).await.unwrap().tx_hash()
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.provider.anvil_mine(Some(blocks), None).await.unwrap();
    }

    /// Waits until that transaction is in the pool, then mines a block. (`submitted` means signed and on disk;
    /// the pool has it a moment later.)
    pub(crate) async fn mine_with(&self, transaction: B256) {
        self.pooled(transaction).await;
        self.mine(1).await;
    }

    pub(crate) async fn pooled(&self, transaction: B256) {
        within("the transaction is in the pool", async {
            while self.provider.get_transaction_by_hash(transaction).await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// A new account with so many whole credits.
    pub(crate) async fn wallet(&self, seed: u64, credits: u64) -> PrivateKeySigner {
        let wallet = PrivateKeySigner::from_bytes(&B256::from(U256::from(seed + 1_000_000))).unwrap();
        if credits > 0 {
            self.mint(wallet.address(), credits).await;
        }
        wallet
    }

    pub(crate) async fn mint(&self, to: Address, credits: u64) {
        let number = self.minted.fetch_add(1, Ordering::Relaxed);
        let amount = U256::from(credits) * U256::from(CREDIT);
        let call = CarbonCredit::mintCall { to, amount, creditId: format!("credit-{number}") };
        self.send(self.admin, self.contract, call.abi_encode().into()).await;
        self.mine(1).await;
    }

    pub(crate) async fn balance(&self, of: Address) -> U256 {
        let input = CarbonCredit::balanceOfCall { account: of }.abi_encode();
        let call = TransactionRequest::default().with_to(self.contract).with_input(input);
        let answer = self.provider.call(call).latest().await.unwrap();
        CarbonCredit::balanceOfCall::abi_decode_returns(&answer).unwrap()
    }

    /// Unix seconds of the latest block.
    pub(crate) async fn now(&self) -> u64 {
        let block = self.provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await;
        block.unwrap().unwrap().header.timestamp
    }

    /// A transfer of `credits` whole credits, valid for an hour.
    pub(crate) async fn transfer(
        &self,
        from: &PrivateKeySigner,
        to: Address,
        credits: u64,
        nonce: u64,
    ) -> Submission {
        let message = TransferWithAuthorization {
            from: from.address(),
            to,
            value: U256::from(credits) * U256::from(CREDIT),
            validAfter: U256::ZERO,
            validBefore: U256::from(self.now().await + 3_600),
            nonce: B256::from(U256::from(nonce)),
        };
        self.signed(from, message)
    }

    pub(crate) fn signed(&self, signer: &PrivateKeySigner, message: TransferWithAuthorization) -> Submission {
        let signature = signer.sign_hash_sync(&self.domain.digest(&message)).unwrap();
        Submission {
            chain_id: self.deployment.chain_id,
            contract: "CarbonCredit".into(),
            signature: signature.as_bytes().into(),
            message: Authorization::from(&message),
        }
    }
}

pub(crate) fn message(submission: &Submission) -> TransferWithAuthorization {
    submission.message.transfer().unwrap()
}

/// The calldata with which anyone may submit this message directly.
pub(crate) fn direct(submission: &Submission) -> Bytes {
    submission.message.calldata(&submission.signature)
}

/// A relayer in this process, stopped by [`Relay::stop`] or [`Relay::kill`].
pub(crate) struct Relay {
    pub(crate) relayer: Relayer,
    pub(crate) lane: PrivateKeySigner,
    stop: CancellationToken,
    engine: JoinHandle<Result<(), RelayerError>>,
}

pub(crate) fn origin() -> Origin {
    Origin::Ip([127, 0, 0, 1].into())
}

/// The lane's key, funded by [`Relay::start`].
pub(crate) fn lane_key() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0x77)).unwrap()
}

/// Room for whole batches: anvil's 30,000,000 gas block holds them.
pub(crate) fn config(anvil: &Anvil) -> Config {
    Config::new(anvil.deployment.clone())
}

impl Relay {
    /// A funded lane, and the relayer with its store in `folder`.
    pub(crate) async fn start(anvil: &Anvil, folder: &Path) -> Self {
        Self::start_with(anvil, folder, config(anvil), anvil.port).await
    }

    /// The same, reaching the chain through `port`.
    pub(crate) async fn start_with(anvil: &Anvil, folder: &Path, config: Config, port: u16) -> Self {
        let (http, ws) = (format!("http://127.0.0.1:{port}"), format!("ws://127.0.0.1:{port}"));
        let chain = RpcChain::connect(&http, Some(&ws), REQUEST_TIMEOUT_MS).await.unwrap();
        Self::start_on(anvil, folder, config, Arc::new(chain)).await
    }

    /// The same, on what stands between it and anvil.
    pub(crate) async fn start_on(
        anvil: &Anvil,
        folder: &Path,
        config: Config,
        chain: Arc<dyn Chain>,
    ) -> Self {
        Self::start_as(lane_key(), anvil, folder, config, chain).await
    }

    /// The same under another key.
    pub(crate) async fn start_as(
        lane: PrivateKeySigner,
        anvil: &Anvil,
        folder: &Path,
        config: Config,
        chain: Arc<dyn Chain>,
    ) -> Self {
        anvil.provider.anvil_set_balance(lane.address(), U256::from(CREDIT) * U256::from(100)).await.unwrap();
        Self::open(folder, config, chain, lane.clone().into(), lane).await
    }

    /// With other keys, whose lanes the caller has funded.
    pub(crate) async fn start_keyed(anvil: &Anvil, folder: &Path, config: Config, keys: Keys) -> Self {
        let ws = format!("ws://127.0.0.1:{}", anvil.port);
        let chain = RpcChain::connect(&anvil.url(), Some(&ws), REQUEST_TIMEOUT_MS).await.unwrap();
        Self::open(folder, config, Arc::new(chain), keys, lane_key()).await
    }

    async fn open(
        folder: &Path,
        config: Config,
        chain: Arc<dyn Chain>,
        keys: Keys,
        lane: PrivateKeySigner,
    ) -> Self {
        let store = opened(folder).await;
        let (engine, relayer) = open(&store, config, chain, keys).await.unwrap();
        let stop = CancellationToken::new();
        let engine = tokio::spawn(engine.run(stop.clone()));
        Self { relayer, lane, stop, engine }
    }

    pub(crate) async fn submit(&self, submission: &Submission) -> Result<Submitted, RpcError> {
        self.relayer.submit(submission.clone(), &origin()).await
    }

    /// Submits, and watches from the first step.
    pub(crate) async fn follow(&self, submission: &Submission) -> (B256, Steps) {
        let relay_id = self.submit(submission).await.unwrap().relay_id;
        (relay_id, self.steps(relay_id))
    }

    pub(crate) fn steps(&self, relay_id: B256) -> Steps {
        Steps(self.relayer.watch(Watch::Ids(vec![relay_id]), &origin()).unwrap())
    }

    pub(crate) async fn status(&self, relay_id: B256) -> Status {
        self.relayer.status(StatusQuery { relay_id, after: None, wait_ms: 0 }, &origin()).await.unwrap()
    }

    /// Mines block after block until the message is in `state`; says how it stands then.
    pub(crate) async fn mine_until(&self, anvil: &Anvil, relay_id: B256, state: State) -> Status {
        let mining = async {
            let mut status = self.status(relay_id).await;
            while status.last.status != state {
                anvil.mine(1).await;
                // Until its next step, but not for long: not every block brings one.
                let query = StatusQuery { relay_id, after: Some(status.last.sequence), wait_ms: 50 };
                status = self.relayer.status(query, &origin()).await.unwrap();
            }
            status
        };
        within(&format!("mined until {state:?}"), mining).await
    }

    /// Ends it as a shutdown does; the store is closed afterwards.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within("the engine stops", self.engine).await.unwrap().unwrap();
    }

    /// The same of one that cannot end its work: why.
    pub(crate) async fn stop_refused(self) -> RelayerError {
        self.stop.cancel();
        within("the engine stops", self.engine).await.unwrap().unwrap_err()
    }

    /// Ends it wherever it is, as a kill does for everything but the disk.
    pub(crate) async fn kill(self) {
        self.engine.abort();
        let _ = within("the engine is gone", self.engine).await;
    }
}

/// The steps of one message.
pub(crate) struct Steps(Updates);

impl Steps {
    /// Waits for the transaction, mines it, and waits until that is known.
    pub(crate) async fn mined(&mut self, anvil: &Anvil) -> Update {
        let sent = self.until(State::Submitted).await;
        anvil.mine_with(sent.tx_hash.unwrap()).await;
        self.until(State::Mined).await
    }

    /// The next step that reaches `state`; all before it must be none of the failures.
    pub(crate) async fn until(&mut self, state: State) -> Update {
        let search = async {
            loop {
                let update = self.0.next().await.expect("the watch goes on");
                if update.status == state {
                    return update;
                }
                let failed = matches!(update.status, State::Rejected | State::Expired | State::Skipped);
                assert!(!failed, "waiting for {state:?}: {update:?}");
            }
        };
        within(&format!("{state:?}"), search).await
    }
}

pub(crate) fn states(status: &Status) -> Vec<State> {
    status.history.iter().map(|update| update.status).collect()
}

pub(crate) fn field(error: &RpcError) -> &str {
    error.data.as_ref().and_then(|d| d["field"].as_str()).unwrap_or_default()
}
