//! What can go wrong in the mesh, with its operands. Texts are for operators and wallets' logs; what goes to a
//! peer is always an [`RpcError`](wia_protocol::RpcError).

use std::path::PathBuf;

use libp2p::{Multiaddr, PeerId};
use wia_protocol::cbor::CborError;

/// The mesh's one error.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// A setting that cannot work.
    #[error("mesh setting `{field}`: {reason}")]
    Config {
        /// Its path in [`super::Config`].
        field: &'static str,
        /// What it must be.
        reason: String,
    },
    /// The key file cannot be read, written or understood.
    #[error("peer identity {path}: {reason}", path = path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Noise, gossipsub or a listener could not be set up.
    #[error("the mesh cannot be set up: {0}")]
    Setup(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system said.
        reason: String,
    },
    /// Nobody answers there, or not in a way that we understand.
    #[error("cannot reach {address}: {reason}")]
    Dial {
        /// The address.
        address: Multiaddr,
        /// What each attempt met.
        reason: String,
    },
    /// Somebody else answers at the address.
    #[error("{address} is answered by peer {found}, not by {expected}: check the address")]
    WrongPeer {
        /// The address.
        address: Multiaddr,
        /// The peer that it names.
        expected: Box<PeerId>,
        /// The peer that is there.
        found: Box<PeerId>,
    },
    /// Nothing came in time.
    #[error("no {what} within {after_ms} ms")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long, in milliseconds.
        after_ms: u128,
    },
    /// A value cannot be written as canonical CBOR.
    #[error("cannot be sent: {0}")]
    Encode(#[from] CborError),
    /// A message above the size that peers take.
    #[error("{bytes} bytes are more than the {limit} that one message may have")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// A request was sent, or not, but no answer came; asking again is safe, because ids are idempotent.
    #[error("no answer to the request: {0}")]
    Request(String),
    /// Gossip is not going out.
    #[error("cannot publish: {0}")]
    Publish(String),
    /// The engine does not run any more.
    #[error("the mesh has stopped")]
    Stopped,
}
