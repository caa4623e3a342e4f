//! `wia deploy`: the contracts on a network, by name. Shows what it would do; does it with `--broadcast`, or when a
//! person at a terminal says yes.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use clap::Args;
use wia_abi::Deployment;

use super::dev_accounts::{self, CHAIN_ID};
use super::{CliError, say};
use crate::deploy::{Deployer, Job, Network, Outcome, Step};
use crate::remote_signer::RemoteSigner;
use crate::{files, keystore};

/// Deploy the contracts to a network.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Name of the network: sepolia, hoodi, base-sepolia, polygon-amoy, anvil, besu, or one of --networks
    #[arg(long, value_name = "NAME")]
    network: String,
    /// Networks to use instead of the built-in ones (networks.toml)
    #[arg(long, value_name = "FILE")]
    networks: Option<PathBuf>,
    /// Endpoint to use instead of the network's
    #[arg(long, value_name = "URL")]
    rpc_url: Option<String>,
    /// Send; without it, show the plan, and ask when this is a terminal
    #[arg(long)]
    broadcast: bool,
    /// Sign what an earlier run left in the pool again, with the fees of now
    #[arg(long, requires = "broadcast")]
    replace: bool,
    /// Publish the sources on the network's explorers, once all is there
    #[arg(long)]
    verify: bool,
    /// Folder of those sources, which contracts/tools/standard-json writes
    #[arg(long, value_name = "DIR", default_value = "contracts/out/verification")]
    sources: PathBuf,
    #[command(flatten)]
    signer: Signer,
    /// Folder of the deployment files, <chain id>.json
    #[arg(long, value_name = "DIR", default_value = "abi/deployments")]
    deployments: PathBuf,
    /// Folder of what was sent, deploy/<chain id>.json, by which a killed run goes on
    #[arg(long, value_name = "DIR", default_value = ".wia")]
    data_dir: PathBuf,
}

/// Who pays and signs. On chain 31337, when nobody is named, the first development account.
#[derive(Debug, Args)]
struct Signer {
    /// Encrypted key (Ethereum keystore V3) that pays and signs
    #[arg(long, value_name = "FILE")]
    keystore: Option<PathBuf>,
    /// File that holds the keystore's password; else it is asked for
    #[arg(long, value_name = "FILE", requires = "keystore")]
    password_file: Option<PathBuf>,
    /// Signer that holds the key elsewhere and answers eth_signTransaction, as hardware wallets do behind Clef, and
    /// Web3signer for key services; --from names its account
    #[arg(long, value_name = "URL", conflicts_with = "keystore", requires = "from")]
    signer_url: Option<String>,
    /// Account of the signer; without a signer, the deployer to show the plan for
    #[arg(long, value_name = "ADDRESS", conflicts_with = "keystore")]
    from: Option<Address>,
}

impl Deploy {
    pub(crate) async fn run(self) -> Result<(), CliError> {
        let mut network = Network::load(&self.network, self.networks.as_deref())?;
        if let Some(url) = &self.rpc_url {
            network.rpc_url.clone_from(url);
        }
        let deployer = self.signer.open(network.chain_id, self.broadcast)?;
        let job = Job::open(&self.network, network).await?;
        let paying = deployer.as_ref().map(|d| d.address).or(self.signer.from);
        let survey = job.survey(paying).await?;
        print(&survey.table(&job.name, &job.network))?;
        let Some(deployer) = deployer else {
            return print("dry run: nothing was sent. Name a --keystore or a --signer-url to send");
        };
        if let Err(unfunded) = survey.check_funds(&job.network)
            && !self.broadcast
        {
            return print(&format!("dry run: nothing was sent. It would be refused: {unfunded}"));
        }
        if !self.broadcast && !confirmed(survey.transactions())? {
            return print("dry run: nothing was sent. Add --broadcast to send");
        }
        let journal = self.data_dir.join(format!("deploy/{}.json", job.network.chain_id));
        let journal = job.journal(journal).await?;
        let file = self.deployments.join(format!("{}.json", job.network.chain_id));
        let earlier = read(&file)?;
        let progress = |line: &str| {
            // A deployment goes on when nobody reads its output.
            let _ = say(line);
        };
        let outcome = job.run(&deployer, journal, earlier.as_ref(), self.replace, &progress).await?;
        let changed = earlier.as_ref() != Some(&outcome.deployment);
        if changed {
            let text = serde_json::to_string_pretty(&outcome.deployment)
                .map_err(|e| CliError::Refused(e.to_string()))?;
            files::write_public(&file, format!("{text}\n").as_bytes()).map_err(CliError::file(&file))?;
        }
        report(&outcome, &file, changed, job.network.explorer.as_deref())?;
        if self.verify {
            job.verify(&self.sources, &progress).await?;
        }
        Ok(())
    }
}

impl Signer {
    /// Opens the signer, asking for its password where it must. None in a dry run for which none is named.
    fn open(&self, chain_id: u64, broadcast: bool) -> Result<Option<Deployer>, CliError> {
        if let Some(path) = &self.keystore {
            let question = format!("password of {}: ", path.display());
            let password = keystore::password(self.password_file.as_deref(), &question)?;
            return Ok(Some(Deployer::new(keystore::open(path, &password)?)));
        }
        if let Some(from) = self.from {
            return match &self.signer_url {
                Some(url) => {
                    let signer = RemoteSigner::at(url, from);
                    let signer = signer.map_err(|e| CliError::Refused(e.to_string()))?;
                    Ok(Some(Deployer::new(signer)))
                }
                None if broadcast => Err(CliError::Refused(
                    "--from alone only shows the plan; name the --signer-url that holds its key".into(),
                )),
                None => Ok(None),
            };
        }
        if chain_id == CHAIN_ID {
            return Ok(Some(Deployer::new(dev_accounts::signer(0)?)));
        }
        if broadcast {
            return Err(CliError::Refused(
                "who pays? Name a --keystore FILE (`wia wallet new` makes one), or a --signer-url with --from".into(),
            ));
        }
        Ok(None)
    }
}

/// Asks the person at the terminal. Nobody there is a no, and so is nothing to send.
fn confirmed(transactions: usize) -> Result<bool, CliError> {
    let mut answers = std::io::stdin().lock();
    if !answers.is_terminal() || !std::io::stdout().is_terminal() {
        return Ok(false);
    }
    let failed = CliError::file("standard input");
    let mut answer = String::new();
    let asked = write!(std::io::stdout(), "send {transactions} transactions? [y/N] ")
        .and_then(|()| std::io::stdout().flush())
        .and_then(|()| answers.read_line(&mut answer));
    asked.map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn read(file: &Path) -> Result<Option<Deployment>, CliError> {
    match std::fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| CliError::Refused(format!("{}: {e}", file.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file(file)(error)),
    }
}

fn report(outcome: &Outcome, file: &Path, changed: bool, explorer: Option<&str>) -> Result<(), CliError> {
    match outcome.transactions {
        0 => print("everything is there already; nothing was sent")?,
        n => print(&format!("{n} transactions are confirmed"))?,
    }
    let verb = if changed { "wrote" } else { "unchanged:" };
    print(&format!("{verb} {}", file.display()))?;
    if let Some(explorer) = explorer {
        for contract in outcome.deployment.contracts.values() {
            print(&format!("  {}/address/{}", explorer.trim_end_matches('/'), contract.address))?;
        }
    }
    if !outcome.without_block.is_empty() {
        print(&format!(
            "the endpoint does not keep the states that tell when {} came to be; block 0 was written, which is slow to \
             read from. Delete the file and run again with an archive endpoint",
            outcome.without_block.join(", ")
        ))?;
    }
    if !outcome.left.is_empty() {
        print(&format!("{} steps left for the admin; each is a call:", outcome.left.len()))?;
        for Step { what, to, call, .. } in &outcome.left {
            print(&format!("  {what}\n    to   {to}\n    data {call}"))?;
        }
    }
    Ok(())
}

fn print(text: &str) -> Result<(), CliError> {
    say(text.trim_end()).map_err(CliError::file("standard output"))
}
