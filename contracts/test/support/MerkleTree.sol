// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Builds the trees that src/base/Merkle.sol judges, level by level from the entries; shares no line with it.
library MerkleTree {
    function root(bytes32[] memory entryHashes) internal pure returns (bytes32) {
        bytes32[] memory level = leaves(entryHashes);
        while (level.length > 1) {
            level = _above(level);
        }
        return level[0];
    }

    function proof(bytes32[] memory entryHashes, uint256 index) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = leaves(entryHashes);
        bytes32[] memory longest = new bytes32[](32);
        uint256 length = 0;
        while (level.length > 1) {
            longest[length++] = level[index % 2 == 0 ? index + 1 : index - 1];
            level = _above(level);
            index /= 2;
        }
        siblings = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            siblings[i] = longest[i];
        }
    }

    /// @dev Leaves, filled up with zeros to a power of two.
    function leaves(bytes32[] memory entryHashes) internal pure returns (bytes32[] memory level) {
        uint256 size = 1;
        while (size < entryHashes.length) {
            size *= 2;
        }
        level = new bytes32[](size);
        for (uint256 i = 0; i < entryHashes.length; ++i) {
            level[i] = keccak256(abi.encode(entryHashes[i]));
        }
    }

    function _above(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            above[i] = keccak256(abi.encode(level[2 * i], level[2 * i + 1]));
        }
    }
}
