//! One change of the chain into the log, as a whole or not at all.

use wia_store::StoreError;

use super::ledger::Ledger;
use super::{ChainChange, Change, End, Entry, Log};
use crate::IndexerError;
use crate::chain::block::Head;

impl Log {
    /// Appends one change; gives its entries and the chain's head after them. Not durable before [`Log::durable`].
    pub(crate) fn append(&self, change: ChainChange) -> Result<(Vec<Entry>, Option<Head>), IndexerError> {
        let (entries, end) = self.entries_of(change)?;
        let records: Vec<_> = entries.iter().map(|e| (e.offset.0, e.encode())).collect();
        self.0.journal.append(&records).map_err(StoreError::from)?;
        entries.iter().for_each(|entry| self.0.derived.add(entry, &self.0.catalog));
        *self.lock_end() = end;
        Ok((entries, end.head.map(|(head, _)| head)))
    }

    /// The entries of a change, with what their accounts had, and where the log ends after them. Changes nothing.
    fn entries_of(&self, change: ChainChange) -> Result<(Vec<Entry>, End), IndexerError> {
        let mut end = self.end();
        let mut ledger = Ledger::over(&self.0.catalog, |account| self.balance(account));
        let mut entries = Vec::with_capacity(change.old.len() + change.new.len());
        for old in change.old {
            let Some((_, committed_at)) = end.head.filter(|(head, _)| head.reference() == old) else {
                return Err(IndexerError::damaged(old, "is to be retracted but is not the head"));
            };
            let block = self.entry(committed_at)?.block;
            ledger.retract(&block)?;
            let below = self.below(&block, committed_at)?;
            let entry = Entry { offset: end.offset, change: Change::Retracted { committed_at }, block };
            end = End {
                offset: entry.next_offset(),
                head: below.map(|below| (below.block.head(), below.offset)),
            };
            entries.push(entry);
        }
        for mut block in change.new {
            let fits = match end.head {
                Some((below, _)) => below.number.0 + 1 == block.number.0 && below.hash == block.parent_hash,
                None => block.number == self.0.first_block,
            };
            if !fits {
                return Err(IndexerError::damaged(block.reference(), "does not continue the chain"));
            }
            ledger.commit(&mut block)?;
            let entry = Entry { offset: end.offset, change: Change::Committed, block };
            end = End { offset: entry.next_offset(), head: Some((entry.block.head(), entry.offset)) };
            entries.push(entry);
        }
        Ok((entries, end))
    }
}
