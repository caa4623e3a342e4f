//! `wia dev`: anvil, contracts and node with one command, and a transfer to paste.

use std::path::{Path, PathBuf};
use std::pin::pin;

use alloy::primitives::U256;
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::sol_types::SolCall;
use clap::Args;
use serde_json::json;
use wia_abi::{CarbonCredit, CreditAmount, Deployment, TestUSD, carbon_credit, create2, test_eur, test_usd};

use super::dev_accounts::{self, CHAIN_ID};
use super::node::{serve, write_ready};
use super::{CliError, NodeFlags, say};
use crate::anvil::{self, Anvil};
use crate::clock;
use crate::config::{self, ANVIL_PORT, Config};
use crate::deploy::{DeployError, Deployer, Job, Journal, Network, Step};
use crate::files;
use crate::identity::DevIssuer;
use crate::wiring::{Endpoints, Parts};

/// `sub` of the dev token.
const DEV_USER: &str = "USER-2026-001";

/// The network of `networks.toml` that anvil is.
const DEV_NETWORK: &str = "anvil";

/// Credits of accounts 1…9 at the start.
const START_BALANCE: &str = "1000";

/// Units of 1e-6 of each test token that accounts 1…9 get at the start: what the faucet gives at once.
const START_MONEY: u64 = 10_000_000_000;

/// Start anvil, deploy the contracts, and run everything in one process.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Port for anvil; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = ANVIL_PORT)]
    anvil_port: u16,
    /// Use the anvil that answers here instead of starting one
    #[arg(long, value_name = "URL")]
    rpc_url: Option<String>,
    /// Seconds from block to block, once the contracts are there; 0 leaves mining as it is
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    block_time_s: u64,
    #[command(flatten)]
    flags: NodeFlags,
}

impl Dev {
    pub(crate) async fn run(mut self) -> Result<(), CliError> {
        // A fresh folder unless one is named; it goes with the process.
        let fresh = match &self.flags.data_dir {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("wia-dev-")
                    .tempdir()
                    .map_err(CliError::file("data folder"))?,
            ),
        };
        let data_dir = match (&self.flags.data_dir, &fresh) {
            (Some(named), _) => named.clone(),
            (None, Some(fresh)) => fresh.path().to_owned(),
            (None, None) => return Err(CliError::Refused("no data folder".into())),
        };
        std::fs::create_dir_all(&data_dir).map_err(CliError::file(&data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(CliError::file(&data_dir))?;
        self.flags.data_dir = Some(data_dir.clone());

        let (mut anvil, rpc_url) = self.chain(&data_dir).await?;
        let outcome = {
            let mut running = pin!(self.run_on(&data_dir, &rpc_url));
            tokio::select! {
                outcome = &mut running => outcome,
                () = ended(&mut anvil) => {
                    tracing::error!("anvil has ended; the node goes on without a chain until you stop it");
                    running.await
                }
            }
        };
        // Last in the drain order: everything that talks to it has stopped.
        if let Some(anvil) = anvil {
            anvil.stop().await;
        }
        outcome
    }

    async fn chain(&self, data_dir: &Path) -> Result<(Option<Anvil>, String), CliError> {
        if let Some(url) = &self.rpc_url {
            return Ok((None, url.clone()));
        }
        let binary = anvil::find()?;
        eprintln!("starting {} …", binary.display());
        let state = data_dir.join("anvil-state.json");
        let anvil = Anvil::start(&binary, self.anvil_port, CHAIN_ID, &state).await?;
        let url = format!("http://127.0.0.1:{}", anvil.port());
        Ok((Some(anvil), url))
    }

    async fn run_on(&self, data_dir: &Path, rpc_url: &str) -> Result<(), CliError> {
        let deployment = deploy(data_dir, rpc_url).await?;
        if self.block_time_s > 0 {
            mine_every(rpc_url, self.block_time_s).await?;
        }
        let issuer = DevIssuer::open(data_dir)?;
        let config = self.configure(data_dir, rpc_url, &deployment, &issuer)?;
        let wallets: Vec<_> = dev_accounts::all().iter().map(|a| a.address).collect();
        let token = issuer.token(DEV_USER, &wallets, clock::now_s())?;
        let token_file = data_dir.join("dev-token");
        files::write_secret(&token_file, token.as_bytes()).map_err(CliError::file(&token_file))?;
        let ready_file = self.flags.ready_file.clone();
        Box::pin(serve(config, Parts::All, move |endpoints| {
            if let Some(path) = &ready_file {
                let mut ready = endpoints.to_json();
                ready["accounts"] = json!(dev_accounts::all());
                ready["token"] = json!(token);
                write_ready(path, &ready)?;
            }
            // A node goes on when nobody reads its output.
            let _ = say(&greeting(endpoints, &token_file));
            Ok(())
        }))
        .await
    }

    /// The configuration under which `wia node` runs the same, written beside the data.
    fn configure(
        &self,
        data_dir: &Path,
        rpc_url: &str,
        deployment: &Deployment,
        issuer: &DevIssuer,
    ) -> Result<Config, CliError> {
        let deployment_file = data_dir.join("deployment.json");
        let key_file = data_dir.join("relayer.key");
        let written =
            serde_json::to_string_pretty(deployment).map_err(|e| CliError::Refused(e.to_string()))?;
        files::write_public(&deployment_file, written.as_bytes())
            .map_err(CliError::file(&deployment_file))?;
        let lane = dev_accounts::all()[0].private_key.to_string();
        files::write_secret(&key_file, lane.as_bytes()).map_err(CliError::file(&key_file))?;
        let mut flags = self.flags.values();
        let text = |path: &Path| toml::Value::String(path.display().to_string());
        flags.extend([
            ("chain.id", toml::Value::Integer(i64::try_from(deployment.chain_id).unwrap_or(i64::MAX))),
            ("chain.http_url", rpc_url.into()),
            ("chain.ws_url", rpc_url.replacen("http", "ws", 1).into()),
            ("chain.public_rpc_url", rpc_url.into()),
            ("chain.deployment", text(&deployment_file)),
            ("relayer.key_file", text(&key_file)),
        ]);
        let identity =
            toml::Value::try_from(issuer.identity()).map_err(|e| CliError::Refused(e.to_string()))?;
        flags.push(("identity", identity));
        let config = config::load(None, std::env::vars(), flags)?;
        let file = data_dir.join("wia.toml");
        let text = toml::to_string(&config).map_err(|e| CliError::Refused(e.to_string()))?;
        files::write_public(&file, text.as_bytes()).map_err(CliError::file(&file))?;
        Ok(config)
    }
}

/// Returns when our own anvil has ended; never, when there is none.
async fn ended(anvil: &mut Option<Anvil>) {
    match anvil {
        Some(anvil) => anvil.ended().await,
        None => std::future::pending().await,
    }
}

/// Deploys what is missing and gives accounts 1…9 their credits and their test money, each once.
async fn deploy(data_dir: &Path, rpc_url: &str) -> Result<Deployment, CliError> {
    let network = Network { rpc_url: rpc_url.to_owned(), ..Network::load(DEV_NETWORK, None)? };
    let mut job = Job::open(DEV_NETWORK, network).await.map_err(only_anvil)?;
    job.more = funding(&job.network)?;
    // Nothing is at stake that a second look at the chain would not show: the journal need not outlive us.
    let earlier = read_deployment(&data_dir.join("deployment.json"));
    let deployer = Deployer::new(dev_accounts::signer(0)?);
    let quiet = |line: &str| tracing::debug!("{line}");
    Ok(job.run(&deployer, Journal::in_memory(), earlier.as_ref(), false, &quiet).await?.deployment)
}

/// `wia dev` works with keys that everybody knows.
fn only_anvil(error: DeployError) -> CliError {
    match error {
        DeployError::WrongChain { found, .. } => CliError::Refused(format!(
            "the endpoint is chain {found}; `wia dev` uses public keys and works on chain {CHAIN_ID} (anvil) only. \
             For other chains there are `wia deploy` and `wia node --config`"
        )),
        error => error.into(),
    }
}

/// The steps that give accounts 1…9 something to trade with.
fn funding(network: &Network) -> Result<Vec<Step>, CliError> {
    let amount: CreditAmount = START_BALANCE.parse().map_err(|e| CliError::Refused(format!("{e}")))?;
    let mut steps = Vec::new();
    for plan in create2::plans(&network.settings()) {
        let to = plan.address();
        for (i, account) in dev_accounts::all().iter().enumerate().skip(1) {
            let account = account.address;
            match plan.name {
                carbon_credit::NAME => {
                    let credit_id = format!("CCR-2026-{i:06}");
                    let what = format!("minting {credit_id}");
                    let call = CarbonCredit::mintCall { to: account, amount: amount.0, creditId: credit_id };
                    steps.push(Step::once(what, to, call.abi_encode()));
                }
                test_usd::NAME | test_eur::NAME => {
                    let what = format!("faucet of {} for {account}", plan.name);
                    let call = TestUSD::faucetCall { to: account, amount: U256::from(START_MONEY) };
                    let view = TestUSD::balanceOfCall { account };
                    steps.push(Step::open(what, to, call.abi_encode(), view.abi_encode()));
                }
                _ => {}
            }
        }
    }
    Ok(steps)
}

fn read_deployment(path: &PathBuf) -> Option<Deployment> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Confirmations need blocks: from here on one comes every `seconds`, with or without transactions.
async fn mine_every(rpc_url: &str, seconds: u64) -> Result<(), CliError> {
    let failed =
        |e: &dyn std::fmt::Display| CliError::Refused(format!("{rpc_url} does not mine on demand: {e}"));
    let url = rpc_url.parse().map_err(|e| failed(&e))?;
    let provider = ProviderBuilder::new().connect_http(url).erased();
    provider.anvil_set_auto_mine(false).await.map_err(|e| failed(&e))?;
    provider.anvil_set_interval_mining(seconds).await.map_err(|e| failed(&e))
}

fn greeting(endpoints: &Endpoints, token_file: &Path) -> String {
    let wia = std::env::args().next().unwrap_or_else(|| "wia".into());
    let node = endpoints.http_url();
    let to = dev_accounts::all()[2].address;
    format!(
        "\nWIA Node is ready. Ctrl-C stops it.\n\n{table}\n\
         A signed transfer of 1.5 WCCM from dev account 1 to account 2, by WebSocket and by libp2p:\n\n  \
         {wia} wallet transfer --from-dev 1 --to {to} --amount 1.5 --via ws --node {node}\n  \
         {wia} wallet transfer --from-dev 1 --to {to} --amount 1.5 --via p2p --node {node}\n\n\
         What a subscriber sees meanwhile (in another terminal, before the transfer):\n\n  \
         {wia} wallet follow --token-file {token} --node {node}\n",
        table = endpoints.table(),
        token = token_file.display(),
    )
}
