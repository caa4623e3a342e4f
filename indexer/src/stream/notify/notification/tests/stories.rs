//! The events of the golden vectors, as the contracts emit them, one block for each noun.

use alloy::primitives::{B256, FixedBytes, U256, aliases::U40, keccak256};
use alloy::sol_types::SolError;
use wia_abi::carbon_credit::{ICreditIssuance::IssuanceTerms, ICreditRetirement::Retirement};
use wia_abi::{ConsentAnchor as C, FleetRegistry as F};

use super::{
    Address, BatteryPassport as B, CarbonCredit as CC, CreditExchange as X, EventRecord, SolValue, log,
};

const ALICE: Address = Address::repeat_byte(0xaa);
const BOB: Address = Address::repeat_byte(0xbb);
const CAROL: Address = Address::repeat_byte(0xca);
const NOBODY: Address = Address::ZERO;
/// Of a lean record: nothing says whose battery it is.
const KEY: B256 = B256::repeat_byte(0x1e);
const OTHER_KEY: B256 = B256::repeat_byte(0x2e);

/// A commitment or hash that is known by its byte.
fn word(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn milli(n: u64) -> U256 {
    U256::from(n) * U256::from(10_u64.pow(15))
}

/// 15 January 2025, 12:00:00 UTC, plus so many days.
fn in_days(days: u64) -> u64 {
    1_736_942_400 + days * 86_400
}

/// The four nouns in one block.
pub(super) fn all() -> Vec<EventRecord> {
    [credit(), battery(), consent(), exchange()].concat()
}

pub(super) fn credit() -> Vec<EventRecord> {
    let hash = keccak256("VCS-1");
    let terms = IssuanceTerms {
        creditId: "VCS-1".into(),
        project: "VCS-1748".into(),
        methodology: "VM0007".into(),
        dataHash: word(0xda),
        registrySeries: "VCS".into(),
        vintage: 2024,
        firstSerial: 1_001,
        lastSerial: 3_500,
    };
    let retirement = |country: [u8; 2], start, end| Retirement {
        creditId: "VCS-1".into(),
        amount: milli(250),
        beneficiary: "Bob & Söhne \"GmbH\"".into(),
        purpose: "Scope 3, 2024".into(),
        country: country.into(),
        periodStart: start,
        periodEnd: end,
    };
    let retired = |first, retirement| CC::CreditRetired {
        holder: BOB,
        creditIdHash: hash,
        firstSerial: first,
        retiredAt: 1_736_942_407,
        retirement,
    };
    let (issuer, canceller, contributor) = (ALICE, BOB, CAROL);
    let series = keccak256("SERIES:VCS");
    let issued =
        CC::CreditIssued { creditIdHash: hash, issuer, series, firstSerial: 1_001, lastSerial: 3_500 };
    let minted = CC::CreditMinted { recipient: BOB, amount: milli(2_500), creditId: "VCS-1".into() };
    let reason = "issued twice by mistake".to_owned();
    let cancelled =
        CC::CreditCancelled { creditIdHash: hash, canceller, amount: milli(1), firstSerial: 1_501, reason };
    let buffered =
        CC::CreditBuffered { creditIdHash: hash, contributor, amount: milli(20), firstSerial: 1_502 };
    let reversal = CC::ReversalRecorded { creditIdHash: hash, amount: milli(5), reason: "wildfire".into() };
    vec![
        log("CarbonCredit", 0, &issued),
        log("CarbonCredit", 0, &CC::CreditDescribed { creditIdHash: hash, terms }),
        log("CarbonCredit", 0, &minted),
        log("CarbonCredit", 1, &retired(1_001, retirement(*b"KR", in_days(0), in_days(30)))),
        // Nothing stated, and a country that is none.
        log("CarbonCredit", 1, &retired(1_251, retirement([0, 0], 0, 0))),
        log("CarbonCredit", 1, &retired(1_501, retirement([0, 7], 0, in_days(1)))),
        log("CarbonCredit", 2, &cancelled),
        log("CarbonCredit", 2, &buffered),
        log("CarbonCredit", 2, &reversal),
    ]
}

/// A hand-over of a named record by acceptance, as the contract tells it: by key, then by battery id.
pub(super) fn accepted(battery_id: &str, transaction: u32) -> Vec<EventRecord> {
    let key = keccak256((keccak256("wia.battery.named"), keccak256(battery_id)).abi_encode());
    let (from, to, id) = (ALICE, BOB, battery_id.to_owned());
    vec![
        log("BatteryPassport", transaction, &B::OwnershipTransfer { key, from, to, documents: word(0xd0) }),
        log("BatteryPassport", transaction, &B::OwnershipTransferred { batteryId: id, from, to }),
    ]
}

pub(super) fn battery() -> Vec<EventRecord> {
    let id = || "BAT-2025-LI-001234".to_owned();
    let mut place = B256::ZERO;
    place[..5].copy_from_slice(b"KRSEL");
    let (key, actor, owner) = (KEY, ALICE, ALICE);
    let named = [
        log(
            "BatteryPassport",
            0,
            &B::BatteryRegistered { batteryId: id(), manufacturer: ALICE, dataHash: word(1) },
        ),
        log(
            "BatteryPassport",
            0,
            &B::DataUpdated { batteryId: id(), newHash: word(2), timestamp: U256::from(7) },
        ),
        log("BatteryPassport", 1, &B::OwnershipTransferred { batteryId: id(), from: ALICE, to: BOB }),
    ];
    let mut story = named.to_vec();
    story.extend(accepted("BAT-2025-LI-001234", 2));
    // Both contracts tell the life of a lean record in the same events.
    for contract in ["BatteryPassport", "FleetRegistry"] {
        let expiry = U256::from(in_days(14));
        let documents = word(0xd1);
        story.extend([
            log(
                contract,
                3,
                &B::RecordRegistered { key, registrant: ALICE, owner, genesis: key, dataHash: word(1) },
            ),
            log(
                contract,
                3,
                &B::RecordUpdated { key, updater: CAROL, sequence: U256::from(2), dataHash: word(2) },
            ),
            log(contract, 4, &B::OwnershipOffered { key, owner, to: BOB, expiry, documents }),
            log(
                contract,
                4,
                &B::OwnershipOffered { key, owner, to: NOBODY, expiry: U256::ZERO, documents: B256::ZERO },
            ),
            log(contract, 4, &B::OwnershipTransfer { key, from: ALICE, to: BOB, documents }),
            log(contract, 5, &B::StatusChanged { key, actor, from: 1, to: 3 }),
            log(contract, 5, &B::StatusChanged { key, actor, from: 7, to: 8 }),
        ]);
        story.extend(recorded(contract, place));
    }
    // A place of manufacture that is no text.
    let placeless =
        B::ManufacturingComplete { key, actor, qaResultsCommitment: word(3), placeOfManufacture: word(4) };
    story.push(log("BatteryPassport", 7, &placeless));
    let materialised =
        F::PassportMaterialised { key, registrant: ALICE, root: word(0xf1), index: U256::from(41) };
    story.push(log("FleetRegistry", 8, &materialised));
    story
}

/// The eleven of the document's table, but for the hand-over.
fn recorded(contract: &str, place: B256) -> Vec<EventRecord> {
    let (key, actor) = (KEY, ALICE);
    vec![
        log(
            contract,
            6,
            &B::ManufacturingComplete {
                key,
                actor,
                qaResultsCommitment: word(0x11),
                placeOfManufacture: place,
            },
        ),
        log(
            contract,
            6,
            &B::QualityCertified {
                key,
                actor,
                certificationHash: word(0x21),
                inspectorCommitment: word(0x22),
            },
        ),
        log(
            contract,
            6,
            &B::LocationUpdate {
                key,
                actor,
                coordinatesCommitment: word(0x41),
                carrierCommitment: word(0x42),
            },
        ),
        log(
            contract,
            6,
            &B::Installation {
                key,
                actor,
                applicationCommitment: word(0x51),
                installerCommitment: word(0x52),
            },
        ),
        log(
            contract,
            6,
            &B::SohThreshold { key, actor, sohCommitment: word(0x61), cycleCountCommitment: word(0x62) },
        ),
        log(contract, 6, &B::MaintenanceRequired { key, actor, issueCommitment: word(0x71) }),
        log(
            contract,
            6,
            &B::SecondLifeConversion {
                key: OTHER_KEY,
                operator: BOB,
                owner: ALICE,
                derivedFrom: vec![KEY, word(0x1f)],
                applicationCommitment: word(0x81),
                modificationsCommitment: word(0x82),
            },
        ),
        log(
            contract,
            6,
            &B::EndOfLife { key, actor, finalSohCommitment: word(0x91), reasonCommitment: word(0x92) },
        ),
        log(
            contract,
            6,
            &B::RecyclingInitiated {
                key,
                actor,
                facilityCommitment: word(0xa1),
                scheduleCommitment: word(0xa2),
            },
        ),
        log(
            contract,
            6,
            &B::MaterialsRecovered {
                key,
                actor,
                recoveryCommitment: word(0xb1),
                materialsCommitment: word(0xb2),
            },
        ),
    ]
}

pub(super) fn anchored() -> C::ConsentAnchored {
    C::ConsentAnchored {
        consentKey: KEY,
        anchorer: ALICE,
        guardian: CAROL,
        commitment: word(0xc0),
        level: 2,
        expiry: U40::from(in_days(350)),
        approversHash: word(0xc1),
        threshold: 3,
    }
}

/// A request to five of whom three are needed, in that state.
pub(super) fn request(state: u64, granted: u32, declined: u32) -> C::RequestChanged {
    let deadline = U256::from(in_days(7));
    let round = U256::from(granted)
        | U256::from(declined) << 32_usize
        | U256::from(3) << 64_usize
        | U256::from(5) << 72_usize
        | deadline << 80_usize
        | U256::from(state) << 120_usize;
    C::RequestChanged { requestId: word(0x7e), consentKey: KEY, operationHash: word(0x0b), round }
}

pub(super) fn consent() -> Vec<EventRecord> {
    let key = KEY;
    let endless = C::ConsentAnchored {
        consentKey: OTHER_KEY,
        guardian: NOBODY,
        expiry: U40::from((1_u64 << 40) - 1),
        level: 5,
        ..anchored()
    };
    let revoked = |revoker, at| C::ConsentRevoked { consentKey: key, revoker, effectiveAt: U40::from(at) };
    let members = vec![Address::repeat_byte(1), ALICE, BOB];
    vec![
        log("ConsentAnchor", 0, &anchored()),
        log("ConsentAnchor", 0, &endless),
        // Opened; granted by two; one of them withdraws, another denies; decided either way.
        log("ConsentAnchor", 1, &request(1, 0, 0)),
        log("ConsentAnchor", 1, &request(1, 0b0_0101, 0)),
        log("ConsentAnchor", 1, &request(1, 0b0_0101, 0b1_0100)),
        log("ConsentAnchor", 1, &request(2, 0b0_1011, 0b1_0000)),
        log("ConsentAnchor", 1, &request(3, 0b0_0001, 0b1_0110)),
        // By the anchorer from a day on; by the guardian at once; by a quorum.
        log("ConsentAnchor", 2, &revoked(ALICE, in_days(17))),
        log("ConsentAnchor", 3, &revoked(CAROL, 1_736_942_407)),
        log("ConsentAnchor", 4, &C::RequestExecuted { requestId: word(0x7e), consentKey: key }),
        log("ConsentAnchor", 4, &revoked(NOBODY, in_days(30))),
        log("ConsentAnchor", 5, &C::ApproversChanged { consentKey: key, epoch: 1, threshold: 2, members }),
    ]
}

pub(super) fn trade() -> X::Trade {
    X::Trade {
        maker: ALICE,
        taker: BOB,
        paymentToken: CAROL,
        makerOrder: word(0x01),
        takerOrder: word(0x02),
        takerSide: 0,
        lots: 500,
        price: 25_500,
        makerFee: U256::ZERO,
        takerFee: U256::from(12_750),
    }
}

pub(super) fn exchange() -> Vec<EventRecord> {
    let sold = X::Trade { takerSide: 1, lots: u64::MAX, price: u128::MAX, ..trade() };
    let skipped = |reason: [u8; 4]| X::MatchSkipped {
        index: U256::from(3),
        makerOrder: word(0x01),
        takerOrder: word(0x02),
        reason: FixedBytes(reason),
    };
    vec![
        log("CreditExchange", 0, &trade()),
        log("CreditExchange", 0, &sold),
        log("CreditExchange", 1, &skipped(X::OrderExpired::SELECTOR)),
        log("CreditExchange", 1, &skipped([0; 4])),
        log("CreditExchange", 2, &X::OrderCancelled { maker: ALICE, salt: U256::MAX, filledLots: 120 }),
        log("CreditExchange", 2, &X::CounterIncreased { maker: ALICE, counter: U256::from(1) }),
    ]
}
