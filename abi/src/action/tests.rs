//! Every row against what alloy makes of the same types and functions, and against the artifacts.

use std::fmt::Debug;

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use alloy::sol_types::abi::token::TokenSeq;
use alloy::sol_types::{SolCall, SolStruct};
use proptest::prelude::*;

use super::*;
use crate::authorization::battery::{
    AcceptAuthorization, AcceptBatteryAuthorization, ChangeStatusAuthorization, DelegateAuthorization,
    OfferAuthorization, RecordEventAuthorization, RegisterAuthorization, RegisterBatteryAuthorization,
    TransferOwnershipAuthorization, UpdateAuthorization, UpdateDataAuthorization,
};
use crate::authorization::consent::{
    AnchorAuthorization, EmergencyRevokeAuthorization, OpenAuthorization, RevokeAuthorization,
};
use crate::authorization::credit::RetireAuthorization;
use crate::authorization::exchange::{CancelOrderAuthorization, IncreaseCounterAuthorization};
use crate::authorization::fleet::{AnchorBatchAuthorization, RegisterRootAuthorization};
use crate::authorization::{Domain, TransferWithAuthorization};
use crate::carbon_credit::ICreditRetirement::Retirement;
use crate::relay_batcher::relayable;
use crate::{
    BatteryPassport as Battery, CarbonCredit as Credit, ConsentAnchor as Consent, CreditExchange as Exchange,
    FleetRegistry as Fleet, artifacts, typed_data,
};

fn domain() -> Domain {
    Domain::of("Test", 31_337, Address::repeat_byte(0xcc))
}

fn action(name: &str) -> &'static Action {
    Action::by_name(name).unwrap_or_else(|| panic!("{name} has no row"))
}

#[test]
fn the_ids_are_those_that_data_folders_hold() {
    let names = [
        "TransferWithAuthorization",
        "RetireAuthorization",
        "OfferAuthorization",
        "AcceptAuthorization",
        "DelegateAuthorization",
        "UpdateAuthorization",
        "ChangeStatusAuthorization",
        "RecordEventAuthorization",
        "RegisterBatteryAuthorization",
        "TransferOwnershipAuthorization",
        "UpdateDataAuthorization",
        "AcceptBatteryAuthorization",
        "RegisterAuthorization",
        "RegisterRootAuthorization",
        "AnchorBatchAuthorization",
        "AnchorAuthorization",
        "RevokeAuthorization",
        "EmergencyRevokeAuthorization",
        "OpenAuthorization",
        "CancelOrderAuthorization",
        "IncreaseCounterAuthorization",
    ];
    let ids: Vec<_> = all().iter().map(|row| (usize::from(row.id), row.name)).collect();
    assert_eq!(ids, names.into_iter().enumerate().collect::<Vec<_>>());
    assert!(
        all().iter().all(|row| Action::by_id(row.id) == Some(row) && Action::by_name(row.name) == Some(row))
    );
}

#[test]
fn every_row_begins_with_its_signer_and_ends_with_window_and_nonce() {
    for row in all() {
        let ends: Vec<_> = row.members.iter().rev().take(3).map(|m| (m.name, m.kind, m.signed)).collect();
        assert_eq!(
            ends,
            [
                ("nonce", Kind::FixedBytes(32), true),
                ("validBefore", Kind::Uint(256), true),
                ("validAfter", Kind::Uint(256), true)
            ],
            "{}",
            row.name
        );
        assert_eq!((row.members[0].kind, row.members[0].signed), (Kind::Address, true), "{}", row.name);
        // What is hashed as one word must be one; a list would need its own hash.
        assert!(row.members.iter().all(|m| !m.signed || m.kind != Kind::Addresses), "{}", row.name);
        assert_eq!(row.layout.places(), (0..row.members.len()).collect::<Vec<_>>(), "{}", row.name);
    }
}

#[test]
fn every_signed_type_has_a_row_or_a_sentence_and_one_meaning_on_all_contracts() {
    for signed in typed_data::all().iter().filter(|s| s.contract != "relay") {
        for encoded in &signed.types {
            let name = encoded.split('(').next().unwrap();
            let on = format!("{name} of {}", signed.contract);
            match Action::by_name(name) {
                Some(row) => {
                    assert_eq!(row.type_hash, keccak256(encoded), "{on}");
                    assert!(row.is_on(signed.contract), "{on} has no row");
                    assert_eq!(why_not(name), None, "{on}");
                }
                None => assert!(why_not(name).is_some(), "{on} has neither a row nor a sentence"),
            }
        }
    }
    for row in all() {
        for contract in row.contracts {
            let signed = typed_data::all().into_iter().find(|s| s.contract == *contract).unwrap();
            assert!(signed.types.iter().any(|t| keccak256(t) == row.type_hash), "{} of {contract}", row.name);
        }
    }
}

/// Signed forms that are no rows: the payee must call; and the same as a row, with the signature in three parts.
fn is_no_row(function: &str) -> bool {
    function.starts_with("receiveWithAuthorization(") || function.ends_with(",uint8,bytes32,bytes32)")
}

#[test]
fn every_function_that_takes_an_authorization_is_of_a_row_and_the_other_way_round() {
    for artifact in artifacts::all() {
        let takes = |f: &String| f.split('(').next().unwrap().ends_with("WithAuthorization") && !is_no_row(f);
        let mut functions: Vec<_> = artifact.signed_functions().filter(takes).collect();
        functions.sort();
        let mut rows: Vec<_> = of(&artifact.name).map(|row| row.function.to_owned()).collect();
        rows.sort();
        assert_eq!(rows, functions, "{}", artifact.name);
    }
    let listed = relayable();
    for (contract, functions) in &listed {
        for row in of(contract) {
            assert!(functions.iter().any(|f| f == row.function), "{} of {contract} is not allowed", row.name);
        }
    }
}

/// A value of that kind, from `seed`: each seed gives another one, and all of them are valid.
fn value(kind: Kind, seed: B256, text: &str, count: usize) -> Value<'_> {
    let number = U256::from_be_bytes(seed.0);
    match kind {
        Kind::Address => Value::Word(Address::from_word(seed).into_word()),
        Kind::Uint(bits) => Value::Word((number >> (256 - bits)).into()),
        Kind::FixedBytes(length) => {
            let mut word = seed;
            word[length..].fill(0);
            Value::Word(word)
        }
        Kind::Text => Value::Text(text),
        Kind::Addresses => Value::Addresses(
            (0..count).map(|i| Address::from_word(keccak256([&seed[..], &[i as u8]].concat()))).collect(),
        ),
    }
}

fn message(row: &'static Action, seed: B256, text: &str, count: usize) -> Authorization {
    let seeds = row.members.iter().enumerate().map(|(i, m)| (m, keccak256([&seed[..], &[i as u8]].concat())));
    let values: Vec<_> = seeds.map(|(m, seed)| value(m.kind, seed, text, count)).collect();
    let message = Authorization::new(row, &values).unwrap();
    assert_eq!(message.values(), values);
    message
}

/// Values without the tuples around them.
fn flat(value: DynSolValue, into: &mut Vec<DynSolValue>) {
    match value {
        DynSolValue::Tuple(values) => values.into_iter().for_each(|value| flat(value, into)),
        other => into.push(other),
    }
}

/// Decodes the message as type `T` and its call as `C`, and compares what alloy then hashes and encodes.
fn compare<T, C>(seed: B256, text: &str, count: usize, signature: &[u8])
where
    T: SolStruct + Debug,
    for<'de> <T as alloy::sol_types::SolType>::Token<'de>: TokenSeq<'de>,
    C: SolCall,
{
    let row = action(T::NAME);
    let message = message(row, seed, text, count);
    assert_eq!((row.function, row.selector), (C::SIGNATURE, C::SELECTOR), "{}", row.name);
    let calldata = message.calldata(signature);
    assert_eq!(C::abi_decode(&calldata).unwrap().abi_encode(), calldata, "{}: one encoding", row.name);

    let words = message.words();
    assert!(calldata.windows(words.len()).any(|part| part == *words), "{}", row.name);
    assert!(!signature.is_empty() || calldata.len() <= words.len() + 4 + 64, "{}: all of it", row.name);

    let arguments = DynSolType::parse(&C::SIGNATURE[C::SIGNATURE.find('(').unwrap()..]).unwrap();
    let mut given = Vec::new();
    flat(arguments.abi_decode_params(&calldata[4..]).unwrap(), &mut given);
    assert_eq!(given.pop(), Some(DynSolValue::Bytes(signature.to_vec())), "{}", row.name);
    let kinds: Vec<_> = given.iter().map(|v| v.sol_type_name().unwrap().into_owned()).collect();
    let members = DynSolType::parse(&format!("({})", kinds.join(","))).unwrap();
    let mut signed = Vec::new();
    flat(members.abi_decode_params(message.encoded()).unwrap(), &mut signed);
    assert_eq!(given, signed, "{}: what is called is what was encoded", row.name);
    assert_eq!(DynSolValue::Tuple(signed.clone()).abi_encode_params(), message.encoded()[..], "{}", row.name);

    let signed: Vec<_> =
        signed.into_iter().zip(&row.members).filter(|(_, m)| m.signed).map(|(v, _)| v).collect();
    let encoded = DynSolValue::Tuple(signed).abi_encode_params();
    let typed = T::abi_decode_params(&encoded).unwrap();
    assert_eq!(typed.eip712_type_hash(), row.type_hash, "{}", row.name);
    assert_eq!(
        message.digest(&domain()),
        typed.eip712_signing_hash(domain().fields()),
        "{}: {typed:?}",
        row.name
    );
}

fn compare_all(seed: B256, text: &str, count: usize, signature: &[u8]) -> usize {
    let mut compared = 0;
    macro_rules! rows {
        ($($t:ty => $c:ty),* $(,)?) => { $( compare::<$t, $c>(seed, text, count, signature); compared += 1; )* };
    }
    rows! {
        TransferWithAuthorization => Credit::transferWithAuthorization_0Call,
        RetireAuthorization => Credit::retireWithAuthorizationCall,
        OfferAuthorization => Battery::offerWithAuthorizationCall,
        AcceptAuthorization => Battery::acceptWithAuthorizationCall,
        DelegateAuthorization => Battery::delegateWithAuthorizationCall,
        UpdateAuthorization => Battery::updateWithAuthorizationCall,
        ChangeStatusAuthorization => Battery::changeStatusWithAuthorizationCall,
        RecordEventAuthorization => Battery::recordEventWithAuthorizationCall,
        RegisterBatteryAuthorization => Battery::registerBatteryWithAuthorizationCall,
        TransferOwnershipAuthorization => Battery::transferOwnershipWithAuthorizationCall,
        UpdateDataAuthorization => Battery::updateDataWithAuthorizationCall,
        AcceptBatteryAuthorization => Battery::acceptBatteryWithAuthorizationCall,
        RegisterAuthorization => Battery::registerWithAuthorizationCall,
        RegisterRootAuthorization => Fleet::registerRootWithAuthorizationCall,
        AnchorBatchAuthorization => Fleet::anchorBatchWithAuthorizationCall,
        AnchorAuthorization => Consent::anchorWithAuthorizationCall,
        RevokeAuthorization => Consent::revokeWithAuthorizationCall,
        EmergencyRevokeAuthorization => Consent::emergencyRevokeWithAuthorizationCall,
        OpenAuthorization => Consent::openWithAuthorizationCall,
        CancelOrderAuthorization => Exchange::cancelOrderWithAuthorizationCall,
        IncreaseCounterAuthorization => Exchange::increaseCounterWithAuthorizationCall,
    }
    compared
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_hashes_and_calls_as_alloy_does(
        seed: [u8; 32],
        text in "\\PC{0,80}",
        count in 1..=MAX_ADDRESSES,
        signature in proptest::collection::vec(any::<u8>(), 0..130),
    ) {
        prop_assert_eq!(compare_all(B256::from(seed), &text, count, &signature), all().len());
    }

    #[test]
    fn an_encoding_reads_back_and_a_changed_one_is_another_message_or_none(
        seed: [u8; 32],
        text in "\\PC{0,80}",
        place: proptest::sample::Index,
        flip in 1_u8..,
    ) {
        for row in all() {
            let message = message(row, B256::from(seed), &text, 3);
            let encoded = message.encoded().clone();
            prop_assert_eq!(&Authorization::decode(row, encoded.clone()).unwrap(), &message);
            let stored = serde_json::to_value(&message).unwrap();
            prop_assert_eq!(&serde_json::from_value::<Authorization>(stored).unwrap(), &message);

            let mut changed = encoded.to_vec();
            changed[place.index(encoded.len())] ^= flip;
            if let Ok(other) = Authorization::decode(row, changed.into()) {
                prop_assert_eq!(Authorization::new(row, &other.values()).unwrap(), other.clone());
                prop_assert_ne!(other, message);
            }
            prop_assert!(Authorization::decode(row, encoded.slice(..encoded.len() - 1)).is_err());
            prop_assert!(Authorization::decode(row, [&encoded[..], &[0; 32]].concat().into()).is_err());
        }
    }
}

#[test]
fn a_retirement_is_the_call_that_a_wallet_would_make_itself() {
    let signed = RetireAuthorization {
        holder: Address::repeat_byte(1),
        creditId: "VCS-1".into(),
        amount: U256::from(2_000),
        beneficiary: "Müller & Söhne, Werk 2, which has a name that is longer than one word".into(),
        purpose: String::new(),
        country: FixedBytes(*b"DE"),
        periodStart: 10,
        periodEnd: 20,
        validAfter: U256::from(3),
        validBefore: U256::from(4),
        nonce: B256::repeat_byte(9),
    };
    let number = |n: u64| Value::Word(B256::from(U256::from(n)));
    let message = Authorization::new(
        action("RetireAuthorization"),
        &[
            Value::Word(signed.holder.into_word()),
            Value::Text(&signed.creditId),
            Value::Word(signed.amount.into()),
            Value::Text(&signed.beneficiary),
            Value::Text(&signed.purpose),
            Value::Word(B256::right_padding_from(&signed.country.0)),
            number(10),
            number(20),
            number(3),
            number(4),
            Value::Word(signed.nonce),
        ],
    )
    .unwrap();
    assert_eq!(message.digest(&domain()), domain().digest(&signed));
    let call = Credit::retireWithAuthorizationCall {
        holder: signed.holder,
        retirement: Retirement {
            creditId: signed.creditId,
            amount: signed.amount,
            beneficiary: signed.beneficiary,
            purpose: signed.purpose,
            country: signed.country,
            periodStart: 10,
            periodEnd: 20,
        },
        validAfter: signed.validAfter,
        validBefore: signed.validBefore,
        nonce: signed.nonce,
        signature: Bytes::from_static(b"signed"),
    };
    assert_eq!(message.calldata(b"signed"), call.abi_encode());
    assert_eq!((message.signer(), message.nonce()), (Address::repeat_byte(1), B256::repeat_byte(9)));
    assert_eq!((message.valid_after(), message.valid_before()), (U256::from(3), U256::from(4)));
    assert_eq!((message.payee(), message.transfer()), (None, None));
}

#[test]
fn a_transfer_goes_both_ways() {
    let transfer = TransferWithAuthorization {
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::MAX,
        validAfter: U256::from(3),
        validBefore: U256::from(4),
        nonce: B256::repeat_byte(5),
    };
    let message = Authorization::from(&transfer);
    assert_eq!(message.action().name, "TransferWithAuthorization");
    assert_eq!(message.transfer(), Some(transfer.clone()));
    assert_eq!((message.payee(), message.value()), (Some(transfer.to), Some(U256::MAX)));
    assert_eq!(message.digest(&domain()), domain().digest(&transfer));
    assert_eq!(Authorization::decode(message.action(), message.encoded().clone()), Ok(message));
}

#[test]
fn an_unsigned_member_is_in_the_message_and_not_in_its_digest() {
    let row = action("OpenAuthorization");
    assert!(row.has_unsigned());
    assert_eq!(all().iter().filter(|row| row.has_unsigned()).count(), 1);
    let [one, other] = [1, 2].map(|count| message(row, B256::repeat_byte(7), "", count));
    assert_ne!(one, other);
    assert_eq!(one.digest(&domain()), other.digest(&domain()));
    assert_ne!(one.calldata(&[]), other.calldata(&[]));
}

#[test]
fn what_a_member_cannot_hold_is_refused_by_its_name() {
    let row = action("ChangeStatusAuthorization");
    let good = message(row, B256::repeat_byte(7), "", 1);
    let with = |place: usize, value: Value<'static>| {
        let mut values = good.values();
        values[place] = value;
        Authorization::new(row, &values).unwrap_err()
    };
    let error = with(3, Value::Word(U256::from(256).into()));
    assert_eq!((error.member, error.reason.as_str()), ("status", "is 256; the most that uint8 holds is 255"));
    assert_eq!(with(0, Value::Word(B256::repeat_byte(1))).member, "actor");
    assert_eq!(with(1, Value::Text("key")).member, "key");
    assert_eq!(Authorization::new(row, &good.values()[..3]).unwrap_err().member, "status");

    let row = action("RetireAuthorization");
    let good = message(row, B256::repeat_byte(7), "x", 1);
    let long = "x".repeat(MAX_STRING_BYTES + 1);
    for (place, value, member) in [
        (1, Value::Text(long.as_str()), "creditId"),
        (5, Value::Word(B256::repeat_byte(1)), "country"),
        (6, Value::Word(B256::from(U256::ONE << 64_usize)), "periodStart"),
    ] {
        let mut values = good.values();
        values[place] = value;
        assert_eq!(Authorization::new(row, &values).unwrap_err().member, member);
    }
    let row = action("OpenAuthorization");
    let good = message(row, B256::repeat_byte(7), "", 1);
    for count in [0, MAX_ADDRESSES + 1] {
        let mut values = good.values();
        values[4] = Value::Addresses(vec![Address::ZERO; count]);
        assert_eq!(Authorization::new(row, &values).unwrap_err().member, "members", "{count}");
    }
}

#[test]
fn longer_messages_may_use_more_gas() {
    let row = action("RegisterBatteryAuthorization");
    let gas = |text: &str| message(row, B256::repeat_byte(7), text, 1).execution_gas();
    assert_eq!(gas("A") + 16 * 32, gas(&"A".repeat(33)));
    assert!(gas("") > 100_000);
}
