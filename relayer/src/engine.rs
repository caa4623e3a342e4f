//! The engine.
use std::sync::Arc;

use alloy::signers::local::PrivateKeySigner;
use tokio_util::sync::CancellationToken;

use crate::{Chain, Config, Relayer, RelayerError};

/// The only loop of the relayer.
pub struct Engine {}

/// Opens the queue in `store` and takes up what was under way.
///
/// # Errors
/// [`RelayerError`] when the store cannot be read, or belongs to another chain than the endpoint serves.
pub async fn open(
    _store: &wia_store::Store,
    _config: Config,
    _chain: Arc<dyn Chain>,
    _signer: PrivateKeySigner,
) -> Result<(Engine, Relayer), RelayerError> {
    Ok((Engine {}, Relayer {}))
}

impl Engine {
    /// Runs until `stop`: then takes no new work, finishes the write in hand, and returns.
    ///
    /// # Errors
    /// When the store fails, or a stored record cannot be read.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RelayerError> {
        stop.cancelled().await;
        Ok(())
    }
}
