//! The handle to a running mesh: what the rest of the program sees and asks.

use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot, watch};
use wia_protocol::relay::Submission;

use super::{MeshError, gossip};

/// What the engine is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Gossip these bytes.
    Publish { data: Vec<u8>, done: oneshot::Sender<Result<(), MeshError>> },
}

/// How the mesh stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Every listener has an address.
    pub listening: bool,
    /// Where this node listens, with `/p2p/<peer id>`; TCP first.
    pub addresses: Vec<String>,
    /// Connected peers.
    pub peers: usize,
    /// Of these, the ones that take this chain's gossip.
    pub gossip_peers: usize,
}

/// A handle to the mesh; clones share it.
#[derive(Debug, Clone)]
pub struct Mesh {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) health: watch::Receiver<Health>,
    pub(super) peer_id: PeerId,
}

impl Mesh {
    /// Who this node is.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// How the mesh stands now.
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

    /// Gossips a submission to this chain's topic. Nothing that comes in by another door is gossiped by
    /// itself. One that this node published or saw within the duplicate cache's time is not sent again, which is
    /// no error. Waits while the engine's mailbox is full.
    ///
    /// # Errors
    /// [`MeshError::NoSubscribers`] when nobody listens, [`MeshError::TooLarge`], [`MeshError::Publish`] when
    /// the queues of all peers are full, [`MeshError::Stopped`].
    pub async fn publish(&self, submission: &Submission) -> Result<(), MeshError> {
        let data = gossip::encode(submission)?;
        let (done, published) = oneshot::channel();
        self.commands.send(Command::Publish { data, done }).await.map_err(|_| MeshError::Stopped)?;
        published.await.map_err(|_| MeshError::Stopped)?
    }
}
