//! The rows: which EIP-712 type is taken by which function of which contracts, and what that costs at the most.
//!
//! Types and functions come from the bindings, so that nothing of them is written twice. The figures of gas are those
//! of `contracts/snapshots` for the dearest case (new nonce word, new storage), less the transaction's own 21,000, with
//! a quarter to spare.

use std::borrow::Cow;
use std::sync::LazyLock;

use alloy::primitives::keccak256;
use alloy::sol_types::{SolCall, SolStruct};

use super::layout::Layout;
use super::{Action, Kind, Member};
use crate::BatteryPassport as Battery;
use crate::CarbonCredit as Credit;
use crate::ConsentAnchor as Consent;
use crate::CreditExchange as Exchange;
use crate::FleetRegistry as Fleet;
use crate::authorization::TransferWithAuthorization;
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
use crate::{
    battery_passport, carbon_credit, consent_anchor, credit_exchange, fleet_registry, test_eur, test_usd,
};

const TOKENS: &[&str] = &[carbon_credit::NAME, test_usd::NAME, test_eur::NAME];
const CREDIT: &[&str] = &[carbon_credit::NAME];
const RECORDS: &[&str] = &[battery_passport::NAME, fleet_registry::NAME];
const BATTERY: &[&str] = &[battery_passport::NAME];
const FLEET: &[&str] = &[fleet_registry::NAME];
const CONSENT: &[&str] = &[consent_anchor::NAME];
const EXCHANGE: &[&str] = &[credit_exchange::NAME];

/// What the function takes beside the message.
const APPROVERS: Member = Member { name: "members", kind: Kind::Addresses, signed: false };

/// The place of a row is its action's id, which data folders hold: rows are added at the end, and none is moved.
pub(super) static TABLE: LazyLock<Vec<Action>> = LazyLock::new(|| {
    let rows = [
        row::<TransferWithAuthorization, Credit::transferWithAuthorization_0Call>(TOKENS, 80_000),
        row::<RetireAuthorization, Credit::retireWithAuthorizationCall>(CREDIT, 120_000),
        row::<OfferAuthorization, Battery::offerWithAuthorizationCall>(RECORDS, 90_000),
        row::<AcceptAuthorization, Battery::acceptWithAuthorizationCall>(RECORDS, 80_000),
        row::<DelegateAuthorization, Battery::delegateWithAuthorizationCall>(RECORDS, 90_000),
        row::<UpdateAuthorization, Battery::updateWithAuthorizationCall>(RECORDS, 70_000),
        row::<ChangeStatusAuthorization, Battery::changeStatusWithAuthorizationCall>(RECORDS, 70_000),
        row::<RecordEventAuthorization, Battery::recordEventWithAuthorizationCall>(RECORDS, 75_000),
        row::<RegisterBatteryAuthorization, Battery::registerBatteryWithAuthorizationCall>(BATTERY, 140_000),
        row::<TransferOwnershipAuthorization, Battery::transferOwnershipWithAuthorizationCall>(
            BATTERY, 70_000,
        ),
        row::<UpdateDataAuthorization, Battery::updateDataWithAuthorizationCall>(BATTERY, 90_000),
        row::<AcceptBatteryAuthorization, Battery::acceptBatteryWithAuthorizationCall>(BATTERY, 80_000),
        row::<RegisterAuthorization, Battery::registerWithAuthorizationCall>(BATTERY, 115_000),
        row::<RegisterRootAuthorization, Fleet::registerRootWithAuthorizationCall>(FLEET, 85_000),
        row::<AnchorBatchAuthorization, Fleet::anchorBatchWithAuthorizationCall>(FLEET, 90_000),
        row::<AnchorAuthorization, Consent::anchorWithAuthorizationCall>(CONSENT, 115_000),
        row::<RevokeAuthorization, Consent::revokeWithAuthorizationCall>(CONSENT, 70_000),
        row::<EmergencyRevokeAuthorization, Consent::emergencyRevokeWithAuthorizationCall>(CONSENT, 70_000),
        row::<OpenAuthorization, Consent::openWithAuthorizationCall>(CONSENT, 90_000).beside(4, APPROVERS),
        row::<CancelOrderAuthorization, Exchange::cancelOrderWithAuthorizationCall>(EXCHANGE, 75_000),
        row::<IncreaseCounterAuthorization, Exchange::increaseCounterWithAuthorizationCall>(EXCHANGE, 75_000),
    ];
    let numbered = rows.into_iter().zip(0..).map(|(row, id)| Action { id, ..row });
    numbered.collect()
});

/// What is signed for our contracts, but not relayed as a message of its own.
pub(super) const NOT_RELAYED: [(&str, &str); 8] = [
    (
        "ReceiveWithAuthorization",
        "ReceiveWithAuthorization needs the payee as the caller and cannot be relayed; sign \
         TransferWithAuthorization instead",
    ),
    (
        "CancelAuthorization",
        "a CancelAuthorization has no validity window to relay it by; call cancelAuthorization of the contract, \
         which anyone may do with the signature",
    ),
    (
        "Permit",
        "a Permit is for the spender, who submits it when it is needed; call permit of the token, or sign \
         TransferWithAuthorization to pay at once",
    ),
    (
        "SecondLifeAuthorization",
        "a second life takes the signatures of operator and owner in one call; call beginSecondLife with both",
    ),
    (
        "Vote",
        "votes are handed in together with the request that they are about; call voteWithSignature or \
         castSignedVotes of ConsentAnchor, which anyone may do",
    ),
    (
        "RevokeConsent",
        "RevokeConsent is never signed by itself, it is the operation of a Vote; vote on it, then call \
         revokeByApproval",
    ),
    (
        "ChangeApprovers",
        "ChangeApprovers is never signed by itself, it is the operation of a Vote; vote on it, then call \
         changeApproversByApproval",
    ),
    (
        "Order",
        "an Order is settled by an operator of the exchange, not relayed; hand it in at the market, or sign \
         CancelOrderAuthorization to end it",
    ),
];

fn row<T: SolStruct, C: SolCall>(contracts: &'static [&'static str], base_gas: u64) -> Action {
    let encoded = match T::eip712_root_type() {
        Cow::Borrowed(text) => text,
        // Once per row and process.
        Cow::Owned(text) => text.leak(),
    };
    let members = encoded.split_once('(').map_or("", |(_, members)| members.trim_end_matches(')'));
    let member = |text: &'static str| {
        let (kind, name) = text.split_once(' ')?;
        Some(Member { name, kind: Kind::of(kind)?, signed: true })
    };
    Action {
        id: 0,
        name: T::NAME,
        contracts,
        function: C::SIGNATURE,
        selector: C::SELECTOR,
        members: members.split(',').filter_map(member).collect(),
        type_hash: keccak256(encoded),
        base_gas,
        layout: Layout::of(C::SIGNATURE),
    }
}

impl Action {
    /// The row of a function that takes `member` at that place, which the message does not have.
    fn beside(mut self, place: usize, member: Member) -> Self {
        self.members.insert(place, member);
        self
    }
}

impl Kind {
    /// What a Solidity type is here; `None` for one that no row has.
    pub(super) fn of(solidity: &str) -> Option<Self> {
        let sized = |prefix: &str| solidity.strip_prefix(prefix).and_then(|size| size.parse().ok());
        match solidity {
            "address" => Some(Self::Address),
            "string" => Some(Self::Text),
            "address[]" => Some(Self::Addresses),
            _ => sized("uint").map(Self::Uint).or_else(|| sized("bytes").map(Self::FixedBytes)),
        }
    }
}
