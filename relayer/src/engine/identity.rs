//! What a data folder belongs to: one chain, and one lane while it has transactions of it.

use alloy::primitives::{Address, B256};
use wia_store::Store;

use super::Engine;
use crate::RelayerError;

/// Tree and keys of what a data folder belongs to.
const CHAIN: &str = "relay_chain";
const FIRST_BLOCK: &[u8] = b"first_block";
const LANE: &[u8] = b"lane";

/// Binds the data folder to the lane. `free`: there is no transaction in it, so it may go to another one.
/// Nonces mean nothing without their account: with transactions of another one, messages would be lost.
pub(super) fn bind_lane(store: &Store, lane: Address, free: bool) -> Result<(), RelayerError> {
    let tree = store.tree(CHAIN)?;
    let bound = tree.get(LANE).map_err(|e| store.refused(&e))?;
    let bound = bound.and_then(|b| Address::try_from(b.as_ref()).ok());
    match bound {
        Some(bound) if bound == lane => return Ok(()),
        Some(bound) if !free => return Err(RelayerError::OtherLane { bound, given: lane }),
        Some(bound) => tracing::info!(%bound, %lane, "the data folder goes to another lane"),
        None => {}
    }
    tree.insert(LANE, lane.as_slice()).map_err(|e| store.refused(&e))?;
    Ok(())
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
                }
            }
        }
        self.identified = true;
        Ok(())
    }
}
