//! Balances that follow from transfers. Pure: reads through a function, collects what changes.
//!
//! In: blocks in the order in which they enter or leave the chain. Out: the same blocks with what each account had
//! before them, and the new balance of every account that moved. A transfer that cannot have happened is an error,
//! never a wrapped number.

use alloy::primitives::U256;

use crate::IndexerError;
use crate::chain::catalog::Catalog;
use crate::log::entry::{Account, Block, Transfer};
use crate::map::Map;

/// Balances as of the last block that was put in.
pub(crate) struct Ledger<'c, R> {
    catalog: &'c Catalog,
    read: R,
    changed: Map<Account, U256>,
}

impl<'c, R: Fn(Account) -> Result<U256, IndexerError>> Ledger<'c, R> {
    /// A ledger over the balances that `read` gives, for the contracts that the catalog keeps balances of.
    pub(crate) fn over(catalog: &'c Catalog, read: R) -> Self {
        Self { catalog, read, changed: Map::default() }
    }

    /// What moved, with the balances now.
    pub(crate) fn into_changed(self) -> Map<Account, U256> {
        self.changed
    }

    fn balance(&self, account: Account) -> Result<U256, IndexerError> {
        self.changed.get(&account).copied().map_or_else(|| (self.read)(account), Ok)
    }

    /// Carries out the transfers of `block` and notes in it what its accounts had below it.
    pub(crate) fn commit(&mut self, block: &mut Block) -> Result<(), IndexerError> {
        // What each had below the block, and what it has now.
        let mut moved: Map<Account, (U256, U256)> =
            Map::with_capacity_and_hasher(2 * block.events.len(), Default::default());
        for record in &block.events {
            let Some(Transfer { from, to, value }) = record.transfer() else { continue };
            if !self.catalog.keeps_balances(record.contract) {
                continue;
            }
            for side in [from, to] {
                let account = (record.contract, side);
                if !side.is_zero() && !moved.contains_key(&account) {
                    let balance = self.balance(account)?;
                    moved.insert(account, (balance, balance));
                }
            }
            if let Some((_, balance)) = moved.get_mut(&(record.contract, from)) {
                *balance = balance.checked_sub(value).ok_or_else(|| IndexerError::Underflow {
                    block: block.number,
                    log_index: record.log_index,
                    contract: record.contract,
                    account: from,
                    balance: balance.to_string(),
                    moved: value.to_string(),
                })?;
            }
            // After the sender's: both may be the same account.
            if let Some((_, balance)) = moved.get_mut(&(record.contract, to)) {
                *balance = balance.checked_add(value).ok_or_else(|| {
                    IndexerError::damaged(block.hash, format!("{to} has more than 2^256 wei"))
                })?;
            }
        }
        block.opening = moved.iter().map(|(account, (before, _))| (*account, *before)).collect();
        // On disk they stand in one order, whatever the map's.
        block.opening.sort_unstable_by_key(|(account, _)| *account);
        self.changed.extend(moved.into_iter().map(|(account, (_, now))| (account, now)));
        Ok(())
    }

    /// Takes the transfers of `block` back.
    pub(crate) fn retract(&mut self, block: &Block) -> Result<(), IndexerError> {
        for (account, after) in block.closing() {
            let now = self.balance(account)?;
            if now != after {
                let reason = format!("{} has {now} wei where the block left {after}", account.1);
                return Err(IndexerError::damaged(block.reference(), reason));
            }
        }
        self.changed.extend(block.opening.iter().copied());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use proptest::prelude::*;
    use wia_abi::BlockNumber;

    use super::*;
    use crate::chain::catalog::Contract;
    use crate::log::entry::{EventRecord, TRANSFER};

    const TOKEN: Address = Address::repeat_byte(9);

    fn catalog() -> Catalog {
        Catalog::new([Contract::without_abi(TOKEN, true)])
    }

    fn side(account: u8) -> Address {
        Address::repeat_byte(account)
    }

    fn block(transfers: &[(u8, u8, u64)]) -> Block {
        let record = |(i, &(from, to, value)): (usize, &(u8, u8, u64))| EventRecord {
            log_index: i as u64,
            transaction: 0,
            contract: TOKEN,
            topics: vec![TRANSFER, side(from).into_word(), side(to).into_word()],
            data: U256::from(value).to_be_bytes_vec().into(),
        };
        Block {
            number: BlockNumber(1),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            timestamp_s: 0,
            transactions: vec![B256::ZERO],
            events: transfers.iter().enumerate().map(record).collect(),
            opening: Vec::new(),
        }
    }

    fn nothing(_: Account) -> Result<U256, IndexerError> {
        Ok(U256::ZERO)
    }

    #[test]
    fn a_transfer_of_what_is_not_there_is_an_error() {
        let catalog = catalog();
        let mut ledger = Ledger::over(&catalog, nothing);
        ledger.commit(&mut block(&[(0, 1, 5)])).unwrap();
        let error = ledger.commit(&mut block(&[(1, 2, 6)])).unwrap_err();
        assert!(matches!(error, IndexerError::Underflow { .. }), "{error}");
    }

    #[test]
    fn contracts_whose_balances_are_not_kept_cannot_underflow() {
        let catalog = Catalog::default();
        let mut block = block(&[(1, 2, 6)]);
        Ledger::over(&catalog, nothing).commit(&mut block).unwrap();
        assert!(block.opening.is_empty() && block.movements().is_empty());
    }

    proptest! {
        /// Whatever was committed and taken back leaves everything as it was, and what blocks say of themselves is
        /// what the ledger has.
        #[test]
        fn taking_blocks_back_restores_every_balance(
            transfers in prop::collection::vec(prop::collection::vec((0_u8..5, 0_u8..5, 0_u64..100), 0..12), 1..6),
        ) {
            let catalog = catalog();
            let mut ledger = Ledger::over(&catalog, |_| Ok(U256::from(10_000)));
            let mut blocks = Vec::new();
            for transfers in &transfers {
                let mut block = block(transfers);
                ledger.commit(&mut block).unwrap();
                for (account, balance) in block.closing() {
                    prop_assert_eq!(ledger.balance(account).unwrap(), balance);
                }
                let moving = transfers.iter().filter(|(from, to, _)| (*from, *to) != (0, 0)).count();
                prop_assert_eq!(block.movements().len(), moving);
                blocks.push(block);
            }
            for block in blocks.iter().rev() {
                ledger.retract(block).unwrap();
            }
            for account in 1..5 {
                prop_assert_eq!(ledger.balance((TOKEN, side(account))).unwrap(), U256::from(10_000));
            }
        }
    }
}
