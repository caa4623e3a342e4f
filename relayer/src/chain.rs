//! The relayer's own view of a chain: what it must know to send transactions and to follow them.
//!
//! A trait, because there are two of them: [`RpcChain`](crate::RpcChain) here, and the node's adapter over its
//! indexer later. In: questions. Out: facts of one moment, which a reorg may take back.

pub(crate) mod rpc;

use alloy::primitives::{Address, B256, Bytes, Log, U256};
use async_trait::async_trait;
use tokio::sync::watch;

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Nobody there, or no answer in time. Worth asking again.
    #[error("{method}: the chain's endpoint does not answer: {reason}")]
    Unavailable {
        /// What was asked.
        method: &'static str,
        /// What the transport said, without the endpoint's address.
        reason: String,
    },
    /// The endpoint answered with an error of its own.
    #[error("{method}: {message} ({code})")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The JSON-RPC error code.
        code: i64,
        /// Its text.
        message: String,
    },
    /// A call ended in a revert.
    #[error("{method}: reverted with {data}")]
    Reverted {
        /// What was asked.
        method: &'static str,
        /// The ABI-encoded error.
        data: Bytes,
    },
}

/// A block as far as the relayer cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block below.
    pub parent_hash: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// EIP-1559 base fee per gas in wei; `None` on a chain without one.
    pub base_fee_per_gas: Option<u128>,
    /// The gas that all its transactions may use together: none with a higher limit is ever mined.
    pub gas_limit: u64,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionReceipt {
    /// False when it reverted.
    pub succeeded: bool,
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Everything that was logged, in order.
    pub logs: Vec<Log>,
}

/// A transaction in a block, whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinedTransaction {
    /// Its hash.
    pub hash: B256,
    /// The account that sent it.
    pub from: Address,
    /// That account's nonce.
    pub nonce: u64,
    /// Calldata.
    pub input: Bytes,
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
}

/// A call or a transaction that is only tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// `msg.sender`; the zero address is fine for a question.
    pub from: Address,
    /// The contract.
    pub to: Address,
    /// Calldata.
    pub input: Bytes,
    /// Gas limit; `None` leaves it to the endpoint.
    pub gas: Option<u64>,
    /// What it offers per gas, in wei; `None` is free, which a contract can see.
    pub max_fee_per_gas: Option<u128>,
    /// Of that to the builder; `None` makes it a legacy price.
    pub max_priority_fee_per_gas: Option<u128>,
}

/// Facts about one chain. Every method may fail with [`ChainError`]; none retries by itself.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
    /// The newest head, replaced at once whenever it changes; `None` until one was seen. A reader that is
    /// slower than the chain sees the latest only.
    fn heads(&self) -> watch::Receiver<Option<Head>>;

    /// EIP-155 chain id.
    async fn chain_id(&self) -> Result<u64, ChainError>;

    /// The newest head, asked for now.
    async fn head(&self) -> Result<Head, ChainError>;

    /// The hash of the block at that height; `None` when there is none.
    async fn block_hash(&self, number: u64) -> Result<Option<B256>, ChainError>;

    /// The receipt of a mined transaction; `None` when it is not in the chain.
    async fn receipt(&self, transaction: B256) -> Result<Option<TransactionReceipt>, ChainError>;

    /// The transaction of that hash; `None` when it is not in the chain.
    async fn transaction(&self, hash: B256) -> Result<Option<MinedTransaction>, ChainError>;

    /// The transactions from block `from` on in which `contract` logged an event with these topics, in order.
    async fn transactions_with_log(
        &self,
        contract: Address,
        topics: [B256; 3],
        from: u64,
    ) -> Result<Vec<B256>, ChainError>;

    /// How many transactions of `account` the latest block and those below hold.
    async fn nonce(&self, account: Address) -> Result<u64, ChainError>;

    /// Native token of `account` at the latest block, in wei.
    async fn balance(&self, account: Address) -> Result<U256, ChainError>;

    /// The code at `account`; empty for a plain key.
    async fn code(&self, account: Address) -> Result<Bytes, ChainError>;

    /// What the call returns, on the state of block `at`, or of the latest.
    async fn call(&self, call: Call, at: Option<u64>) -> Result<Bytes, ChainError>;

    /// The gas that the call would use on the latest state.
    async fn estimate_gas(&self, call: Call) -> Result<u64, ChainError>;

    /// What the endpoint advises to offer the block's builder, in wei per gas.
    async fn priority_fee(&self) -> Result<u128, ChainError>;

    /// What the endpoint advises to offer in all on a chain without base fee, in wei per gas.
    async fn gas_price(&self) -> Result<u128, ChainError>;

    /// Hands in a signed transaction.
    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError>;
}
