//! Balances that follow from transfers. Pure: reads through a function, collects what changes.
//!
//! In: blocks in the order in which they enter or leave the chain. Out: the same blocks with the balances before
//! each transfer, and the new balance of every account that moved. A transfer that cannot have happened is an
//! error, never a wrapped number.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};

use crate::IndexerError;
use crate::log::entry::{Before, Block, Event, EventRecord};

/// One balance: of which token contract, whose.
pub(crate) type Account = (Address, Address);

/// Balances as of the last block that was put in.
pub(crate) struct Ledger<R> {
    read: R,
    changed: BTreeMap<Account, U256>,
}

impl<R: Fn(Account) -> Result<U256, IndexerError>> Ledger<R> {
    /// A ledger over the balances that `read` gives.
    pub(crate) fn over(read: R) -> Self {
        Self { read, changed: BTreeMap::new() }
    }

    /// What moved, with the balances now.
    pub(crate) fn into_changed(self) -> BTreeMap<Account, U256> {
        self.changed
    }

    fn balance(&self, account: Account) -> Result<U256, IndexerError> {
        self.changed.get(&account).copied().map_or_else(|| (self.read)(account), Ok)
    }

    /// Carries out the transfers of `block` and notes in it what both sides had.
    pub(crate) fn commit(&mut self, block: &mut Block) -> Result<(), IndexerError> {
        let number = block.number;
        for record in &mut block.events {
            let Some((from, to, value)) = movement(record) else { continue };
            let mut before = Before { from: U256::ZERO, to: U256::ZERO };
            if let Some(from) = from {
                before.from = self.balance(from)?;
                let after = before.from.checked_sub(value).ok_or_else(|| IndexerError::Underflow {
                    block: number,
                    log_index: record.log_index,
                    contract: from.0,
                    account: from.1,
                    balance: before.from.to_string(),
                    moved: value.to_string(),
                })?;
                // Written before the recipient is read: both may be the same account.
                self.changed.insert(from, after);
            }
            if let Some(to) = to {
                before.to = self.balance(to)?;
                let after = before.to.checked_add(value).ok_or_else(|| {
                    IndexerError::damaged(block.hash, format!("{} has more than 2^256 wei", to.1))
                })?;
                self.changed.insert(to, after);
            }
            record.before = Some(before);
        }
        Ok(())
    }

    /// Takes the transfers of `block` back, last first.
    pub(crate) fn retract(&mut self, block: &Block) -> Result<(), IndexerError> {
        for record in block.events.iter().rev() {
            let (Some((from, to, value)), Some(before)) = (movement(record), record.before) else { continue };
            if let Some(to) = to {
                self.expect(block, to, before.to.wrapping_add(value))?;
                self.changed.insert(to, before.to);
            }
            if let Some(from) = from {
                self.expect(block, from, before.from.wrapping_sub(value))?;
                self.changed.insert(from, before.from);
            }
        }
        Ok(())
    }

    fn expect(&self, block: &Block, account: Account, after: U256) -> Result<(), IndexerError> {
        let now = self.balance(account)?;
        if now == after {
            return Ok(());
        }
        let reason = format!("{} has {now} wei where the block left {after}", account.1);
        Err(IndexerError::damaged(block.reference(), reason))
    }
}

/// The two sides of a transfer that have balances, and the amount.
fn movement(record: &EventRecord) -> Option<(Option<Account>, Option<Account>, U256)> {
    let Event::Transfer { from, to, value } = record.event else { return None };
    let side = |account: Address| (!account.is_zero()).then_some((record.contract, account));
    Some((side(from), side(to), value))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use proptest::prelude::*;
    use wia_abi::BlockNumber;

    use super::*;

    fn block(transfers: &[(u8, u8, u64)]) -> Block {
        let record = |(i, &(from, to, value)): (usize, &(u8, u8, u64))| EventRecord {
            log_index: i as u64,
            transaction: 0,
            contract: Address::repeat_byte(9),
            event: Event::Transfer {
                from: Address::repeat_byte(from),
                to: Address::repeat_byte(to),
                value: U256::from(value),
            },
            before: None,
        };
        Block {
            number: BlockNumber(1),
            hash: B256::repeat_byte(1),
            parent_hash: B256::ZERO,
            timestamp_s: 0,
            transactions: vec![B256::ZERO],
            events: transfers.iter().enumerate().map(record).collect(),
        }
    }

    fn empty() -> Ledger<impl Fn(Account) -> Result<U256, IndexerError>> {
        Ledger::over(|_| Ok(U256::ZERO))
    }

    #[test]
    fn before_balances_hold_within_a_block_and_for_a_transfer_to_oneself() {
        let mut ledger = empty();
        let mut block = block(&[(0, 1, 10), (1, 1, 4), (1, 2, 10), (2, 0, 3)]);
        ledger.commit(&mut block).unwrap();
        let before: Vec<_> =
            block.events.iter().map(|e| e.before.unwrap()).map(|b| (b.from.to(), b.to.to())).collect();
        assert_eq!(before, [(0_u64, 0_u64), (10, 6), (10, 0), (10, 0)]);
    }

    #[test]
    fn more_than_there_is_cannot_leave() {
        let error = empty().commit(&mut block(&[(0, 1, 10), (1, 2, 11)])).unwrap_err();
        assert!(matches!(error, IndexerError::Underflow { log_index: 1, .. }), "{error}");
    }

    #[test]
    fn a_retraction_that_does_not_fit_is_an_error() {
        let mut stale = block(&[(0, 1, 10)]);
        empty().commit(&mut stale).unwrap();
        assert!(matches!(empty().retract(&stale), Err(IndexerError::Damaged { .. })));
    }

    proptest! {
        #[test]
        fn taking_back_what_was_done_leaves_everything_as_it_was(
            wishes in prop::collection::vec((0_u8..4, 0_u8..4, 0_u64..100), 0..40),
        ) {
            // The chain carries out only what is covered.
            let mut have = [u64::MAX / 2, 0, 0, 0];
            let mut transfers = Vec::new();
            for (from, to, value) in wishes {
                let value = value.min(have[from as usize]);
                have[from as usize] -= value;
                have[to as usize] += value;
                transfers.push((from, to, value));
            }
            let mut block = block(&transfers);
            let mut ledger = empty();
            ledger.commit(&mut block).unwrap();
            for account in 1..4_u8 {
                let key = (Address::repeat_byte(9), Address::repeat_byte(account));
                prop_assert_eq!(ledger.balance(key).unwrap(), U256::from(have[account as usize]));
            }
            ledger.retract(&block).unwrap();
            prop_assert!(ledger.into_changed().values().all(|b| b.is_zero()));
        }
    }
}
