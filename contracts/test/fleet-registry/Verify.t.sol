// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";
import {MerkleTree} from "../support/MerkleTree.sol";

/// @notice `verifyPassport`, `verifyBatch`, `verifyUpdate`.
contract VerifyTest is FleetRegistryTest {
    /// @dev The arguments of verifyUpdate, in order.
    struct Update {
        address registrant;
        bytes32 fleetRoot;
        bytes32 batchRoot;
        uint256 count;
        uint256 index;
        bytes32 key;
        bytes32 dataHash;
        bytes32[] proof;
    }

    function testFuzz_PassportsOfAFleet(uint256 count, uint256 index, uint256 other) public {
        count = bound(count, 2, 40);
        index = bound(index, 0, count - 1);
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, count);
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        (bytes32 saltedId, bytes32 dataHash) = (_saltedId(0, index), _dataHash(0, index));
        assertTrue(registry.verifyPassport(alice, root, index, saltedId, dataHash, proof));
        assertFalse(registry.verifyPassport(bob, root, index, saltedId, dataHash, proof));
        assertFalse(registry.verifyPassport(alice, root, index, dataHash, saltedId, proof));
        other = (index + bound(other, 1, count - 1)) % count;
        assertFalse(registry.verifyPassport(alice, root, other, saltedId, dataHash, proof));
        assertFalse(registry.verifyPassport(alice, root, count, saltedId, dataHash, proof));
        // Materialised or not, the list is what it is.
        _materialise(root, entries, 0, index);
        assertTrue(registry.verifyPassport(alice, root, index, saltedId, dataHash, proof));
    }

    /// @dev A tree that nobody registered proves nothing.
    function test_NoPassportOfAnUnknownFleet() public view {
        bytes32[] memory entries = _passports(alice, 0, 9);
        bytes32[] memory proof = MerkleTree.proof(entries, 3);
        assertFalse(
            registry.verifyPassport(alice, MerkleTree.root(entries), 3, _saltedId(0, 3), _dataHash(0, 3), proof)
        );
    }

    function testFuzz_TheLatestBatchOnly(bytes32 other, uint256 count) public {
        (bytes32 root,) = _registerFleet(0, 9);
        vm.assume(other != keccak256("second") && other != CID && other != root);
        bytes32 genesis = _genesis(alice, root);
        assertFalse(registry.verifyBatch(alice, root, genesis, keccak256("first"), 10, CID));
        assertFalse(registry.verifyBatch(alice, root, 0, other, count, other));
        vm.startPrank(alice);
        registry.anchorBatch(root, keccak256("first"), 10, CID);
        bytes32 first = registry.fleetOf(alice, root).chain;
        vm.assume(other != first);
        registry.anchorBatch(root, keccak256("second"), 20, CID);
        vm.stopPrank();

        assertTrue(registry.verifyBatch(alice, root, first, keccak256("second"), 20, CID));
        assertFalse(registry.verifyBatch(alice, root, genesis, keccak256("first"), 10, CID));
        assertFalse(registry.verifyBatch(bob, root, first, keccak256("second"), 20, CID));
        assertFalse(registry.verifyBatch(alice, other, first, keccak256("second"), 20, CID));
        assertFalse(registry.verifyBatch(alice, root, other, keccak256("second"), 20, CID));
        assertFalse(registry.verifyBatch(alice, root, first, other, 20, CID));
        if (count != 20) assertFalse(registry.verifyBatch(alice, root, first, keccak256("second"), count, CID));
        assertFalse(registry.verifyBatch(alice, root, first, keccak256("second"), 20, other));
    }

    function testFuzz_UpdatesOfABatch(uint256 count, uint256 index) public view {
        count = bound(count, 1, 40);
        assertTrue(_verify(_update(count, bound(index, 0, count - 1))));
    }

    /// @dev Each member of an update counts, and its place.
    function testFuzz_RefusesAChangedUpdate(uint256 index, uint8 member, uint256 change) public view {
        Update memory update = _update(20, bound(index, 0, 19));
        change = bound(change, 1, 19);
        member = uint8(bound(member, 0, 7));
        if (member == 0) update.registrant = bob;
        if (member == 1) update.fleetRoot ^= bytes32(change);
        if (member == 2) update.batchRoot ^= bytes32(change);
        if (member == 3) update.count = change % 2 == 0 ? update.index : 33 + change;
        if (member == 4) update.index = (update.index + change) % 20;
        if (member == 5) update.key ^= bytes32(change);
        if (member == 6) update.dataHash ^= bytes32(change);
        if (member == 7) update.proof[change % 5] ^= bytes32(change);
        assertFalse(_verify(update));
    }

    function _update(uint256 count, uint256 index) private view returns (Update memory update) {
        bytes32 fleetRoot = keccak256("a fleet");
        bytes32[] memory entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = _updateEntry(alice, fleetRoot, _leanKey(alice, _saltedId(0, i)), _dataHash(0, i));
        }
        return Update(
            alice,
            fleetRoot,
            MerkleTree.root(entries),
            count,
            index,
            _leanKey(alice, _saltedId(0, index)),
            _dataHash(0, index),
            MerkleTree.proof(entries, index)
        );
    }

    function _verify(Update memory update) private view returns (bool) {
        return registry.verifyUpdate(
            update.registrant,
            update.fleetRoot,
            update.batchRoot,
            update.count,
            update.index,
            update.key,
            update.dataHash,
            update.proof
        );
    }
}
