// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Merkle} from "../../src/base/Merkle.sol";
import {MerkleTree} from "../support/MerkleTree.sol";
import {Test} from "../support/Test.sol";

/// @notice `Merkle.includes`: every entry at its own index, and nothing else anywhere.
contract IncludesTest is Test {
    function testFuzz_EveryEntryAtItsIndex(uint256 count, uint256 index, bytes32 seed) public view {
        count = bound(count, 1, 300);
        index = bound(index, 0, count - 1);
        bytes32[] memory entries = _entries(count, seed);
        assertTrue(_includes(MerkleTree.root(entries), count, entries[index], index, MerkleTree.proof(entries, index)));
    }

    /// @dev Round every power of two.
    function test_EveryEntryOfSmallLists() public view {
        for (uint256 count = 1; count <= 33; ++count) {
            bytes32[] memory entries = _entries(count, 0);
            bytes32 root = MerkleTree.root(entries);
            for (uint256 index = 0; index < count; ++index) {
                bytes32[] memory proof = MerkleTree.proof(entries, index);
                for (uint256 at = 0; at < count + 2; ++at) {
                    assertEq(_includes(root, count, entries[index], at, proof), at == index);
                }
            }
        }
    }

    /// @dev Five entries, made by hand with another tool (`cast keccak`), so that other builders can be held to it:
    /// entry i is 32 bytes of which the last is i + 1.
    function test_GoldenVector() public view {
        bytes32[] memory entries = new bytes32[](5);
        for (uint256 i = 0; i < 5; ++i) {
            entries[i] = bytes32(i + 1);
        }
        bytes32 root = 0xf0d7f233181cee30f8ef80714cc81d873883df6f6b1ec0477d82aeda763e7d87;
        bytes32[] memory proof = new bytes32[](3);
        proof[0] = 0;
        proof[1] = 0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5;
        proof[2] = 0x1e8cc8511a4954df48a80e5f5b8da3419a99ba3e7697574234e10893022167fc;
        assertTrue(_includes(root, 5, entries[4], 4, proof));
        assertEq(MerkleTree.root(entries), root);
    }

    function test_OneEntryIsItsOwnTree() public view {
        bytes32 entry = keccak256("an entry");
        assertTrue(_includes(keccak256(abi.encode(entry)), 1, entry, 0, new bytes32[](0)));
        assertFalse(_includes(entry, 1, entry, 0, new bytes32[](0)));
    }

    function testFuzz_RefusesAnotherEntry(uint256 index, bytes32 other) public view {
        bytes32[] memory entries = _entries(20, 0);
        index = bound(index, 0, 19);
        vm.assume(other != entries[index]);
        assertFalse(_includes(MerkleTree.root(entries), 20, other, index, MerkleTree.proof(entries, index)));
    }

    function testFuzz_RefusesAChangedProof(uint256 index, uint256 position, uint256 change) public view {
        bytes32[] memory entries = _entries(20, 0);
        index = bound(index, 0, 19);
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        proof[bound(position, 0, proof.length - 1)] ^= bytes32(bound(change, 1, type(uint256).max));
        assertFalse(_includes(MerkleTree.root(entries), 20, entries[index], index, proof));
    }

    function testFuzz_RefusesAnotherRoot(bytes32 root) public view {
        bytes32[] memory entries = _entries(20, 0);
        vm.assume(root != MerkleTree.root(entries));
        assertFalse(_includes(root, 20, entries[7], 7, MerkleTree.proof(entries, 7)));
    }

    /// @dev What fills up the tree is no entry, also for who knows an index beyond the count; nor is anything at an
    /// index that agrees with a real one in its low bits.
    function testFuzz_RefusesIndexesBeyondTheCount(uint256 index, bytes32 entry) public view {
        bytes32[] memory entries = _entries(5, 0);
        bytes32 root = MerkleTree.root(entries);
        bytes32[] memory proof = MerkleTree.proof(entries, 5); // of the zero behind the last entry
        assertFalse(_includes(root, 5, entry, bound(index, 5, type(uint256).max), proof));
        assertFalse(_includes(root, 5, entries[3], 3 + 8, MerkleTree.proof(entries, 3)));
        assertFalse(_includes(root, 8, entry, 5, proof));
    }

    /// @dev Second preimages: an inner node is no entry, at any depth that the count allows or not; nor is a leaf.
    function test_RefusesInnerNodesAndLeaves() public view {
        bytes32[] memory entries = _entries(4, 0);
        bytes32[] memory leaves = MerkleTree.leaves(entries);
        bytes32 root = MerkleTree.root(entries);
        bytes32 left = keccak256(abi.encode(leaves[0], leaves[1]));
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = keccak256(abi.encode(leaves[2], leaves[3]));
        for (uint256 count = 1; count <= 4; ++count) {
            assertFalse(_includes(root, count, left, 0, proof));
            assertFalse(_includes(root, count, root, 0, new bytes32[](0)));
        }
        assertFalse(_includes(root, 4, leaves[0], 0, MerkleTree.proof(entries, 0)));
        // The tree above the entries is a true tree of two inner nodes, but not one of two entries.
        assertFalse(_includes(root, 2, left, 0, proof));
    }

    /// @dev One sibling more or less.
    function testFuzz_RefusesProofsOfAnotherLength(uint256 count, bytes32 more) public view {
        count = bound(count, 1, 40);
        bytes32[] memory entries = _entries(count, 0);
        bytes32[] memory right = MerkleTree.proof(entries, 0);
        bytes32[] memory longer = new bytes32[](right.length + 1);
        for (uint256 i = 0; i < right.length; ++i) {
            longer[i] = right[i];
        }
        longer[right.length] = more;
        bytes32 longerRoot = keccak256(abi.encode(MerkleTree.root(entries), more));
        assertTrue(_includes(MerkleTree.root(entries), count, entries[0], 0, right));
        assertFalse(_includes(longerRoot, count, entries[0], 0, longer));
        if (right.length == 0) return;
        assembly ("memory-safe") {
            mstore(right, sub(mload(right), 1))
        }
        assertFalse(_includes(MerkleTree.root(entries), count, entries[0], 0, right));
    }

    function test_RefusesTheEmptyListAndTooLongOnes() public view {
        assertFalse(_includes(0, 0, 0, 0, new bytes32[](0)));
        assertTrue(_includesAtDepth(1 << 20, 20));
        assertFalse(_includesAtDepth((1 << 20) + 1, 21));
        assertFalse(_includesAtDepth(type(uint256).max, 256));
    }

    function includes(bytes32 root, uint256 count, bytes32 entryHash, uint256 index, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return Merkle.includes(root, count, entryHash, index, proof);
    }

    /// @dev The first entry of a list all of whose other leaves lie below zero siblings.
    function _includesAtDepth(uint256 count, uint256 depth) private view returns (bool) {
        bytes32 entry = keccak256("an entry");
        bytes32 node = keccak256(abi.encode(entry));
        for (uint256 i = 0; i < depth; ++i) {
            node = keccak256(abi.encode(node, bytes32(0)));
        }
        return _includes(node, count, entry, 0, new bytes32[](depth));
    }

    function _includes(bytes32 root, uint256 count, bytes32 entryHash, uint256 index, bytes32[] memory proof)
        private
        view
        returns (bool)
    {
        return this.includes(root, count, entryHash, index, proof);
    }

    function _entries(uint256 count, bytes32 seed) private pure returns (bytes32[] memory entries) {
        entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = keccak256(abi.encode("entry", seed, i));
        }
    }
}
