// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BatteryRecords} from "./base/battery/BatteryRecords.sol";
import {Merkle} from "./base/Merkle.sol";
import {IFleetRegistry} from "./interfaces/IFleetRegistry.sol";

/// @title WIA Fleet Registry
/// @notice See {IFleetRegistry}; requirements B-110, B-117, B-K26, B-K29.
contract FleetRegistry is IFleetRegistry, BatteryRecords {
    /// @dev Two words, of which a fleet without a batch has the first. A count of zero: no fleet.
    struct FleetRecord {
        uint32 count;
        uint48 registeredAt;
        uint48 sequence;
        bytes32 chain;
    }

    /// @inheritdoc IFleetRegistry
    bytes32 public constant REGISTER_ROOT_AUTHORIZATION_TYPEHASH = keccak256(
        "RegisterRootAuthorization(address registrant,bytes32 root,uint256 count,bytes32 cidDigest,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IFleetRegistry
    bytes32 public constant ANCHOR_BATCH_AUTHORIZATION_TYPEHASH = keccak256(
        "AnchorBatchAuthorization(address registrant,bytes32 fleetRoot,uint256 sequence,bytes32 batchRoot,uint256 count,bytes32 cidDigest,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    bytes32 private constant PASSPORT_TAG = keccak256("wia.battery.fleet.passport");
    bytes32 private constant UPDATE_TAG = keccak256("wia.battery.fleet.update");
    bytes32 private constant CHAIN_TAG = keccak256("wia.battery.fleet.chain");

    /// @dev By registrant first: a root is nobody's until he registers it, so copying one takes nothing from anyone.
    mapping(address registrant => mapping(bytes32 root => FleetRecord)) private _fleets;

    /// @param admin first default admin, with every role
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    /// @param gated_ whether actions need their role; false on development chains only
    constructor(address admin, uint48 adminDelay, bool gated_)
        BatteryRecords("WIA Fleet Registry", admin, adminDelay, gated_)
    {}

    /// @inheritdoc IFleetRegistry
    function registerRoot(bytes32 root, uint256 count, bytes32 cidDigest) external {
        _registerRoot(_msgSender(), root, count, cidDigest);
    }

    /// @inheritdoc IFleetRegistry
    function registerRootWithAuthorization(
        address registrant,
        bytes32 root,
        uint256 count,
        bytes32 cidDigest,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 structHash = _hashOfArguments(REGISTER_ROOT_AUTHORIZATION_TYPEHASH, 7);
        _useSigned(structHash, registrant, validAfter, validBefore, nonce, signature);
        _registerRoot(registrant, root, count, cidDigest);
    }

    /// @inheritdoc IFleetRegistry
    function materialise(
        address registrant,
        bytes32 root,
        uint256 index,
        bytes32 saltedId,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external returns (bytes32 key) {
        uint256 count = _fleets[registrant][root].count;
        if (count == 0) revert UnknownFleet(registrant, root);
        if (index >= count) revert IndexOutOfBounds(index, count);
        bytes32 entry = _passportEntry(registrant, saltedId, dataHash);
        if (!Merkle.includes(root, count, entry, index, proof)) revert InvalidProof(root, index);

        key = leanKey(registrant, saltedId);
        _register(key, registrant, registrant, dataHash, key);
        emit PassportMaterialised(key, registrant, root, index);
    }

    /// @inheritdoc IFleetRegistry
    function anchorBatch(bytes32 fleetRoot, bytes32 batchRoot, uint256 count, bytes32 cidDigest) external {
        _anchorBatch(_msgSender(), fleetRoot, 0, batchRoot, count, cidDigest);
    }

    /// @inheritdoc IFleetRegistry
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
    ) external {
        bytes32 structHash = _hashOfArguments(ANCHOR_BATCH_AUTHORIZATION_TYPEHASH, 9);
        _useSigned(structHash, registrant, validAfter, validBefore, nonce, signature);
        _anchorBatch(registrant, fleetRoot, sequence, batchRoot, count, cidDigest);
    }

    /// @inheritdoc IFleetRegistry
    function fleetOf(address registrant, bytes32 root) external view returns (Fleet memory) {
        FleetRecord memory fleet = _fleets[registrant][root];
        bytes32 chain = fleet.sequence == 0 ? _genesis(registrant, root) : fleet.chain;
        return Fleet(fleet.count, fleet.registeredAt, fleet.sequence, chain);
    }

    /// @inheritdoc IFleetRegistry
    function verifyPassport(
        address registrant,
        bytes32 root,
        uint256 index,
        bytes32 saltedId,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external view returns (bool) {
        bytes32 entry = _passportEntry(registrant, saltedId, dataHash);
        return Merkle.includes(root, _fleets[registrant][root].count, entry, index, proof);
    }

    /// @inheritdoc IFleetRegistry
    function verifyBatch(
        address registrant,
        bytes32 fleetRoot,
        bytes32 previous,
        bytes32 batchRoot,
        uint256 count,
        bytes32 cidDigest
    ) external view returns (bool) {
        FleetRecord storage fleet = _fleets[registrant][fleetRoot];
        return fleet.chain == _batchLink(previous, fleet.sequence, batchRoot, count, cidDigest);
    }

    /// @inheritdoc IFleetRegistry
    function verifyUpdate(
        address registrant,
        bytes32 fleetRoot,
        bytes32 batchRoot,
        uint256 count,
        uint256 index,
        bytes32 key,
        bytes32 dataHash,
        bytes32[] calldata proof
    ) external pure returns (bool) {
        bytes32 entry = keccak256(abi.encode(UPDATE_TAG, registrant, fleetRoot, key, dataHash));
        return Merkle.includes(batchRoot, count, entry, index, proof);
    }

    function _registerRoot(address actor, bytes32 root, uint256 count, bytes32 cidDigest) private {
        _requireRoleIfGated(MANUFACTURER_ROLE, actor);
        _requireList(root, count, cidDigest);
        FleetRecord storage fleet = _fleets[actor][root];
        if (fleet.count != 0) revert RootAlreadyRegistered(actor, root);

        // Neither is cut: the count is at most 2^20, and 48 bits of seconds last for nine million years.
        // forge-lint: disable-next-line(unsafe-typecast)
        (fleet.count, fleet.registeredAt) = (uint32(count), uint48(block.timestamp));
        emit RootRegistered(actor, root, count, cidDigest);
    }

    /// @dev No role is asked, as none is for {update}: the fleet is the actor's own.
    function _anchorBatch(
        address actor,
        bytes32 fleetRoot,
        uint256 sequence,
        bytes32 batchRoot,
        uint256 count,
        bytes32 cidDigest
    ) private {
        FleetRecord storage fleet = _fleets[actor][fleetRoot];
        (uint256 passports, uint256 latest) = (fleet.count, fleet.sequence);
        if (passports == 0) revert UnknownFleet(actor, fleetRoot);
        _requireList(batchRoot, count, cidDigest);
        uint256 next = latest + 1;
        if (sequence != 0 && sequence != next) revert BatchSequenceMismatch(fleetRoot, next, sequence);

        bytes32 previous = latest == 0 ? _genesis(actor, fleetRoot) : fleet.chain;
        // One more per transaction does not fill 48 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        fleet.sequence = uint48(next);
        fleet.chain = _batchLink(previous, next, batchRoot, count, cidDigest);
        emit BatchAnchored(actor, fleetRoot, batchRoot, next, count, cidDigest);
    }

    function _genesis(address registrant, bytes32 root) private pure returns (bytes32) {
        return keccak256(abi.encode(CHAIN_TAG, registrant, root));
    }

    function _requireList(bytes32 root, uint256 count, bytes32 cidDigest) private pure {
        if (count == 0 || count > Merkle.MAX_COUNT) revert CountInvalid(count, Merkle.MAX_COUNT);
        if (root == 0 || cidDigest == 0) revert ZeroHash();
    }

    /// @dev The place in the list is not hashed in: the tree binds it.
    function _passportEntry(address registrant, bytes32 saltedId, bytes32 dataHash) private pure returns (bytes32) {
        return keccak256(abi.encode(PASSPORT_TAG, registrant, saltedId, dataHash));
    }

    function _batchLink(bytes32 previous, uint256 sequence, bytes32 batchRoot, uint256 count, bytes32 cidDigest)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(previous, sequence, batchRoot, count, cidDigest));
    }
}
