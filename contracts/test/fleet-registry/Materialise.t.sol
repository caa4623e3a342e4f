// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IFleetRegistry} from "../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";
import {MerkleTree} from "../support/MerkleTree.sol";

/// @notice `materialise`: a passport of a fleet becomes a record, once, as its registrant said and not otherwise.
contract MaterialiseTest is FleetRegistryTest {
    function testFuzz_OpensTheRecordOfTheList(uint256 count, uint256 index, address caller) public {
        count = bound(count, 1, 70);
        index = bound(index, 0, count - 1);
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, count);
        (bytes32 saltedId, bytes32 dataHash) = (_saltedId(0, index), _dataHash(0, index));
        bytes32 key = _leanKey(alice, saltedId);
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        vm.warp(NOW + 1 days);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IBatteryRecords.RecordRegistered(key, alice, alice, key, dataHash);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IFleetRegistry.PassportMaterialised(key, alice, root, index);
        vm.prank(caller);
        assertEq(registry.materialise(alice, root, index, saltedId, dataHash, proof), key);
        _expectRecord(key, alice, keccak256(abi.encode(key, dataHash)));
        assertTrue(registry.verifyChain(key, key, dataHash));
    }

    function test_AWholeFleet() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 21);
        for (uint256 i = 0; i < 21; ++i) {
            bytes32 key = _materialise(root, entries, 0, i);
            assertEq(_ownerOf(key), alice);
        }
    }

    function testFuzz_RefusesTheSameTwice(uint256 index) public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        index = bound(index, 0, 8);
        bytes32 key = _materialise(root, entries, 0, index);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.RecordAlreadyRegistered.selector, key));
        _materialise(root, entries, 0, index);
    }

    /// @dev Nor from a second list of the same registrant, whatever data that one has for it.
    function test_RefusesASaltedIdTwice() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 3);
        bytes32 key = _materialise(root, entries, 0, 1);
        bytes32[] memory second = new bytes32[](1);
        second[0] = keccak256(
            abi.encode(keccak256("wia.battery.fleet.passport"), alice, _saltedId(0, 1), keccak256("other data"))
        );
        bytes32 secondRoot = MerkleTree.root(second);
        vm.prank(alice);
        registry.registerRoot(secondRoot, 1, CID);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.RecordAlreadyRegistered.selector, key));
        registry.materialise(alice, secondRoot, 0, _saltedId(0, 1), keccak256("other data"), new bytes32[](0));
    }

    /// @dev Whoever copies a root has a fleet of no use: its entries name another registrant.
    function test_RefusesUnderAnotherRegistrant() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        vm.prank(admin);
        registry.registerRoot(root, 9, CID);
        bytes32[] memory proof = MerkleTree.proof(entries, 2);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, root, 2));
        registry.materialise(admin, root, 2, _saltedId(0, 2), _dataHash(0, 2), proof);
        // A copy that raises the count proves no more of alice's.
        assertEq(_ownerOf(_leanKey(admin, _saltedId(0, 2))), address(0));
        _materialise(root, entries, 0, 2);
    }

    function testFuzz_RefusesAnUnknownFleet(address registrant, bytes32 root) public {
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, registrant, root));
        registry.materialise(registrant, root, 0, _saltedId(0, 0), _dataHash(0, 0), new bytes32[](0));
    }

    function testFuzz_RefusesAnIndexBeyondTheCount(uint256 index) public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        index = bound(index, 9, type(uint256).max);
        bytes32[] memory proof = MerkleTree.proof(entries, 8);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.IndexOutOfBounds.selector, index, 9));
        registry.materialise(alice, root, index, _saltedId(0, 8), _dataHash(0, 8), proof);
    }

    /// @dev The list has twenty entries, but was registered as one of nineteen.
    function test_RefusesWhatIsBeyondTheRegisteredCount() public {
        bytes32[] memory entries = _passports(alice, 0, 20);
        bytes32 root = MerkleTree.root(entries);
        vm.prank(alice);
        registry.registerRoot(root, 19, CID);
        bytes32[] memory proof = MerkleTree.proof(entries, 19);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.IndexOutOfBounds.selector, 19, 19));
        registry.materialise(alice, root, 19, _saltedId(0, 19), _dataHash(0, 19), proof);
        _materialise(root, entries, 0, 18);
    }

    /// @dev Registrants cannot have more than `count` records of a root, not even of one they built crookedly: a root
    /// over many entries, registered as a short list, yields what a short list's proofs reach, and that are no entries.
    function testFuzz_RefusesProofsOfAnotherDepth(uint256 count) public {
        bytes32[] memory entries = _passports(alice, 0, 64);
        bytes32 root = MerkleTree.root(entries);
        count = bound(count, 1, 32);
        vm.prank(alice);
        registry.registerRoot(root, count, CID);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, root, 0));
        _materialise(root, entries, 0, 0);
    }

    function testFuzz_RefusesAnotherPassport(uint256 index, uint8 member, uint256 change) public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        index = bound(index, 0, 8);
        change = bound(change, 1, type(uint256).max);
        bytes32 saltedId = _saltedId(0, index);
        bytes32 dataHash = _dataHash(0, index);
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        uint256 at = index;
        member = uint8(bound(member, 0, 3));
        if (member == 0) at = (index + bound(change, 1, 8)) % 9;
        if (member == 1) saltedId ^= bytes32(change);
        if (member == 2) dataHash ^= bytes32(change);
        if (member == 3) proof[change % proof.length] ^= bytes32(change);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, root, at));
        registry.materialise(alice, root, at, saltedId, dataHash, proof);
    }

    /// @dev An update's entry has one word more and another tag: no passport can be made of one.
    function test_RefusesAnUpdateAsAPassport() public {
        bytes32[] memory entries = new bytes32[](1);
        bytes32 fleetRoot = keccak256("a fleet");
        entries[0] = _updateEntry(alice, fleetRoot, _saltedId(0, 0), _dataHash(0, 0));
        bytes32 root = MerkleTree.root(entries);
        vm.prank(alice);
        registry.registerRoot(root, 1, CID);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.InvalidProof.selector, root, 0));
        registry.materialise(alice, root, 0, _saltedId(0, 0), _dataHash(0, 0), new bytes32[](0));
    }

    function test_RefusesZeroData() public {
        bytes32[] memory entries = new bytes32[](1);
        entries[0] = keccak256(abi.encode(keccak256("wia.battery.fleet.passport"), alice, _saltedId(0, 0), bytes32(0)));
        bytes32 root = MerkleTree.root(entries);
        vm.prank(alice);
        registry.registerRoot(root, 1, CID);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.ZeroHash.selector));
        registry.materialise(alice, root, 0, _saltedId(0, 0), 0, new bytes32[](0));
    }

    /// @dev A stranger who materialises sets nothing back: at sequence 1 the anchored update is the passport's data, from
    /// the record's first own one on it is the record's.
    function test_AnchoredDataHoldsUntilTheRecordHasItsOwn() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        bytes32 key = _leanKey(alice, _saltedId(0, 5));
        bytes32[] memory updates = new bytes32[](1);
        updates[0] = _updateEntry(alice, root, key, keccak256("newer data"));
        bytes32 batch = MerkleTree.root(updates);
        vm.prank(alice);
        registry.anchorBatch(root, batch, 1, CID);
        _materialise(root, entries, 0, 5);
        assertEq(_sequenceOf(key), 1);
        assertTrue(registry.verifyBatch(alice, root, _genesis(alice, root), batch, 1, CID));
        assertTrue(registry.verifyUpdate(alice, root, batch, 1, 0, key, keccak256("newer data"), new bytes32[](0)));
        vm.prank(alice);
        registry.update(key, keccak256("own data"));
        assertEq(_sequenceOf(key), 2);
    }

    /// @dev What was registered with the role stays registered without it.
    function test_NeedsNoRoleAnyMore() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        vm.prank(admin);
        registry.revokeRole(MANUFACTURER_ROLE, alice);
        assertEq(_ownerOf(_materialise(root, entries, 0, 5)), alice);
    }

    /// @dev The record is one like any other: its owner updates it and offers it, another accepts it.
    function test_TheRecordLives() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        bytes32 key = _leanKey(alice, _saltedId(0, 5));
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, key));
        vm.prank(alice);
        registry.update(key, keccak256("newer data"));

        _materialise(root, entries, 0, 5);
        vm.prank(alice);
        registry.update(key, keccak256("newer data"));
        assertEq(_sequenceOf(key), 2);
        assertTrue(registry.verifyChain(key, keccak256(abi.encode(key, _dataHash(0, 5))), keccak256("newer data")));

        vm.prank(alice);
        registry.offer(key, bob, NOW + 1 days, keccak256("documents"));
        vm.prank(bob);
        registry.accept(key, NOW + 1 days, keccak256("documents"));
        assertEq(_ownerOf(key), bob);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.RecordAlreadyRegistered.selector, key));
        _materialise(root, entries, 0, 5);
    }
}
