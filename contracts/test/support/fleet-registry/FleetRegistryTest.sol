// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatterySupplyChain} from "../../../src/interfaces/IBatterySupplyChain.sol";
import {FleetRegistry} from "../../../src/FleetRegistry.sol";
import {Artifacts} from "../Artifacts.sol";
import {MerkleTree} from "../MerkleTree.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice A gated FleetRegistry, alice a manufacturer, and lists to register. Type strings, tags and formulas stand
/// here as literals, so that a slip in the contract cannot repeat itself in its tests.
abstract contract FleetRegistryTest is SigningTest {
    /// @dev The arguments of registerRootWithAuthorization, in order.
    struct Root {
        address registrant;
        bytes32 root;
        uint256 count;
        bytes32 cidDigest;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes signature;
    }

    /// @dev The arguments of anchorBatchWithAuthorization, in order.
    struct Batch {
        address registrant;
        bytes32 fleetRoot;
        uint256 sequence;
        bytes32 batchRoot;
        uint256 count;
        bytes32 cidDigest;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes signature;
    }

    bytes32 internal constant REGISTER_ROOT_TYPEHASH = keccak256(
        "RegisterRootAuthorization(address registrant,bytes32 root,uint256 count,bytes32 cidDigest,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant ANCHOR_BATCH_TYPEHASH = keccak256(
        "AnchorBatchAuthorization(address registrant,bytes32 fleetRoot,uint256 sequence,bytes32 batchRoot,uint256 count,bytes32 cidDigest,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 internal constant MANUFACTURER_ROLE = keccak256("MANUFACTURER_ROLE");

    uint256 internal constant MAX_COUNT = 1_048_576;
    bytes32 internal constant CID = keccak256("where the list is");

    FleetRegistry internal registry;

    function setUp() public virtual override {
        super.setUp();
        registry = _deploy(true);
        vm.prank(admin);
        registry.grantRole(MANUFACTURER_ROLE, alice);
    }

    /// @dev The shipping build.
    function _deploy(bool gated) internal returns (FleetRegistry) {
        return FleetRegistry(Artifacts.deploy("FleetRegistry", abi.encode(admin, ADMIN_DELAY_S, gated)));
    }

    function _saltedId(uint256 list, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("salted id", list, index));
    }

    function _dataHash(uint256 list, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode("data", list, index));
    }

    /// @dev Entries of the `list`-th list of passports.
    function _passports(address registrant, uint256 list, uint256 count)
        internal
        pure
        returns (bytes32[] memory entries)
    {
        entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = keccak256(
                abi.encode(keccak256("wia.battery.fleet.passport"), registrant, _saltedId(list, i), _dataHash(list, i))
            );
        }
    }

    function _leanKey(address registrant, bytes32 saltedId) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("wia.battery.lean"), registrant, saltedId));
    }

    function _updateEntry(address registrant, bytes32 fleetRoot, bytes32 key, bytes32 dataHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(keccak256("wia.battery.fleet.update"), registrant, fleetRoot, key, dataHash));
    }

    function _genesis(address registrant, bytes32 fleetRoot) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("wia.battery.fleet.chain"), registrant, fleetRoot));
    }

    function _link(bytes32 previous, uint256 sequence, bytes32 batchRoot, uint256 count, bytes32 cidDigest)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(previous, sequence, batchRoot, count, cidDigest));
    }

    /// @dev Alice's `list`-th fleet, registered.
    function _registerFleet(uint256 list, uint256 count) internal returns (bytes32 root, bytes32[] memory entries) {
        entries = _passports(alice, list, count);
        root = MerkleTree.root(entries);
        vm.prank(alice);
        registry.registerRoot(root, count, CID);
    }

    /// @dev By anyone, with the right proof.
    function _materialise(bytes32 root, bytes32[] memory entries, uint256 list, uint256 index)
        internal
        returns (bytes32)
    {
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        vm.prank(relayer);
        return registry.materialise(alice, root, index, _saltedId(list, index), _dataHash(list, index), proof);
    }

    function _sequenceOf(bytes32 key) internal view returns (uint256 sequence) {
        (,, sequence,,,) = registry.recordOf(key);
    }

    function _ownerOf(bytes32 key) internal view returns (address owner) {
        (owner,,,,,) = registry.recordOf(key);
    }

    /// @dev A record just opened.
    function _expectRecord(bytes32 key, address owner, bytes32 chain) internal view {
        _expectRecord(key, owner, 1, IBatterySupplyChain.Status.Manufactured, chain);
    }

    /// @dev A record of its first owner that changed just now.
    function _expectRecord(
        bytes32 key,
        address owner,
        uint256 sequence,
        IBatterySupplyChain.Status status,
        bytes32 chain
    ) internal view {
        (
            address owner_,
            uint256 updatedAt,
            uint256 sequence_,
            uint256 tenure,
            IBatterySupplyChain.Status status_,
            bytes32 chain_
        ) = registry.recordOf(key);
        assertEq(owner_, owner);
        assertEq(updatedAt, block.timestamp);
        assertEq(sequence_, sequence);
        assertEq(tenure, 0);
        assertEq(uint8(status_), uint8(status));
        assertEq(chain_, chain);
    }

    /// @dev A root that `registrant` agrees to now and for an hour; not signed yet.
    function _rootOf(address registrant, bytes32 root, bytes32 nonce) internal pure returns (Root memory) {
        return Root(registrant, root, 1_000, CID, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _signed(Root memory root, uint256 key) internal view returns (Root memory) {
        root.signature = _sign(key, _digest(_structHash(root)));
        return root;
    }

    function _structHash(Root memory root) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REGISTER_ROOT_TYPEHASH,
                root.registrant,
                root.root,
                root.count,
                root.cidDigest,
                root.validAfter,
                root.validBefore,
                root.nonce
            )
        );
    }

    /// @dev As anyone.
    function _execute(Root memory root) internal {
        vm.prank(relayer);
        registry.registerRootWithAuthorization(
            root.registrant,
            root.root,
            root.count,
            root.cidDigest,
            root.validAfter,
            root.validBefore,
            root.nonce,
            root.signature
        );
    }

    /// @dev A batch that `registrant` agrees to now and for an hour, whichever it is; not signed yet.
    function _batchOf(address registrant, bytes32 fleetRoot, bytes32 nonce) internal pure returns (Batch memory) {
        return Batch(registrant, fleetRoot, 0, keccak256("a batch"), 1_000, CID, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _signed(Batch memory batch, uint256 key) internal view returns (Batch memory) {
        batch.signature = _sign(key, _digest(_structHash(batch)));
        return batch;
    }

    function _structHash(Batch memory batch) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                ANCHOR_BATCH_TYPEHASH,
                batch.registrant,
                batch.fleetRoot,
                batch.sequence,
                batch.batchRoot,
                batch.count,
                batch.cidDigest,
                batch.validAfter,
                batch.validBefore,
                batch.nonce
            )
        );
    }

    /// @dev As anyone.
    function _execute(Batch memory batch) internal {
        vm.prank(relayer);
        registry.anchorBatchWithAuthorization(
            batch.registrant,
            batch.fleetRoot,
            batch.sequence,
            batch.batchRoot,
            batch.count,
            batch.cidDigest,
            batch.validAfter,
            batch.validBefore,
            batch.nonce,
            batch.signature
        );
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digest("WIA Fleet Registry", structHash, block.chainid, address(registry));
    }
}
