// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice Lean registration: a key that contains its registrant.
contract RegisterTest is BatteryPassportTest {
    function testFuzz_Registers(address registrant, bytes32 saltedId, bytes32 dataHash) public {
        vm.assume(registrant != address(0) && registrant != alice && dataHash != 0);
        bytes32 key = _leanKey(registrant, saltedId);
        vm.expectEmit(address(passport));
        emit IBatteryRecords.RecordRegistered(key, registrant, registrant, key, dataHash);
        vm.prank(registrant);
        assertEq(passport.register(saltedId, dataHash), key);

        (address owner, uint256 updatedAt, uint256 sequence, uint256 tenure, IBatterySupplyChain.Status status,) =
            passport.recordOf(key);
        assertEq(owner, registrant);
        assertEq(updatedAt, NOW);
        assertEq(sequence, 1);
        assertEq(tenure, 0);
        assertTrue(status == IBatterySupplyChain.Status.Manufactured);
        assertEq(_chainOf(key), _link(key, dataHash));
        assertTrue(passport.verifyChain(key, key, dataHash));
    }

    /// @dev Whoever copies a salted id from the mempool registers a key of his own.
    function test_NobodySquatsAKey() public {
        vm.prank(bob);
        bytes32 bobs = passport.register(SALTED_ID, SECOND);
        assertTrue(bobs != leanKey);
        assertEq(_ownerOf(leanKey), alice);
        assertEq(_ownerOf(bobs), bob);
    }

    function test_RefusesARegisteredKeyAndZeroHashes() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.RecordAlreadyRegistered.selector, leanKey));
        passport.register(SALTED_ID, SECOND);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.register(SECOND, 0);
    }

    /// @dev Who asks a node what would happen and does not say who he is, asks as the zero address.
    function test_RefusesNobody() public {
        vm.startPrank(address(0));
        vm.expectRevert(IBatteryOwnership.ZeroAddress.selector);
        passport.register(SECOND, FIRST);
    }

    function test_UnknownRecordsAreEmpty() public view {
        (address owner, uint256 updatedAt, uint256 sequence, uint256 tenure, IBatterySupplyChain.Status status,) =
            passport.recordOf(keccak256("unknown"));
        assertEq(owner, address(0));
        assertEq(updatedAt + sequence + tenure, 0);
        assertTrue(status == IBatterySupplyChain.Status.None);
        assertEq(_chainOf(keccak256("unknown")), 0);
        assertEq(passport.offerOf(keccak256("unknown")), 0);
    }
}
