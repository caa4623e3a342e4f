// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryLifecycle} from "../../src/base/battery/BatteryLifecycle.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice S-05: which status may follow which, which are reached by naming them, and that nothing follows Recycled.
contract ChangeStatusTest is BatteryPassportTest {
    /// @dev Row by row from Manufactured to Recycled, a column for each status from Manufactured to Recycled.
    string private constant TABLE = "01110010" "00111010" "01011010" "01101110" "01110110" "00000111" "00000101"
        "00000000";

    function test_TableIsThatOfTheDocumentation() public pure {
        for (uint256 from = 0; from < 9; ++from) {
            for (uint256 to = 0; to < 9; ++to) {
                bool expected = from != 0 && to != 0 && _row(from)[to - 1] == "1";
                assertEq(
                    BatteryLifecycle.mayFollow(IBatterySupplyChain.Status(from), IBatterySupplyChain.Status(to)),
                    expected,
                    string.concat(vm.toString(from), " to ", vm.toString(to))
                );
            }
        }
    }

    /// @dev Every pair: the contract does what the table says, or names the two.
    function testFuzz_FollowsTheTable(uint256 from, uint256 to) public {
        from = bound(from, 1, 7);
        to = bound(to, 2, 5);
        _setStatus(leanKey, from);
        if (_row(from)[to - 1] == "1") {
            vm.warp(NOW + 4);
            vm.expectEmit(address(passport));
            emit IBatterySupplyChain.StatusChanged(
                leanKey, alice, IBatterySupplyChain.Status(from), IBatterySupplyChain.Status(to)
            );
        } else {
            vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.InvalidTransition.selector, leanKey, from, to));
        }
        vm.prank(alice);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status(to));
        if (_row(from)[to - 1] == "1") {
            (address owner, uint256 updatedAt, uint256 sequence,,,) = passport.recordOf(leanKey);
            assertEq(uint256(_statusOf(leanKey)), to);
            assertEq(owner, alice);
            assertEq(updatedAt, NOW + 4);
            assertEq(sequence, 1);
        }
    }

    function test_RefusesStatusesThatNeedTheirEvent() public {
        vm.startPrank(alice);
        for (uint256 status = 0; status < 9; ++status) {
            if (status > 1 && status < 6) continue;
            vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.StatusNeedsItsEvent.selector, status));
            passport.changeStatus(leanKey, IBatterySupplyChain.Status(status));
        }
    }

    /// @dev Not even by its owner and an updater: data, status, events, owner, offers, delegations stay as they are.
    function test_RecycledIsTheEnd() public {
        vm.startPrank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        passport.delegate(leanKey, carol, SCOPE_UPDATE, EXPIRY);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.EndOfLife, FIRST, SECOND);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.MaterialsRecovered, FIRST, SECOND);
        assertTrue(_statusOf(leanKey) == IBatterySupplyChain.Status.Recycled);
        uint256 head = _head(leanKey);

        for (uint256 status = 2; status < 6; ++status) {
            _expectRecycled();
            passport.changeStatus(leanKey, IBatterySupplyChain.Status(status));
        }
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (kind == 3 || kind == 8) continue;
            _expectRecycled();
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), FIRST, kind == 7 ? bytes32(0) : SECOND);
        }
        _expectRecycled();
        passport.update(leanKey, SECOND);
        _expectRecycled();
        passport.offer(leanKey, carol, EXPIRY, DOCUMENTS);
        _expectRecycled();
        passport.delegate(leanKey, bob, SCOPE_UPDATE, EXPIRY);
        vm.startPrank(bob);
        _expectRecycled();
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
        vm.startPrank(carol);
        _expectRecycled();
        passport.update(leanKey, SECOND);
        vm.startPrank(admin);
        _expectRecycled();
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.QualityCertified, FIRST, SECOND);
        assertEq(_head(leanKey), head);
        // Its last data can be verified for ever.
        assertTrue(passport.verifyChain(leanKey, leanKey, FIRST));
    }

    /// @dev Annex XIII: the status belongs to point 4, and the id of a string record stands in clear.
    function test_RefusesStringRecords() public {
        bytes memory refused = abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey);
        vm.startPrank(alice);
        for (uint256 status = 2; status < 6; ++status) {
            vm.expectRevert(refused);
            passport.changeStatus(namedKey, IBatterySupplyChain.Status(status));
        }
        passport.delegate(namedKey, bob, SCOPE_STATUS, EXPIRY);
        vm.startPrank(bob);
        vm.expectRevert(refused);
        passport.changeStatus(namedKey, IBatterySupplyChain.Status.InStorage);
        assertTrue(_statusOf(namedKey) == IBatterySupplyChain.Status.Manufactured);
    }

    /// @dev Signed one after the other; whoever submits cannot swap them.
    function test_TheStatusItBeginsAtFixesTheOrder() public {
        (IBatterySupplyChain.Status a, IBatterySupplyChain.Status b, IBatterySupplyChain.Status c) = (
            IBatterySupplyChain.Status.Manufactured,
            IBatterySupplyChain.Status.InTransit,
            IBatterySupplyChain.Status.InStorage
        );
        vm.prank(alice);
        passport.delegate(leanKey, bob, SCOPE_STATUS, EXPIRY);
        bytes memory first = _signChange(leanKey, a, b, "first");
        bytes memory second = _signChange(leanKey, b, c, "second");
        vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.StatusMismatch.selector, leanKey, a, b));
        passport.changeStatusWithAuthorization(bob, leanKey, b, c, AFTER, BEFORE, "second", second);
        passport.changeStatusWithAuthorization(bob, leanKey, a, b, AFTER, BEFORE, "first", first);
        bytes memory late = _signChange(leanKey, a, c, "late");
        vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.StatusMismatch.selector, leanKey, b, a));
        passport.changeStatusWithAuthorization(bob, leanKey, a, c, AFTER, BEFORE, "late", late);
        passport.changeStatusWithAuthorization(bob, leanKey, b, c, AFTER, BEFORE, "second", second);
        assertTrue(_statusOf(leanKey) == c);
    }

    function testFuzz_RefusesOthers(address caller) public {
        vm.assume(caller != alice);
        vm.expectRevert(
            abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, caller, SCOPE_STATUS)
        );
        vm.prank(caller);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InUse);
    }

    function test_GatedNeedsTheOperator() public {
        _useGated();
        vm.startPrank(alice);
        // Storing and moving needs no role.
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InStorage);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InTransit);
        bytes memory refused = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, alice, keccak256("OPERATOR_ROLE")
        );
        vm.expectRevert(refused);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InUse);
        vm.expectRevert(refused);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.Maintenance);
        vm.startPrank(admin);
        passport.grantRole(keccak256("OPERATOR_ROLE"), alice);
        vm.startPrank(alice);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InUse);
        // What was renounced is gone at once.
        passport.renounceRole(keccak256("OPERATOR_ROLE"), alice);
        vm.expectRevert(refused);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.Maintenance);
    }

    /// @dev The acting updater's role: neither the owner's nor the submitter's, who here is the owner.
    function test_GatedRoleIsTheActors() public {
        (IBatterySupplyChain.Status made, IBatterySupplyChain.Status inUse) =
            (IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.InUse);
        passport = _deploy(admin, true);
        vm.startPrank(admin);
        bytes32 key = passport.register(SALTED_ID, FIRST);
        passport.delegate(key, bob, SCOPE_STATUS, EXPIRY);
        bytes memory signature = _signChange(key, made, inUse, NONCE);
        bytes memory refused = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, bob, keccak256("OPERATOR_ROLE")
        );
        vm.expectRevert(refused);
        passport.changeStatusWithAuthorization(bob, key, made, inUse, AFTER, BEFORE, NONCE, signature);
        vm.startPrank(bob);
        vm.expectRevert(refused);
        passport.changeStatus(key, IBatterySupplyChain.Status.InUse);
        vm.startPrank(admin);
        passport.grantRole(keccak256("OPERATOR_ROLE"), bob);
        passport.renounceRole(keccak256("OPERATOR_ROLE"), admin);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.StatusChanged(
            key, bob, IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.InUse
        );
        passport.changeStatusWithAuthorization(bob, key, made, inUse, AFTER, BEFORE, NONCE, signature);
        vm.startPrank(bob);
        passport.changeStatus(key, IBatterySupplyChain.Status.Maintenance);
    }

    /// @dev By bob.
    function _signChange(bytes32 key, IBatterySupplyChain.Status from, IBatterySupplyChain.Status to, bytes32 nonce)
        private
        view
        returns (bytes memory)
    {
        bytes32 typeHash = passport.CHANGE_STATUS_AUTHORIZATION_TYPEHASH();
        return _signed(bobKey, abi.encode(typeHash, bob, key, from, to, AFTER, BEFORE, nonce));
    }

    function _expectRecycled() private {
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.RecordRecycled.selector, leanKey));
    }

    function _setStatus(bytes32 key, uint256 status) private {
        _setHead(key, _head(key) & ~(uint256(0xf) << 248) | status << 248);
    }

    function _row(uint256 from) private pure returns (bytes memory row) {
        row = new bytes(8);
        for (uint256 i = 0; i < 8; ++i) {
            row[i] = bytes(TABLE)[(from - 1) * 8 + i];
        }
    }
}
