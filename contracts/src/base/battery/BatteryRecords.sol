// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {IBatteryRecords} from "../../interfaces/IBatteryRecords.sol";
import {BatteryHead, Head} from "./BatteryHead.sol";
import {BatteryRoles} from "./BatteryRoles.sol";
import {BatterySupplyChain} from "./BatterySupplyChain.sol";

/// @title The record library beneath BatteryPassport and FleetRegistry
/// @notice See {IBatteryRecords}. An inheriting contract decides what may be registered and calls {_register} with a
/// key of its own domain; everything after that is here. A lean record takes two words: head and chain.
abstract contract BatteryRecords is IBatteryRecords, BatterySupplyChain {
    /// @inheritdoc IBatteryRecords
    bytes32 public constant UPDATE_AUTHORIZATION_TYPEHASH = keccak256(
        "UpdateAuthorization(address updater,bytes32 key,uint256 sequence,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryRecords
    bytes32 public constant SECOND_LIFE_AUTHORIZATION_TYPEHASH = keccak256(
        "SecondLifeAuthorization(address signer,address operator,address owner,bytes32 saltedId,bytes32 dataHash,bytes32[] derivedFrom,bytes32 application,bytes32 modifications,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    bytes32 private constant LEAN_TAG = keccak256("wia.battery.lean");

    /// @param domain EIP-712 name, version "1"
    constructor(string memory domain, address admin, uint48 adminDelay, bool gated_)
        EIP712(domain, "1")
        BatteryRoles(admin, adminDelay, gated_)
    {}

    /// @inheritdoc IBatteryRecords
    function recordOf(bytes32 key)
        external
        view
        returns (address owner, uint256 updatedAt, uint256 sequence, uint256 tenure, Status status, bytes32 chain)
    {
        Entry storage entry = _entries[key];
        Head head = entry.head;
        return (head.owner(), head.updatedAt(), head.sequence(), head.tenure(), head.status(), entry.chain);
    }

    /// @inheritdoc IBatteryRecords
    function verifyChain(bytes32 key, bytes32 previous, bytes32 dataHash) external view returns (bool) {
        return _entries[key].chain == _link(previous, dataHash);
    }

    /// @inheritdoc IBatteryRecords
    function update(bytes32 key, bytes32 dataHash) external {
        _update(_msgSender(), key, dataHash);
    }

    /// @inheritdoc IBatteryRecords
    function updateWithAuthorization(
        address updater,
        bytes32 key,
        uint256 sequence,
        bytes32 dataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfArguments(UPDATE_AUTHORIZATION_TYPEHASH, 7), updater, validAfter, validBefore, nonce, signature
        );
        _requireNext(key, sequence);
        _update(updater, key, dataHash);
    }

    /// @inheritdoc IBatteryRecords
    function beginSecondLife(
        SecondLife calldata life,
        Signed calldata operatorAuthorization,
        Signed calldata ownerAuthorization
    ) external returns (bytes32 key) {
        (address operator, address owner) = (life.operator, life.owner);
        if (operator != _msgSender()) _useSecondLife(operator, life, operatorAuthorization);
        if (owner != _msgSender() && owner != operator) _useSecondLife(owner, life, ownerAuthorization);
        return _beginSecondLife(life);
    }

    /// @inheritdoc IBatteryRecords
    function leanKey(address registrant, bytes32 saltedId) public pure returns (bytes32) {
        return keccak256(abi.encode(LEAN_TAG, registrant, saltedId));
    }

    /// @dev Opens a record under `key`, which MUST be a hash over a tag of its own kind and, where nobody vouches for
    /// it by a proof, over its registrant. Who may call this for whom is the inheriting contract's to decide.
    /// @param genesis what the chain begins with: the key, unless the record has a past to bind
    function _register(bytes32 key, address registrant, address owner, bytes32 dataHash, bytes32 genesis) internal {
        Entry storage entry = _entries[key];
        if (entry.head.exists()) revert RecordAlreadyRegistered(key);
        if (owner == address(0)) revert ZeroAddress();
        if (dataHash == 0) revert ZeroHash();

        entry.head = BatteryHead.open(owner, block.timestamp, false);
        entry.chain = _link(genesis, dataHash);
        emit RecordRegistered(key, registrant, owner, genesis, dataHash);
    }

    function _update(address actor, bytes32 key, bytes32 dataHash) internal {
        Head head = _leanHeadFor(key, actor, SCOPE_UPDATE);
        if (dataHash == 0) revert ZeroHash();

        Entry storage entry = _entries[key];
        entry.chain = _link(entry.chain, dataHash);
        _append(entry, key, head);
        emit RecordUpdated(key, actor, head.sequence() + 1, dataHash);
    }

    /// @dev Counts one data hash more.
    function _append(Entry storage entry, bytes32 key, Head head) internal {
        if (head.sequence() == BatteryHead.MAX_SEQUENCE) revert SequenceExhausted(key);
        entry.head = head.appended(block.timestamp);
    }

    /// @dev Zero: whichever is next.
    function _requireNext(bytes32 key, uint256 sequence) internal view {
        uint256 next = _entries[key].head.sequence() + 1;
        if (sequence != 0 && sequence != next) revert SequenceMismatch(key, next, sequence);
    }

    function _beginSecondLife(SecondLife calldata life) private returns (bytes32 key) {
        _requireRoleIfGated(REPURPOSER_ROLE, life.operator);
        if (life.application == 0 || life.modifications == 0) revert ZeroHash();
        _releaseSources(life.owner, life.derivedFrom);

        key = leanKey(life.operator, life.saltedId);
        bytes32 genesis = keccak256(abi.encode(key, life.derivedFrom));
        _register(key, life.operator, life.operator, life.dataHash, genesis);
        emit SecondLifeConversion(
            key, life.operator, life.owner, life.derivedFrom, life.application, life.modifications
        );
    }

    function _releaseSources(address owner, bytes32[] calldata keys) private {
        if (keys.length == 0) revert NoSources();
        bytes32 last = 0;
        for (uint256 i = 0; i < keys.length; ++i) {
            bytes32 key = keys[i];
            if (key <= last) revert SourcesOutOfOrder(key);
            last = key;
            Head head = _leanHead(key);
            _requireOwner(key, head, owner);
            _enter(owner, key, head, Status.SecondLife);
        }
    }

    /// @dev The message is the signer, the members of SecondLife with the array's hash in place of the array, then window
    /// and nonce; both structs lie in calldata as hashStruct wants them.
    function _useSecondLife(address signer, SecondLife calldata life, Signed calldata signed) private {
        bytes32 typeHash = SECOND_LIFE_AUTHORIZATION_TYPEHASH;
        bytes32 derivedFrom = keccak256(abi.encodePacked(life.derivedFrom));
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), signer)
            calldatacopy(add(free, 0x40), life, 0xe0)
            mstore(add(free, 0xc0), derivedFrom)
            calldatacopy(add(free, 0x120), signed, 0x60)
            structHash := keccak256(free, 0x180)
        }
        _useSigned(structHash, signer, signed.validAfter, signed.validBefore, signed.nonce, signed.signature);
    }

    function _link(bytes32 previous, bytes32 dataHash) private pure returns (bytes32) {
        return Hashes.efficientKeccak256(previous, dataHash);
    }
}
