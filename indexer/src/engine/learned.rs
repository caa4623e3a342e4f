//! What was learned of each endpoint's ranges, kept across restarts.
//!
//! In: the tree `indexer` of the store. Out: a [`Span`] per endpoint. Key: `r` and the endpoint's scheme, host and port,
//! never a secret; a value that does not read is learned anew. Written when it changed much, made durable with
//! whatever is next: losing it costs a few requests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wia_store::sled;

use super::range::{Span, Target};
use crate::source::SourceError;

/// Spans by endpoint.
pub(super) struct Learned {
    tree: sled::Tree,
    target: Target,
    spans: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone, Copy)]
struct Kept {
    span: Span,
    /// The width that is in the store.
    stored_blocks: u64,
}

impl Learned {
    pub(super) fn new(tree: sled::Tree, target: Target) -> Self {
        Self { tree, target, spans: Mutex::default() }
    }

    /// Blocks and expected bytes of the endpoint's next range.
    pub(super) fn next(&self, endpoint: &str) -> (u64, u64) {
        self.with(endpoint, |span, target| {
            let blocks = span.blocks(target);
            (blocks, span.expected_bytes(blocks))
        })
    }

    /// A range brought so much.
    pub(super) fn brought(&self, endpoint: &str, blocks: u64, events: u64, bytes: u64) {
        self.with(endpoint, |span, target| span.brought(blocks, events, bytes, target));
        let labels = [("endpoint", endpoint.to_owned())];
        metrics::gauge!("wia_indexer_range_blocks", &labels).set(self.next(endpoint).0 as f64);
    }

    /// A range failed.
    pub(super) fn failed(&self, endpoint: &str, blocks: u64, error: &SourceError) {
        self.with(endpoint, |span, _| span.failed(blocks, error));
    }

    fn with<R>(&self, endpoint: &str, act: impl FnOnce(&mut Span, &Target) -> R) -> R {
        let mut spans = self.lock();
        if !spans.contains_key(endpoint) {
            let stored = self.tree.get(key(endpoint)).ok().flatten();
            let stored = stored.and_then(|bytes| postcard::from_bytes::<Span>(&bytes).ok());
            let span = stored.unwrap_or_else(|| Span::new(&self.target));
            let stored_blocks = stored.map_or(0, |s| s.blocks(&self.target));
            spans.insert(endpoint.to_owned(), Kept { span, stored_blocks });
        }
        let fresh = || Kept { span: Span::new(&self.target), stored_blocks: 0 };
        let kept = spans.entry(endpoint.to_owned()).or_insert_with(fresh);
        let result = act(&mut kept.span, &self.target);
        let blocks = kept.span.blocks(&self.target);
        if blocks.abs_diff(kept.stored_blocks) > kept.stored_blocks / 4
            && let Ok(bytes) = postcard::to_stdvec(&kept.span)
            && self.tree.insert(key(endpoint), bytes).is_ok()
        {
            kept.stored_blocks = blocks;
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(endpoint: &str) -> Vec<u8> {
    [b"r", endpoint.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = wia_store::Store::open(folder.path()).unwrap();
        let target = Target { max_blocks: 10_000, events: 5_000, bytes: 4 << 20 };
        let learned = Learned::new(store.tree("indexer").unwrap(), target);
        let (first, _) = learned.next("http://a:1");
        learned.brought("http://a:1", first, first * 100, first * 60_000);
        let reason = "block range is limited to 7".to_owned();
        let refused = SourceError::Refused { endpoint: "b".into(), method: "eth_getLogs", reason };
        learned.failed("http://b:1", 100, &refused);
        let again = Learned::new(store.tree("indexer").unwrap(), target);
        assert_eq!(again.next("http://a:1").0, 50);
        assert_eq!(again.next("http://b:1").0, 7);
        assert_eq!(again.next("http://c:1").0, first);
    }
}
