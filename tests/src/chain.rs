//! What the chain itself says, past `wia`: the judge of every case.

use alloy::eips::BlockNumberOrTag;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::anvil::ReorgOptions;
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent};
use wia_abi::CarbonCredit::{AuthorizationSkipped, AuthorizationUsed, balanceOfCall};

/// `CarbonCredit` on the case's anvil.
pub struct Chain {
    provider: DynProvider,
    contract: Address,
}

impl Chain {
    pub(crate) fn at(url: &str, contract: Address) -> Self {
        let url = url.parse().expect("anvil's URL");
        Self { provider: ProviderBuilder::new().connect_http(url).erased(), contract }
    }

    /// Wei of WCCM.
    pub async fn balance(&self, account: Address) -> U256 {
        let call = TransactionRequest::default().with_to(self.contract).with_call(&balanceOfCall { account });
        let answer = self.provider.call(call).await.expect("eth_call");
        balanceOfCall::abi_decode_returns(&answer).expect("a uint256")
    }

    /// The nonces that `signer`'s authorizations have used, in the order of the chain, from `AuthorizationUsed`.
    pub async fn used_nonces(&self, signer: Address) -> Vec<B256> {
        let filter = Filter::new().address(self.contract).from_block(0);
        let filter = filter.event_signature(AuthorizationUsed::SIGNATURE_HASH).topic1(signer);
        let logs = self.provider.get_logs(&filter).await.expect("eth_getLogs");
        let event = |log: &_| AuthorizationUsed::decode_log(log).expect("AuthorizationUsed").nonce;
        logs.iter().map(|log| event(&log.inner)).collect()
    }

    /// The digests of the messages that batches passed over, each with the transaction, in the order of the chain, from
    /// `AuthorizationSkipped`.
    pub async fn skipped(&self) -> Vec<(B256, B256)> {
        let filter = Filter::new().address(self.contract).from_block(0);
        let filter = filter.event_signature(AuthorizationSkipped::SIGNATURE_HASH);
        let logs = self.provider.get_logs(&filter).await.expect("eth_getLogs");
        let digest = |log: &_| AuthorizationSkipped::decode_log(log).expect("AuthorizationSkipped").digest;
        let transaction = |hash: Option<B256>| hash.expect("a log in a block has a transaction");
        logs.iter().map(|log| (digest(&log.inner), transaction(log.transaction_hash))).collect()
    }

    /// The gas that a transaction in a block has used.
    pub async fn gas_used(&self, transaction: B256) -> u64 {
        let receipt = self.provider.get_transaction_receipt(transaction).await;
        receipt.expect("eth_getTransactionReceipt").expect("it is in a block").gas_used
    }

    /// How many transactions of an account are in blocks.
    pub async fn nonce(&self, account: Address) -> u64 {
        self.provider.get_transaction_count(account).await.expect("eth_getTransactionCount")
    }

    /// The height of the head.
    pub async fn head(&self) -> u64 {
        self.provider.get_block_number().await.expect("the head")
    }

    /// The time of the head, Unix seconds.
    pub async fn time_s(&self) -> u64 {
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        block.expect("the head").expect("a head").header.timestamp
    }

    /// Makes `count` blocks at once.
    pub async fn mine(&self, count: u64) {
        self.provider.anvil_mine(Some(count), None).await.expect("anvil_mine");
    }

    /// Replaces the blocks from `first` on by empty ones. anvil drops their transactions.
    pub async fn reorg_from(&self, first: u64) {
        // A block that came in between would move what `depth` means.
        self.hold().await;
        let depth = self.head().await + 1 - first;
        let options = ReorgOptions { depth, tx_block_pairs: Vec::new() };
        self.provider.anvil_reorg(options).await.expect("anvil_reorg");
        self.resume().await;
    }

    /// Takes the blocks from `first` on away. Nothing comes in their place before [`Chain::resume`].
    pub async fn cut_from(&self, first: u64) {
        self.hold().await;
        let depth = self.head().await + 1 - first;
        self.provider.anvil_rollback(Some(depth)).await.expect("anvil_rollback");
    }

    /// Makes one more block; from then on they come only by [`Chain::mine`].
    pub async fn hold(&self) {
        self.provider.anvil_set_interval_mining(0).await.expect("anvil_setIntervalMining");
        // A block may still be in the making, and anvil's rollback does not wait for it: an account's nonce and the
        // blocks would disagree for ever (foundry-rs/foundry#16711). This one is made behind it.
        self.mine(1).await;
    }

    /// From now on a block comes every second.
    pub async fn resume(&self) {
        self.provider.anvil_set_interval_mining(1).await.expect("anvil_setIntervalMining");
    }

    /// Whether a transaction is in a block or in the pool.
    pub async fn knows(&self, hash: B256) -> bool {
        self.provider.get_transaction_by_hash(hash).await.expect("eth_getTransactionByHash").is_some()
    }

    /// Forgets every transaction that waits in the pool.
    pub async fn empty_pool(&self) {
        self.provider.anvil_drop_all_transactions().await.expect("anvil_dropAllTransactions");
    }

    /// Forgets a transaction that waits in the pool.
    pub async fn drop_transaction(&self, hash: B256) {
        self.provider.anvil_drop_transaction(hash).await.expect("anvil_dropTransaction");
    }

    /// The next block asks that much per gas, in wei; those after it follow from it.
    pub async fn set_base_fee(&self, wei: u128) {
        let set = self.provider.anvil_set_next_block_base_fee_per_gas(wei).await;
        set.expect("anvil_setNextBlockBaseFeePerGas");
    }

    /// The next block is that much later.
    pub async fn skip_time(&self, seconds: u64) {
        self.provider.anvil_increase_time(seconds).await.expect("anvil_increaseTime");
    }

    /// A transaction of a development account to `CarbonCredit`, which outbids everything else in the pool.
    pub async fn send(&self, from: Address, call: impl SolCall) -> B256 {
        const TIP_WEI: u128 = 100_000_000_000;
        let transaction =
            TransactionRequest::default().with_from(from).with_to(self.contract).with_call(&call);
        let transaction = transaction
            .with_gas_limit(1_000_000)
            .with_max_priority_fee_per_gas(TIP_WEI)
            .with_max_fee_per_gas(2 * TIP_WEI);
        let sent = self.provider.send_transaction(transaction).await;
        *sent.expect("eth_sendTransaction").tx_hash()
    }
}
