//! The recorded chains of `anvil-fixtures/chains`, and that recording them again gives the committed files to the byte.
//! `WIA_WRITE_RECORDINGS=1` (`scripts/record`) writes them anew; read the difference.

use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::TransactionData;
use alloy::sol_types::{SolCall, SolEvent};
use wia_abi::{CarbonCredit, TestUSD, carbon_credit, create2, test_eur, test_usd};

use crate::chain::{Chain, wei};
use crate::recorder::{Recorder, unsigned};
use crate::recording::{Followed, Recording, folder};

/// Blocks above everything that ever was, at the end: all that stands becomes final.
const SETTLED: u64 = 13;

/// Writes a recording, or compares it with the committed one.
fn kept(name: &str, recording: &Recording) {
    let (text, path) = (recording.text(), folder().join(name).with_extension("jsonl"));
    if std::env::var_os("WIA_WRITE_RECORDINGS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    for (number, (line, committed)) in (1..).zip(text.lines().zip(committed.lines())) {
        assert_eq!(line, committed, "line {number} of {name}; see scripts/record");
    }
    assert_eq!(text.lines().count(), committed.lines().count(), "{name}; see scripts/record");
    assert_eq!(Recording::read(&text).text(), text, "what is written is read as it was");
}

fn credit(chain: &Chain) -> Followed {
    Followed { name: carbon_credit::NAME.into(), address: chain.token, balances: true }
}

impl Recorder {
    /// The token alone, with credits for accounts 1 and 3 in block 2.
    async fn of_credits(what: &str) -> Self {
        let mut recorder = Self::start(what, |chain| vec![credit(chain)]).await;
        recorder.chain.deploy(&carbon_credit::plan(recorder.chain.accounts[0], 0)).await;
        recorder.mine(1).await;
        recorder.look().await;
        recorder.chain.mint(1, 1_000).await;
        recorder.chain.mint(3, 1_000).await;
        recorder.mine(1).await;
        recorder.look().await;
        recorder
    }

    /// Blocks one by one, with two transfers in the first of each six, and one in the fourth.
    async fn grow(&mut self, blocks: u64) {
        for i in 0..blocks {
            if i % 3 == 0 {
                self.chain.transfer(1, 2, 1 + i % 5).await;
            }
            if i % 6 == 0 {
                self.chain.transfer(3, 1, 1).await;
            }
            self.mine(1).await;
            self.look().await;
        }
    }

    /// So many blocks at a time, with a transfer in each first.
    async fn grow_by(&mut self, blocks: u64, times: u64) {
        for i in 0..times {
            self.chain.transfer(1, 2, 1 + i).await;
            self.mine(blocks).await;
            self.look().await;
        }
    }

    /// A branch: takes the last blocks off and mines these transactions in their place.
    async fn branch(&mut self, take_off: u64, blocks: &[Vec<Bytes>]) {
        self.rollback(take_off).await;
        for transactions in blocks {
            for transaction in transactions {
                // Mined below; there is nothing to wait for.
                _ = self.chain.provider.send_raw_transaction(transaction).await.unwrap();
            }
            self.mine(1).await;
        }
    }
}

#[tokio::test]
async fn reorganisations() {
    let what = "anvil_reorg of depth 1, 2, 5, 12 and 64: the first half of the replaced transactions is mined again a \
                block later, the others are lost, and a new one stands in the lowest new block";
    let mut recorder = Recorder::of_credits(what).await;
    recorder.grow_by(8, 7).await;
    for depth in [1, 2, 5, 12, 64] {
        recorder.grow_by(1, 3).await;
        let mut again = recorder.transactions(depth).await;
        again.truncate(again.len().div_ceil(2));
        let again = again.into_iter().map(|(raw, at)| (TransactionData::Raw(raw), (at + 1).min(depth - 1)));
        let chain = &recorder.chain;
        let (from, to) = (chain.accounts[4], chain.accounts[0]);
        let approve = CarbonCredit::approveCall { spender: to, value: wei(depth) }.abi_encode();
        let new = (unsigned(from, chain.token, approve.into()), 0);
        let transactions = std::iter::once(new).chain(again).collect();
        recorder.reorg(depth, transactions).await;
        recorder.look().await;
    }
    recorder.grow(SETTLED).await;
    kept("reorgs", &recorder.end().await);
}

#[tokio::test]
async fn chains_that_are_cut_back() {
    let what = "anvil_rollback and evm_revert: the chain is cut back, grows again to below, at and above the \
                height that it had, and is cut back further than it grew";
    let mut recorder = Recorder::of_credits(what).await;
    recorder.grow(6).await;
    let low = recorder.snapshot().await;
    recorder.grow(7).await;
    for (cut, grow) in [(1, 1), (3, 2), (1, 4), (5, 5), (2, 0), (1, 3)] {
        recorder.rollback(cut).await;
        recorder.look().await;
        recorder.grow(grow).await;
    }
    let high = recorder.snapshot().await;
    recorder.grow(4).await;
    recorder.revert(high).await;
    recorder.look().await;
    recorder.grow(2).await;
    recorder.revert(low).await;
    recorder.look().await;
    recorder.grow(12 + SETTLED).await;
    kept("cut-back", &recorder.end().await);
}

#[tokio::test]
async fn forks_that_come_and_go() {
    let what = "two branches of the same height that take turns, each time with the same blocks, one of them with a \
                transaction of the other in another block; then branches of empty blocks, and single blocks";
    let mut recorder = Recorder::of_credits(what).await;
    recorder.grow(4).await;
    // What the branches hold is signed by mining it once.
    recorder.chain.transfer(1, 2, 10).await;
    recorder.chain.transfer(1, 4, 20).await;
    recorder.chain.transfer(3, 2, 30).await;
    recorder.mine(1).await;
    let signed = recorder.transactions(1).await.into_iter().map(|(raw, _)| raw);
    let [first, second, other] = signed.collect::<Vec<_>>().try_into().unwrap();
    let a = [vec![first.clone()], vec![], vec![second.clone()]];
    let b = [vec![other.clone()], vec![first], vec![]];
    let (empty, one) = ([vec![], vec![], vec![]], [vec![second]]);
    recorder.branch(1, &a).await;
    recorder.look().await;
    let hashes = recorder.heads();
    for (take_off, branch) in [(3, &b[..]), (3, &a), (3, &b), (3, &a)] {
        recorder.branch(take_off, branch).await;
        recorder.look().await;
    }
    assert_eq!(recorder.heads(), hashes, "the same blocks, not only the same transactions");
    recorder.branch(3, &empty).await;
    recorder.look().await;
    recorder.branch(3, &a).await;
    recorder.look().await;
    for (take_off, branch) in [(1, &empty[..1]), (1, &one), (2, &empty[..2]), (1, &[vec![other]][..])] {
        recorder.branch(take_off, branch).await;
        recorder.look().await;
    }
    recorder.grow(3 + SETTLED).await;
    kept("flips", &recorder.end().await);
}

/// Code that emits its calldata as a log with so many topics, each the calldata's first word.
fn logger(topics: u8) -> Bytes {
    const CALLDATASIZE: u8 = 0x36;
    const CALLDATACOPY: u8 = 0x37;
    const MLOAD: u8 = 0x51;
    const PUSH0: u8 = 0x5f;
    const LOG0: u8 = 0xa0;
    const STOP: u8 = 0x00;
    let mut code = vec![CALLDATASIZE, PUSH0, PUSH0, CALLDATACOPY];
    (0..topics).for_each(|_| code.extend([PUSH0, MLOAD]));
    code.extend([CALLDATASIZE, PUSH0, LOG0 + topics, STOP]);
    code.into()
}

/// The address of [`logger`] with so many topics.
fn logger_at(topics: u8) -> Address {
    Address::with_last_byte(0xe0 + topics)
}

#[tokio::test]
async fn contracts_of_all_kinds() {
    let what = "several contracts in one transaction's and one block's logs: credits, a payment token, another whose ABI \
                is not known, anonymous and unknown events, what looks like a transfer and is none, and a contract \
                that is not followed; reorganised and cut back";
    let loggers = [0, 1, 4];
    let contracts = |chain: &Chain| {
        let token = |name: &str, plan: create2::Plan| Followed {
            name: name.into(),
            address: plan.address(),
            balances: true,
        };
        let mut all =
            vec![credit(chain), token(test_usd::NAME, test_usd::plan()), token("Unlisted", test_eur::plan())];
        for topics in loggers {
            let (name, address) = (format!("Logger{topics}"), logger_at(topics));
            all.push(Followed { name, address, balances: false });
        }
        all
    };
    let mut recorder = Recorder::start(what, contracts).await;
    let chain = &mut recorder.chain;
    // 2 is the one that nobody follows.
    for topics in [0, 1, 2, 4] {
        chain.provider.anvil_set_code(logger_at(topics), logger(topics)).await.unwrap();
    }
    let (usd, eur) = (test_usd::plan(), test_eur::plan());
    chain.deploy(&carbon_credit::plan(chain.accounts[0], 0)).await;
    chain.deploy(&usd).await;
    chain.deploy(&eur).await;
    recorder.mine(1).await;
    recorder.look().await;
    recorder.chain.mint(1, 1_000).await;
    for token in [&usd, &eur] {
        recorder.faucet(token.address(), 2).await;
    }
    recorder.mine(1).await;
    recorder.look().await;
    for round in 0..4 {
        recorder.chain.transfer(1, 3, round + 1).await;
        for token in [&usd, &eur] {
            recorder.pay(token.address(), round).await;
        }
        for topics in [2, 0, 1, 4, 2] {
            recorder.call_logger(topics, round).await;
        }
        recorder.mine(1).await;
        recorder.look().await;
        if round % 2 == 0 {
            recorder.faucet(usd.address(), 4).await;
            recorder.call_logger(0, round).await;
        } else {
            recorder.call_logger(2, round).await;
        }
        recorder.mine(2).await;
        recorder.look().await;
        let again = recorder.transactions(3).await.into_iter();
        let again = again.map(|(raw, at)| (TransactionData::Raw(raw), (at + 1).min(2)));
        match round {
            0 => recorder.reorg(1, Vec::new()).await,
            1 => recorder.reorg(3, again.collect()).await,
            2 => recorder.rollback(3).await,
            _ => recorder.reorg(3, Vec::new()).await,
        }
        recorder.look().await;
    }
    recorder.mine(1).await;
    recorder.look().await;
    for _ in 0..SETTLED {
        recorder.mine(1).await;
        recorder.look().await;
    }
    kept("contracts", &recorder.end().await);
}

impl Recorder {
    async fn faucet(&self, token: Address, to: usize) {
        let chain = &self.chain;
        let amount = alloy::primitives::U256::from(1_000);
        let call = TestUSD::faucetCall { to: chain.accounts[to], amount };
        chain.send(chain.accounts[0], token, call.abi_encode().into()).await;
    }

    /// From account 2 to account 1.
    async fn pay(&self, token: Address, amount: u64) {
        let chain = &self.chain;
        let value = alloy::primitives::U256::from(amount);
        let call = TestUSD::transferCall { to: chain.accounts[1], value };
        chain.send(chain.accounts[2], token, call.abi_encode().into()).await;
    }

    /// With a transfer's topic, as if it told of one.
    async fn call_logger(&self, topics: u8, number: u64) {
        let chain = &self.chain;
        let data = [CarbonCredit::Transfer::SIGNATURE_HASH.as_slice(), &number.to_be_bytes()].concat();
        chain.send(chain.accounts[4], logger_at(topics), data.into()).await;
    }
}
