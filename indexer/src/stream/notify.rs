//! Entries to the documents' notifications (C-047, C-049…C-053). Pure, with golden vectors.
//!
//! In: an entry of the log, the blocks below it, a filter. Out: pushes, in one order for everyone:
//!
//! 1. per event of the block, in log order: the sender's change of balance, then the recipient's;
//! 2. per confirmation k = 1, 2, … (k = 1 is this block): each transaction of the block that now has k.
//!
//! For a retracted block the same balances backwards, last first, then each of its transactions as `reorged`.
//! Every place in that order has a number whether or not the filter lets it through, which is what makes a
//! cursor mean the same for everyone. k goes upwards so that a larger `final_confirmations` renumbers nothing
//! that a smaller one had.
//!
//! What an event is in the documents' words, once for everybody, is [`notification`]'s.

pub(crate) mod notification;

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolEvent;
use wia_abi::{CarbonCredit, CreditAmount};
use wia_protocol::JsonDecimal;
use wia_protocol::carbon::{BalanceChanged, Channel, TransactionConfirmed};
use wia_protocol::jsonrpc::Notification;

use crate::chain::catalog::{Catalog, Kind};
use crate::log::entry::{Change, Entry, Movement, Transfer};
use crate::stream::cursor::Cursor;

/// What one subscriber wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Written into `wallet.balance_changed` as `userId`.
    pub user_id: String,
    /// The accounts that are the subscriber's.
    pub addresses: BTreeSet<Address>,
    /// The channels that it subscribed to.
    pub channels: BTreeSet<Channel>,
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "moved once, from the log to a socket: a box would cost more")]
pub enum Push {
    /// `wallet.balance_changed`.
    BalanceChanged(BalanceChanged),
    /// `blockchain.transaction_confirmed`.
    TransactionConfirmed(TransactionConfirmed),
}

impl Push {
    /// The channel it belongs to.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Push::BalanceChanged(_) => Channel::WalletBalance,
            Push::TransactionConfirmed(_) => Channel::BlockchainConfirmations,
        }
    }

    /// Resume strictly after this push with [`crate::Start::After`].
    #[must_use]
    pub fn cursor(&self) -> &str {
        match self {
            Push::BalanceChanged(p) => &p.cursor,
            Push::TransactionConfirmed(p) => &p.cursor,
        }
    }

    /// The JSON-RPC notification frame (C-042).
    #[must_use]
    pub fn text(&self) -> String {
        let method = self.channel().method();
        match self {
            Push::BalanceChanged(p) => Notification::new(method, p).text(),
            Push::TransactionConfirmed(p) => Notification::new(method, p).text(),
        }
    }
}

/// What every notification of one indexer has in common.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) chain_id: u64,
    pub(crate) final_confirmations: u64,
    pub(crate) catalog: Arc<Catalog>,
}

/// One place in the order above.
enum Place<'a> {
    Balance { movement: Movement, side: Side },
    Transaction { in_block: &'a Entry, transaction: usize, confirmations: u64 },
}

#[derive(Clone, Copy)]
enum Side {
    From,
    To,
}

/// How many places `entry` has; `below`: the blocks below it on its branch, lowest first.
pub(crate) fn count(entry: &Entry, below: &[Arc<Entry>]) -> usize {
    places(entry, below).count()
}

/// The pushes of `entry` that `filter` lets through, with their numbers. `below`: the blocks below it on its
/// branch, lowest first, as many as there are up to `final_confirmations - 1`.
pub(crate) fn pushes(
    terms: &Terms,
    entry: &Entry,
    below: &[Arc<Entry>],
    filter: &Filter,
) -> Vec<(u32, Push)> {
    let numbered = (0_u32..).zip(places(entry, below));
    let push = |(n, place): (u32, Place<'_>)| {
        let cursor = Cursor { entry: entry.offset, n: Some(n) };
        let push = match place {
            Place::Balance { movement, side } => {
                balance_changed(terms, entry, movement, side, filter, cursor).map(Push::BalanceChanged)
            }
            Place::Transaction { in_block, transaction, confirmations } => {
                let confirmed = Confirmed { in_block, transaction, confirmations, by: entry };
                transaction_confirmed(terms, &confirmed, filter, cursor).map(Push::TransactionConfirmed)
            }
        };
        push.map(|p| (n, p))
    };
    numbered.filter_map(push).collect()
}

fn places<'a>(entry: &'a Entry, below: &'a [Arc<Entry>]) -> Box<dyn Iterator<Item = Place<'a>> + 'a> {
    let movements = entry.block.movements().into_iter();
    match entry.change {
        Change::Committed => {
            let balances = movements.flat_map(|m| sides(m, [Side::From, Side::To]));
            let depths = std::iter::once(entry).chain(below.iter().rev().map(Arc::as_ref));
            let confirmed = (1_u64..).zip(depths).flat_map(|(k, block)| transactions(block, k));
            Box::new(balances.chain(confirmed))
        }
        Change::Retracted { .. } => {
            let balances = movements.rev().flat_map(|m| sides(m, [Side::To, Side::From]));
            Box::new(balances.chain(transactions(entry, 0)))
        }
    }
}

fn sides<'a>(movement: Movement, sides: [Side; 2]) -> impl Iterator<Item = Place<'a>> {
    let moved = sides.into_iter().filter(move |side| moved(&movement, *side));
    moved.map(move |side| Place::Balance { movement, side })
}

/// Whether that side's balance changed: nothing moves in a transfer of nothing, to oneself, or for nobody.
fn moved(movement: &Movement, side: Side) -> bool {
    let transfer = &movement.transfer;
    let account = match side {
        Side::From => transfer.from,
        Side::To => transfer.to,
    };
    transfer.from != transfer.to && !transfer.value.is_zero() && !account.is_zero()
}

fn transactions(in_block: &Entry, confirmations: u64) -> impl Iterator<Item = Place<'_>> {
    let count = in_block.block.transactions.len();
    (0..count).map(move |transaction| Place::Transaction { in_block, transaction, confirmations })
}

fn balance_changed(
    terms: &Terms,
    entry: &Entry,
    movement: Movement,
    side: Side,
    filter: &Filter,
    cursor: Cursor,
) -> Option<BalanceChanged> {
    let Transfer { from, to, value } = movement.transfer;
    let (address, other) = match side {
        Side::From => (from, to),
        Side::To => (to, from),
    };
    if !filter.channels.contains(&Channel::WalletBalance) || !filter.addresses.contains(&address) {
        return None;
    }
    let record = entry.block.events.get(movement.event)?;
    // The wallet of the documents holds credits; other tokens' balances are asked for.
    if terms.catalog.kind(record.contract) != Kind::Credit {
        return None;
    }
    // The ledger has checked both against the range; wrapping only spares a second error path.
    let (previous, new): (U256, U256) = match side {
        Side::From => (movement.from_before, movement.from_before.wrapping_sub(value)),
        Side::To => (movement.to_before, movement.to_before.wrapping_add(value)),
    };
    let retracted = entry.is_retraction();
    let (previous, new) = if retracted { (new, previous) } else { (previous, new) };
    let (previous, new) = (CreditAmount(previous), CreditAmount(new));
    let reason = match side {
        _ if retracted => "reorg",
        Side::To if from.is_zero() => "mint",
        Side::To => "transfer_received",
        Side::From if to.is_zero() => "retirement",
        Side::From => "transfer_sent",
    };
    let change = JsonDecimal::difference(previous, new);
    let block = &entry.block;
    Some(BalanceChanged {
        user_id: filter.user_id.clone(),
        previous_balance: previous.into(),
        new_balance: new.into(),
        change,
        reason,
        transaction_id: format!(
            "TXN-{}-{:04}",
            block.timestamp().year(),
            entry.event_offset(movement.event).0
        ),
        address,
        counterparty: (!other.is_zero()).then_some(other),
        amount_wei: value.to_string(),
        change_wei: change.wei(),
        previous_balance_wei: previous.0.to_string(),
        new_balance_wei: new.0.to_string(),
        transaction_hash: *block.transactions.get(record.transaction as usize)?,
        block_number: block.number.0,
        event_id: format!("{}:{}:{}", terms.chain_id, block.hash, record.log_index),
        timestamp: block.timestamp(),
        cursor: cursor.to_string(),
    })
}

/// A transaction at a depth.
struct Confirmed<'a> {
    in_block: &'a Entry,
    transaction: usize,
    confirmations: u64,
    /// The block that made it so deep, or that left the chain.
    by: &'a Entry,
}

fn transaction_confirmed(
    terms: &Terms,
    at: &Confirmed<'_>,
    filter: &Filter,
    cursor: Cursor,
) -> Option<TransactionConfirmed> {
    let block = &at.in_block.block;
    let mut events = block.events_of(at.transaction);
    let concerned = |a: &Address| filter.addresses.contains(a);
    let concerned = events.any(|(_, e)| terms.catalog.accounts(e).iter().any(concerned));
    if !filter.channels.contains(&Channel::BlockchainConfirmations) || !concerned {
        return None;
    }
    let reorged = at.confirmations == 0;
    Some(TransactionConfirmed {
        transaction_hash: block.transactions[at.transaction],
        block_number: block.number.0,
        confirmations: at.confirmations,
        status: if reorged { "reorged" } else { "confirmed" },
        record_id: record_id(terms, at)?,
        is_final: at.confirmations == terms.final_confirmations,
        block_hash: block.hash,
        timestamp: at.by.block.timestamp(),
        cursor: cursor.to_string(),
    })
}

/// The credit's id for a mint, else the number of the transaction's first event (C-050).
fn record_id(terms: &Terms, at: &Confirmed<'_>) -> Option<String> {
    let block = &at.in_block.block;
    let minted = block.events_of(at.transaction).find_map(|(_, e)| {
        let credits = terms.catalog.kind(e.contract) == Kind::Credit;
        let minted = CarbonCredit::CreditMinted::decode_raw_log(&e.topics, &e.data);
        minted.ok().filter(|_| credits).map(|minted| minted.creditId)
    });
    let numbered = || {
        let (first, _) = block.events_of(at.transaction).next()?;
        let offset = at.in_block.event_offset(first).0;
        Some(format!("CCR-{}-{offset:06}", block.timestamp().year()))
    };
    minted.or_else(numbered)
}

#[cfg(test)]
mod tests;
