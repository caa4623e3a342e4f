//! The handle to a running mesh: what the rest of the program sees.

use tokio::sync::watch;

use super::MeshError;

/// How the mesh stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every listener has an address.
    pub listening: bool,
    /// Where this node listens, with `/p2p/<peer id>`; TCP first.
    pub addresses: Vec<String>,
    /// Connected peers.
    pub peers: usize,
    /// Of these, the ones that take this chain's gossip. No door shows it; who waits for it knows that what the
    /// next peer gossips is passed on.
    pub gossip_peers: usize,
    /// Of these, the ones that take claims: relayers that share their work.
    pub claim_peers: usize,
}

/// A handle to the mesh; clones share it.
#[derive(Debug, Clone)]
pub struct Mesh {
    pub(super) health: watch::Receiver<Health>,
}

impl Mesh {
    /// How it stands now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// Connected peers.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.health.borrow().peers
    }

    /// Where this node listens, with `/p2p/<peer id>`, TCP first. Complete once [`Mesh::listening`] returned.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.health.borrow().addresses.clone()
    }

    /// Waits until every listener has an address. Without listeners that is at once.
    ///
    /// # Errors
    /// [`MeshError::Stopped`].
    pub async fn listening(&self) -> Result<(), MeshError> {
        self.until(|health| health.listening).await.map(drop)
    }

    /// Waits until the mesh stands as `wanted`, for as long as it takes.
    ///
    /// # Errors
    /// [`MeshError::Stopped`] when the engine ends before.
    pub async fn until(&self, wanted: impl FnMut(&Health) -> bool) -> Result<Health, MeshError> {
        let mut health = self.health.clone();
        health.wait_for(wanted).await.map(|h| h.clone()).map_err(|_| MeshError::Stopped)
    }
}
