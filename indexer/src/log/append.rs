//! One change of the chain into the log, as a whole or not at all.

use alloy::primitives::U256;
use wia_store::StoreError;

use super::entry::Account;
use super::ledger::Ledger;
use super::{ChainChange, Change, End, Entry, Log};
use crate::IndexerError;
use crate::chain::block::Head;
use crate::map::Map;

/// A change as it will stand in the log. Nothing of it is there yet.
pub(crate) struct Prepared {
    entries: Vec<Entry>,
    records: Vec<(u64, Vec<u8>)>,
    /// What every account that moved has after it.
    balances: Map<Account, U256>,
    end: End,
}

impl Prepared {
    /// Its entries, and the chain's head after them.
    pub(crate) fn into_entries(self) -> (Vec<Entry>, Option<Head>) {
        (self.entries, self.end.head.map(|(head, _)| head))
    }
}

impl Log {
    /// Reckons what a change comes to; refuses one that does not fit. Changes nothing.
    pub(crate) fn prepare(&self, change: ChainChange) -> Result<Prepared, IndexerError> {
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
        let records = entries.iter().map(|e| (e.offset.0, e.encode())).collect();
        Ok(Prepared { entries, records, balances: ledger.into_changed(), end })
    }

    /// Appends what was prepared last, with nothing in between. Not durable before [`Log::durable`]. When the disk is
    /// full nothing has changed, and the same call may be made again.
    pub(crate) fn append(&self, prepared: &Prepared) -> Result<(), IndexerError> {
        self.0.journal.append(&prepared.records).map_err(StoreError::from)?;
        prepared.entries.iter().for_each(|entry| self.0.derived.add(entry, &self.0.catalog));
        self.0.derived.settle(prepared.balances.iter().map(|(account, balance)| (*account, *balance)));
        *self.lock_end() = prepared.end;
        Ok(())
    }
}
