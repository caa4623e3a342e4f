//! Events of `BatteryPassport` and `FleetRegistry` as update messages (B-032): the eleven of the document's table
//! (B-081…B-091), registration and data (B-112), status (S-05), offers.
//!
//! A hand-over of a record of the document's own ABI by offer and acceptance is two events, first by key and then by
//! battery id. It is told once: with the battery id, and with the documents that the first of them has.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::{SolEvent, SolEventInterface, SolValue};
use wia_abi::BatteryPassport::{self, BatteryPassportEvents as Events};
use wia_abi::FleetRegistry::PassportMaterialised;
use wia_protocol::Timestamp;
use wia_protocol::battery::{BatteryEvent, Keyed, Update};

use super::{At, ascii};
use crate::log::entry::EventRecord;

/// A record by its key, or by the document's id.
enum Subject {
    Key(B256),
    Named(String),
}

/// The event's message.
pub(super) fn update(at: &At<'_>) -> Option<Update> {
    let (subject, event) = match materialised(at.record) {
        Some(materialised) => materialised,
        None => battery(Events::decode_raw_log(&at.record.topics, &at.record.data).ok()?, at)?,
    };
    let (key, battery_id) = match subject {
        Subject::Key(key) => (key, None),
        Subject::Named(id) => (key_of(&id), Some(id)),
    };
    Some(Update::new(at.timestamp(), battery_id, at.tell(Keyed { key, event })?))
}

/// The one event of a passport that only fleets have.
fn materialised(record: &EventRecord) -> Option<(Subject, BatteryEvent)> {
    let e = PassportMaterialised::decode_raw_log(&record.topics, &record.data).ok()?;
    let event = BatteryEvent::PassportMaterialised {
        registrant: e.registrant,
        fleet_root: e.root,
        index: e.index.to_string(),
    };
    Some((Subject::Key(e.key), event))
}

fn battery(event: Events, at: &At<'_>) -> Option<(Subject, BatteryEvent)> {
    use BatteryEvent as B;
    use Subject::{Key, Named};
    Some(match event {
        Events::BatteryRegistered(e) => {
            let (manufacturer, owner) = (e.manufacturer, e.manufacturer);
            let event = B::Registered { manufacturer, owner, data_hash: e.dataHash, genesis: None };
            (Named(e.batteryId), event)
        }
        Events::RecordRegistered(e) => {
            let (data_hash, genesis) = (e.dataHash, Some(e.genesis));
            (Key(e.key), B::Registered { manufacturer: e.registrant, owner: e.owner, data_hash, genesis })
        }
        Events::DataUpdated(e) => {
            (Named(e.batteryId), B::DataUpdated { data_hash: e.newHash, updater: None, sequence: None })
        }
        Events::RecordUpdated(e) => {
            let (updater, sequence) = (Some(e.updater), Some(e.sequence.to_string()));
            (Key(e.key), B::DataUpdated { data_hash: e.dataHash, updater, sequence })
        }
        Events::OwnershipTransferred(e) => {
            let documents = at.before().and_then(|record| documents(record, &e.batteryId));
            (Named(e.batteryId), transfer(e.from, e.to, documents))
        }
        Events::OwnershipTransfer(e) => {
            if at.after().is_some_and(|record| tells_the_same(record, e.key)) {
                return None;
            }
            (Key(e.key), transfer(e.from, e.to, Some(e.documents)))
        }
        Events::OwnershipOffered(e) if e.to.is_zero() => {
            (Key(e.key), B::OwnershipOfferWithdrawn { from_owner: e.owner })
        }
        Events::OwnershipOffered(e) => {
            let (expires_at, documents_commitment) = (moment(e.expiry), e.documents);
            let (from_owner, to_owner) = (e.owner, e.to);
            (Key(e.key), B::OwnershipOffered { from_owner, to_owner, expires_at, documents_commitment })
        }
        Events::StatusChanged(e) => {
            (Key(e.key), B::StatusChanged { actor: e.actor, from: status(e.from)?, to: status(e.to)? })
        }
        Events::SecondLifeConversion(e) => {
            let event = B::SecondLifeConversion {
                operator: e.operator,
                owner: e.owner,
                derived_from: e.derivedFrom,
                application_commitment: e.applicationCommitment,
                modifications_commitment: e.modificationsCommitment,
            };
            (Key(e.key), event)
        }
        other => {
            let (key, event) = recorded(other)?;
            (Key(key), event)
        }
    })
}

/// What `recordEvent` records.
fn recorded(event: Events) -> Option<(B256, BatteryEvent)> {
    use BatteryEvent as B;
    Some(match event {
        Events::ManufacturingComplete(e) => {
            let place = ascii(e.placeOfManufacture.as_slice());
            let event = B::ManufacturingComplete {
                actor: e.actor,
                qa_results_commitment: e.qaResultsCommitment,
                place_of_manufacture: place.unwrap_or_else(|| e.placeOfManufacture.to_string()),
            };
            (e.key, event)
        }
        Events::QualityCertified(e) => {
            let (certification_hash, inspector_commitment) = (e.certificationHash, e.inspectorCommitment);
            (e.key, B::QualityCertified { actor: e.actor, certification_hash, inspector_commitment })
        }
        Events::LocationUpdate(e) => {
            let (coordinates_commitment, carrier_commitment) = (e.coordinatesCommitment, e.carrierCommitment);
            (e.key, B::LocationUpdate { actor: e.actor, coordinates_commitment, carrier_commitment })
        }
        Events::Installation(e) => {
            let (application_commitment, installer_commitment) =
                (e.applicationCommitment, e.installerCommitment);
            (e.key, B::Installation { actor: e.actor, application_commitment, installer_commitment })
        }
        Events::SohThreshold(e) => {
            let (soh_commitment, cycle_count_commitment) = (e.sohCommitment, e.cycleCountCommitment);
            (e.key, B::SohThreshold { actor: e.actor, soh_commitment, cycle_count_commitment })
        }
        Events::MaintenanceRequired(e) => {
            (e.key, B::MaintenanceRequired { actor: e.actor, issue_commitment: e.issueCommitment })
        }
        Events::EndOfLife(e) => {
            let (final_soh_commitment, reason_commitment) = (e.finalSohCommitment, e.reasonCommitment);
            (e.key, B::EndOfLife { actor: e.actor, final_soh_commitment, reason_commitment })
        }
        Events::RecyclingInitiated(e) => {
            let (facility_commitment, schedule_commitment) = (e.facilityCommitment, e.scheduleCommitment);
            (e.key, B::RecyclingInitiated { actor: e.actor, facility_commitment, schedule_commitment })
        }
        Events::MaterialsRecovered(e) => {
            let (recovery_commitment, materials_commitment) = (e.recoveryCommitment, e.materialsCommitment);
            (e.key, B::MaterialsRecovered { actor: e.actor, recovery_commitment, materials_commitment })
        }
        _ => return None,
    })
}

fn transfer(from_owner: Address, to_owner: Address, documents_commitment: Option<B256>) -> BatteryEvent {
    BatteryEvent::OwnershipTransfer { from_owner, to_owner, documents_commitment }
}

/// The documents of an acceptance that the hand-over of `battery_id` comes from.
fn documents(record: &EventRecord, battery_id: &str) -> Option<B256> {
    let accepted = BatteryPassport::OwnershipTransfer::decode_raw_log(&record.topics, &record.data).ok()?;
    (accepted.key == key_of(battery_id)).then_some(accepted.documents)
}

/// Whether that event tells, by battery id, the hand-over of `key`.
fn tells_the_same(record: &EventRecord, key: B256) -> bool {
    let named = BatteryPassport::OwnershipTransferred::decode_raw_log(&record.topics, &record.data);
    named.is_ok_and(|named| key_of(&named.batteryId) == key)
}

/// Key of a battery id's record, as `IBatteryPassport.batteryKey` has it.
fn key_of(battery_id: &str) -> B256 {
    keccak256((keccak256("wia.battery.named"), keccak256(battery_id)).abi_encode())
}

/// `IBatterySupplyChain.Status` (S-05); `None` for what it does not have.
fn status(status: u8) -> Option<&'static str> {
    const NAMES: [&str; 9] = [
        "none",
        "manufactured",
        "in_storage",
        "in_transit",
        "in_use",
        "maintenance",
        "second_life",
        "end_of_life",
        "recycled",
    ];
    NAMES.get(usize::from(status)).copied()
}

/// Unix seconds; the contract keeps 48 bits of them.
fn moment(seconds: U256) -> Timestamp {
    Timestamp::from_secs(seconds.saturating_to())
}
