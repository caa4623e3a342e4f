//! One run: the chosen steps in order, on chains that they share, into one report.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::chain::{Anvil, Contract, Filled, Long, Quiet, Recorded, SHAPES, Shape, Source};
use crate::error::BenchError;
use crate::indexer::Setup;
use crate::measure::{self, Answers, Floor};
use crate::options::Common;
use crate::report::{Figure, Quantity, Report, Section};
use crate::stage::Stage;

/// Blocks of the live measurement.
const LIVE_SAMPLES: usize = 500;
/// Blocks of the fan-out.
const FANOUT_SAMPLES: usize = 300;
/// Blocks of a thousand events in the log of the restart.
const RESTART_BLOCKS: usize = 10_000;
/// Subscribers of the fan-out.
const SUBSCRIBERS: usize = 1_000;

/// A step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Fetch and parse, nothing stored
    Floor,
    /// Cold start to the last event durable and readable, beside the floor
    Store,
    /// The store path and its floor from recorded answers, without anvil's own time
    Recorded,
    /// Cold start to the last event posted, beside the floor
    Webhook,
    /// The webhook and its floor from recorded answers, without anvil's own time
    WebhookRecorded,
    /// Mined to received on the chain's own subscription
    Raw,
    /// Mined to received at a subscriber of the indexer, beside the chain's own
    Live,
    /// A thousand subscribers
    Fanout,
    /// A log of ten million events: start to ready
    Restart,
}

/// Measure `wia indexer` beside the floor of the same run
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common<Step>,
}

/// Where a run finds and leaves things.
struct Places {
    wia: PathBuf,
    source: Source,
}

impl Places {
    /// An indexer of that contract on that chain.
    fn setup(&self, anvil: &Anvil, contract: &Contract) -> Setup {
        Setup { ws_url: Some(anvil.ws_url()), ..self.setup_at(anvil.http_url(), contract) }
    }

    /// An indexer of that contract at an endpoint that pushes nothing.
    fn setup_at(&self, http_url: String, contract: &Contract) -> Setup {
        Setup {
            wia: self.wia.clone(),
            scratch: self.source.scratch.clone(),
            http_url,
            ws_url: None,
            contract: contract.clone(),
        }
    }
}

impl Options {
    fn places(&self, stage: &Stage) -> Result<Places, BenchError> {
        let Common { wia, anvil, seed, .. } = &self.common;
        let needed = self.common.wants_any(&[
            Step::Store,
            Step::Recorded,
            Step::Webhook,
            Step::WebhookRecorded,
            Step::Live,
            Step::Fanout,
            Step::Restart,
        ]);
        let wia = stage.wia(wia.as_deref(), needed)?;
        let source = Source::new(anvil.clone(), stage.cache(), stage.scratch(), *seed)?;
        Ok(Places { wia, source })
    }

    /// Runs, prints the table, writes the JSON; both also when a step failed.
    pub(crate) async fn run(&self) -> Result<(), BenchError> {
        let stage = Stage::set()?;
        let places = self.places(&stage)?;
        let json = self.common.json.clone().unwrap_or_else(|| stage.json("indexer"));
        stage.play(self.common.report()?, &json, async |report| self.measure(&places, report).await).await
    }

    async fn measure(&self, places: &Places, report: &mut Report) -> Result<(), BenchError> {
        if self.common.wants_any(&[
            Step::Floor,
            Step::Store,
            Step::Recorded,
            Step::Webhook,
            Step::WebhookRecorded,
        ]) {
            for shape in SHAPES {
                let shape = if self.common.quick() { shape.quick() } else { shape };
                self.measure_filled(places, shape, report).await?;
            }
        }
        if self.common.wants_any(&[Step::Raw, Step::Live, Step::Fanout]) {
            self.measure_quiet(places, report).await?;
        }
        if self.common.wants(&Step::Restart) {
            let blocks = self.common.sized(RESTART_BLOCKS);
            let chain = Long::serve(self.common.seed, blocks as u64).await?;
            let setup = places.setup_at(chain.url().to_owned(), &chain.contract);
            report.add(measure::restart(&setup, &chain).await?);
        }
        Ok(())
    }

    async fn measure_filled(
        &self,
        places: &Places,
        shape: Shape,
        report: &mut Report,
    ) -> Result<(), BenchError> {
        eprintln!("chain {shape}");
        let chain = Filled::open(&places.source, shape).await?;
        report.add(describe(&chain)?);
        let (floor, section) = measure::floor(&chain).await?;
        report.add(section);
        let setup = places.setup(&chain.anvil, &chain.contract);
        if self.common.wants(&Step::Store) {
            report.add(measure::store(&setup, &chain, &floor).await?);
        }
        if self.common.wants(&Step::Webhook) {
            report.add(measure::webhook(&setup, &chain, &floor, Answers::Live).await?);
        }
        if self.common.wants_any(&[Step::Recorded, Step::WebhookRecorded]) {
            let answers = Recorded::of(&chain).await?;
            let setup = places.setup_at(answers.url().to_owned(), &chain.contract);
            if self.common.wants(&Step::Recorded) {
                report.add(measure::recorded(&setup, &chain, &answers).await?);
            }
            if self.common.wants(&Step::WebhookRecorded) {
                let floor = Floor::open(answers.url()).await?;
                report.add(measure::webhook(&setup, &chain, &floor, Answers::Recorded).await?);
            }
        }
        Ok(())
    }

    async fn measure_quiet(&self, places: &Places, report: &mut Report) -> Result<(), BenchError> {
        eprintln!("a quiet chain");
        // One chain each, and the same heights for all: anvil takes longer for a block the more it has mined.
        let quiet = || Quiet::start(&places.source.binary, &places.source.scratch, self.common.seed);
        if self.common.wants_any(&[Step::Raw, Step::Live]) {
            let samples = self.common.sized(LIVE_SAMPLES);
            let (raw, section) = measure::raw(&mut quiet().await?, samples).await?;
            report.add(section);
            if self.common.wants(&Step::Live) {
                let mut quiet = quiet().await?;
                let setup = places.setup(&quiet.anvil, &quiet.contract);
                report.add(measure::live(&setup, &mut quiet, samples, &raw).await?);
            }
        }
        if self.common.wants(&Step::Fanout) {
            let mut quiet = quiet().await?;
            let setup = places.setup(&quiet.anvil, &quiet.contract);
            let (subscribers, samples) = (self.common.sized(SUBSCRIBERS), self.common.sized(FANOUT_SAMPLES));
            report.add(measure::fanout(&setup, &mut quiet, self.common.seed, subscribers, samples).await?);
        }
        Ok(())
    }
}

/// What the chain cost, and what anvil holds of it.
fn describe(chain: &Filled) -> Result<Section, BenchError> {
    let mut section = Section::new(format!("chain, {}", chain.shape));
    if let Some(spent) = chain.generated_in {
        section = section.figure(Figure::plain("generated", Quantity::s(spent)));
    }
    let resident = chain.anvil.process().usage()?.resident;
    Ok(section
        .figure(Figure::plain("loaded and checked", Quantity::s(chain.loaded_in)))
        .raw("events", chain.events())
        .raw("head", chain.expected.head)
        .raw("anvilResidentBytes", resident))
}
