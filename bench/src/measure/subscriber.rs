//! One WebSocket subscriber of the indexer.

use std::time::Instant;

use alloy::primitives::B256;
use serde_json::Value;

use crate::error::BenchError;
use crate::indexer::{Kind, Message};
use crate::socket::Socket;

/// A live subscription.
pub(crate) struct Subscriber {
    socket: Socket,
}

/// An event as a subscriber heard it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) id: String,
    pub(crate) block: u64,
    pub(crate) transaction: B256,
}

impl Subscriber {
    /// Connects and subscribes; an error when the indexer says that something was lost.
    pub(crate) async fn open(url: &str, mut params: Value) -> Result<Self, BenchError> {
        params["promotions"] = false.into();
        let mut socket = Socket::open(url).await?;
        let answer = socket.call("indexer.subscribe", params).await?;
        if answer["recovered"] != true {
            return Err(BenchError::Wrong(format!("a subscription was not recovered: {answer}")));
        }
        Ok(Self { socket })
    }

    /// The next event. Anything but an event is wrong: nothing is reorganised here, and promotions are not asked for.
    pub(crate) async fn next(&mut self) -> Result<Heard, BenchError> {
        let push = self.socket.push().await?;
        let message: Message<'_> = push.params()?;
        if message.kind != Kind::Event {
            return Err(BenchError::Wrong(format!("a subscriber heard {}", push.text)));
        }
        Ok(Heard {
            at: push.at,
            id: message.id.into_owned(),
            block: message.block_number,
            transaction: message.transaction_hash,
        })
    }
}
