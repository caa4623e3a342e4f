//! What a data folder belongs to: one chain, and one format of what stands in it.

use alloy::primitives::B256;
use wia_store::Store;

use super::Engine;
use crate::RelayerError;
use crate::queue;

/// Tree and keys of what a data folder belongs to.
const CHAIN: &str = "relay_chain";
const FIRST_BLOCK: &[u8] = b"first_block";
const FORMAT: &[u8] = b"format";

/// The format of messages and transactions that this release writes and reads.
const CURRENT: &[u8] = &[3];

/// Refuses a data folder whose records this release cannot read, before anything reads them.
pub(super) async fn check_format(store: &Store) -> Result<(), RelayerError> {
    let tree = store.tree(CHAIN)?;
    let known = tree.get(FORMAT).map_err(|e| store.refused(&e))?;
    if known.as_deref() == Some(CURRENT) {
        return Ok(());
    }
    if known.is_some() || !queue::is_empty(store)? {
        return Err(RelayerError::Format);
    }
    tree.insert(FORMAT, CURRENT).map_err(|e| store.refused(&e))?;
    // Before the journal has anything: without this, what is there would be taken for a new folder's.
    Ok(store.durable().await?)
}

impl Engine {
    /// Makes sure that the endpoint serves the chain of the deployment and of the data folder.
    pub(super) async fn identify(&mut self) -> Result<(), RelayerError> {
        if self.identified {
            return Ok(());
        }
        let chain = &self.shared.chain;
        let (actual, expected) = (chain.chain_id().await?, self.shared.config.deployment.chain_id);
        if actual != expected {
            return Err(RelayerError::WrongChain { expected, actual });
        }
        if let Some(first) = chain.block_hash(0).await? {
            let store = &self.shared.store;
            let tree = store.tree(CHAIN)?;
            match tree.get(FIRST_BLOCK).map_err(|e| store.refused(&e))? {
                Some(known) if known.as_ref() != first.as_slice() => {
                    let expected = B256::try_from(known.as_ref()).unwrap_or_default();
                    return Err(RelayerError::OtherChain { expected, actual: first });
                }
                Some(_) => {}
                None => {
                    tree.insert(FIRST_BLOCK, first.as_slice()).map_err(|e| store.refused(&e))?;
                    store.durable().await?;
                }
            }
        }
        self.identified = true;
        Ok(())
    }
}
