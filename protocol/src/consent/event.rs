//! The events of consents and of what their approvers are asked (E-068, E-091, E-092, X-39, X-57).

use alloy::primitives::{Address, B256};
use serde::{Serialize, Serializer};
use wia_abi::eip55;

use crate::Timestamp;

/// What happened to a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum ConsentEvent {
    /// `consent_anchored`: a consent is in force from now on.
    Anchored {
        /// Its key.
        consent_id: B256,
        /// Who anchored it, and may revoke it: the data subject, or who acts for it.
        #[serde(with = "eip55")]
        anchorer: Address,
        /// Who may revoke it at once; absent when nobody may.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "eip55::option::serialize")]
        guardian: Option<Address>,
        /// Salted hash of the consent document.
        commitment: B256,
        /// What it permits (S-09): `family_interaction`, …
        consent_level: &'static str,
        /// Until when; absent for a consent without end.
        #[serde(skip_serializing_if = "Option::is_none")]
        expiry_date: Option<Timestamp>,
        /// Hash of the approvers.
        approvers_hash: B256,
        /// How many of them make a quorum.
        threshold: u8,
    },
    /// `consent_revoked` (E-068).
    Revoked {
        /// The consent's key.
        consent_id: B256,
        /// By whom.
        revoked_by: RevokedBy,
        /// From when; until then the consent is in force, with the restriction below.
        effective_date: Timestamp,
        /// `revocation_pending` when the revocation does not take effect at once; absent otherwise.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        restrictions: &'static [&'static str],
    },
    /// `approvers_changed`: a quorum of the approvers changed them. Requests to the former ones are void.
    ApproversChanged {
        /// The consent's key.
        consent_id: B256,
        /// How often they were changed.
        epoch: u32,
        /// How many make a quorum.
        threshold: u8,
        /// How many there are.
        total_approvers: usize,
        /// The new ones, ascending.
        approvers: Vec<Approver>,
    },
    /// A request was opened, or voted on; named after how it stands: `approval_request_changed` while it is open,
    /// `approval_granted`, `approval_denied` (E-091, E-092, X-39).
    Request {
        /// Its key.
        request_id: B256,
        /// The consent's key.
        consent_id: B256,
        /// Hash of the operation that approval is asked for.
        operation_hash: B256,
        /// How it stands.
        state: RequestState,
        /// How many grants make a quorum.
        threshold: u8,
        /// How many are asked.
        total_approvers: u8,
        /// Whose grants count: places among the approvers in ascending order, from 0.
        granted: Vec<u8>,
        /// Who denied, or withdrew a grant: places likewise.
        denied: Vec<u8>,
        /// Votes count before it.
        deadline: Timestamp,
    },
    /// `approval_executed`: the contract carried out what was granted.
    Executed {
        /// The request's key.
        request_id: B256,
        /// The consent's key.
        consent_id: B256,
    },
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Votes count.
    Open,
    /// A quorum granted it.
    Granted,
    /// A quorum cannot be reached any more.
    Denied,
}

/// Who revoked: an address, or `approvers` for a quorum of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedBy {
    /// Anchorer or guardian.
    Account(Address),
    /// A quorum of the approvers.
    Approvers,
}

impl Serialize for RevokedBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Account(account) => eip55::serialize(account, serializer),
            Self::Approvers => serializer.serialize_str("approvers"),
        }
    }
}

/// An approver's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Approver(#[serde(with = "eip55")] pub Address);

impl ConsentEvent {
    /// The payload's `eventType`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Anchored { .. } => "consent_anchored",
            Self::Revoked { .. } => "consent_revoked",
            Self::ApproversChanged { .. } => "approvers_changed",
            Self::Request { state: RequestState::Open, .. } => "approval_request_changed",
            Self::Request { state: RequestState::Granted, .. } => "approval_granted",
            Self::Request { state: RequestState::Denied, .. } => "approval_denied",
            Self::Executed { .. } => "approval_executed",
        }
    }
}
