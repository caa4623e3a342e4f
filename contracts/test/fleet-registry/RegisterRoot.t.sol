// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IFleetRegistry} from "../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";

/// @notice `registerRoot`.
contract RegisterRootTest is FleetRegistryTest {
    bytes32 private constant ROOT = keccak256("a root");

    function testFuzz_Registers(bytes32 root, uint256 count, bytes32 cidDigest) public {
        vm.assume(root != 0 && cidDigest != 0);
        count = bound(count, 1, MAX_COUNT);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IFleetRegistry.RootRegistered(alice, root, count, cidDigest);
        vm.prank(alice);
        registry.registerRoot(root, count, cidDigest);

        IFleetRegistry.Fleet memory fleet = registry.fleetOf(alice, root);
        assertEq(fleet.count, count);
        assertEq(fleet.registeredAt, NOW);
        assertEq(fleet.sequence, 0);
        assertEq(fleet.chain, _genesis(alice, root));
    }

    function testFuzz_NothingIsKnownBefore(address registrant, bytes32 root) public view {
        IFleetRegistry.Fleet memory fleet = registry.fleetOf(registrant, root);
        assertEq(fleet.count, 0);
        assertEq(fleet.registeredAt, 0);
        assertEq(fleet.sequence, 0);
        assertEq(fleet.chain, _genesis(registrant, root));
    }

    function testFuzz_RefusesARootTwice(uint256 count, bytes32 cidDigest) public {
        vm.assume(cidDigest != 0);
        vm.prank(alice);
        registry.registerRoot(ROOT, 5, CID);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.RootAlreadyRegistered.selector, alice, ROOT));
        vm.prank(alice);
        registry.registerRoot(ROOT, bound(count, 1, MAX_COUNT), cidDigest);
        assertEq(registry.fleetOf(alice, ROOT).count, 5);
    }

    /// @dev A copied root is another fleet, and does not keep the first registrant from his own.
    function test_ARootBelongsToItsRegistrant() public {
        vm.prank(admin); // who holds every role
        registry.registerRoot(ROOT, 7, CID);
        vm.prank(alice);
        registry.registerRoot(ROOT, 5, CID);
        assertEq(registry.fleetOf(admin, ROOT).count, 7);
        assertEq(registry.fleetOf(alice, ROOT).count, 5);
    }

    function test_TakesTheSmallestAndTheLargest() public {
        vm.startPrank(alice);
        registry.registerRoot(ROOT, 1, CID);
        registry.registerRoot(CID, MAX_COUNT, CID);
        vm.stopPrank();
        assertEq(registry.fleetOf(alice, ROOT).count, 1);
        assertEq(registry.fleetOf(alice, CID).count, MAX_COUNT);
    }

    function testFuzz_RefusesTooManyAndNone(uint256 count) public {
        _expectRefused(abi.encodeWithSelector(IFleetRegistry.CountInvalid.selector, 0, MAX_COUNT), ROOT, 0, CID);
        bytes memory oneTooMany = abi.encodeWithSelector(IFleetRegistry.CountInvalid.selector, MAX_COUNT + 1, MAX_COUNT);
        _expectRefused(oneTooMany, ROOT, MAX_COUNT + 1, CID);
        count = bound(count, MAX_COUNT + 1, type(uint256).max);
        _expectRefused(abi.encodeWithSelector(IFleetRegistry.CountInvalid.selector, count, MAX_COUNT), ROOT, count, CID);
        // What would be a small number if it were cut to the word's 32 bits.
        count = 5 + (1 << 32);
        _expectRefused(abi.encodeWithSelector(IFleetRegistry.CountInvalid.selector, count, MAX_COUNT), ROOT, count, CID);
    }

    function test_RefusesZeroHashes() public {
        _expectRefused(abi.encodeWithSelector(IBatteryOwnership.ZeroHash.selector), 0, 5, CID);
        _expectRefused(abi.encodeWithSelector(IBatteryOwnership.ZeroHash.selector), ROOT, 5, 0);
    }

    function testFuzz_RefusesOthersThanManufacturers(address caller) public {
        vm.assume(caller != alice && caller != admin);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, MANUFACTURER_ROLE)
        );
        vm.prank(caller);
        registry.registerRoot(ROOT, 5, CID);
    }

    /// @dev Development chains.
    function testFuzz_UngatedTakesAnyone(address caller) public {
        registry = _deploy(false);
        vm.prank(caller);
        registry.registerRoot(ROOT, 5, CID);
        assertEq(registry.fleetOf(caller, ROOT).count, 5);
    }

    function _expectRefused(bytes memory revertData, bytes32 root, uint256 count, bytes32 cidDigest) private {
        vm.expectRevert(revertData);
        vm.prank(alice);
        registry.registerRoot(root, count, cidDigest);
    }
}
