//! Updates.
use wia_protocol::relay::Update;

/// The steps of the messages that a watch named: first what has happened, then what happens.
pub struct Updates {}

impl Updates {
    /// The next step; waits for it. `None` once the watch is over: the reader was cut for being slower than
    /// its bounded queue ([`Updates::lagged`]), or the relayer ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Update> {
        None
    }

    /// Whether the watch was cut because the reader was too slow. It may watch again: history comes first.
    #[must_use]
    pub fn lagged(&self) -> bool {
        false
    }
}
