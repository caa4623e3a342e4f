//! What a log was filled from. A log that belongs to another chain, other contracts or another beginning is
//! refused: mixing two would give balances that never were.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use wia_abi::BlockNumber;

use super::Log;
use crate::chain::catalog::Catalog;
use crate::{Config, IndexerError};

/// Format of keys and values. A change of it is a new number, and a migration or this refusal.
const FORMAT: u32 = 3;

const KEY: &[u8] = b"midentity";

/// As stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    format: u32,
    chain_id: u64,
    contracts: Vec<Address>,
    /// Those whose balances are kept.
    tokens: Vec<Address>,
    first_block: BlockNumber,
    /// Block 0, once an endpoint named it: two chains may share an id.
    genesis: Option<B256>,
}

impl Identity {
    pub(super) fn of(config: &Config) -> Self {
        let catalog = Catalog::new(config.contracts.clone());
        Self {
            format: FORMAT,
            chain_id: config.chain_id,
            contracts: catalog.addresses().collect(),
            tokens: catalog.tokens().collect(),
            first_block: config.first_block,
            genesis: None,
        }
    }
}

impl Log {
    /// Takes on the identity of an empty log, or compares.
    pub(super) fn adopt(&self, ours: &Identity) -> Result<(), IndexerError> {
        let Some(stored) = self.identity()? else { return self.write_identity(ours) };
        // No endpoint of that chain was ever seen, so nothing was filled in: a corrected configuration may go on.
        if stored.genesis.is_none() && self.first_offset().is_none() {
            return self.write_identity(ours);
        }
        if stored.format != ours.format {
            return Err(IndexerError::Format { stored: stored.format, supported: ours.format });
        }
        let differs = |what, stored: String, now: String| Err(IndexerError::OtherLog { what, stored, now });
        let list =
            |contracts: &[Address]| contracts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if stored.chain_id != ours.chain_id {
            return differs("chain", stored.chain_id.to_string(), ours.chain_id.to_string());
        }
        if stored.contracts != ours.contracts {
            return differs("contracts", list(&stored.contracts), list(&ours.contracts));
        }
        if stored.tokens != ours.tokens {
            return differs("balances of", list(&stored.tokens), list(&ours.tokens));
        }
        if stored.first_block != ours.first_block {
            return differs("first block", stored.first_block.to_string(), ours.first_block.to_string());
        }
        Ok(())
    }

    /// Remembers the chain's block 0 the first time, and compares from then on.
    pub(crate) async fn bind_genesis(&self, genesis: B256) -> Result<(), IndexerError> {
        let Some(stored) = self.identity()? else {
            return Err(IndexerError::damaged("identity", "is missing"));
        };
        match stored.genesis {
            None => {
                self.write_identity(&Identity { genesis: Some(genesis), ..stored })?;
                // Before the first entry is: a log without its origin could be filled from another chain.
                Ok(self.0.store.durable().await?)
            }
            Some(known) if known == genesis => Ok(()),
            Some(known) => Err(IndexerError::OtherLog {
                what: "a chain whose block 0 is",
                stored: known.to_string(),
                now: genesis.to_string(),
            }),
        }
    }

    fn identity(&self) -> Result<Option<Identity>, IndexerError> {
        let bytes = self.0.tree.get(KEY).map_err(|e| self.0.store.refused(&e))?;
        let damaged = |e| IndexerError::damaged("identity", e);
        bytes.map(|bytes| postcard::from_bytes(&bytes).map_err(damaged)).transpose()
    }

    fn write_identity(&self, identity: &Identity) -> Result<(), IndexerError> {
        let bytes = postcard::to_stdvec(identity).map_err(|e| self.0.store.refused(&e))?;
        self.0.tree.insert(KEY, bytes).map_err(|e| self.0.store.refused(&e))?;
        Ok(())
    }
}
