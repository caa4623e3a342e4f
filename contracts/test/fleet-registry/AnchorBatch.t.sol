// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IFleetRegistry} from "../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";

/// @notice `anchorBatch`, and the chain of batches that it makes.
contract AnchorBatchTest is FleetRegistryTest {
    bytes32 private constant BATCH = keccak256("a batch");

    bytes32 private fleetRoot;

    function setUp() public override {
        super.setUp();
        (fleetRoot,) = _registerFleet(0, 9);
    }

    function testFuzz_ChainsBatches(bytes32[5] calldata roots, uint256[5] calldata counts, bytes32 cidDigest) public {
        vm.assume(cidDigest != 0);
        bytes32 chain = _genesis(alice, fleetRoot);
        for (uint256 i = 0; i < 5; ++i) {
            vm.assume(roots[i] != 0);
            uint256 count = bound(counts[i], 1, MAX_COUNT);
            vm.expectEmit(true, true, true, true, address(registry));
            emit IFleetRegistry.BatchAnchored(alice, fleetRoot, roots[i], i + 1, count, cidDigest);
            vm.prank(alice);
            registry.anchorBatch(fleetRoot, roots[i], count, cidDigest);

            assertTrue(registry.verifyBatch(alice, fleetRoot, chain, roots[i], count, cidDigest));
            chain = _link(chain, i + 1, roots[i], count, cidDigest);
            IFleetRegistry.Fleet memory fleet = registry.fleetOf(alice, fleetRoot);
            assertEq(fleet.sequence, i + 1);
            assertEq(fleet.chain, chain);
            assertEq(fleet.count, 9);
            assertEq(fleet.registeredAt, NOW);
        }
    }

    /// @dev The same batch twice is two batches; the chain shows it.
    function test_TheSameBatchAgain() public {
        vm.startPrank(alice);
        registry.anchorBatch(fleetRoot, BATCH, 10, CID);
        registry.anchorBatch(fleetRoot, BATCH, 10, CID);
        vm.stopPrank();
        bytes32 first = _link(_genesis(alice, fleetRoot), 1, BATCH, 10, CID);
        assertEq(registry.fleetOf(alice, fleetRoot).chain, _link(first, 2, BATCH, 10, CID));
    }

    function test_ChainsAreApart() public {
        (bytes32 second,) = _registerFleet(1, 4);
        vm.prank(admin);
        registry.registerRoot(fleetRoot, 9, CID);
        vm.prank(alice);
        registry.anchorBatch(fleetRoot, BATCH, 10, CID);
        assertEq(registry.fleetOf(alice, second).sequence, 0);
        assertEq(registry.fleetOf(alice, second).chain, _genesis(alice, second));
        assertEq(registry.fleetOf(admin, fleetRoot).sequence, 0);
        vm.prank(admin);
        registry.anchorBatch(fleetRoot, BATCH, 10, CID);
        assertTrue(registry.fleetOf(admin, fleetRoot).chain != registry.fleetOf(alice, fleetRoot).chain);
    }

    function testFuzz_RefusesOthersThanTheRegistrant(address caller) public {
        vm.assume(caller != alice);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, caller, fleetRoot));
        vm.prank(caller);
        registry.anchorBatch(fleetRoot, BATCH, 10, CID);
    }

    function testFuzz_RefusesAnUnknownFleet(bytes32 root) public {
        vm.assume(root != fleetRoot);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, alice, root));
        vm.prank(alice);
        registry.anchorBatch(root, BATCH, 10, CID);
    }

    /// @dev A batch may have more updates than the fleet has passports, but is bounded all the same.
    function testFuzz_RefusesTooManyAndNone(uint256 count) public {
        _expectRefused(abi.encodeWithSelector(IFleetRegistry.CountInvalid.selector, 0, MAX_COUNT), BATCH, 0, CID);
        count = bound(count, MAX_COUNT + 1, type(uint256).max);
        _expectRefused(
            abi.encodeWithSelector(IFleetRegistry.CountInvalid.selector, count, MAX_COUNT), BATCH, count, CID
        );
    }

    function test_RefusesZeroHashes() public {
        _expectRefused(abi.encodeWithSelector(IBatteryOwnership.ZeroHash.selector), 0, 10, CID);
        _expectRefused(abi.encodeWithSelector(IBatteryOwnership.ZeroHash.selector), BATCH, 10, 0);
    }

    /// @dev As with {update}: the fleet is the registrant's, also after he lost the role.
    function test_NeedsNoRole() public {
        vm.prank(admin);
        registry.revokeRole(MANUFACTURER_ROLE, alice);
        vm.prank(alice);
        registry.anchorBatch(fleetRoot, BATCH, 10, CID);
        assertEq(registry.fleetOf(alice, fleetRoot).sequence, 1);
    }

    function _expectRefused(bytes memory revertData, bytes32 batchRoot, uint256 count, bytes32 cidDigest) private {
        vm.expectRevert(revertData);
        vm.prank(alice);
        registry.anchorBatch(fleetRoot, batchRoot, count, cidDigest);
        assertEq(registry.fleetOf(alice, fleetRoot).sequence, 0);
    }
}
