//! What an operator may set. In: a deployment and numbers with their units. Out: limits that every other file
//! of this crate asks for. No clock, no I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wia_abi::Deployment;

use crate::{Fee, Sharing, ValueBounds};

/// The most gas that one transaction may use (EIP-7825): 2^24.
pub const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// Limits and targets of one relayer. [`Config::new`] gives the defaults that each field names. As a section of a
/// configuration file it holds all but the first and the last two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The chain, and the contracts whose messages are taken.
    #[serde(skip)]
    pub deployment: Deployment,

    /// What is relayed: names of actions by contract, e.g. `{ CarbonCredit = ["TransferWithAuthorization"] }`. Empty:
    /// every signed action of every contract of the deployment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: BTreeMap<String, Vec<String>>,

    /// How much one transfer may move, by token: `{ CarbonCredit = { min = "1000", max = "1000000" } }`. Tokens that are
    /// not named: any amount.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub transfer_values: BTreeMap<String, ValueBounds>,
    /// What a message costs its signer: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,

    /// Depth, in blocks, at which a message is `final` (C-097): 12.
    pub final_confirmations: u64,
    /// Depth, in blocks, down to which a reorg is undone; what lies deeper is archived: 128.
    pub max_reorg_depth: u64,

    /// The furthest `validBefore`, in seconds from now: 604,800 (7 days).
    pub max_validity_s: u64,
    /// The nearest `validBefore`, in seconds from now: 10. A message that ends earlier has little chance.
    pub min_remaining_validity_s: u64,
    /// How far ahead `validAfter` may lie, in seconds from now: 60. The queue is no calendar.
    pub max_start_delay_s: u64,

    /// How many blocks after the head a receipt promises execution: 120.
    pub include_within_blocks: u64,
    /// The shortest time between two blocks, in milliseconds: 1,000. While no head is seen, a receipt counts
    /// on the chain growing that fast, so that `includeByBlock` is not in the past when the endpoint is back;
    /// and the queue counts on it when it orders messages by what was promised.
    pub fastest_block_ms: u64,

    /// Messages under way, from `accepted` to `final`: 100,000. Beyond it, submissions are refused.
    pub max_live_items: usize,
    /// Messages under way of one signer: 1,000. Beyond it, that signer's submissions are refused.
    pub max_live_items_per_signer: usize,
    /// Submissions that one origin may make at once: 2,000.
    pub origin_burst: u32,
    /// Submissions that one origin may make per second, steadily: 200.
    pub origin_per_second: u32,
    /// Submissions that one peer of the mesh may pass on at once: 20,000. They are others' messages, each of which counts
    /// against its signer.
    pub gossip_burst: u32,
    /// Submissions that one peer of the mesh may pass on per second, steadily: 5,000.
    pub gossip_per_second: u32,
    /// Messages that one signer may hand in at once: 1,000.
    pub signer_burst: u32,
    /// Messages that one signer may hand in per second, steadily: 100.
    pub signer_per_second: u32,
    /// Gas per hour that the messages of one signer may cost without being executed: 1,000,000, about 120 of them.
    /// Beyond it, that signer's submissions are refused for a while.
    pub wasted_gas_per_hour: u64,
    /// Origins and signers that are remembered: 65,536. Beyond it, those whose quota is whole are forgotten.
    pub max_origins: usize,
    /// How long a message that was rejected, skipped or has expired is kept after its `validBefore`, in seconds:
    /// 3,600. From then on it cannot be executed, and handing it in again is refused as too late.
    pub failed_retention_s: u64,
    /// Messages kept that were rejected, skipped or have expired: 100,000, about 200 MB. Beyond it, those with the
    /// earliest `validBefore` go first, because junk costs its sender nothing.
    pub max_failed_items: usize,
    /// How long a final message is kept, in seconds from its end: 604,800 (7 days). No less than until its
    /// `validBefore` has passed and its block is deeper than [`Config::max_reorg_depth`].
    pub final_retention_s: u64,
    /// Watches open at a time: 16,384. Beyond it, new ones are refused.
    pub max_watches: usize,
    /// Of these, the ones of one origin: 1,024.
    pub max_watches_per_origin: usize,
    /// Questions for a state that wait for a change at a time: 16,384. Beyond it, they are answered at once.
    pub max_waits: usize,
    /// Of these, the ones of one origin: 64.
    pub max_waits_per_origin: usize,
    /// Updates that wait for one slow watcher: 1,024. Beyond it, the watcher is cut.
    pub watch_capacity: usize,
    /// Threads that verify signatures: 4.
    pub verifiers: usize,
    /// How long an intake check may wait for the chain, in milliseconds: 500. Beyond it, the check is left to
    /// the simulation before the batch.
    pub intake_chain_timeout_ms: u64,

    /// How many messages per second have their nonce looked up on the chain before they are accepted: 200. While more
    /// come, none is looked up: their nonces are left to the simulation before the batch, so that a crowd costs the
    /// endpoint one call per batch and waits for none.
    pub nonce_questions_per_second: u32,

    /// Messages in one transaction: 200 (the contract takes 256).
    pub batch_max_items: usize,
    /// Estimated gas at which a batch is full: 12,000,000. Below [`TRANSACTION_GAS_CAP`], with room for errors.
    pub batch_gas_target: u64,
    /// How long a batch that is not full waits for more messages while others are under way, in milliseconds: 25.
    pub batch_linger_ms: u64,
    /// Transactions of one lane in the pool at a time: 16.
    pub max_in_flight: usize,
    /// How often a message may fail in simulation before it is refused: 4.
    pub refusal_tries: u32,
    /// The same while another live message pays its signer: 64. What it lacks may be on its way.
    pub refusal_tries_if_paid: u32,
    /// How often a message may lose its transaction before it is rejected: 3.
    pub max_attempts: u32,

    /// The most that a transaction may offer per gas, in wei: 500 gwei. While the chain asks more, messages wait.
    #[serde(with = "wei")]
    pub max_fee_per_gas: u128,
    /// The most that goes to the block's builder per gas, in wei: 5 gwei.
    #[serde(with = "wei")]
    pub max_priority_fee_per_gas: u128,
    /// Blocks without inclusion after which a transaction's fees are raised by a tenth: 5.
    pub replace_after_blocks: u64,
    /// Blocks without inclusion after which [`Health`](crate::Health) calls the lane stuck: 30.
    pub stuck_after_blocks: u64,
    /// How long a lane's signer may take, in milliseconds: 5,000. The loop waits for it.
    pub sign_timeout_ms: u64,
    /// Blocks after which an unmined transaction is sent again: 2.
    pub rebroadcast_after_blocks: u64,
    /// Pause before the chain is asked again after it failed to answer, in milliseconds: 500.
    pub retry_interval_ms: u64,
    /// The longest time without a look at the chain, in milliseconds: 2,000. Where no blocks come, it shows
    /// whether the endpoint still answers.
    pub look_interval_ms: u64,
    /// Balance of a lane below which [`Health`](crate::Health) warns, in wei: 0.05 of the native token. (It is
    /// `degraded` only when a full batch can no longer be paid.)
    #[serde(with = "wei")]
    pub low_balance_wei: u128,

    /// The other relayers of the mesh: none.
    #[serde(skip)]
    pub sharing: Sharing,
    /// A JSON-RPC endpoint that `relay.info` offers to wallets.
    #[serde(skip)]
    pub rpc_url_for_wallets: Option<String>,
}

impl Config {
    /// The defaults for the contracts of `deployment`.
    #[must_use]
    pub fn new(deployment: Deployment) -> Self {
        const GWEI: u128 = 1_000_000_000;
        Self {
            deployment,
            actions: BTreeMap::new(),
            transfer_values: BTreeMap::new(),
            fee: None,
            final_confirmations: 12,
            max_reorg_depth: 128,
            max_validity_s: 7 * 24 * 3_600,
            min_remaining_validity_s: 10,
            max_start_delay_s: 60,
            include_within_blocks: 120,
            fastest_block_ms: 1_000,
            max_live_items: 100_000,
            max_live_items_per_signer: 1_000,
            origin_burst: 2_000,
            origin_per_second: 200,
            gossip_burst: 20_000,
            gossip_per_second: 5_000,
            signer_burst: 1_000,
            signer_per_second: 100,
            wasted_gas_per_hour: 1_000_000,
            max_origins: 65_536,
            failed_retention_s: 3_600,
            max_failed_items: 100_000,
            final_retention_s: 7 * 24 * 3_600,
            max_watches: 16_384,
            max_watches_per_origin: 1_024,
            max_waits: 16_384,
            max_waits_per_origin: 64,
            watch_capacity: 1_024,
            verifiers: 4,
            intake_chain_timeout_ms: 500,
            nonce_questions_per_second: 200,
            batch_max_items: 200,
            batch_gas_target: 12_000_000,
            batch_linger_ms: 25,
            max_in_flight: 16,
            refusal_tries: 4,
            refusal_tries_if_paid: 64,
            max_attempts: 3,
            max_fee_per_gas: 500 * GWEI,
            max_priority_fee_per_gas: 5 * GWEI,
            replace_after_blocks: 5,
            stuck_after_blocks: 30,
            sign_timeout_ms: 5_000,
            rebroadcast_after_blocks: 2,
            retry_interval_ms: 500,
            look_interval_ms: 2_000,
            low_balance_wei: 50_000_000 * GWEI,
            sharing: Sharing::default(),
            rpc_url_for_wallets: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(Deployment::default())
    }
}

/// Amounts of wei in a configuration file: decimal text, because TOML's integers end at 2^63.
mod wei {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(wei: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(wei)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format!("`{text}` is no amount of wei in decimal digits")))
    }
}
