// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice Delegated updaters: within their scope, until their expiry, in the tenure of who delegated.
contract DelegateTest is BatteryPassportTest {
    /// @dev Update, kinds 1, 2, 4 to 7, 9 to 11, status.
    uint256 private constant EVERYTHING = 0x1ef7;

    function test_DelegatesAndTakesBack() public {
        vm.expectEmit(address(passport));
        emit IBatteryOwnership.UpdaterDelegated(leanKey, alice, bob, SCOPE_UPDATE, EXPIRY);
        vm.prank(alice);
        passport.delegate(leanKey, bob, SCOPE_UPDATE, EXPIRY);
        assertTrue(passport.mayAct(leanKey, bob, SCOPE_UPDATE));
        vm.prank(bob);
        passport.update(leanKey, SECOND);
        assertEq(_sequenceOf(leanKey), 2);

        vm.expectEmit(address(passport));
        emit IBatteryOwnership.UpdaterDelegated(leanKey, alice, bob, 0, 0);
        vm.prank(alice);
        passport.delegate(leanKey, bob, 0, 0);
        _expectNotAuthorized(bob, SCOPE_UPDATE);
        vm.prank(bob);
        passport.update(leanKey, THIRD);
    }

    /// @dev Every scope against every single bit: what was delegated may be done, nothing else.
    function testFuzz_NeverOutsideItsScope(uint256 scope) public {
        scope &= EVERYTHING;
        vm.prank(alice);
        passport.delegate(leanKey, bob, scope, EXPIRY);
        for (uint256 bit = 0; bit < 16; ++bit) {
            assertEq(passport.mayAct(leanKey, bob, 1 << bit), scope >> bit & 1 == 1);
            assertTrue(passport.mayAct(leanKey, alice, 1 << bit));
        }
        assertFalse(passport.mayAct(leanKey, bob, 0));

        vm.startPrank(bob);
        if (scope & SCOPE_UPDATE == 0) _expectNotAuthorized(bob, SCOPE_UPDATE);
        passport.update(leanKey, SECOND);
        if (scope & SCOPE_STATUS == 0) _expectNotAuthorized(bob, SCOPE_STATUS);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InStorage);
        if (scope & 1 << 4 == 0) _expectNotAuthorized(bob, 1 << 4);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.LocationUpdate, FIRST, SECOND);
    }

    /// @dev With every bit there is, an updater neither offers, nor delegates.
    function test_OwnershipIsNotDelegated() public {
        vm.prank(alice);
        passport.delegate(leanKey, bob, EVERYTHING, EXPIRY);
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, bob));
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, bob));
        passport.delegate(leanKey, carol, SCOPE_UPDATE, EXPIRY);
    }

    function test_Expires() public {
        vm.prank(alice);
        passport.delegate(leanKey, bob, SCOPE_UPDATE, EXPIRY);
        vm.warp(EXPIRY - 1);
        vm.prank(bob);
        passport.update(leanKey, SECOND);
        for (uint256 time = EXPIRY; time < EXPIRY + 2; ++time) {
            vm.warp(time);
            assertFalse(passport.mayAct(leanKey, bob, SCOPE_UPDATE));
            _expectNotAuthorized(bob, SCOPE_UPDATE);
            vm.prank(bob);
            passport.update(leanKey, THIRD);
        }
    }

    /// @dev It lapses with the owner, and does not come back with him.
    function test_LapsesWithItsOwner() public {
        vm.startPrank(alice);
        passport.delegate(leanKey, carol, SCOPE_UPDATE, EXPIRY);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.startPrank(bob);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
        _expectNotAuthorized(carol, SCOPE_UPDATE);
        vm.startPrank(carol);
        passport.update(leanKey, SECOND);

        vm.startPrank(bob);
        passport.offer(leanKey, alice, EXPIRY, DOCUMENTS);
        vm.startPrank(alice);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
        _expectNotAuthorized(carol, SCOPE_UPDATE);
        vm.startPrank(carol);
        passport.update(leanKey, SECOND);
    }

    /// @dev What the owner signed and nobody executed goes with his tenure too.
    function test_ASignatureHoldsForItsTenure() public {
        bytes32 typeHash = passport.DELEGATE_AUTHORIZATION_TYPEHASH();
        bytes memory signature = _signed(
            aliceKey, abi.encode(typeHash, alice, namedKey, 0, carol, SCOPE_UPDATE, EXPIRY, AFTER, BEFORE, NONCE)
        );
        vm.prank(alice);
        passport.transferOwnership(ID, bob);
        vm.prank(bob);
        passport.transferOwnership(ID, alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureMismatch.selector, namedKey, 2, 0));
        passport.delegateWithAuthorization(
            alice, namedKey, 0, carol, SCOPE_UPDATE, EXPIRY, AFTER, BEFORE, NONCE, signature
        );
    }

    /// @dev Of one record, not of its neighbour.
    function test_HoldsForOneRecord() public {
        vm.prank(alice);
        passport.delegate(leanKey, bob, SCOPE_UPDATE, EXPIRY);
        vm.expectRevert("Not authorized");
        vm.prank(bob);
        passport.updateData(ID, SECOND);
    }

    function testFuzz_RefusesOthers(address caller) public {
        vm.assume(caller != alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, caller));
        vm.prank(caller);
        passport.delegate(leanKey, caller, SCOPE_UPDATE, EXPIRY);
    }

    function testFuzz_RefusesScopesThatStandForNothing(uint256 scope) public {
        vm.assume(scope & ~EVERYTHING != 0);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.InvalidScope.selector, scope));
        vm.prank(alice);
        passport.delegate(leanKey, bob, scope, EXPIRY);
    }

    function test_RefusesOddDelegations() public {
        bytes32 unknown = keccak256("unknown");
        uint256 late = uint256(type(uint48).max) + 1;
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, unknown));
        passport.delegate(unknown, bob, SCOPE_UPDATE, EXPIRY);
        vm.expectRevert(IBatteryOwnership.ZeroAddress.selector);
        passport.delegate(leanKey, address(0), SCOPE_UPDATE, EXPIRY);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.InvalidExpiry.selector, NOW));
        passport.delegate(leanKey, bob, SCOPE_UPDATE, NOW);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.InvalidExpiry.selector, late));
        passport.delegate(leanKey, bob, SCOPE_UPDATE, late);
        assertFalse(passport.mayAct(unknown, address(0), SCOPE_UPDATE));
    }

    function _expectNotAuthorized(address account, uint256 scope) private {
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, account, scope));
    }
}
