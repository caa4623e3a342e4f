//! Intake where the chain is the case: never seen, gone, silent. The chain is a double here, because anvil
//! cannot be all of these on demand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
use tokio::sync::watch;
use wia_abi::authorization::{Domain, TransferWithAuthorization};
use wia_abi::deployment::Contract;
use wia_abi::{Authorization, BlockNumber, Deployment};
use wia_protocol::relay::{State, Submission};
use wia_relayer::chain::{Call, MinedTransaction, TransactionReceipt};
use wia_relayer::{Chain, ChainError, Condition, Config, Head, Relayer, open};

use crate::support::{field, lane_key, opened, origin, within};

const CONTRACT: Address = Address::repeat_byte(0xcc);
const HEIGHT: u64 = 1_000;

/// Answers nothing but its heads.
struct Double {
    heads: watch::Sender<Option<Head>>,
    mood: AtomicU8,
}

/// Every question fails at once.
const AWAY: u8 = 0;
/// No question is ever answered.
const SILENT: u8 = 1;

impl Double {
    async fn answer<T>(&self) -> Result<T, ChainError> {
        if self.mood.load(Ordering::SeqCst) == SILENT {
            std::future::pending::<()>().await;
        }
        Err(ChainError::Unavailable { method: "any", reason: "it is a double".into() })
    }
}

#[async_trait]
impl Chain for Double {
    fn heads(&self) -> watch::Receiver<Option<Head>> {
        self.heads.subscribe()
    }
    async fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(31_337)
    }
    async fn head(&self) -> Result<Head, ChainError> {
        self.answer().await
    }
    async fn block_hash(&self, _: u64) -> Result<Option<B256>, ChainError> {
        Ok(None)
    }
    async fn receipt(&self, _: B256) -> Result<Option<TransactionReceipt>, ChainError> {
        self.answer().await
    }
    async fn transaction(&self, _: B256) -> Result<Option<MinedTransaction>, ChainError> {
        self.answer().await
    }
    async fn transactions_with_log(&self, _: Address, _: [B256; 3], _: u64) -> Result<Vec<B256>, ChainError> {
        self.answer().await
    }
    async fn nonce(&self, _: Address) -> Result<u64, ChainError> {
        self.answer().await
    }
    async fn balance(&self, _: Address) -> Result<U256, ChainError> {
        self.answer().await
    }
    async fn code(&self, _: Address) -> Result<Bytes, ChainError> {
        self.answer().await
    }
    async fn call(&self, _: Call, _: Option<u64>) -> Result<Bytes, ChainError> {
        self.answer().await
    }
    async fn estimate_gas(&self, _: Call) -> Result<u64, ChainError> {
        self.answer().await
    }
    async fn priority_fee(&self) -> Result<u128, ChainError> {
        self.answer().await
    }
    async fn gas_price(&self) -> Result<u128, ChainError> {
        self.answer().await
    }
    async fn send_raw(&self, _: &[u8]) -> Result<(), ChainError> {
        self.answer().await
    }
}

fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn head() -> Head {
    Head {
        number: HEIGHT,
        hash: B256::repeat_byte(1),
        parent_hash: B256::repeat_byte(2),
        timestamp: unix_now(),
        base_fee_per_gas: Some(7),
        gas_limit: 30_000_000,
    }
}

fn config() -> Config {
    let entry = Contract { address: CONTRACT, block_number: BlockNumber(0) };
    let contracts = BTreeMap::from([("CarbonCredit".to_owned(), entry)]);
    Config::new(Deployment { chain_id: 31_337, contracts })
}

/// The engine is kept, not run: intake stands alone.
async fn relayer(
    folder: &Path,
    config: Config,
    seen: Option<Head>,
    mood: u8,
) -> (wia_relayer::Engine, Relayer) {
    let chain = Double { heads: watch::Sender::new(seen), mood: AtomicU8::new(mood) };
    let store = opened(folder).await;
    open(&store, config, Arc::new(chain), lane_key()).await.unwrap()
}

fn transfer(from: &PrivateKeySigner, signer: &PrivateKeySigner, nonce: u64) -> Submission {
    let message = TransferWithAuthorization {
        from: from.address(),
        to: Address::repeat_byte(0xbb),
        value: U256::from(1),
        validAfter: U256::ZERO,
        validBefore: U256::from(unix_now() + 3_600),
        nonce: B256::from(U256::from(nonce)),
    };
    let digest = Domain::carbon_credit(31_337, CONTRACT).digest(&message);
    Submission {
        chain_id: 31_337,
        contract: "CarbonCredit".into(),
        message: Authorization::from(&message),
        signature: signer.sign_hash_sync(&digest).unwrap().as_bytes().into(),
    }
}

fn key(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

#[tokio::test]
async fn before_a_head_was_seen_nothing_is_promised() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, relayer) = relayer(folder.path(), config(), None, AWAY).await;
    let error = relayer.submit(transfer(&key(1), &key(1), 0), &origin()).await.unwrap_err();
    assert_eq!((error.code, field(&error)), (-32000, "server"));
    assert_eq!(error.data.unwrap()["retryAfter"], 1);
    let health = relayer.health();
    assert!(matches!(health.condition, Condition::Degraded { .. }));
    assert_eq!((health.live_items, health.head), (0, None));
}

#[tokio::test]
async fn an_endpoint_that_is_away_or_silent_does_not_stop_acceptance() {
    for mood in [AWAY, SILENT] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config();
        config.intake_chain_timeout_ms = 20;
        let (_engine, relayer) = relayer(folder.path(), config, Some(head()), mood).await;
        let from = origin();
        let submitted = relayer.submit(transfer(&key(1), &key(1), 0), &from);
        let submitted = within("an answer", submitted).await.unwrap();
        assert_eq!(submitted.status, State::Accepted);
        assert!(submitted.receipt.include_by_block >= HEIGHT + 120);
        // Whether a contract wallet stands behind this signature, only the chain can tell.
        let foreign = relayer.submit(transfer(&key(1), &key(2), 1), &from);
        let error = within("an answer", foreign).await.unwrap_err();
        assert_eq!((error.code, field(&error)), (-32000, "signature"));
        assert_eq!(error.data.unwrap()["retryAfter"], 1);
        assert_eq!(relayer.health().live_items, 1);
    }
}

#[tokio::test]
async fn a_promise_counts_on_the_chain_growing_while_it_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.fastest_block_ms = 1;
    let (_engine, relayer) = relayer(folder.path(), config, Some(head()), AWAY).await;
    let promised = |nonce| {
        let relayer = relayer.clone();
        async move {
            let submitted = relayer.submit(transfer(&key(1), &key(1), nonce), &origin()).await.unwrap();
            submitted.receipt.include_by_block
        }
    };
    let first = promised(0).await;
    within("time passes", async {
        let mut nonce = 1;
        while promised(nonce).await <= first {
            nonce += 1;
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_nothing_half_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, relayer) = relayer(folder.path(), config(), Some(head()), AWAY).await;
    let from = origin();
    // Each is dropped at a later point of its way than the one before; the last ones arrive.
    let mut answered = 0;
    for polls in 0..200 {
        let mut submission = Box::pin(relayer.submit(transfer(&key(1), &key(1), polls), &from));
        for _ in 0..polls {
            if futures::poll!(&mut submission).is_ready() {
                answered += 1;
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    within("all that is live waits for the lane", async {
        while relayer.health().queue_depth != relayer.health().live_items {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(relayer.health().live_items >= answered);
}

/// Runs itself again under strace: each receipt must come after an fdatasync of the queue's journal.
#[test]
fn what_is_acknowledged_is_fsynced() {
    const MESSAGES: u64 = 3;
    if let Some(folder) = std::env::var_os("WIA_RELAYER_TRACED") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(async {
            let (_engine, relayer) = relayer(Path::new(&folder), config(), Some(head()), AWAY).await;
            for nonce in 0..MESSAGES {
                relayer.submit(transfer(&key(1), &key(1), nonce), &origin()).await.unwrap();
            }
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let run = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "offline::what_is_acknowledged_is_fsynced"])
        .env("WIA_RELAYER_TRACED", folder.path().join("store"))
        .output()
        .expect("strace is needed: scripts/test says how to get it");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let seen = std::fs::read_to_string(&trace).unwrap();
    let synced =
        seen.lines().filter(|l| l.contains("fdatasync(") && l.contains("/store/journals/relay/")).count();
    assert!(synced >= usize::try_from(MESSAGES).unwrap(), "{MESSAGES} receipts, {synced} syncs:\n{seen}");
}
