//! What a connection knows of the streams that its answers are: how many of them are open.
//!
//! In: a guard for each stream. Out: the count, which the listener watches: a connection that carries a stream has no
//! time-out and no place among the HTTP connections, but a writer that must not stand still.

use std::sync::Arc;

use tokio::sync::watch;

/// One connection's count; clones share it. Handlers find it among the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct Lifeline(Arc<watch::Sender<usize>>);

/// One open stream; it ends when dropped.
#[derive(Debug)]
pub(super) struct Streaming(Lifeline);

impl Lifeline {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// From here on there is one stream more.
    pub(super) fn stream(&self) -> Streaming {
        self.0.send_modify(|open| *open += 1);
        Streaming(self.clone())
    }

    /// Whether the connection carries a stream.
    pub(super) fn is_streaming(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Wakes whenever that may have changed.
    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open -= 1);
    }
}
