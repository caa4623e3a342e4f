//! Digest and recovery against the contract's rules.

use alloy::primitives::{U256, address, b256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

use super::*;

fn message() -> TransferWithAuthorization {
    TransferWithAuthorization {
        from: address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        to: address!("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
        value: U256::from(1_500_000_000_000_000_000_u64),
        validAfter: U256::ZERO,
        validBefore: U256::from(1_900_000_000_u64),
        nonce: b256!("0x00000000000000000000000000000000000000000000000000000000000000ab"),
    }
}

fn domain() -> Domain {
    Domain::carbon_credit(31337, address!("0x742d35cC6634c0532925A3b844bc9E7595F0beB1"))
}

#[test]
fn the_type_hash_is_that_of_erc_3009() {
    assert_eq!(
        message().eip712_type_hash(),
        b256!("0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267")
    );
}

#[test]
fn the_cached_domain_gives_the_digest_that_the_library_computes() {
    assert_eq!(domain().digest(&message()), message().eip712_signing_hash(domain().fields()));
}

#[test]
fn both_signature_forms_recover_the_signer() {
    let key = PrivateKeySigner::random();
    let digest = domain().digest(&message());
    let signature = key.sign_hash_sync(&digest).unwrap();
    assert_eq!(recover(digest, &signature.as_bytes()), Some(key.address()));
    assert_eq!(recover(digest, &signature.as_erc2098()), Some(key.address()));
}

#[test]
fn forms_that_the_contract_refuses_are_refused() {
    let key = PrivateKeySigner::random();
    let digest = domain().digest(&message());
    let good = key.sign_hash_sync(&digest).unwrap();
    let n = U256::from_be_bytes(alloy::primitives::hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    let high_s = Signature::new(good.r(), n - good.s(), !good.v());
    assert_eq!(recover(digest, &high_s.as_bytes()), None, "high s");
    let mut parity = good.as_bytes();
    parity[64] -= 27;
    assert_eq!(recover(digest, &parity), None, "v of 0 or 1");
    for length in [0, 63, 66] {
        assert_eq!(recover(digest, &vec![1; length]), None, "{length} bytes");
    }
    assert_eq!(recover(digest, &[0; 65]), None);
}
