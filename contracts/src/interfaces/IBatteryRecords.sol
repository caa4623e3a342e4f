// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "./IAuthorizations.sol";
import {IBatteryOwnership} from "./IBatteryOwnership.sol";
import {IBatteryRoles} from "./IBatteryRoles.sol";
import {IBatterySupplyChain} from "./IBatterySupplyChain.sol";

/// @title Battery records: data kept off chain, provable by 32 bytes on it
/// @notice What BatteryPassport and FleetRegistry share. Serves requirements B-110, B-117 (hash = SHA-256 over RFC 8785
/// JSON, X-05), B-K26, B-K27, B-K29, S-05.
///
/// Keys. A record has one 32-byte key. Keys of lean records are {leanKey}: the registrant is part of them, so nobody
/// can register, and thereby squat, a key of somebody else's. Other kinds of keys are hashes over another tag and
/// another length, so no choice of an id makes a key of one kind one of another.
///
/// Salted ids. saltedId = keccak256(salt ‖ id), with a random 32-byte salt that belongs to this battery alone and is
/// given to whoever may know which battery the record is.
/// WARNING: serial numbers are guessable; without the salt anyone finds the battery of a key by trying them.
///
/// Chain. Instead of all hashes the contract keeps their chain: chain(0) = genesis, chain(n) =
/// keccak256(chain(n − 1) ‖ dataHash(n)), together with n, the sequence. The genesis is the key, and for a second life
/// keccak256(abi.encode(key, derivedFrom)). Whoever has the hashes, the first from {RecordRegistered} and all others from
/// {RecordUpdated}, or from the owner, recomputes it; a hash left out, changed or reordered shows.
///
/// WARNING: a data hash is a plain hash (X-05). Of data in which one field is unknown, and that has few values, as a
/// state of health, anyone finds the field by trying. The JSON that is hashed must contain a member with 32 random
/// bytes, new ones for every version, which is given to whoever may see the data. The contract cannot see whether it
/// does.
/// WARNING: a record is a contract and a key. The same registrant and salted id give the same key in every contract of
/// this kind, and each record knows nothing of the other: name, and check, the chain and the contract with the key.
/// WARNING: a source can be the source of any number of second lives, and a repurposer can open as many records. How many
/// batteries were made of one, the contract cannot see.
/// WARNING: that a hash is on chain proves who committed to it and when, not that the data is true.
interface IBatteryRecords is IBatterySupplyChain, IBatteryOwnership, IAuthorizations, IBatteryRoles {
    /// @notice A second life, as both sides sign it.
    /// @param operator who places the new battery on the market: registrant and owner of the new record
    /// @param owner who owns every record of `derivedFrom`
    /// @param saltedId salted id of the new battery
    /// @param dataHash first data hash of the new record
    /// @param derivedFrom keys of the records that it comes from, in ascending order, at least one
    /// @param application commitment to the new application (B-088)
    /// @param modifications commitment to the modifications (B-088)
    struct SecondLife {
        address operator;
        address owner;
        bytes32 saltedId;
        bytes32 dataHash;
        bytes32[] derivedFrom;
        bytes32 application;
        bytes32 modifications;
    }

    /// @notice Window, nonce and signature of an authorization; not looked at for whoever calls himself.
    struct Signed {
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes signature;
    }

    /// @notice `registrant` opened a record, whose chain begins with `genesis`.
    event RecordRegistered(
        bytes32 indexed key, address indexed registrant, address indexed owner, bytes32 genesis, bytes32 dataHash
    );

    /// @notice The `sequence`-th data hash of `key`, by its owner or a delegated `updater`.
    event RecordUpdated(bytes32 indexed key, address indexed updater, uint256 sequence, bytes32 dataHash);

    /// @notice B-088 `second_life_conversion`: the new record `key` comes from the records `derivedFrom`, with
    /// `applicationCommitment` and `modificationsCommitment` as in {SecondLife}.
    event SecondLifeConversion(
        bytes32 indexed key,
        address indexed operator,
        address indexed owner,
        bytes32[] derivedFrom,
        bytes32 applicationCommitment,
        bytes32 modificationsCommitment
    );

    /// @notice There is a record under `key`.
    error RecordAlreadyRegistered(bytes32 key);

    /// @notice The next data hash of `key` is the `next`-th, not the `given`-th.
    error SequenceMismatch(bytes32 key, uint256 next, uint256 given);

    /// @notice `key` has 4,294,967,295 data hashes, the most that are counted.
    error SequenceExhausted(bytes32 key);

    /// @notice Nothing to derive a second life from.
    error NoSources();

    /// @notice Sources stand in ascending order, each once; `key` does not.
    error SourcesOutOfOrder(bytes32 key);

    /// @notice keccak256("UpdateAuthorization(address updater,bytes32 key,uint256 sequence,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function UPDATE_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("SecondLifeAuthorization(address signer,address operator,address owner,bytes32 saltedId,bytes32 dataHash,bytes32[] derivedFrom,bytes32 application,bytes32 modifications,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function SECOND_LIFE_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256(abi.encode(keccak256("wia.battery.lean"), registrant, saltedId)).
    function leanKey(address registrant, bytes32 saltedId) external view returns (bytes32);

    /// @notice What the contract keeps under `key`; all zero when that is nothing.
    /// @return owner current owner
    /// @return updatedAt unix time in seconds of the last change of data, owner or status; offers, delegations and events
    /// that leave the status are none
    /// @return sequence how many data hashes there are, the first included
    /// @return tenure how often it was handed over, to the same owner included
    /// @return status see {IBatterySupplyChain-Status}; always Manufactured for records of the string ABI
    /// @return chain hash chain over the data; zero for records of the string ABI, which keep a trail instead
    function recordOf(bytes32 key)
        external
        view
        returns (address owner, uint256 updatedAt, uint256 sequence, uint256 tenure, Status status, bytes32 chain);

    /// @notice Whether `dataHash` is the current data hash of `key`, given the chain before it. False for unknown keys
    /// and for records of the string ABI.
    /// @param previous chain(sequence − 1), the genesis when the first hash is the current one
    function verifyChain(bytes32 key, bytes32 previous, bytes32 dataHash) external view returns (bool);

    /// @notice Appends a data hash. The owner calls, or an updater with bit 0 of scope. Not for records of the string
    /// ABI.
    /// WARNING: the JSON behind `dataHash` must contain 32 random bytes, new ones each time: see above.
    function update(bytes32 key, bytes32 dataHash) external;

    /// @notice {update} with the updater's signature.
    /// @param sequence which data hash this is to be, so that whoever submits several cannot choose their order; zero:
    /// whichever comes next
    function updateWithAuthorization(
        address updater,
        bytes32 key,
        uint256 sequence,
        bytes32 dataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Opens the record of a battery made from others (EU 2023/1542 Art. 77(7)) as `life` says: a new lean record
    /// of the operator, linked to those it comes from, which go to SecondLife and stay with their owner. Operator and
    /// owner agree in the same transaction: whoever of them does not call has signed a SecondLifeAuthorization, each with
    /// himself as its signer (`operatorAuthorization`, `ownerAuthorization`); one who is both signs once, as the operator.
    /// When gated, the operator needs the repurposer role. Records of the string ABI are no sources.
    /// @return key of the new record, leanKey(operator, saltedId)
    function beginSecondLife(
        SecondLife calldata life,
        Signed calldata operatorAuthorization,
        Signed calldata ownerAuthorization
    ) external returns (bytes32 key);
}
