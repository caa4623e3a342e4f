// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Lists behind one hash: a tree in which the place of an entry counts
/// @notice Pure. In: a root, how many entries the list has, an entry's hash, its index and its proof. Out: whether the
/// list has that entry at that index, and nowhere else.
///
///     leaf(entry) = keccak256(hash of the entry)      32 bytes hashed
///     node        = keccak256(left ‖ right)           64 bytes hashed
///
/// The list is filled up with zeros to the next power of two, 2^depth; the root of one entry is its leaf. The i-th
/// leaf from the left is entry i, so bit k of the index says on which side of the k-th sibling, counted from the leaf,
/// the path runs, and a proof has exactly `depth` siblings.
///
/// A node is never a leaf, because no 32 bytes hash like 64 bytes (second preimages); a zero that fills up is neither.
/// Proofs of another length are refused, so an inner node cannot pass for an entry, nor an entry for a subtree.
///
/// OpenZeppelin's MerkleProof sorts each pair: it shows that an entry is in the tree, not where, and a tree with room
/// for 1,000 entries may hold a million. Here the count of a list is a fact about it, and in a list of updates the
/// order is part of what is said. The hashing is OpenZeppelin's.
/// WARNING: the hash of an entry must bind what kind of entry it is; this library knows of no kinds.
library Merkle {
    /// @dev Most entries of a list: 2^20, of which a proof has 20 siblings.
    uint256 internal constant MAX_COUNT = 1 << 20;

    function leaf(bytes32 entryHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(entryHash));
    }

    /// @dev Whether the list of `count` entries behind `root` has the entry with hash `entryHash` at `index`.
    /// @param proof siblings from the leaf upwards
    function includes(bytes32 root, uint256 count, bytes32 entryHash, uint256 index, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        if (index >= count || count > MAX_COUNT) return false;
        if (proof.length != Math.log2(count, Math.Rounding.Ceil)) return false;
        bytes32 node = leaf(entryHash);
        for (uint256 level = 0; level < proof.length; ++level) {
            bool isLeft = index >> level & 1 == 0;
            node =
                isLeft ? Hashes.efficientKeccak256(node, proof[level]) : Hashes.efficientKeccak256(proof[level], node);
        }
        return node == root;
    }
}
