//! The messages: signed transfers of many wallets with dense nonces, the same for the same seed.
//!
//! Wallets send in bursts, one wallet's burst after the other's, as a backend with many accounts does. Dense nonces of
//! one wallet count up, so that most of them find their word of the contract's bitmap warm.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use wia_abi::authorization::{Domain, TransferWithAuthorization};

use crate::chain::{Contract, key, units};
use crate::error::BenchError;
use crate::random::Random;

const MAX_SERIALS: u64 = 1_000;

/// How long messages are valid from now, seconds: longer than any run.
const VALIDITY_S: u64 = 24 * 3_600;

/// How nonces are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nonces {
    /// 0, 1, 2, …: 256 of them share a word.
    Dense,
    /// As clients of ERC-3009 choose them: each in a word of its own.
    Random,
}

/// Who sends how much to whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) messages: usize,
    /// Wallets that sign.
    pub(super) signers: usize,
    /// Messages of one wallet that follow each other.
    pub(super) burst: usize,
    /// Wallets that are paid, one after the other. None of them signs.
    pub(super) recipients: usize,
    pub(super) nonces: Nonces,
}

/// One transfer before it is signed: who, to whom, how much, under which nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Planned {
    signer: usize,
    recipient: usize,
    serials: u64,
    nonce: B256,
}

/// A signed message.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) message: TransferWithAuthorization,
    /// Its id everywhere.
    pub(super) digest: B256,
    pub(super) signature: Bytes,
}

/// All messages of one measurement, and who takes part.
pub(super) struct Load {
    pub(super) contract: Contract,
    signers: Vec<Address>,
    recipients: Vec<Address>,
    /// What each recipient will hold.
    paid: Vec<U256>,
    pub(super) messages: Vec<Signed>,
}

/// The transfers of that shape.
fn plan(seed: u64, shape: Shape) -> Vec<Planned> {
    let Shape { messages, signers, burst, recipients, nonces } = shape;
    let mut random = Random::new(seed, "relayer");
    let mut next = vec![0_u64; signers];
    (0..messages)
        .map(|at| {
            let signer = at / burst.max(1) % signers.max(1);
            let nonce = match nonces {
                Nonces::Dense => U256::from(next[signer]).into(),
                Nonces::Random => B256::from(std::array::from_fn(|_| random.next().to_le_bytes()[0])),
            };
            next[signer] += 1;
            let (recipient, serials) = (at % recipients.max(1), 1 + random.below(MAX_SERIALS));
            Planned { signer, recipient, serials, nonce }
        })
        .collect()
}

impl Load {
    /// Signs messages of that shape for that contract.
    pub(super) fn sign(contract: &Contract, seed: u64, shape: Shape) -> Result<Self, BenchError> {
        let keys: Vec<_> =
            (0..shape.signers).map(|n| key(seed, &format!("signer {n}"))).collect::<Result<_, _>>()?;
        let recipients: Vec<_> = (0..shape.recipients)
            .map(|n| Ok(key(seed, &format!("recipient {n}"))?.address()))
            .collect::<Result<_, BenchError>>()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let valid_before = U256::from(now + VALIDITY_S);
        let domain = Domain::carbon_credit(contract.chain_id, contract.address);
        let message = |planned: &Planned| {
            let message = TransferWithAuthorization {
                from: keys[planned.signer].address(),
                to: recipients[planned.recipient],
                value: units(planned.serials),
                validAfter: U256::ZERO,
                validBefore: valid_before,
                nonce: planned.nonce,
            };
            signed(&keys[planned.signer], &domain, message)
        };
        let plan = plan(seed, shape);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let messages = std::thread::scope(|scope| {
            let shares = plan.chunks(plan.len().div_ceil(threads).max(1));
            let work = |share: &[Planned]| share.iter().map(message).collect::<Result<Vec<_>, _>>();
            let running: Vec<_> = shares.map(|share| scope.spawn(move || work(share))).collect();
            let mut messages = Vec::with_capacity(plan.len());
            for thread in running {
                let panicked = |_| BenchError::Wrong("a signing thread panicked".into());
                messages.extend(thread.join().map_err(panicked)??);
            }
            Ok::<_, BenchError>(messages)
        })?;
        let signers = keys.iter().map(PrivateKeySigner::address).collect();
        let mut load = Self { contract: contract.clone(), signers, recipients, paid: Vec::new(), messages };
        // Recipients come last.
        load.paid = load.balances().into_iter().skip(shape.signers).map(|(_, balance)| balance).collect();
        Ok(load)
    }

    /// What each account must hold before: senders what they will send, recipients one serial, so that nobody's first
    /// coin is measured.
    pub(super) fn shares(&self) -> Vec<(Address, u64)> {
        let most = MAX_SERIALS * self.messages.len() as u64;
        let senders = self.signers.iter().map(|account| (*account, most));
        senders.chain(self.recipients.iter().map(|account| (*account, 1))).collect()
    }

    /// Who is paid.
    pub(super) fn recipients(&self) -> &[Address] {
        &self.recipients
    }

    /// What each account must hold once all messages were executed, each once.
    pub(super) fn balances(&self) -> Vec<(Address, U256)> {
        let mut balances: Vec<_> = self.shares().iter().map(|(a, serials)| (*a, units(*serials))).collect();
        let mut places = std::collections::HashMap::new();
        places.extend(balances.iter().enumerate().map(|(at, (account, _))| (*account, at)));
        for Signed { message, .. } in &self.messages {
            if let (Some(from), Some(to)) = (places.get(&message.from), places.get(&message.to)) {
                balances[*from].1 -= message.value;
                balances[*to].1 += message.value;
            }
        }
        balances
    }

    /// What each recipient must hold then.
    pub(super) fn paid(&self) -> &[U256] {
        &self.paid
    }

    /// The parameters of each message's `relay.submit`.
    pub(super) fn params(&self, signed: &Signed) -> Value {
        let Signed { message, signature, .. } = signed;
        json!({
            "chainId": self.contract.chain_id.to_string(),
            "contract": wia_abi::carbon_credit::NAME,
            "action": "TransferWithAuthorization",
            "message": {
                "from": message.from,
                "to": message.to,
                "value": message.value.to_string(),
                "validAfter": message.validAfter.to_string(),
                "validBefore": message.validBefore.to_string(),
                "nonce": message.nonce,
            },
            "signature": signature,
        })
    }
}

fn signed(
    key: &PrivateKeySigner,
    domain: &Domain,
    message: TransferWithAuthorization,
) -> Result<Signed, BenchError> {
    let digest = domain.digest(&message);
    let signature = key.sign_hash_sync(&digest).map_err(BenchError::malformed("a message"))?;
    Ok(Signed { message, digest, signature: signature.as_bytes().into() })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shape(messages: usize, signers: usize, nonces: Nonces) -> Shape {
        Shape { messages, signers, burst: 50, recipients: 16, nonces }
    }

    #[test]
    fn the_seed_decides_and_no_nonce_comes_twice() {
        for nonces in [Nonces::Dense, Nonces::Random] {
            let shape = shape(1_000, 10, nonces);
            let some = plan(4, shape);
            assert_eq!(some, plan(4, shape));
            assert_ne!(some, plan(5, shape));
            let different: HashSet<_> = some.iter().map(|p| (p.signer, p.nonce)).collect();
            assert_eq!(different.len(), 1_000);
        }
    }

    #[test]
    fn dense_nonces_share_words_and_random_ones_do_not() {
        let words = |nonces| {
            let word = |p: &Planned| (p.signer, U256::from_be_bytes(p.nonce.0) >> 8_usize);
            plan(4, shape(5_000, 10, nonces)).iter().map(word).collect::<HashSet<_>>().len()
        };
        // 500 nonces of each wallet are two words.
        assert_eq!(words(Nonces::Dense), 20);
        assert_eq!(words(Nonces::Random), 5_000);
    }

    #[test]
    fn every_message_is_by_its_signer_and_the_sum_of_balances_stays() {
        let contract = Contract { chain_id: 31_337, address: Address::repeat_byte(1), block: 1 };
        let load = Load::sign(&contract, 4, shape(200, 3, Nonces::Dense)).unwrap();
        assert_eq!(load.messages.len(), 200);
        for Signed { message, digest, signature } in &load.messages {
            assert_eq!(wia_abi::authorization::recover(*digest, signature), Some(message.from));
        }
        let before: U256 = load.shares().iter().map(|(_, serials)| units(*serials)).sum();
        let after: U256 = load.balances().iter().map(|(_, balance)| *balance).sum();
        assert_eq!(before, after);
    }
}
