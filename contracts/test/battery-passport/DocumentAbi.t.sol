// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {IBatteryPassport} from "../../src/interfaces/IBatteryPassport.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";
import {DocumentBatteryPassport} from "../../documents/DocumentBatteryPassport.sol";

/// @notice The document's contract and ours, selector by selector, topic by topic, and call by call: both are given the
/// same calls, and return data, reasons and logs must be the same bytes wherever the document's has no hole.
contract DocumentAbiTest is BatteryPassportTest {
    DocumentBatteryPassport private document;

    function setUp() public override {
        super.setUp();
        document = new DocumentBatteryPassport();
        vm.prank(alice);
        document.registerBattery(ID, FIRST);
    }

    function test_Selectors() public view {
        assertEq(passport.passports.selector, bytes4(keccak256("passports(string)")));
        assertEq(passport.auditTrail.selector, bytes4(keccak256("auditTrail(string,uint256)")));
        assertEq(passport.registerBattery.selector, bytes4(keccak256("registerBattery(string,bytes32)")));
        assertEq(passport.transferOwnership.selector, bytes4(keccak256("transferOwnership(string,address)")));
        assertEq(passport.updateData.selector, bytes4(keccak256("updateData(string,bytes32)")));
        assertEq(passport.verifyData.selector, bytes4(keccak256("verifyData(string,bytes32)")));

        assertEq(passport.passports.selector, document.passports.selector);
        assertEq(passport.auditTrail.selector, document.auditTrail.selector);
        assertEq(passport.registerBattery.selector, document.registerBattery.selector);
        assertEq(passport.transferOwnership.selector, document.transferOwnership.selector);
        assertEq(passport.updateData.selector, document.updateData.selector);
        assertEq(passport.verifyData.selector, document.verifyData.selector);
    }

    function test_Topics() public pure {
        assertEq(IBatteryPassport.BatteryRegistered.selector, keccak256("BatteryRegistered(string,address,bytes32)"));
        assertEq(
            IBatteryPassport.OwnershipTransferred.selector, keccak256("OwnershipTransferred(string,address,address)")
        );
        assertEq(IBatteryPassport.DataUpdated.selector, keccak256("DataUpdated(string,bytes32,uint256)"));
        assertEq(IBatteryPassport.BatteryRegistered.selector, DocumentBatteryPassport.BatteryRegistered.selector);
        assertEq(IBatteryPassport.OwnershipTransferred.selector, DocumentBatteryPassport.OwnershipTransferred.selector);
        assertEq(IBatteryPassport.DataUpdated.selector, DocumentBatteryPassport.DataUpdated.selector);
    }

    /// @dev A life of a record in which both agree at every step.
    function testFuzz_SameLife(string calldata id, bytes32 first, bytes32 second, address newOwner) public {
        vm.assume(bytes(id).length != 0 && first != 0 && second != 0 && newOwner != address(0));
        vm.assume(keccak256(bytes(id)) != keccak256(bytes(ID)));
        _same(bob, abi.encodeCall(document.transferOwnership, (id, newOwner)));
        _same(bob, abi.encodeCall(document.updateData, (id, first)));
        _sameViews(id, first);
        _same(alice, abi.encodeCall(document.registerBattery, (id, first)));
        _same(bob, abi.encodeCall(document.registerBattery, (id, second)));
        _sameViews(id, first);
        vm.warp(NOW + 5);
        _same(alice, abi.encodeCall(document.transferOwnership, (id, newOwner)));
        _sameViews(id, first);
        vm.warp(NOW + 50);
        _same(newOwner, abi.encodeCall(document.updateData, (id, second)));
        _sameViews(id, second);
        if (newOwner != alice) {
            _same(alice, abi.encodeCall(document.updateData, (id, first)));
            _same(alice, abi.encodeCall(document.transferOwnership, (id, alice)));
        }
        _sameViews(id, first);
    }

    /// @dev Return data, reason and logs; the answer is whether the call succeeded.
    function _same(address caller, bytes memory call_) private returns (bool) {
        vm.recordLogs();
        vm.prank(caller);
        (bool expectedSuccess, bytes memory expected) = address(document).call(call_);
        Vm.Log[] memory expectedLogs = vm.getRecordedLogs();
        vm.prank(caller);
        (bool success, bytes memory got) = address(passport).call(call_);
        Vm.Log[] memory logs = vm.getRecordedLogs();

        assertEq(success, expectedSuccess);
        assertEq(got, expected);
        assertEq(logs.length, expectedLogs.length);
        for (uint256 i = 0; i < logs.length; ++i) {
            assertEq(logs[i].topics, expectedLogs[i].topics);
            assertEq(logs[i].data, expectedLogs[i].data);
        }
        return success;
    }

    /// @dev The six values in order, the trail with one index too many, and whether two hashes are current.
    function _sameViews(string memory id, bytes32 dataHash) private {
        assertTrue(_same(bob, abi.encodeCall(document.passports, (id))));
        for (uint256 i = 0; i < 4; ++i) {
            _same(bob, abi.encodeWithSelector(document.auditTrail.selector, id, i));
        }
        _same(bob, abi.encodeWithSelector(document.auditTrail.selector, id, type(uint256).max));
        assertTrue(_same(bob, abi.encodeCall(document.verifyData, (id, dataHash))));
        // Never zero, which the document's contract takes for the hash of what is unknown.
        assertTrue(_same(bob, abi.encodeCall(document.verifyData, (id, keccak256(abi.encode(dataHash))))));
    }
}
