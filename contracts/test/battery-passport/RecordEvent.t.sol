// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Vm} from "forge-std/Vm.sol";

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice B-081…B-092: each kind in its own event, with its required data, by whom and at which status it may be.
contract RecordEventTest is BatteryPassportTest {
    bytes32 private constant A = keccak256("a commitment");
    bytes32 private constant B = keccak256("another commitment");

    function test_TypedEvents() public {
        vm.startPrank(alice);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.ManufacturingComplete(leanKey, alice, A, "KRSEL");
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.ManufacturingComplete, A, "KRSEL");
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.QualityCertified(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.QualityCertified, A, B);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.LocationUpdate(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.LocationUpdate, A, B);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.StatusChanged(
            leanKey, alice, IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.InUse
        );
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.Installation(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.Installation, A, B);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.SohThreshold(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.SohThreshold, A, B);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.MaintenanceRequired(leanKey, alice, A);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.MaintenanceRequired, A, 0);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.StatusChanged(
            leanKey, alice, IBatterySupplyChain.Status.InUse, IBatterySupplyChain.Status.EndOfLife
        );
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.EndOfLife(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.EndOfLife, A, B);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.RecyclingInitiated(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.RecyclingInitiated, A, B);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.StatusChanged(
            leanKey, alice, IBatterySupplyChain.Status.EndOfLife, IBatterySupplyChain.Status.Recycled
        );
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.MaterialsRecovered(leanKey, alice, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.MaterialsRecovered, A, B);
        assertTrue(_statusOf(leanKey) == IBatterySupplyChain.Status.Recycled);
    }

    /// @dev expectEmit does not see data too long: every event is exactly as long as its fields.
    function test_LogsAreAsLongAsTheirFields() public {
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (kind == 3 || kind == 8) continue;
            _setStatus(kind < 10 ? 1 : 7);
            vm.recordLogs();
            vm.prank(alice);
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
            Vm.Log[] memory logs = vm.getRecordedLogs();
            Vm.Log memory last = logs[logs.length - 1];
            assertEq(last.topics.length, 3);
            assertEq(last.topics[1], leanKey);
            assertEq(last.topics[2], bytes32(uint256(uint160(alice))));
            assertEq(last.data, kind == 7 ? abi.encode(A) : abi.encode(A, B));
        }
    }

    function test_Topics() public pure {
        string memory shape = "(bytes32,address,bytes32,bytes32)";
        assertEq(IBatterySupplyChain.ManufacturingComplete.selector, _topic("ManufacturingComplete", shape));
        assertEq(IBatterySupplyChain.QualityCertified.selector, _topic("QualityCertified", shape));
        assertEq(IBatterySupplyChain.LocationUpdate.selector, _topic("LocationUpdate", shape));
        assertEq(IBatterySupplyChain.Installation.selector, _topic("Installation", shape));
        assertEq(IBatterySupplyChain.SohThreshold.selector, _topic("SohThreshold", shape));
        assertEq(
            IBatterySupplyChain.MaintenanceRequired.selector, _topic("MaintenanceRequired", "(bytes32,address,bytes32)")
        );
        assertEq(IBatterySupplyChain.EndOfLife.selector, _topic("EndOfLife", shape));
        assertEq(IBatterySupplyChain.RecyclingInitiated.selector, _topic("RecyclingInitiated", shape));
        assertEq(IBatterySupplyChain.MaterialsRecovered.selector, _topic("MaterialsRecovered", shape));
    }

    /// @dev B-092.
    function test_RefusesMissingAndSuperfluousData() public {
        vm.startPrank(alice);
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (kind == 3 || kind == 8) continue;
            bytes memory refused = abi.encodeWithSelector(IBatterySupplyChain.RequiredDataMismatch.selector, kind);
            vm.expectRevert(refused);
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), 0, _second(kind));
            vm.expectRevert(refused);
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, kind == 7 ? B : bytes32(0));
        }
    }

    function test_RefusesKindsOfTheirOwnAction() public {
        uint256[3] memory kinds = [uint256(0), 3, 8];
        vm.startPrank(alice);
        for (uint256 i = 0; i < kinds.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.EventKindHasItsOwnAction.selector, kinds[i]));
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kinds[i]), A, B);
        }
    }

    /// @dev Every kind at every status but Recycled, of which ChangeStatusTest tells.
    function testFuzz_InItsPlace(uint256 kind, uint256 status) public {
        kind = bound(kind, 1, 11);
        status = bound(status, 1, 7);
        vm.assume(kind != 3 && kind != 8);
        _setStatus(status);
        uint256 to = kind == 5 ? 4 : kind == 9 ? 7 : kind == 11 ? 8 : status;
        if ((kind == 1 && status != 1) || (kind == 10 && status < 6)) {
            vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.EventOutOfPlace.selector, leanKey, kind, status));
            to = status;
        } else if (
            (kind == 5 && (status == 4 || status > 5)) || (kind == 9 && status == 7) || (kind == 11 && status < 6)
        ) {
            vm.expectRevert(abi.encodeWithSelector(IBatterySupplyChain.InvalidTransition.selector, leanKey, status, to));
            to = status;
        }
        vm.prank(alice);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
        assertEq(uint256(_statusOf(leanKey)), to);
    }

    function testFuzz_RefusesOthers(address caller, uint256 kind) public {
        kind = bound(kind, 1, 11);
        vm.assume(caller != alice && kind != 3 && kind != 8 && !(caller == admin && kind == 2));
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, caller, 1 << kind));
        vm.prank(caller);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
    }

    function test_RefusesUnknownRecords() public {
        bytes32 unknown = keccak256("unknown");
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, unknown));
        vm.prank(alice);
        passport.recordEvent(unknown, IBatterySupplyChain.EventKind.LocationUpdate, A, B);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, unknown));
        vm.prank(admin);
        passport.recordEvent(unknown, IBatterySupplyChain.EventKind.QualityCertified, A, B);
    }

    /// @dev Annex XIII: what happens to a battery belongs to point 4, and the id of a string record stands in clear. Not
    /// even a notified body.
    function test_RefusesStringRecords() public {
        bytes memory refused = abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey);
        vm.startPrank(alice);
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (kind == 3 || kind == 8) continue;
            vm.expectRevert(refused);
            passport.recordEvent(namedKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
        }
        vm.startPrank(admin);
        vm.expectRevert(refused);
        passport.recordEvent(namedKey, IBatterySupplyChain.EventKind.QualityCertified, A, B);
    }

    /// @dev A notified body certifies what is not its own and was not delegated to it; nothing else.
    function test_NotifiedBodyCertifiesEveryRecord() public {
        vm.prank(admin);
        passport.grantRole(keccak256("NOTIFIED_BODY_ROLE"), bob);
        vm.startPrank(bob);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.QualityCertified, A, B);
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (kind == 2 || kind == 3 || kind == 8) continue;
            vm.expectRevert(
                abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, bob, 1 << kind)
            );
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
        }
        passport.renounceRole(keccak256("NOTIFIED_BODY_ROLE"), bob);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, bob, 1 << 2));
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.QualityCertified, A, B);
    }

    /// @dev When gated, the owner alone does not do: each kind asks for its role, location_update for none.
    function test_GatedKindsNeedTheirRole() public {
        _useGated();
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (kind == 3 || kind == 8) continue;
            _setStatus(kind < 10 ? 1 : 7);
            bytes32 role = _role(kind);
            vm.startPrank(alice);
            if (role != 0) {
                vm.expectRevert(
                    abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, role)
                );
                passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
                vm.startPrank(admin);
                passport.grantRole(role, alice);
                vm.startPrank(alice);
            }
            passport.recordEvent(leanKey, IBatterySupplyChain.EventKind(kind), A, _second(kind));
            if (role != 0) passport.renounceRole(role, alice);
        }
    }

    /// @dev The acting updater's role: neither the owner's nor the submitter's, who here is the owner.
    function test_GatedRoleIsTheActors() public {
        _useGated();
        vm.startPrank(alice);
        passport.delegate(leanKey, bob, 0x1ef7, EXPIRY);
        for (uint256 kind = 1; kind < 12; ++kind) {
            if (_role(kind) != 0 && kind != 3 && kind != 8) _assertRoleIsTheActors(kind);
        }
    }

    /// @dev Events name who acted, not who owns.
    function test_EventsNameTheUpdater() public {
        vm.prank(alice);
        passport.delegate(leanKey, bob, 1 << 9, EXPIRY);
        vm.startPrank(bob);
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.StatusChanged(
            leanKey, bob, IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.EndOfLife
        );
        vm.expectEmit(address(passport));
        emit IBatterySupplyChain.EndOfLife(leanKey, bob, A, B);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.EndOfLife, A, B);
    }

    function _assertRoleIsTheActors(uint256 number) private {
        IBatterySupplyChain.EventKind kind = IBatterySupplyChain.EventKind(number);
        (bytes32 role, bytes32 second, bytes32 nonce) = (_role(number), _second(number), bytes32(number));
        bytes32 typeHash = passport.RECORD_EVENT_AUTHORIZATION_TYPEHASH();
        bytes memory signature =
            _signed(bobKey, abi.encode(typeHash, bob, leanKey, kind, A, second, AFTER, BEFORE, nonce));
        bytes memory refused =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, bob, role);
        _setStatus(number < 10 ? 1 : 7);
        vm.startPrank(admin);
        passport.grantRole(role, alice);
        vm.startPrank(bob);
        vm.expectRevert(refused);
        passport.recordEvent(leanKey, kind, A, second);
        vm.startPrank(alice);
        vm.expectRevert(refused);
        passport.recordEventWithAuthorization(bob, leanKey, kind, A, second, AFTER, BEFORE, nonce, signature);
        passport.renounceRole(role, alice);

        vm.startPrank(admin);
        passport.grantRole(role, bob);
        vm.startPrank(alice);
        passport.recordEventWithAuthorization(bob, leanKey, kind, A, second, AFTER, BEFORE, nonce, signature);
        _setStatus(number < 10 ? 1 : 7);
        vm.startPrank(bob);
        passport.recordEvent(leanKey, kind, A, second);
        passport.renounceRole(role, bob);
    }

    function _role(uint256 kind) private pure returns (bytes32) {
        if (kind == 1) return keccak256("MANUFACTURER_ROLE");
        if (kind == 2) return keccak256("NOTIFIED_BODY_ROLE");
        if (kind == 4) return 0;
        if (kind > 9) return keccak256("RECYCLER_ROLE");
        return keccak256("OPERATOR_ROLE");
    }

    function _second(uint256 kind) private pure returns (bytes32) {
        return kind == 7 ? bytes32(0) : B;
    }

    function _setStatus(uint256 status) private {
        _setHead(leanKey, _head(leanKey) & ~(uint256(0xf) << 248) | status << 248);
    }

    function _topic(string memory name, string memory shape) private pure returns (bytes32) {
        return keccak256(bytes(string.concat(name, shape)));
    }
}
