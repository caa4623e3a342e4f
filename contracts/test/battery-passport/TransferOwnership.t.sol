// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryPassport} from "../../src/interfaces/IBatteryPassport.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice B-114: one step, by the current owner.
contract TransferOwnershipTest is BatteryPassportTest {
    function testFuzz_HandsOver(address newOwner) public {
        vm.assume(newOwner != address(0));
        vm.warp(NOW + 3);
        vm.expectEmit(address(passport));
        emit IBatteryPassport.OwnershipTransferred(ID, alice, newOwner);
        vm.prank(alice);
        passport.transferOwnership(ID, newOwner);
        (, bytes32 hash, address manufacturer, address owner, uint256 created, uint256 updated) = passport.passports(ID);
        assertEq(hash, FIRST);
        assertEq(manufacturer, alice);
        assertEq(owner, newOwner);
        assertEq(created, NOW);
        assertEq(updated, NOW + 3);
        assertEq(_tenureOf(namedKey), 1);
        assertEq(_sequenceOf(namedKey), 1);
        // It is still a record of the string ABI.
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey));
        vm.prank(newOwner);
        passport.update(namedKey, SECOND);
    }

    function testFuzz_RefusesOthers(address caller) public {
        vm.assume(caller != alice);
        vm.expectRevert("Not current owner");
        vm.prank(caller);
        passport.transferOwnership(ID, caller);
    }

    /// @dev An updater with every bit there is does not move a record.
    function test_RefusesUpdaters() public {
        vm.prank(alice);
        passport.delegate(namedKey, bob, 0x1ef7, EXPIRY);
        vm.expectRevert("Not current owner");
        vm.prank(bob);
        passport.transferOwnership(ID, bob);
    }

    function test_RefusesUnknownIdsAndTheZeroAddress() public {
        vm.startPrank(alice);
        vm.expectRevert("Not current owner");
        passport.transferOwnership("unknown", bob);
        vm.expectRevert(IBatteryOwnership.ZeroAddress.selector);
        passport.transferOwnership(ID, address(0));
        // Whom an eth_call without a sender stands for owns nothing.
        vm.startPrank(address(0));
        vm.expectRevert("Not current owner");
        passport.transferOwnership("unknown", bob);
    }

    /// @dev What the owner signed and nobody executed goes with his tenure, and does not come back when he does.
    function test_ASignatureHoldsForItsTenure() public {
        bytes32 typeHash = passport.TRANSFER_OWNERSHIP_AUTHORIZATION_TYPEHASH();
        bytes memory message = abi.encode(typeHash, alice, keccak256(bytes(ID)), 0, carol, AFTER, BEFORE, NONCE);
        bytes memory signature = _signed(aliceKey, message);
        vm.prank(alice);
        passport.transferOwnership(ID, bob);
        vm.prank(bob);
        passport.transferOwnership(ID, alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureMismatch.selector, namedKey, 2, 0));
        passport.transferOwnershipWithAuthorization(alice, ID, 0, carol, AFTER, BEFORE, NONCE, signature);
        message = abi.encode(typeHash, alice, keccak256(bytes(ID)), 2, carol, AFTER, BEFORE, NONCE);
        signature = _signed(aliceKey, message);
        passport.transferOwnershipWithAuthorization(alice, ID, 2, carol, AFTER, BEFORE, NONCE, signature);
        assertEq(_ownerOf(namedKey), carol);
    }

    /// @dev 65,535 changes are the most; the record stays with its last owner, all else still works.
    function test_TenuresEnd() public {
        uint256 ones = uint256(type(uint16).max) << 232;
        _setHead(namedKey, _head(namedKey) & ~ones | (ones - (uint256(1) << 232)));
        vm.prank(alice);
        passport.transferOwnership(ID, bob);
        assertEq(_tenureOf(namedKey), type(uint16).max);
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureExhausted.selector, namedKey));
        passport.transferOwnership(ID, alice);
        passport.updateData(ID, SECOND);
        assertEq(_ownerOf(namedKey), bob);
    }
}
