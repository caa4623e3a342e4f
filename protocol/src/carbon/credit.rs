//! What happens to credits, as events of type `credit`. The documents name minting and balances (C-047, C-093); the
//! other events follow their form, with the words of the contract's interface (`ICreditIssuance`,
//! `ICreditRetirement`).
//!
//! Amounts are credits (tonnes of CO2e) as JSON numbers with every digit, beside them `…Wei`, the same as decimal text.
//! Serials are decimal text: they may be larger than a double can say.

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use wia_abi::CreditAmount;

use crate::{JsonDecimal, Timestamp};

/// An event of type `credit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum CreditEvent {
    /// `minted` (C-093): credits came into being and are the recipient's.
    Minted {
        /// Whose they are.
        #[serde(with = "wia_abi::eip55")]
        recipient: Address,
        /// How many.
        #[serde(flatten)]
        amount: Credits,
        /// The credit that they are of.
        credit_id: String,
    },
    /// `issued`: serials of a series became the issuance of a credit. Told before its `minted`.
    Issued {
        /// keccak256 of the credit id: the event has no more of it.
        credit_id_hash: B256,
        /// Who issued.
        #[serde(with = "wia_abi::eip55")]
        issuer: Address,
        /// The issuer's address for the issuer's own series, else keccak256("SERIES:" ‖ its name).
        series: B256,
        /// How many credits.
        #[serde(flatten)]
        amount: Credits,
        /// Which serials.
        #[serde(flatten)]
        serials: Serials,
    },
    /// `described`: what the issuer says of an issuance. Told before its `minted`.
    Described {
        /// The credit.
        credit_id: String,
        /// The registry's id of the project.
        project: String,
        /// The registry's id of the methodology.
        methodology: String,
        /// Hash of the evidence.
        data_hash: B256,
        /// Name of the registry's series; empty for the issuer's own.
        registry_series: String,
        /// Calendar year of the reduction or removal.
        vintage: u16,
        /// Which serials.
        #[serde(flatten)]
        serials: Serials,
    },
    /// `retired`: credits were used up, with all fields of the certificate.
    Retired {
        /// Whose they were.
        #[serde(with = "wia_abi::eip55")]
        holder: Address,
        /// The credit.
        credit_id: String,
        /// How many.
        #[serde(flatten)]
        amount: Credits,
        /// On whose behalf.
        beneficiary: String,
        /// What it is claimed for.
        purpose: String,
        /// Where it is claimed, ISO 3166-1 alpha-2; absent when not stated.
        #[serde(skip_serializing_if = "Option::is_none")]
        country: Option<String>,
        /// First second of the period it is claimed for; absent when not stated.
        #[serde(skip_serializing_if = "Option::is_none")]
        period_start: Option<Timestamp>,
        /// Last second of that period; absent when not stated.
        #[serde(skip_serializing_if = "Option::is_none")]
        period_end: Option<Timestamp>,
        /// When, as the certificate has it.
        retired_at: Timestamp,
        /// Which serials.
        #[serde(flatten)]
        serials: Serials,
    },
    /// `cancelled`: credits were taken out without being used.
    Cancelled {
        /// keccak256 of the credit id: the event has no more of it.
        credit_id_hash: B256,
        /// Whose they were.
        #[serde(with = "wia_abi::eip55")]
        canceller: Address,
        /// How many.
        #[serde(flatten)]
        amount: Credits,
        /// Why.
        reason: String,
        /// Which serials.
        #[serde(flatten)]
        serials: Serials,
    },
    /// `buffered`: credits were put into the buffer that answers for reversals.
    Buffered {
        /// keccak256 of the credit id: the event has no more of it.
        credit_id_hash: B256,
        /// Whose they were.
        #[serde(with = "wia_abi::eip55")]
        contributor: Address,
        /// How many.
        #[serde(flatten)]
        amount: Credits,
        /// Which serials.
        #[serde(flatten)]
        serials: Serials,
    },
    /// `reversal_recorded`: a part of the credit's buffer was cancelled, because what it stood for was undone.
    ReversalRecorded {
        /// keccak256 of the credit id: the event has no more of it.
        credit_id_hash: B256,
        /// How many.
        #[serde(flatten)]
        amount: Credits,
        /// Which reversal.
        reason: String,
    },
}

impl CreditEvent {
    /// The envelope's `event`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Minted { .. } => "minted",
            Self::Issued { .. } => "issued",
            Self::Described { .. } => "described",
            Self::Retired { .. } => "retired",
            Self::Cancelled { .. } => "cancelled",
            Self::Buffered { .. } => "buffered",
            Self::ReversalRecorded { .. } => "reversal_recorded",
        }
    }
}

/// An amount of credits, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credits {
    /// Credits.
    pub amount: JsonDecimal,
    /// Wei, decimal text.
    pub amount_wei: String,
}

impl Credits {
    /// So many wei.
    #[must_use]
    pub fn of(wei: U256) -> Self {
        Self { amount: CreditAmount(wei).into(), amount_wei: wei.to_string() }
    }
}

/// A range of serials of 0.001 t each; decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Serials {
    /// The first.
    pub first_serial: String,
    /// The last.
    pub last_serial: String,
}

impl Serials {
    /// From the first to the last.
    #[must_use]
    pub fn new(first: u64, last: u64) -> Self {
        Self { first_serial: first.to_string(), last_serial: last.to_string() }
    }
}
