//! The events of batteries, each with the fields that the document's table requires (B-081…B-092).

use alloy::primitives::{Address, B256};
use serde::Serialize;

use crate::Timestamp;

/// What happened to a battery or its record. `actor`: who recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum BatteryEvent {
    /// `battery_registered` (B-112).
    Registered {
        /// Who registered it: its manufacturer, or for a second life its operator.
        #[serde(with = "wia_abi::eip55")]
        manufacturer: Address,
        /// Its first owner.
        #[serde(with = "wia_abi::eip55")]
        owner: Address,
        /// Its first data hash.
        data_hash: B256,
        /// What the chain of data hashes begins with; absent for records of the document's own ABI, which have a trail.
        #[serde(skip_serializing_if = "Option::is_none")]
        genesis: Option<B256>,
    },
    /// `passport_materialised`: an entry of a registered fleet became this record. Told after its
    /// `battery_registered`.
    PassportMaterialised {
        /// Who registered the fleet.
        #[serde(with = "wia_abi::eip55")]
        registrant: Address,
        /// Root of the fleet's list.
        fleet_root: B256,
        /// Its place in the list, decimal text.
        index: String,
    },
    /// `data_updated` (B-112).
    DataUpdated {
        /// The new data hash.
        data_hash: B256,
        /// By whom; absent for records of the document's own ABI.
        #[serde(
            skip_serializing_if = "Option::is_none",
            serialize_with = "wia_abi::eip55::option::serialize"
        )]
        updater: Option<Address>,
        /// The how-many-th hash of the record it is, decimal text; absent for records of the document's own ABI.
        #[serde(skip_serializing_if = "Option::is_none")]
        sequence: Option<String>,
    },
    /// `status_changed` (S-05).
    StatusChanged {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// What it was.
        from: &'static str,
        /// What it is.
        to: &'static str,
    },
    /// `ownership_offered`: the owner offers the battery; the first half of B-083.
    OwnershipOffered {
        /// Who offers.
        #[serde(with = "wia_abi::eip55")]
        from_owner: Address,
        /// Who may accept.
        #[serde(with = "wia_abi::eip55")]
        to_owner: Address,
        /// Until when.
        expires_at: Timestamp,
        /// Commitment to the documents of the sale.
        documents_commitment: B256,
    },
    /// `ownership_offer_withdrawn`: no offer is open any more.
    OwnershipOfferWithdrawn {
        /// Who had offered.
        #[serde(with = "wia_abi::eip55")]
        from_owner: Address,
    },
    /// `manufacturing_complete` (B-081).
    ManufacturingComplete {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the results of quality assurance.
        qa_results_commitment: B256,
        /// Where: UN/LOCODE; the 32 bytes as hex when they are none.
        place_of_manufacture: String,
    },
    /// `quality_certified` (B-082).
    QualityCertified {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// SHA-256 of the public declaration of conformity.
        certification_hash: B256,
        /// Commitment to the inspector.
        inspector_commitment: B256,
    },
    /// `ownership_transfer` (B-083, with B-023's names of the two owners).
    OwnershipTransfer {
        /// Whose it was.
        #[serde(with = "wia_abi::eip55")]
        from_owner: Address,
        /// Whose it is.
        #[serde(with = "wia_abi::eip55")]
        to_owner: Address,
        /// Commitment to the documents of the sale; absent when it was handed over without an offer.
        #[serde(skip_serializing_if = "Option::is_none")]
        documents_commitment: Option<B256>,
    },
    /// `location_update` (B-084).
    LocationUpdate {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the coordinates.
        coordinates_commitment: B256,
        /// Commitment to the carrier.
        carrier_commitment: B256,
    },
    /// `installation` (B-085).
    Installation {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the application.
        application_commitment: B256,
        /// Commitment to the installer.
        installer_commitment: B256,
    },
    /// `soh_threshold` (B-086).
    SohThreshold {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the state of health.
        soh_commitment: B256,
        /// Commitment to the number of cycles.
        cycle_count_commitment: B256,
    },
    /// `maintenance_required` (B-087).
    MaintenanceRequired {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the issue.
        issue_commitment: B256,
    },
    /// `second_life_conversion` (B-088): the record is new and comes from others.
    SecondLifeConversion {
        /// Who places it on the market.
        #[serde(with = "wia_abi::eip55")]
        operator: Address,
        /// Who owns the records that it comes from.
        #[serde(with = "wia_abi::eip55")]
        owner: Address,
        /// Keys of those records.
        derived_from: Vec<B256>,
        /// Commitment to the new application.
        application_commitment: B256,
        /// Commitment to the modifications.
        modifications_commitment: B256,
    },
    /// `end_of_life` (B-089).
    EndOfLife {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the final state of health.
        final_soh_commitment: B256,
        /// Commitment to the reason.
        reason_commitment: B256,
    },
    /// `recycling_initiated` (B-090).
    RecyclingInitiated {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the facility.
        facility_commitment: B256,
        /// Commitment to the schedule.
        schedule_commitment: B256,
    },
    /// `materials_recovered` (B-091).
    MaterialsRecovered {
        /// By whom.
        #[serde(with = "wia_abi::eip55")]
        actor: Address,
        /// Commitment to the shares recovered.
        recovery_commitment: B256,
        /// Commitment to the materials.
        materials_commitment: B256,
    },
}

impl BatteryEvent {
    /// The message's `eventType`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "battery_registered",
            Self::PassportMaterialised { .. } => "passport_materialised",
            Self::DataUpdated { .. } => "data_updated",
            Self::StatusChanged { .. } => "status_changed",
            Self::OwnershipOffered { .. } => "ownership_offered",
            Self::OwnershipOfferWithdrawn { .. } => "ownership_offer_withdrawn",
            Self::ManufacturingComplete { .. } => "manufacturing_complete",
            Self::QualityCertified { .. } => "quality_certified",
            Self::OwnershipTransfer { .. } => "ownership_transfer",
            Self::LocationUpdate { .. } => "location_update",
            Self::Installation { .. } => "installation",
            Self::SohThreshold { .. } => "soh_threshold",
            Self::MaintenanceRequired { .. } => "maintenance_required",
            Self::SecondLifeConversion { .. } => "second_life_conversion",
            Self::EndOfLife { .. } => "end_of_life",
            Self::RecyclingInitiated { .. } => "recycling_initiated",
            Self::MaterialsRecovered { .. } => "materials_recovered",
        }
    }
}
