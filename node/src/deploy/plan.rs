//! The plan: what stands on the chain, what is missing, what it will cost. Asks much, sends nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use alloy::primitives::utils::format_ether;
use alloy::primitives::{Address, U256};
use wia_abi::create2::{self, Plan};

use super::DeployError;
use super::chain::{Chain, Fees};
use super::network::Network;
use super::steps::{self, Step};

/// Percent of an estimate that is offered as gas limit, and of the cost that the deployer must have.
const MARGIN_PERCENT: u64 = 120;

/// Gas that a step is taken to need while its contract is not there to be asked.
const GAS_OF_UNKNOWN_STEP: u64 = 120_000;

/// A survey of a chain.
pub(crate) struct Survey {
    pub(crate) contracts: Vec<Site>,
    pub(crate) steps: Vec<Planned>,
    pub(crate) fees: Fees,
    /// Who pays, and what it has.
    deployer: Option<(Address, U256)>,
}

/// A contract and its place.
pub(crate) struct Site {
    pub(crate) plan: Plan,
    pub(crate) address: Address,
    pub(crate) state: Standing,
}

/// Whether a contract stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Deployed,
    /// Deploying takes this much gas.
    Missing(u64),
}

/// A step and what becomes of it.
pub(crate) struct Planned {
    pub(crate) step: Step,
    pub(crate) fate: Fate,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// By the deployer, for about this much gas.
    ToDo(u64),
    /// Only the admin may.
    LeftToAdmin,
}

/// `gas` with its margin.
pub(crate) fn with_margin(gas: u64) -> u64 {
    gas.saturating_mul(MARGIN_PERCENT) / 100
}

impl Survey {
    /// Looks at everything. Refuses foreign code, a missing factory and a deployment that would fail.
    pub(crate) async fn of(
        chain: &Chain,
        network: &Network,
        more: &[Step],
        deployer: Option<Address>,
    ) -> Result<Self, DeployError> {
        if chain.code(create2::FACTORY).await?.is_empty() {
            return Err(DeployError::NoFactory);
        }
        let mut contracts = Vec::new();
        for plan in create2::plans(&network.settings()) {
            let early = contracts.iter().any(|c: &Site| c.state != Standing::Deployed);
            contracts.push(Site::look(plan, chain, deployer, early).await?);
        }
        let addresses: BTreeMap<_, _> = contracts.iter().map(|c| (c.plan.name, c.address)).collect();
        let mut planned = Vec::new();
        for step in steps::of(network, &addresses)?.into_iter().chain(more.iter().cloned()) {
            let stands = contracts.iter().any(|c| c.address == step.to && c.state == Standing::Deployed);
            let fate = if stands {
                Fate::of(&step, chain, deployer).await?
            } else if step.needs_role() && deployer != Some(network.admin) {
                Fate::LeftToAdmin
            } else {
                Fate::ToDo(GAS_OF_UNKNOWN_STEP)
            };
            planned.push(Planned { step, fate });
        }
        let fees = chain.fees(network).await?;
        let deployer = match deployer {
            Some(deployer) => Some((deployer, chain.balance(deployer).await?)),
            None => None,
        };
        Ok(Self { contracts, steps: planned, fees, deployer })
    }

    /// How many transactions it takes.
    pub(crate) fn transactions(&self) -> usize {
        self.gas_of_each().count()
    }

    fn gas_of_each(&self) -> impl Iterator<Item = u64> {
        let contracts = self.contracts.iter().filter_map(|c| match c.state {
            Standing::Missing(gas) => Some(gas),
            Standing::Deployed => None,
        });
        contracts.chain(self.steps.iter().filter_map(|s| match s.fate {
            Fate::ToDo(gas) => Some(gas),
            Fate::Done | Fate::LeftToAdmin => None,
        }))
    }

    /// The most that it can cost, in wei, margin included.
    fn cost(&self) -> U256 {
        let gas: u64 = self.gas_of_each().fold(0, u64::saturating_add);
        U256::from(with_margin(gas)).saturating_mul(U256::from(self.fees.at_most()))
    }

    /// The steps that only the admin may take.
    pub(crate) fn left_to_admin(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|s| s.fate == Fate::LeftToAdmin).map(|s| &s.step)
    }

    /// Refuses a deployer that cannot pay.
    pub(crate) fn check_funds(&self, network: &Network) -> Result<(), DeployError> {
        match self.deployer {
            Some((deployer, balance)) if balance < self.cost() => Err(DeployError::Unfunded {
                deployer,
                balance: format_ether(balance),
                needed: format_ether(self.cost()),
                currency: network.currency.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The plan as a text.
    pub(crate) fn table(&self, name: &str, network: &Network) -> String {
        let mut text = format!("network   {name} (chain {})\n", network.chain_id);
        let mut line = |text_of_line: String| {
            let _ = writeln!(text, "{text_of_line}");
        };
        line(format!("admin     {}, delay {} s", network.admin, network.admin_delay_s));
        match self.deployer {
            Some((deployer, balance)) => {
                line(format!("deployer  {deployer}, has {} {}", format_ether(balance), network.currency));
            }
            None => line("deployer  not named; --from ADDRESS shows whether it can pay".into()),
        }
        line("contracts".into());
        for Site { plan, address, state } in &self.contracts {
            line(match state {
                Standing::Deployed => format!("  {:<16} {address}  deployed", plan.name),
                Standing::Missing(gas) => format!("  {:<16} {address}  to deploy, {gas} gas", plan.name),
            });
        }
        if !self.steps.is_empty() {
            line("steps".into());
        }
        for Planned { step, fate } in &self.steps {
            line(match fate {
                Fate::Done => format!("  {}: done", step.what),
                Fate::ToDo(gas) => format!("  {}: to do, about {gas} gas", step.what),
                Fate::LeftToAdmin => format!("  {}: left to the admin", step.what),
            });
        }
        let price = alloy::primitives::utils::format_units(self.fees.at_most(), "gwei").unwrap_or_default();
        line(match self.transactions() {
            0 => "nothing to send".into(),
            n => format!(
                "to send   {n} transactions, at most {} {} at {price} gwei per gas, margin included",
                format_ether(self.cost()),
                network.currency
            ),
        });
        text
    }
}

impl Site {
    /// `early`: not all contracts before it stand.
    async fn look(
        plan: Plan,
        chain: &Chain,
        deployer: Option<Address>,
        early: bool,
    ) -> Result<Self, DeployError> {
        let address = plan.address();
        let code = chain.code(address).await?;
        let state = if code.is_empty() && plan.asks_others && early {
            Standing::Missing(guess_to_deploy(&plan))
        } else if code.is_empty() {
            Standing::Missing(gas_to_deploy(&plan, chain, deployer).await?)
        } else if plan.is_runtime(&code) {
            Standing::Deployed
        } else {
            return Err(DeployError::ForeignCode { contract: plan.name, address });
        };
        Ok(Self { plan, address, state })
    }
}

/// What a deployment may need that cannot be simulated yet, on the high side: the transaction and its bytes (EIP-7623),
/// the code (200 each), and for each word of the arguments a storage slot or an event.
fn guess_to_deploy(plan: &Plan) -> u64 {
    let count = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX / 1_000);
    let code = 40 * count(&plan.init_code()) + 200 * count(&plan.runtime);
    100_000 + code + count(&plan.arguments) / 32 * 15_000
}

/// Runs the deployment without sending it: what it needs, and that the contract comes to stand where it should.
async fn gas_to_deploy(plan: &Plan, chain: &Chain, deployer: Option<Address>) -> Result<u64, DeployError> {
    let failed = |reason| DeployError::Simulation { what: format!("deploying {}", plan.name), reason };
    let input = plan.factory_input();
    let answer = chain.call(deployer, create2::FACTORY, input.clone()).await?.map_err(failed)?;
    // The factory answers with the bare address.
    if answer.as_ref() != plan.address().as_slice() {
        return Err(failed(format!("the factory answers {answer}, not {}", plan.address())));
    }
    chain.gas(deployer, create2::FACTORY, input).await?.map_err(failed)
}

impl Fate {
    async fn of(step: &Step, chain: &Chain, deployer: Option<Address>) -> Result<Self, DeployError> {
        if step.is_done(chain, deployer).await? {
            return Ok(Fate::Done);
        }
        let may = match deployer {
            Some(deployer) => step.is_for(deployer, chain).await?,
            None => !step.needs_role(),
        };
        if !may {
            return Ok(Fate::LeftToAdmin);
        }
        let gas = chain.gas(deployer, step.to, step.call.clone()).await?;
        gas.map(Fate::ToDo).map_err(|reason| DeployError::Simulation { what: step.what.clone(), reason })
    }
}
