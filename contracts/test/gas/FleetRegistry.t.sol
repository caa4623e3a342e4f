// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {FleetRegistry} from "../../src/FleetRegistry.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";
import {MerkleTree} from "../support/MerkleTree.sol";

/// @notice Gas of whole transactions (21,000 and calldata included, isolate mode), kept in snapshots/FleetRegistry.json.
/// The registry is gated; lists have 1,000 entries, so proofs have a depth of 10.
contract FleetRegistryGasTest is FleetRegistryTest {
    string private constant GROUP = "FleetRegistry";
    uint256 private constant SIZE = 1_000;
    uint256 private constant GOAL = 55_000;

    function test_RegisterRoot() public {
        vm.prank(alice);
        registry.registerRoot(keccak256("a root"), SIZE, CID);
        assertLe(vm.snapshotGasLastCall(GROUP, "registerRoot, fleet of 1,000"), GOAL);
    }

    function test_RegisterRootWithAuthorization() public {
        _execute(_signed(_rootOf(alice, keccak256("a root"), 0), aliceKey));
        vm.snapshotGasLastCall(GROUP, "registerRootWithAuthorization, fleet of 1,000, new nonce word");
        _execute(_signed(_rootOf(alice, keccak256("another"), bytes32(uint256(1))), aliceKey));
        vm.snapshotGasLastCall(GROUP, "registerRootWithAuthorization, fleet of 1,000, warm nonce word");
    }

    function test_AnchorBatch() public {
        (bytes32 root,) = _registerFleet(0, SIZE);
        vm.prank(alice);
        registry.anchorBatch(root, keccak256("first"), SIZE, CID);
        assertLe(vm.snapshotGasLastCall(GROUP, "anchorBatch of 1,000, first of its fleet"), GOAL);
        vm.prank(alice);
        registry.anchorBatch(root, keccak256("second"), SIZE, CID);
        assertLe(vm.snapshotGasLastCall(GROUP, "anchorBatch of 1,000, later"), GOAL);

        _execute(_signed(_batchOf(alice, root, 0), aliceKey));
        vm.snapshotGasLastCall(GROUP, "anchorBatchWithAuthorization of 1,000, later, new nonce word");
        _execute(_signed(_batchOf(alice, root, bytes32(uint256(1))), aliceKey));
        assertLe(vm.snapshotGasLastCall(GROUP, "anchorBatchWithAuthorization of 1,000, later, warm nonce word"), GOAL);
    }

    function test_Materialise() public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, SIZE);
        bytes32 key = _materialise(root, entries, 0, 617);
        vm.snapshotGasLastCall(GROUP, "materialise, fleet of 1,000");
        vm.prank(alice);
        registry.update(key, keccak256("newer data"));
        vm.snapshotGasLastCall(GROUP, "update of a materialised passport");
    }

    /// @dev Execution alone, as a contract that asks pays for it: the warm call, the function found, the update hashed,
    /// ten levels, the answer.
    function test_InclusionProof() public {
        bytes32 fleetRoot = keccak256("a fleet");
        bytes32[] memory entries = new bytes32[](SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            entries[i] = _updateEntry(alice, fleetRoot, _leanKey(alice, _saltedId(0, i)), _dataHash(0, i));
        }
        bytes memory call = abi.encodeCall(
            FleetRegistry.verifyUpdate,
            (
                alice,
                fleetRoot,
                MerkleTree.root(entries),
                SIZE,
                617,
                _leanKey(alice, _saltedId(0, 617)),
                _dataHash(0, 617),
                MerkleTree.proof(entries, 617)
            )
        );
        uint256 gasUsed = new GasMeter().measure(address(registry), call);
        vm.snapshotValue(GROUP, "verifyUpdate, depth 10, execution", gasUsed);
        assertLe(gasUsed, 4_100);
    }
}

/// @notice Measures a static call to an account that is warm and answers true.
contract GasMeter {
    function measure(address target, bytes calldata data) external view returns (uint256 gasUsed) {
        bytes memory input = data;
        uint256 start = target.balance; // warms the account
        bool success;
        bool answer;
        assembly ("memory-safe") {
            start := gas()
            success := staticcall(gas(), target, add(input, 0x20), mload(input), 0x00, 0x20)
            gasUsed := sub(start, gas())
            answer := mload(0x00)
        }
        require(success && answer, "not true");
    }
}
