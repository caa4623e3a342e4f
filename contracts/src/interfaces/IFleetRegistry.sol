// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryRecords} from "./IBatteryRecords.sol";

/// @title Fleets: many battery passports behind one hash
/// @notice A manufacturer registers the Merkle root of a list of passports with one word of storage. A passport of the
/// list becomes a record of its own ({IBatteryRecords}) when somebody first needs one, by a proof; until then its owner
/// is the registrant. Data that changes daily for all of a fleet is anchored the same way: a root over a batch of
/// updates, linked to the batch before it. Serves requirements B-110, B-117, B-K26, B-K29.
///
/// Data of a passport. Of a passport that has no record, or whose record has sequence 1: what its latest anchored update
/// says, or the list when there is none. From the record's first direct update on, sequence 2: what the record says, and
/// no anchored update counts for it any more. So materialising, which anyone may do, changes neither a passport's data
/// nor the way it is updated. `verifyChain` and `updatedAt` of a record with sequence 1 tell the list's hash and when it
/// was materialised or moved, not that the data is the current one: ask for the anchored updates too.
/// WARNING: the registrant's updates count at sequence 1 for whoever owns the record by then. A new owner who wants the
/// last word has it with his first {update}.
///
/// Every action that belongs to somebody exists twice: called, and by his signature. {materialise} belongs to nobody,
/// see there.
///
/// Trees. Those of `src/base/Merkle.sol`, at most 1,048,576 entries: leaf = keccak256(entry), node = keccak256(left ‖
/// right), zeros fill up to a power of two, the place in the list counts. Entries are
///
///     a passport: keccak256(abi.encode(keccak256("wia.battery.fleet.passport"), registrant, saltedId, dataHash))
///     an update:  keccak256(abi.encode(keccak256("wia.battery.fleet.update"), registrant, fleetRoot, key, dataHash))
///
/// so a list is worth nothing to another registrant, an update nothing for another fleet, and neither passes for the
/// other.
///
/// Chain of batches, per registrant and fleet: chain(0) = keccak256(abi.encode(keccak256("wia.battery.fleet.chain"),
/// registrant, fleetRoot)), chain(n) = keccak256(abi.encode(chain(n − 1), n, batchRoot, count, cidDigest)). Whoever has
/// the events recomputes it; a batch left out, changed or reordered shows.
///
/// WARNING: the chain holds hashes, the lists are elsewhere. `cidDigest` is the SHA-256 digest of the list's IPFS CID;
/// that the list can be had there, and that it is the one behind the root, this contract cannot see. Without his list
/// an owner cannot prove his passport: keep the proof with the passport.
/// WARNING: data hashes, also those of updates, are plain hashes: the JSON must contain 32 random bytes, new ones for
/// every version, see {IBatteryRecords}.
/// WARNING: what a list must not show (EU 2023/1542 Annex XIII, see {IBatterySupplyChain}) it must not hold: salted ids
/// and hashes only.
/// WARNING: a root cannot be taken back, and of two entries with one salted id, in one list or in two of the same
/// registrant, whichever is materialised first holds, by whomever. Salt every battery once.
interface IFleetRegistry is IBatteryRecords {
    /// @notice What the contract keeps of a fleet; all zero when it is unknown, but for `chain`, which then too is
    /// chain(0).
    /// @param count how many passports the list has
    /// @param registeredAt unix time in seconds
    /// @param sequence how many batches of updates were anchored
    /// @param chain chain(sequence)
    struct Fleet {
        uint256 count;
        uint256 registeredAt;
        uint256 sequence;
        bytes32 chain;
    }

    /// @notice `registrant` registered the list of `count` passports behind `root`.
    event RootRegistered(address indexed registrant, bytes32 indexed root, uint256 count, bytes32 cidDigest);

    /// @notice Entry `index` of the fleet behind `root` became the record `key`; {RecordRegistered} goes before.
    event PassportMaterialised(bytes32 indexed key, address indexed registrant, bytes32 indexed root, uint256 index);

    /// @notice The `sequence`-th batch of a fleet's updates, `count` of them behind `batchRoot`.
    event BatchAnchored(
        address indexed registrant,
        bytes32 indexed fleetRoot,
        bytes32 indexed batchRoot,
        uint256 sequence,
        uint256 count,
        bytes32 cidDigest
    );

    /// @notice A list has 1 to `limit` entries.
    error CountInvalid(uint256 count, uint256 limit);

    /// @notice `registrant` registered `root` before.
    error RootAlreadyRegistered(address registrant, bytes32 root);

    /// @notice `registrant` never registered `root`; who else did does not matter.
    error UnknownFleet(address registrant, bytes32 root);

    /// @notice The list has `count` entries, the first at index 0.
    error IndexOutOfBounds(uint256 index, uint256 count);

    /// @notice Not what the list behind `root` has at `index`.
    error InvalidProof(bytes32 root, uint256 index);

    /// @notice The next batch of the fleet is the `next`-th, not the `given`-th.
    error BatchSequenceMismatch(bytes32 fleetRoot, uint256 next, uint256 given);

    /// @notice keccak256("RegisterRootAuthorization(address registrant,bytes32 root,uint256 count,bytes32 cidDigest,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function REGISTER_ROOT_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("AnchorBatchAuthorization(address registrant,bytes32 fleetRoot,uint256 sequence,bytes32 batchRoot,uint256 count,bytes32 cidDigest,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function ANCHOR_BATCH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Registers the caller's list of `count` passports. When gated, the caller needs the manufacturer role, now
    /// and for this only: what he registered while he had it stays.
    /// @param root of a tree over passport entries of this registrant; the root of anything else is of no use to anyone
    /// @param count 1 to 1,048,576
    /// @param cidDigest where the list is
    function registerRoot(bytes32 root, uint256 count, bytes32 cidDigest) external;

    /// @notice {registerRoot} with the registrant's signature.
    /// @param registrant whose fleet it is to be, and signer
    /// @param validAfter unix time in seconds; executable when block.timestamp is greater
    /// @param validBefore unix time in seconds; executable when block.timestamp is less
    /// @param nonce any 32 bytes that the signer has not used with this contract
    /// @param signature as described in {IAuthorizations}
    function registerRootWithAuthorization(
        address registrant,
        bytes32 root,
        uint256 count,
        bytes32 cidDigest,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Opens the record of a fleet's passport: key {leanKey}(registrant, saltedId), owner and registrant the
    /// fleet's, first data hash the list's. Anyone may call it, for anyone: the registrant agreed to each of these with
    /// his root, and who pays for the storage, and when, changes none of them, nor the passport's data, see above. So it
    /// needs no signed form, and in one transaction with a signed action on the new record it can stand first, whoever
    /// submits that. Nor is a role asked: {registerRoot} asked for it.
    /// @param index the passport's place in the list, the first is 0
    /// @param saltedId see {IBatteryRecords}
    /// @param dataHash hash of the passport's data when the list was made
    /// @param proof siblings from the leaf upwards
    /// @return key of the record
    function materialise(
        address registrant,
        bytes32 root,
        uint256 index,
        bytes32 saltedId,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external returns (bytes32 key);

    /// @notice Anchors a batch of updates to the caller's fleet behind `fleetRoot`.
    /// WARNING: an anchored update is the registrant's word. It changes no record: who owns a passport that was
    /// materialised the record says, and from its second data hash on also what the data is.
    /// @param fleetRoot with which the fleet was registered
    /// @param batchRoot of a tree over `count` update entries of this registrant and fleet, in the order of their
    /// validity: of two for one key the later holds
    /// @param count 1 to 1,048,576
    /// @param cidDigest where the batch is
    function anchorBatch(bytes32 fleetRoot, bytes32 batchRoot, uint256 count, bytes32 cidDigest) external;

    /// @notice {anchorBatch} with the registrant's signature.
    /// @param sequence which batch this is to be, so that whoever submits several cannot choose their order; zero:
    /// whichever comes next
    function anchorBatchWithAuthorization(
        address registrant,
        bytes32 fleetRoot,
        uint256 sequence,
        bytes32 batchRoot,
        uint256 count,
        bytes32 cidDigest,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice The fleet that `registrant` registered with `root`.
    function fleetOf(address registrant, bytes32 root) external view returns (Fleet memory);

    /// @notice Whether the fleet that `registrant` registered with `root` has this passport at `index`; false when there
    /// is no such fleet. Says nothing about whether it was materialised, and what has become of it since.
    function verifyPassport(
        address registrant,
        bytes32 root,
        uint256 index,
        bytes32 saltedId,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external view returns (bool);

    /// @notice Whether this is the latest batch of the fleet, given the chain before it.
    /// @param previous chain(sequence − 1)
    function verifyBatch(
        address registrant,
        bytes32 fleetRoot,
        bytes32 previous,
        bytes32 batchRoot,
        uint256 count,
        bytes32 cidDigest
    ) external view returns (bool);

    /// @notice Whether the batch of `count` updates behind `batchRoot` has this one at `index`: that from then on the
    /// data of `key` is that of `dataHash`.
    /// @param count that of {BatchAnchored}; with another one, an entry of another tree can pass
    /// WARNING: says nothing about whether the batch was anchored: see {BatchAnchored} and {verifyBatch}.
    function verifyUpdate(
        address registrant,
        bytes32 fleetRoot,
        bytes32 batchRoot,
        uint256 count,
        uint256 index,
        bytes32 key,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external pure returns (bool);
}
