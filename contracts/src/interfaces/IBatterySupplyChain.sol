// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Life of a battery: its status (S-05) and the document's eleven supply-chain events (B-081…B-091)
/// @notice What goes on chain in clear, decided field by field after EU 2023/1542 Annex XIII. Point 1 is public;
/// points 2 (composition, parts, dismantling), 3 (test reports) and 4 (the individual battery: performance, state of
/// health, status, use, incidents) are for persons with a legitimate interest or for authorities. Two things keep them
/// so. The status, and that an event happened, stand in clear, but under a lean key alone, which does not tell which
/// battery it is. For every field of these points the chain holds a salted commitment: keccak256 over a fresh random 32-byte salt and the
/// canonical JSON (RFC 8785) of the field; whoever may see the field is handed both.
///
/// | n | kind | first | second |
/// |---|---|---|---|
/// | 1 | manufacturing_complete | QA results: point 3, commitment | place of manufacture: point 1 (Annex VI A), UN/LOCODE in ASCII, left-aligned |
/// | 2 | quality_certified | certification: point 1 (declaration of conformity), SHA-256 of the public document | inspector: a person, commitment |
/// | 3 | ownership_transfer | by {IBatteryOwnership-accept}: new owner in clear (an address) | documents: commitment |
/// | 4 | location_update | GPS coordinates: point 4, commitment | carrier: commitment |
/// | 5 | installation | application: point 4, commitment | installer: commitment |
/// | 6 | soh_threshold | SoH %: point 4, commitment | cycle count: point 4, commitment |
/// | 7 | maintenance_required | issue: point 4 (negative events), commitment | zero: the table has no second field |
/// | 8 | second_life_conversion | by {IBatteryRecords-beginSecondLife}: new application, point 4, commitment | modifications: point 2, commitment |
/// | 9 | end_of_life | final SoH: point 4, commitment | reason: point 4, commitment |
/// | 10 | recycling_initiated | facility: where the individual battery is, point 4, commitment | schedule: point 4, commitment |
/// | 11 | materials_recovered | recovery %: for authorities, commitment | materials: point 2 (detailed composition), commitment |
///
/// Records of the string ABI have their battery id in clear, so they have no status changes, no events, and are no
/// source of a second life: {IBatteryOwnership-NamedRecord}. Their status stays Manufactured. The life of such a battery
/// is recorded under a lean key beside it, with a salted id of its own.
///
/// WARNING: a commitment hides the field, not the event. That something happened to a key, when, by whom, and its status
/// are public. What hides the battery is the key: a lean key, made of a salted id, is nobody's battery to who does not
/// know the salt. Whoever publishes which battery a lean key is, also by one transaction or one data hash for both of
/// its records, publishes its life.
/// WARNING: a commitment without a random salt is a plain hash, and a state of health has 1,000 plausible values. The
/// contract cannot see the difference.
interface IBatterySupplyChain {
    /// @notice S-05. `None` is what an unknown key has.
    enum Status {
        None,
        Manufactured,
        InStorage,
        InTransit,
        InUse,
        Maintenance,
        SecondLife,
        EndOfLife,
        Recycled
    }

    /// @notice B-081…B-091 in the document's order.
    enum EventKind {
        None,
        ManufacturingComplete,
        QualityCertified,
        OwnershipTransfer,
        LocationUpdate,
        Installation,
        SohThreshold,
        MaintenanceRequired,
        SecondLifeConversion,
        EndOfLife,
        RecyclingInitiated,
        MaterialsRecovered
    }

    /// @notice The battery of `key` went from one status to another.
    event StatusChanged(bytes32 indexed key, address indexed actor, Status from, Status to);

    /// @notice B-081 `manufacturing_complete` of `key` by `actor`: `qaResultsCommitment` and `placeOfManufacture`.
    event ManufacturingComplete(
        bytes32 indexed key, address indexed actor, bytes32 qaResultsCommitment, bytes32 placeOfManufacture
    );

    /// @notice B-082 `quality_certified` of `key` by `actor`: `certificationHash` and `inspectorCommitment`.
    event QualityCertified(
        bytes32 indexed key, address indexed actor, bytes32 certificationHash, bytes32 inspectorCommitment
    );

    /// @notice B-084 `location_update` of `key` by `actor`: `coordinatesCommitment` and `carrierCommitment`.
    event LocationUpdate(
        bytes32 indexed key, address indexed actor, bytes32 coordinatesCommitment, bytes32 carrierCommitment
    );

    /// @notice B-085 `installation` of `key` by `actor`: `applicationCommitment` and `installerCommitment`.
    event Installation(
        bytes32 indexed key, address indexed actor, bytes32 applicationCommitment, bytes32 installerCommitment
    );

    /// @notice B-086 `soh_threshold` of `key` by `actor`: `sohCommitment` and `cycleCountCommitment`.
    event SohThreshold(bytes32 indexed key, address indexed actor, bytes32 sohCommitment, bytes32 cycleCountCommitment);

    /// @notice B-087 `maintenance_required` of `key` by `actor`: `issueCommitment`.
    event MaintenanceRequired(bytes32 indexed key, address indexed actor, bytes32 issueCommitment);

    /// @notice B-089 `end_of_life` of `key` by `actor`: `finalSohCommitment` and `reasonCommitment`.
    event EndOfLife(bytes32 indexed key, address indexed actor, bytes32 finalSohCommitment, bytes32 reasonCommitment);

    /// @notice B-090 `recycling_initiated` of `key` by `actor`: `facilityCommitment` and `scheduleCommitment`.
    event RecyclingInitiated(
        bytes32 indexed key, address indexed actor, bytes32 facilityCommitment, bytes32 scheduleCommitment
    );

    /// @notice B-091 `materials_recovered` of `key` by `actor`: `recoveryCommitment` and `materialsCommitment`.
    event MaterialsRecovered(
        bytes32 indexed key, address indexed actor, bytes32 recoveryCommitment, bytes32 materialsCommitment
    );

    /// @notice No battery goes from `from` to `to`.
    error InvalidTransition(bytes32 key, Status from, Status to);

    /// @notice The battery of `key` is `current`; what was signed begins at `given`.
    error StatusMismatch(bytes32 key, Status current, Status given);

    /// @notice `status` is reached by the event or action that carries its required data, not by naming it.
    error StatusNeedsItsEvent(Status status);

    /// @notice This kind has an action of its own ({IBatteryOwnership-accept}, {IBatteryRecords-beginSecondLife}), or
    /// is none.
    error EventKindHasItsOwnAction(EventKind kind);

    /// @notice An event of this kind does not happen to a battery of this status.
    error EventOutOfPlace(bytes32 key, EventKind kind, Status status);

    /// @notice The required data of `kind` (B-092) is not there, or there is data that the kind does not have.
    error RequiredDataMismatch(EventKind kind);

    /// @notice keccak256("ChangeStatusAuthorization(address actor,bytes32 key,uint8 from,uint8 status,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function CHANGE_STATUS_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("RecordEventAuthorization(address actor,bytes32 key,uint8 kind,bytes32 first,bytes32 second,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function RECORD_EVENT_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Moves the battery to InStorage, InTransit, InUse or Maintenance. The owner calls, or an updater with bit
    /// 12 of scope. Not for records of the string ABI. When gated, InUse and Maintenance need the operator role; moving and storing need none.
    ///
    ///     Manufactured -> InStorage, InTransit, InUse, EndOfLife
    ///     InStorage    -> InTransit, InUse, Maintenance, EndOfLife
    ///     InTransit    -> InStorage, InUse, Maintenance, EndOfLife
    ///     InUse        -> InStorage, InTransit, Maintenance, SecondLife, EndOfLife
    ///     Maintenance  -> InStorage, InTransit, InUse, SecondLife, EndOfLife
    ///     EndOfLife    -> SecondLife, Recycled
    ///     SecondLife   -> SecondLife, EndOfLife, Recycled
    ///
    /// Out of Recycled nothing leads. SecondLife follows itself because one battery may be taken apart into several.
    function changeStatus(bytes32 key, Status status) external;

    /// @notice {changeStatus} with the actor's signature.
    /// @param from status that it begins at, so that whoever submits several cannot choose their order where each begins
    /// at another
    function changeStatusWithAuthorization(
        address actor,
        bytes32 key,
        Status from,
        Status status,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Records an event with its required data, in the typed event of its kind; the table above says what
    /// `first` and `second` are. The owner calls, or an updater whose scope has the bit of the kind; `quality_certified`
    /// also whoever holds the notified-body role, because an owner must not choose whether he is certified. Not for
    /// records of the string ABI.
    ///
    /// Three kinds move the status too: `installation` to InUse, `end_of_life` to EndOfLife, `materials_recovered` to
    /// Recycled. `manufacturing_complete` belongs to Manufactured, `recycling_initiated` to EndOfLife and SecondLife.
    /// When gated: manufacturing_complete needs the manufacturer role, quality_certified the notified body's,
    /// installation, soh_threshold, maintenance_required and end_of_life the operator's, recycling_initiated and
    /// materials_recovered the recycler's.
    /// @param first not zero
    /// @param second not zero, save for maintenance_required, which has none
    function recordEvent(bytes32 key, EventKind kind, bytes32 first, bytes32 second) external;

    /// @notice {recordEvent} with the actor's signature.
    /// WARNING: whoever submits several chooses their order, and when each happens within its window. Where the order
    /// matters, keep the windows apart or hand out the next when the one before is on chain.
    function recordEventWithAuthorization(
        address actor,
        bytes32 key,
        EventKind kind,
        bytes32 first,
        bytes32 second,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}
