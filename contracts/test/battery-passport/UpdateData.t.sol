// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryPassport} from "../../src/interfaces/IBatteryPassport.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice B-115 and the trail behind it.
contract UpdateDataTest is BatteryPassportTest {
    bytes32 private constant UPDATE_DATA_TYPEHASH = keccak256(
        "UpdateDataAuthorization(address updater,string batteryId,uint256 sequence,bytes32 newDataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function test_AppendsToTheTrail() public {
        vm.warp(NOW + 9);
        vm.expectEmit(address(passport));
        emit IBatteryPassport.DataUpdated(ID, SECOND, NOW + 9);
        vm.prank(alice);
        passport.updateData(ID, SECOND);
        assertEq(passport.auditTrail(ID, 0), FIRST);
        assertEq(passport.auditTrail(ID, 1), SECOND);
        assertFalse(passport.verifyData(ID, FIRST));
        assertTrue(passport.verifyData(ID, SECOND));
        (,,,, uint256 created, uint256 updated) = passport.passports(ID);
        assertEq(created, NOW);
        assertEq(updated, NOW + 9);
        assertEq(_sequenceOf(namedKey), 2);
    }

    function testFuzz_TrailIsThatOfTheHashes(bytes32[] calldata hashes) public {
        uint256 count = 1;
        bytes32[] memory trail = new bytes32[](21);
        trail[0] = FIRST;
        for (uint256 i = 0; i < hashes.length && i < 20; ++i) {
            if (hashes[i] == 0) continue;
            vm.prank(alice);
            passport.updateData(ID, hashes[i]);
            trail[count++] = hashes[i];
        }
        for (uint256 i = 0; i < count; ++i) {
            assertEq(passport.auditTrail(ID, i), trail[i]);
        }
        vm.expectRevert(bytes(""));
        passport.auditTrail(ID, count);
        assertEq(_sequenceOf(namedKey), count);
    }

    function testFuzz_RefusesOthers(address caller) public {
        vm.assume(caller != alice);
        vm.expectRevert("Not authorized");
        vm.prank(caller);
        passport.updateData(ID, SECOND);
    }

    function test_RefusesUnknownIdsAndZeroHashes() public {
        vm.startPrank(alice);
        vm.expectRevert("Not authorized");
        passport.updateData("unknown", SECOND);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.updateData(ID, 0);
    }

    function test_DelegatedUpdaterAppends() public {
        vm.prank(alice);
        passport.delegate(namedKey, bob, SCOPE_UPDATE, EXPIRY);
        vm.prank(bob);
        passport.updateData(ID, SECOND);
        assertTrue(passport.verifyData(ID, SECOND));
    }

    function test_SequenceFixesTheOrder() public {
        bytes memory third = _signed(
            aliceKey, abi.encode(UPDATE_DATA_TYPEHASH, alice, keccak256(bytes(ID)), 3, THIRD, AFTER, BEFORE, NONCE)
        );
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SequenceMismatch.selector, namedKey, 2, 3));
        passport.updateDataWithAuthorization(alice, ID, 3, THIRD, AFTER, BEFORE, NONCE, third);
        vm.prank(alice);
        passport.updateData(ID, SECOND);
        passport.updateDataWithAuthorization(alice, ID, 3, THIRD, AFTER, BEFORE, NONCE, third);
        assertTrue(passport.verifyData(ID, THIRD));
    }

    function test_SequenceEnds() public {
        uint256 ones = uint256(type(uint32).max) << 200;
        _setHead(namedKey, _head(namedKey) | ones);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SequenceExhausted.selector, namedKey));
        vm.prank(alice);
        passport.updateData(ID, SECOND);
    }
}
