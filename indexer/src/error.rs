//! What stops the indexer or refuses a caller. An endpoint that went away is none of it: the engine waits for it.

use alloy::primitives::{Address, B256};
use wia_abi::BlockNumber;
use wia_store::StoreError;

use crate::chain::block::BlockRef;

/// The crate's error. Those of [`crate::Engine::run`] need an operator; the text says what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IndexerError {
    /// The store refused to read or write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting cannot be used.
    #[error("indexer configuration: `{field}` {reason}")]
    Config {
        /// The field of [`crate::Config`].
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A filter that names what is not followed.
    #[error("{field}: {reason}")]
    Filter {
        /// The member of the filter.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Retention has removed what was to be read next.
    #[error(
        "entry {offset} is no longer kept, the oldest is {oldest}; subscribe with your cursor again, or ask for less history"
    )]
    Forgotten {
        /// What was to be read.
        offset: u64,
        /// What is there.
        oldest: u64,
    },
    /// A cursor that this log never gave out.
    #[error("cursor `{cursor}`: {reason}")]
    Cursor {
        /// As it was given.
        cursor: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The endpoint serves another chain than the configuration names.
    #[error(
        "{endpoint} serves chain {reported}, the configuration says chain {configured}; correct one of them"
    )]
    WrongChain {
        /// Scheme, host and port of the endpoint.
        endpoint: String,
        /// `chain_id` of the configuration.
        configured: u64,
        /// What `eth_chainId` says.
        reported: u64,
    },
    /// The store was filled from something else.
    #[error(
        "the indexer's log was filled with {what} {stored}, now it is {now}; point it at what it was filled from, \
         or give it an empty data folder"
    )]
    OtherLog {
        /// What differs.
        what: &'static str,
        /// As the store has it.
        stored: String,
        /// As the configuration or the endpoint has it.
        now: String,
    },
    /// A store of a newer or older program.
    #[error(
        "the indexer's log has format {stored}, this program reads {supported}; index anew into an empty folder"
    )]
    Format {
        /// As the store has it.
        stored: u32,
        /// As this program writes it.
        supported: u32,
    },
    /// A reorganisation below what may be taken back.
    #[error(
        "the chain was reorganised more than {max_reorg_depth} blocks deep: our head {ours} is not on the chain of \
         the endpoint's head {theirs}; check the endpoint, then raise max_reorg_depth or index anew"
    )]
    TooDeep {
        /// The last block that we committed.
        ours: BlockRef,
        /// What the endpoint says.
        theirs: BlockRef,
        /// The limit.
        max_reorg_depth: u64,
    },
    /// An account would go below zero: earlier events are missing.
    #[error(
        "block {block}, log {log_index}: {account} has {balance} wei in {contract} but {moved} leave; events before \
         it are missing: first_block must be at or before the contract's creation"
    )]
    Underflow {
        /// Height.
        block: BlockNumber,
        /// The log's place in its block.
        log_index: u64,
        /// The token contract.
        contract: Address,
        /// Whose balance.
        account: Address,
        /// In wei, as the log has it.
        balance: String,
        /// In wei, as the event says.
        moved: String,
    },
    /// The log contradicts itself. Never seen; better said than worked on.
    #[error("the indexer's log is damaged at {at}: {reason}; index anew into an empty data folder")]
    Damaged {
        /// Key, offset or block.
        at: String,
        /// What does not fit.
        reason: String,
    },
    /// The engine has ended; nothing more will come.
    #[error("the indexer has stopped")]
    Stopped,
}

impl IndexerError {
    pub(crate) fn damaged(at: impl std::fmt::Display, reason: impl std::fmt::Display) -> Self {
        Self::Damaged { at: at.to_string(), reason: reason.to_string() }
    }

    pub(crate) fn missing_block(number: BlockNumber, hash: B256) -> Self {
        Self::damaged(BlockRef { number, hash }, "a block that must be there is not")
    }
}
