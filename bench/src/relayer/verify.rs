//! Verification on one thread: the EIP-712 digest with a cached domain separator and the recovery of the signer, as the
//! relayer's intake does it (`wia_abi::authorization`), beside recovery alone by pure `k256`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use alloy::signers::k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use wia_abi::authorization::{Domain, recover};

use super::load::{Load, Signed};
use crate::error::BenchError;
use crate::measure::{RUNS, median, micros};
use crate::report::{Figure, Quantity, Section};

pub(super) const UNIT: &str = "messages/s";

const LEAST_PER_S: usize = 25_000;

/// Measures both on the messages of `load`.
pub(super) fn verify(load: &Load) -> Result<Section, BenchError> {
    let domain = Domain::carbon_credit(load.contract.chain_id, load.contract.address);
    let ours = |signed: &Signed| {
        let digest = domain.digest(&signed.message);
        recover(digest, &signed.signature) == Some(signed.message.from)
    };
    let (mut own, mut pure) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        own.push(once(&load.messages, ours)?);
        pure.push(once(&load.messages, k256)?);
    }
    let rate = |runs| Quantity::per_s(load.messages.len(), median(runs).unwrap_or_default(), UNIT);
    let (own_rate, pure_rate) = (rate(&own), rate(&pure));
    Ok(Section::new("verification, one thread")
        .figure(Figure::at_least(
            format!("digest + recovery as at the intake, median of {RUNS}"),
            own_rate,
            Quantity::per_s(LEAST_PER_S, Duration::from_secs(1), UNIT),
        ))
        .figure(Figure::plain("recovery alone by pure k256", pure_rate))
        .figure(Figure::plain("ours beside it", own_rate.over(pure_rate, 1, "× k256")))
        .raw("messages", load.messages.len())
        .raw("ownUs", micros(&own))
        .raw("k256Us", micros(&pure)))
}

/// How long it takes to verify all, every one of which must be right.
fn once(messages: &[Signed], right: impl Fn(&Signed) -> bool) -> Result<Duration, BenchError> {
    let started = Instant::now();
    let wrong = messages.iter().filter(|signed| !right(black_box(signed))).count();
    let spent = started.elapsed();
    if wrong == 0 {
        Ok(spent)
    } else {
        Err(BenchError::Wrong(format!("{wrong} signatures were not believed")))
    }
}

fn k256(signed: &Signed) -> bool {
    let Some((v, r_s)) = signed.signature.split_last() else { return false };
    let signature = Signature::from_slice(r_s);
    let recovery = v.checked_sub(27).and_then(RecoveryId::from_byte);
    let (Ok(signature), Some(recovery)) = (signature, recovery) else { return false };
    let key = VerifyingKey::recover_from_prehash(signed.digest.as_slice(), &signature, recovery);
    key.is_ok_and(|key| Address::from_public_key(&key) == signed.message.from)
}
