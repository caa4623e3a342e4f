//! How many of a kind may be open: in all, and of one origin, so that nobody takes the places of all others.

use std::collections::HashMap;

use crate::Origin;

/// The most that may be open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) all: usize,
    pub(crate) per_origin: usize,
}

pub(super) struct Places {
    bounds: Bounds,
    taken: usize,
    by_origin: HashMap<Origin, usize>,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, taken: 0, by_origin: HashMap::new() }
    }

    /// Whether there was a place; it is taken then.
    pub(super) fn take(&mut self, origin: &Origin) -> bool {
        let own = self.by_origin.get(origin).copied().unwrap_or_default();
        if self.taken >= self.bounds.all || own >= self.bounds.per_origin {
            return false;
        }
        self.taken += 1;
        self.by_origin.insert(origin.clone(), own + 1);
        true
    }

    pub(super) fn give_back(&mut self, origin: &Origin) {
        let Some(own) = self.by_origin.get_mut(origin) else { return };
        self.taken = self.taken.saturating_sub(1);
        *own = own.saturating_sub(1);
        if *own == 0 {
            self.by_origin.remove(origin);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0 && self.by_origin.is_empty()
    }
}
