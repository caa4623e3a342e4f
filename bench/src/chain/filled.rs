//! A large chain: from the cache, else generated and put there, in both cases loaded and checked before it is used.
//!
//! The cache is anvil's own dump (about 3.5 kB per transfer), named after everything that decides what is in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::anvil::{self, Anvil};
use super::check::{Expected, check};
use super::contract::Contract;
use super::generate::generate;
use super::{CONNECTIONS, Shape};
use crate::error::BenchError;
use crate::rpc::Rpc;

/// The chain that anvil makes unless told otherwise.
pub(crate) const CHAIN_ID: u64 = 31_337;

/// The block of the deployment: the first that is made.
const FIRST_BLOCK: u64 = 1;

/// A running anvil with a large chain that will not change.
pub(crate) struct Filled {
    pub(crate) anvil: Anvil,
    pub(crate) shape: Shape,
    pub(crate) contract: Contract,
    pub(crate) expected: Expected,
    /// How long it took to generate; `None` when it was there.
    pub(crate) generated_in: Option<Duration>,
    /// How long loading and checking took.
    pub(crate) loaded_in: Duration,
}

/// Where chains come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The native anvil.
    pub(crate) binary: PathBuf,
    /// Its version.
    pub(crate) version: String,
    /// The folder of the cached chains.
    pub(crate) cache: PathBuf,
    /// Where running processes leave their output.
    pub(crate) scratch: PathBuf,
    /// What the plans follow from.
    pub(crate) seed: u64,
}

impl Source {
    /// Chains by the anvil `binary`, kept in `cache`.
    pub(crate) fn new(
        binary: PathBuf,
        cache: PathBuf,
        scratch: PathBuf,
        seed: u64,
    ) -> Result<Self, BenchError> {
        let version = anvil::version(&binary)?;
        Ok(Self { binary, version, cache, scratch, seed })
    }

    fn file(&self, shape: Shape) -> PathBuf {
        let Shape { blocks, per_block, empty, .. } = shape;
        let Self { version, seed, .. } = self;
        self.cache.join(format!("{blocks}x{per_block}+{empty}-seed-{seed}-anvil-{version}.json"))
    }
}

impl Filled {
    /// The chain of that shape.
    pub(crate) async fn open(source: &Source, shape: Shape) -> Result<Self, BenchError> {
        let file = source.file(shape);
        let generated_in = if file.is_file() { None } else { Some(make(source, shape, &file).await?) };
        let started = Instant::now();
        let load = ["--load-state".as_ref(), file.as_os_str()];
        let anvil = Anvil::start(&source.binary, &source.scratch, load).await?;
        let connections = Rpc::several(&anvil.http_url(), CONNECTIONS)?;
        let contract = Contract::loaded(CHAIN_ID, FIRST_BLOCK);
        let expected = check(&connections, &contract, shape, source.seed).await.inspect_err(|_| {
            eprintln!("the chain in {} is wrong; delete the file to have it made anew", file.display());
        })?;
        let loaded_in = started.elapsed();
        Ok(Self { anvil, shape, contract, expected, generated_in, loaded_in })
    }

    /// Events of the contract, all kinds.
    pub(crate) fn events(&self) -> usize {
        self.expected.ids.len()
    }
}

/// Generates into `file`; how long it took, dump included.
async fn make(source: &Source, shape: Shape, file: &Path) -> Result<Duration, BenchError> {
    let started = Instant::now();
    fs::create_dir_all(&source.cache).map_err(BenchError::file(&source.cache))?;
    // Not there under its name before it is whole.
    let part = file.with_extension("part");
    // Without old states, which nobody asks for, a block takes two thirds of the time and a fifth of the memory.
    let arguments = ["--prune-history".as_ref(), "--dump-state".as_ref(), part.as_os_str()];
    let anvil = Anvil::start(&source.binary, &source.scratch, arguments).await?;
    let connections = Rpc::several(&anvil.http_url(), CONNECTIONS)?;
    generate(&connections, shape, source.seed).await?;
    // anvil does not end while somebody is connected.
    drop(connections);
    anvil.stop().await?;
    fs::rename(&part, file).map_err(BenchError::file(&part))?;
    let bytes = fs::metadata(file).map_err(BenchError::file(file))?.len();
    eprintln!("kept in {} ({} MB)", file.display(), bytes / 1_000_000);
    Ok(started.elapsed())
}
