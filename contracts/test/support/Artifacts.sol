// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vm} from "forge-std/Vm.sol";

/// @notice What the shipping profile made of src. Tests deploy from here and not with `new`, which would give them the
/// contract as their own profile compiles it: without optimiser, with other bytecode and other gas.
library Artifacts {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function creationCode(string memory contractName) internal view returns (bytes memory) {
        // scripts/audit puts mutants into a folder of their own; the empty name stands for what this very run compiled,
        // which is what coverage counts.
        string memory folder = VM.envOr("WIA_ARTIFACTS", string("out"));
        if (bytes(folder).length == 0) return VM.getCode(string.concat(contractName, ".sol:", contractName));
        return VM.getCode(string.concat(folder, "/", contractName, ".sol/", contractName, ".json"));
    }

    /// @dev Reverts with what the constructor reverts with, or an expected revert that does not come would go unnoticed.
    function deploy(string memory contractName, bytes memory arguments) internal returns (address deployed) {
        bytes memory initCode = abi.encodePacked(creationCode(contractName), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(initCode, 0x20), mload(initCode))
            if iszero(deployed) {
                returndatacopy(initCode, 0x00, returndatasize())
                revert(initCode, returndatasize())
            }
        }
    }
}
