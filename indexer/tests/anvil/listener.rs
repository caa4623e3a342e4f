//! A running indexer, and a subscriber that believes nothing: it books every push and compares with the chain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alloy::primitives::{Address, B256, U256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wia_indexer::{Config, Filter, Indexer, IndexerError, Push, Start, Subscription};
use wia_protocol::carbon::Channel;
use wia_store::Store;

use crate::chain::{Chain, soon};

/// An engine at work, and its handle.
pub(crate) struct Running {
    pub(crate) indexer: Indexer,
    stop: CancellationToken,
    engine: JoinHandle<Result<(), IndexerError>>,
}

impl Running {
    pub(crate) fn start(store: &Store, config: Config) -> Self {
        let (engine, indexer) = wia_indexer::open(store, config).unwrap();
        Self::of(engine, indexer)
    }

    pub(crate) fn of(engine: wia_indexer::Engine, indexer: Indexer) -> Self {
        let stop = CancellationToken::new();
        let engine = tokio::spawn(engine.run(stop.clone()));
        Self { indexer, stop, engine }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        soon("the engine stops", self.engine).await.unwrap().unwrap();
    }

    /// What the engine ends with by itself.
    pub(crate) async fn end(self) -> IndexerError {
        soon("the engine gives up", self.engine).await.unwrap().unwrap_err()
    }

    /// Returns once the log ends on the chain's head.
    pub(crate) async fn caught_up(&self, chain: &Chain) {
        use alloy::providers::Provider;
        let head = chain.provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest);
        let hash = head.await.unwrap().unwrap().header.hash;
        soon("the indexer catches up", async {
            while self.indexer.head().is_none_or(|h| h.hash != hash) {
                tokio::task::yield_now().await;
                assert!(!self.engine.is_finished(), "{:?}", self.indexer.health());
            }
        })
        .await;
    }

    pub(crate) fn listen(&self, chain: &Chain, start: Start) -> Listener {
        let subscription = self.indexer.subscribe(everything(chain), start).unwrap();
        Listener { subscription, pushes: Vec::new(), book: Book::default() }
    }
}

/// All channels, all accounts but the admin's, whom the deployment concerns.
pub(crate) fn everything(chain: &Chain) -> Filter {
    everything_of(&chain.accounts)
}

pub(crate) fn everything_of(accounts: &[Address]) -> Filter {
    Filter {
        user_id: "USER-2025-001".into(),
        addresses: accounts[1..].iter().copied().collect(),
        channels: Channel::ALL.into(),
    }
}

pub(crate) fn store(folder: &Path) -> Store {
    Store::open(folder).unwrap()
}

/// A subscriber with all that it heard.
pub(crate) struct Listener {
    subscription: Subscription,
    pub(crate) pushes: Vec<Push>,
    pub(crate) book: Book,
}

impl Listener {
    /// Listens until a push that `wanted` wants, and gives it.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Push) -> bool) -> Push {
        soon(what, async {
            loop {
                let push = self.subscription.next().await.unwrap();
                self.book.enter(&push);
                self.pushes.push(push.clone());
                if wanted(&push) {
                    return push;
                }
            }
        })
        .await
    }

    /// Listens until the book says what the contract says.
    pub(crate) async fn agrees(&mut self, chain: &Chain) {
        let mut truth = BTreeMap::new();
        for account in &chain.accounts {
            truth.insert(*account, chain.balance(*account).await);
        }
        soon("book and chain agree", async {
            while chain.accounts.iter().any(|a| self.book.balance(*a) != truth[a]) {
                let push = self.subscription.next().await.unwrap();
                self.book.enter(&push);
                self.pushes.push(push);
            }
        })
        .await;
    }

    /// Listens until `transaction` has that many confirmations (0: reorged).
    pub(crate) async fn confirmed(&mut self, transaction: B256, confirmations: u64) -> Push {
        self.until(&format!("{transaction} has {confirmations} confirmations"), |p| {
            matches!(p, Push::TransactionConfirmed(c)
                if c.transaction_hash == transaction && c.confirmations == confirmations)
        })
        .await
    }

    pub(crate) fn cursor(&self) -> String {
        self.pushes.last().unwrap().cursor().to_owned()
    }
}

/// What follows from the pushes alone. Entering one that does not follow from those before it panics.
#[derive(Default)]
pub(crate) struct Book {
    balances: BTreeMap<Address, U256>,
    /// Transaction and block → its last depth.
    depths: BTreeMap<(B256, B256), u64>,
    cursors: BTreeSet<(u64, u32)>,
}

impl Book {
    pub(crate) fn balance(&self, account: Address) -> U256 {
        self.balances.get(&account).copied().unwrap_or_default()
    }

    pub(crate) fn enter(&mut self, push: &Push) {
        let (entry, n) = push.cursor().split_once('.').unwrap();
        let cursor = (entry.parse().unwrap(), n.parse().unwrap());
        assert!(self.cursors.last().is_none_or(|last| *last < cursor), "cursors grow: {push:?}");
        self.cursors.insert(cursor);
        match push {
            Push::BalanceChanged(p) => {
                let before = self.balance(p.address);
                assert_eq!(p.previous_balance_wei, before.to_string(), "{push:?}");
                self.balances.insert(p.address, p.new_balance_wei.parse().unwrap());
            }
            Push::TransactionConfirmed(p) => {
                let depth = self.depths.entry((p.transaction_hash, p.block_hash)).or_insert(0);
                // Less than before when blocks above it were replaced: those depths are reached again.
                let follows = p.confirmations <= *depth + 1 && (p.confirmations > 0 || *depth > 0);
                assert!(follows, "{depth} then {push:?}");
                *depth = p.confirmations;
                assert_eq!(p.is_final, p.confirmations == 12);
                assert_eq!(p.status, if p.confirmations == 0 { "reorged" } else { "confirmed" });
            }
        }
    }
}
