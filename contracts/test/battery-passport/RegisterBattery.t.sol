// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryPassport} from "../../src/interfaces/IBatteryPassport.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice B-113, without the document's holes; what both agree in stands in DocumentAbiTest.
contract RegisterBatteryTest is BatteryPassportTest {
    function testFuzz_Registers(string calldata id, bytes32 dataHash, address manufacturer) public {
        vm.assume(bytes(id).length != 0 && dataHash != 0 && manufacturer != address(0));
        vm.assume(keccak256(bytes(id)) != keccak256(bytes(ID)));
        vm.expectEmit(address(passport));
        emit IBatteryPassport.BatteryRegistered(id, manufacturer, dataHash);
        vm.prank(manufacturer);
        passport.registerBattery(id, dataHash);

        (string memory id_, bytes32 hash, address by, address owner, uint256 created, uint256 updated) =
            passport.passports(id);
        assertEq(id_, id);
        assertEq(hash, dataHash);
        assertEq(by, manufacturer);
        assertEq(owner, manufacturer);
        assertEq(created, NOW);
        assertEq(updated, NOW);
        assertEq(passport.auditTrail(id, 0), dataHash);
        assertTrue(passport.verifyData(id, dataHash));
        assertEq(passport.batteryKey(id), _namedKey(id));
        assertEq(_sequenceOf(_namedKey(id)), 1);
        assertEq(_chainOf(_namedKey(id)), 0);
        assertTrue(_statusOf(_namedKey(id)) == IBatterySupplyChain.Status.Manufactured);
    }

    function test_RefusesARegisteredId() public {
        vm.expectRevert("Battery already registered");
        vm.prank(bob);
        passport.registerBattery(ID, SECOND);
        // The document's reason comes before our errors.
        vm.expectRevert("Battery already registered");
        vm.prank(bob);
        passport.registerBattery(ID, 0);
    }

    function test_RefusesEmptyIdsAndZeroHashes() public {
        vm.expectRevert(IBatteryPassport.EmptyBatteryId.selector);
        passport.registerBattery("", FIRST);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.registerBattery("x", 0);
        assertFalse(passport.verifyData("x", 0));
    }

    /// @dev The document's contract says yes to both.
    function testFuzz_VerifiesNothingOfAnUnknownId(string calldata id, bytes32 dataHash) public view {
        vm.assume(keccak256(bytes(id)) != keccak256(bytes(ID)));
        assertFalse(passport.verifyData(id, dataHash));
        assertFalse(passport.verifyData(id, 0));
        assertFalse(passport.verifyData(ID, 0));
    }

    function test_IdsDifferByEveryByte() public {
        vm.startPrank(alice);
        passport.registerBattery("A-1", FIRST);
        passport.registerBattery("a-1", SECOND);
        passport.registerBattery("A-1 ", THIRD);
        assertTrue(passport.verifyData("A-1", FIRST));
    }

    /// @dev No id has a lean key: whatever the string, the preimages differ in length and tag.
    function testFuzz_NoIdHasALeanKey(bytes calldata id, address registrant, bytes32 saltedId) public view {
        bytes memory preimage = abi.encode(keccak256("wia.battery.lean"), registrant, saltedId);
        assertTrue(passport.batteryKey(string(id)) != passport.leanKey(registrant, saltedId));
        assertTrue(passport.batteryKey(string(preimage)) != passport.leanKey(registrant, saltedId));
        assertEq(passport.leanKey(registrant, saltedId), keccak256(preimage));
    }
}
