//! One run: the chosen steps in order, each on a fresh chain, into one report.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::accept::{self, accept};
use super::chain::{Chain, Ground};
use super::gas::gas;
use super::gossip::gossip;
use super::load::{Load, Nonces, Shape};
use super::node::Setup;
use super::pipeline::Manner;
use super::raw::raw;
use super::relay::{Beside, relay};
use super::verify::verify;
use crate::chain::{CHAIN_ID, Contract};
use crate::error::BenchError;
use crate::options::Common;
use crate::report::Report;
use crate::stage::Stage;

/// One transaction for each message is so much slower that a part of the messages will do.
const RAW_SINGLE_PART: usize = 4;
const RELAY_SINGLE_PART: usize = 10;

/// Transactions of one message each that a lane may have in the pool: as many messages as batches would hold.
const SINGLES_IN_FLIGHT: usize = 4_096;
const BATCHES_IN_FLIGHT: usize = 64;

/// Seconds of steady submissions that are counted.
const ACCEPT_S: usize = 20;

/// Messages of one wallet that follow each other.
const BURST: usize = 50;

/// Wallets that are paid.
const RECIPIENTS: usize = 16;

/// Lanes that push raw: one for each connection.
const RAW_LANES: usize = crate::chain::CONNECTIONS;

/// A step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Digest and recovery on one thread, beside pure k256
    Verify,
    /// Ready-made batches pushed at anvil
    Raw,
    /// Ready-made transactions of one transfer each pushed at anvil
    RawSingle,
    /// End to end with one transaction for each message
    RelaySingle,
    /// End to end over WebSocket in batches
    Relay,
    /// Submission to durable receipt at 1,000 per second
    Accept,
    /// Submissions through two relayers of the mesh
    Gossip,
    /// Gas of one relayed transfer
    Gas,
}

/// Measure the relayer of `wia relayer` beside its chain
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common<Step>,
    /// Messages that are relayed, and pushed raw
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Wallets that sign them
    #[arg(long, default_value_t = 100)]
    signers: usize,
    /// Messages in one transaction
    #[arg(long, default_value_t = 200)]
    batch_items: usize,
    /// Lanes of the relayer
    #[arg(long, default_value_t = 4)]
    lanes: usize,
    /// WebSockets over which messages are submitted
    #[arg(long, default_value_t = 4)]
    sockets: usize,
    /// Submissions of one socket that wait for an answer
    #[arg(long, default_value_t = 100)]
    pending: usize,
    /// Messages in one submission: 1 is relay.submit, more are relay.submitBatch, of which the node takes few at a time
    /// from one address: lower --pending with it
    #[arg(long, default_value_t = 1)]
    submit_batch: usize,
}

/// Where a run finds and leaves things.
struct Places {
    wia: PathBuf,
    ground: Ground,
}

impl Options {
    /// Runs, prints the table, writes the JSON; both also when a step failed.
    pub(crate) async fn run(&self) -> Result<(), BenchError> {
        for (flag, value) in [
            ("--messages", self.messages),
            ("--signers", self.signers),
            ("--batch-items", self.batch_items),
            ("--lanes", self.lanes),
            ("--sockets", self.sockets),
            ("--pending", self.pending),
            ("--submit-batch", self.submit_batch),
        ] {
            if value == 0 {
                return Err(BenchError::Refused(format!("{flag} must be above zero")));
            }
        }
        let stage = Stage::set()?;
        let Common { wia, anvil, seed, json, .. } = &self.common;
        let needed = self.common.wants_any(&[Step::Relay, Step::RelaySingle, Step::Accept]);
        let wia = stage.wia(wia.as_deref(), needed)?;
        let ground = Ground { anvil: anvil.clone(), scratch: stage.scratch(), seed: *seed };
        let places = Places { wia, ground };
        let json = json.clone().unwrap_or_else(|| stage.json("relayer"));
        stage.play(self.common.report()?, &json, async |report| self.measure(&places, report).await).await
    }

    async fn measure(&self, places: &Places, report: &mut Report) -> Result<(), BenchError> {
        let mut beside = Beside::default();
        // For what needs no chain: the same address everywhere.
        let contract = Contract::loaded(CHAIN_ID, 1);
        if self.common.wants(&Step::Verify) {
            report.add(verify(&self.sign(&contract, self.common.sized(self.messages))?)?);
        }
        if self.common.wants(&Step::RawSingle) {
            let (chain, load) = self.chain(places, RAW_LANES, self.messages / RAW_SINGLE_PART).await?;
            report.add(raw(&chain, &load, 1).await?.1);
        }
        if self.common.wants(&Step::Raw) {
            let (chain, load) = self.chain(places, RAW_LANES, self.messages).await?;
            let (seen, section) = raw(&chain, &load, self.batch_items).await?;
            report.add(section);
            beside.raw = Some(seen);
        }
        if self.common.wants(&Step::RelaySingle) {
            let (chain, load) = self.chain(places, self.lanes, self.messages / RELAY_SINGLE_PART).await?;
            let setup = places.setup(1, SINGLES_IN_FLIGHT);
            let (seen, section) = relay(&chain, &setup, &load, self.manner(), Beside::default()).await?;
            report.add(section);
            beside.single = Some(seen);
        }
        if self.common.wants(&Step::Relay) {
            let (chain, load) = self.chain(places, self.lanes, self.messages).await?;
            let setup = places.setup(self.batch_items, BATCHES_IN_FLIGHT);
            report.add(relay(&chain, &setup, &load, self.manner(), beside).await?.1);
        }
        if self.common.wants(&Step::Accept) {
            let seconds = accept::WARM_UP_S + self.common.sized(ACCEPT_S);
            let (chain, load) = self.chain_of(places, self.lanes, seconds * accept::PER_S).await?;
            let setup = places.setup(self.batch_items, BATCHES_IN_FLIGHT);
            report.add(accept(&chain, &setup, &load, self.sockets).await?);
        }
        if self.common.wants(&Step::Gossip) {
            report.add(gossip(&self.sign(&contract, self.common.sized(self.messages))?).await?);
        }
        if self.common.wants(&Step::Gas) {
            report.add(gas(&Chain::start(&places.ground, 1).await?, self.common.seed).await?);
        }
        Ok(())
    }

    fn manner(&self) -> Manner {
        Manner { sockets: self.sockets, pending: self.pending, together: self.submit_batch }
    }

    /// A fresh chain and messages for it, a tenth of them when it should be quick.
    async fn chain(
        &self,
        places: &Places,
        lanes: usize,
        messages: usize,
    ) -> Result<(Chain, Load), BenchError> {
        self.chain_of(places, lanes, self.common.sized(messages).max(1)).await
    }

    async fn chain_of(
        &self,
        places: &Places,
        lanes: usize,
        messages: usize,
    ) -> Result<(Chain, Load), BenchError> {
        let chain = Chain::start(&places.ground, lanes).await?;
        let load = self.sign(&chain.contract, messages)?;
        Ok((chain, load))
    }

    fn sign(&self, contract: &Contract, messages: usize) -> Result<Load, BenchError> {
        eprintln!("signing {messages} messages");
        let (signers, seed) = (self.signers, self.common.seed);
        let shape = Shape { messages, signers, burst: BURST, recipients: RECIPIENTS, nonces: Nonces::Dense };
        Load::sign(contract, seed, shape)
    }
}

impl Places {
    fn setup(&self, batch_items: usize, in_flight: usize) -> Setup {
        let (wia, scratch) = (self.wia.clone(), self.ground.scratch.clone());
        Setup { wia, scratch, batch_items, in_flight }
    }
}
