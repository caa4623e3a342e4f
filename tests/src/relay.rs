//! `relay.*` on a bare socket, for cases that hand in messages by the hundred.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use serde_json::json;
use wia_protocol::RpcError;
use wia_protocol::relay::{State, Status, Submitted, Update, method};

use crate::{Signed, Socket};

/// As many ids as surely fit into one message of 64 KiB.
const IDS_PER_CALL: usize = 500;

/// A session on `/relay/v1`, or on the carbon stream.
pub struct Relay {
    /// The connection.
    pub socket: Socket,
}

impl Relay {
    /// Connects to the relay's URL.
    pub async fn to(url: &str) -> Self {
        Self { socket: Socket::to(url).await }
    }

    /// `relay.submit`.
    ///
    /// # Errors
    /// The refusal.
    pub async fn submit(&mut self, signed: &Signed) -> Result<Submitted, RpcError> {
        let result = self.socket.call(method::SUBMIT, signed.params.clone()).await?;
        Ok(serde_json::from_value(result).expect("relay.submit's result"))
    }

    /// `relay.submit` of a message that must be taken.
    pub async fn accepted(&mut self, signed: &Signed) -> Submitted {
        let submitted = self.submit(signed).await.unwrap_or_else(|e| panic!("{}: {e}", signed.id));
        assert_eq!(submitted.relay_id, signed.id, "the relay's id is the EIP-712 digest");
        submitted
    }

    /// `relay.status`.
    ///
    /// # Errors
    /// The refusal, -32003 for a message that is not known.
    pub async fn status(&mut self, id: B256) -> Result<Status, RpcError> {
        let result = self.socket.call(method::STATUS, json!({"relayId": id})).await?;
        Ok(serde_json::from_value(result).expect("relay.status's result"))
    }

    /// Waits until every one of `ids` has been in `state`, and gives the step at which it was first.
    pub async fn until(&mut self, ids: &[B256], state: State) -> BTreeMap<B256, Update> {
        for ids in ids.chunks(IDS_PER_CALL) {
            let watched = self.socket.call(method::SUBSCRIBE, json!({"relayIds": ids})).await;
            watched.unwrap_or_else(|e| panic!("relay.subscribe: {e}"));
        }
        let mut reached = BTreeMap::new();
        while reached.len() < ids.len() {
            let update: Update =
                serde_json::from_value(self.socket.push(method::UPDATE).await).expect("an update");
            if update.status == state && ids.contains(&update.relay_id) {
                reached.entry(update.relay_id).or_insert(update);
            }
        }
        reached
    }
}
