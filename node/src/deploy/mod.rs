//! Puts the committed bytecode on a chain at its CREATE2 addresses, and configures it.
//!
//! In: a [`Network`] by name, an endpoint, a signer. Out: a [`Deployment`], and the calls that only an admin may make.
//! Doing it twice changes nothing: what has our code is left alone, a step whose view says that it is done is not taken
//! again. [`Survey`] asks everything and sends nothing; [`Job::run`] refuses first, then sends one transaction after
//! the other through the [`Sender`], whose journal a killed run goes on from. Serves B-K25, C-091, C-094.

mod chain;
mod creation;
mod error;
mod journal;
mod network;
mod patience;
mod plan;
mod sender;
mod signer;
mod steps;
mod verify;

use alloy::primitives::Address;
use wia_abi::create2::Plan;
use wia_abi::deployment::Contract;
use wia_abi::{BlockNumber, Deployment, create2};

use chain::Chain;
use plan::{Fate, Planned, Site, Standing};
use sender::Sender;

pub(crate) use error::DeployError;
pub(crate) use journal::Journal;
pub(crate) use network::Network;
pub(crate) use plan::Survey;
pub(crate) use signer::Deployer;
pub(crate) use steps::Step;

/// One deployment: a network whose endpoint was asked who it is.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) network: Network,
    chain: Chain,
    /// Steps beyond those of the network.
    pub(crate) more: Vec<Step>,
}

/// What a run did.
pub(crate) struct Outcome {
    pub(crate) deployment: Deployment,
    /// How many transactions this run saw mined, an earlier run's included.
    pub(crate) transactions: usize,
    /// Steps that only the admin may take.
    pub(crate) left: Vec<Step>,
    /// Contracts whose block nobody could tell.
    pub(crate) without_block: Vec<&'static str>,
}

impl Job {
    /// Refuses an endpoint of another chain.
    pub(crate) async fn open(name: &str, network: Network) -> Result<Self, DeployError> {
        let chain = Chain::at(&network.rpc_url)?;
        let found = chain.id().await?;
        if found != network.chain_id {
            let expected = network.chain_id;
            return Err(DeployError::WrongChain { network: name.to_owned(), expected, found });
        }
        Ok(Self { name: name.to_owned(), network, chain, more: Vec::new() })
    }

    /// The journal at `path`, when it is of this chain.
    pub(crate) async fn journal(&self, path: std::path::PathBuf) -> Result<Journal, DeployError> {
        Journal::open(path, self.chain.genesis().await?)
    }

    /// Publishes the sources of all contracts, which lie in the folder `sources`.
    pub(crate) async fn verify(
        &self,
        sources: &std::path::Path,
        say: &dyn Fn(&str),
    ) -> Result<(), DeployError> {
        let plans = create2::plans(&self.network.settings());
        let subject = |plan: &Plan| verify::Subject {
            name: plan.name,
            address: plan.address(),
            arguments: plan.arguments.clone(),
        };
        let subjects: Vec<_> = plans.iter().map(subject).collect();
        let network = &self.network;
        verify::publish(&network.verification, network.chain_id, &subjects, sources, say).await
    }

    /// What there is and what there is to do.
    pub(crate) async fn survey(&self, deployer: Option<Address>) -> Result<Survey, DeployError> {
        Survey::of(&self.chain, &self.network, &self.more, deployer).await
    }

    /// Does it. `earlier` is what is known of the chain's deployments; `replace` raises the fees of what an earlier
    /// run left in the pool.
    pub(crate) async fn run(
        &self,
        deployer: &Deployer,
        journal: Journal,
        earlier: Option<&Deployment>,
        replace: bool,
        say: &dyn Fn(&str),
    ) -> Result<Outcome, DeployError> {
        let mut sender =
            Sender { chain: &self.chain, network: &self.network, deployer, journal, say, mined: Vec::new() };
        sender.settle(replace).await?;
        let survey = self.survey(Some(deployer.address)).await?;
        survey.check_funds(&self.network)?;
        for site in survey.contracts.iter().filter(|s| s.state != Standing::Deployed) {
            self.put(site, &mut sender).await?;
        }
        for Planned { step, fate } in &survey.steps {
            // Asked again: its contract may have come to stand since.
            if matches!(fate, Fate::ToDo(_)) && !step.is_done(&self.chain, Some(deployer.address)).await? {
                sender.send(&step.what, step.to, step.call.clone()).await?;
            }
        }
        let mined = sender.confirm().await?;
        let mut outcome = Outcome {
            deployment: Deployment { chain_id: self.network.chain_id, ..Deployment::default() },
            transactions: mined.len(),
            left: survey.left_to_admin().cloned().collect(),
            without_block: Vec::new(),
        };
        for Site { plan, address, .. } in &survey.contracts {
            let ours = mined.iter().find(|(sent, _)| sent.what == deploying(plan.name));
            let known = earlier.and_then(|d| d.contracts.get(plan.name)).filter(|c| c.address == *address);
            let block = match (ours, known) {
                (Some((_, block)), _) => Some(*block),
                (None, Some(known)) => {
                    creation::confirmed_block_of(&self.chain, *address, known.block_number.0).await?
                }
                (None, None) => creation::block_of(&self.chain, *address).await?,
            };
            if block.is_none() {
                outcome.without_block.push(plan.name);
            }
            // Reading from the start is slow, but never misses.
            let block_number = BlockNumber(block.unwrap_or(0));
            let contract = Contract { address: *address, block_number };
            outcome.deployment.contracts.insert(plan.name.to_owned(), contract);
        }
        Ok(outcome)
    }

    async fn put(&self, site: &Site, sender: &mut Sender<'_>) -> Result<(), DeployError> {
        let Site { plan, address, .. } = site;
        let sent = sender.send(&deploying(plan.name), create2::FACTORY, plan.factory_input()).await;
        let code = match sent {
            Ok(()) => self.chain.code(*address).await?,
            // Anyone may carry out the same plan: when somebody was faster, it is done.
            Err(
                error @ (DeployError::Reverted { .. }
                | DeployError::Superseded { .. }
                | DeployError::Simulation { .. }),
            ) => {
                let code = self.chain.code(*address).await?;
                if code.is_empty() {
                    return Err(error);
                }
                code
            }
            Err(error) => return Err(error),
        };
        if plan.is_runtime(&code) {
            Ok(())
        } else {
            Err(DeployError::ForeignCode { contract: plan.name, address: *address })
        }
    }
}

fn deploying(name: &str) -> String {
    format!("deploying {name}")
}
