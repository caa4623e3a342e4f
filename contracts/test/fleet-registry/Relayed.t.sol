// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {FleetRegistry} from "../../src/FleetRegistry.sol";
import {IRelayBatcher} from "../../src/interfaces/IRelayBatcher.sol";
import {RelayBatcher} from "../../src/RelayBatcher.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";
import {MerkleTree} from "../support/MerkleTree.sol";

/// @notice First touch: a passport is materialised and acted on in one transaction, which anyone submits.
contract RelayedTest is FleetRegistryTest {
    bytes32 private constant UPDATE_TYPEHASH = keccak256(
        "UpdateAuthorization(address updater,bytes32 key,uint256 sequence,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    RelayBatcher private batcher;

    function setUp() public override {
        super.setUp();
        IRelayBatcher.Allowed[] memory allowed = new IRelayBatcher.Allowed[](2);
        allowed[0] = IRelayBatcher.Allowed(address(registry), FleetRegistry.materialise.selector);
        allowed[1] = IRelayBatcher.Allowed(address(registry), registry.updateWithAuthorization.selector);
        batcher = RelayBatcher(Artifacts.deploy("RelayBatcher", abi.encode(allowed)));
    }

    /// @dev And when somebody else has materialised it before, only that item fails.
    function testFuzz_MaterialisesAndUpdates(bool isThere) public {
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        bytes32 key = _leanKey(alice, _saltedId(0, 5));
        if (isThere) _materialise(root, entries, 0, 5);

        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](2);
        calls[0] = IRelayBatcher.Call(address(registry), 150_000, _materialiseCall(root, entries, 5));
        calls[1] = IRelayBatcher.Call(address(registry), 150_000, _updateCall(key, keccak256("newer data")));
        vm.prank(relayer);
        assertEq(batcher.relay(calls), isThere ? 2 : 3);
        assertEq(_ownerOf(key), alice);
        assertEq(_sequenceOf(key), 2);
        assertTrue(registry.verifyChain(key, keccak256(abi.encode(key, _dataHash(0, 5))), keccak256("newer data")));
    }

    function _materialiseCall(bytes32 root, bytes32[] memory entries, uint256 index)
        private
        view
        returns (bytes memory)
    {
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        return
            abi.encodeCall(registry.materialise, (alice, root, index, _saltedId(0, index), _dataHash(0, index), proof));
    }

    /// @dev By alice, as the record's second data hash.
    function _updateCall(bytes32 key, bytes32 dataHash) private view returns (bytes memory) {
        bytes32 structHash =
            keccak256(abi.encode(UPDATE_TYPEHASH, alice, key, 2, dataHash, NOW - 1, NOW + 1 hours, bytes32(0)));
        bytes memory signature = _sign(aliceKey, _digest(structHash));
        return abi.encodeCall(
            registry.updateWithAuthorization, (alice, key, 2, dataHash, NOW - 1, NOW + 1 hours, bytes32(0), signature)
        );
    }
}
