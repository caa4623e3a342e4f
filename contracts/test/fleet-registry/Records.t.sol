// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Vm} from "forge-std/Vm.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";

/// @notice A passport that was materialised is a record like any other: its owner acts on it by what the registry has
/// inherited. The fleet's registrant, alice, is its manufacturer and has no other role; who else needs one gets it here.
contract RecordsTest is FleetRegistryTest {
    bytes32 private constant SECOND_LIFE_TYPEHASH = keccak256(
        "SecondLifeAuthorization(address signer,address operator,address owner,bytes32 saltedId,bytes32 dataHash,bytes32[] derivedFrom,bytes32 application,bytes32 modifications,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant A = keccak256("a commitment");
    bytes32 private constant B = keccak256("another commitment");
    uint256 private constant EXPIRY = NOW + 2 days;
    uint256 private constant SCOPE_UPDATE = 1;
    uint256 private constant SCOPE_LOCATION = 1 << 4;
    uint256 private constant SCOPE_INSTALLATION = 1 << 5;
    uint256 private constant SCOPE_STATUS = 1 << 12;

    bytes32 private root;
    bytes32[] private entries;
    bytes32 private key;
    bytes32 private chain;

    /// @dev The clock goes on, so that what changes a record shows in its time.
    function setUp() public override {
        super.setUp();
        (root, entries) = _registerFleet(0, 9);
        key = _materialise(root, entries, 0, 5);
        chain = _chained(key, _dataHash(0, 5));
        vm.warp(NOW + 1 days);
    }

    function test_TheOwnerChangesTheStatus() public {
        vm.recordLogs();
        vm.startPrank(alice);
        _expectStatusChanged(key, alice, IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.InStorage);
        registry.changeStatus(key, IBatterySupplyChain.Status.InStorage);
        _expectStatus(IBatterySupplyChain.Status.InStorage);

        _expectMissingRole(alice, "OPERATOR_ROLE");
        registry.changeStatus(key, IBatterySupplyChain.Status.InUse);
        _grant("OPERATOR_ROLE", alice);
        vm.startPrank(alice);
        _expectStatusChanged(key, alice, IBatterySupplyChain.Status.InStorage, IBatterySupplyChain.Status.InUse);
        registry.changeStatus(key, IBatterySupplyChain.Status.InUse);
        _expectStatus(IBatterySupplyChain.Status.InUse);
        // With the grant of the role.
        _assertEvents(3);
    }

    /// @dev Not even who had it materialised: a proof gives no right.
    function test_OthersDoNothing() public {
        bytes32 head = keccak256(_record(key));
        vm.startPrank(relayer);
        _expectNotAuthorized(relayer, SCOPE_STATUS);
        registry.changeStatus(key, IBatterySupplyChain.Status.InStorage);
        _expectNotAuthorized(relayer, SCOPE_LOCATION);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.LocationUpdate, A, B);
        _expectNotAuthorized(relayer, SCOPE_UPDATE);
        registry.update(key, A);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, key, relayer));
        registry.delegate(key, relayer, SCOPE_UPDATE, EXPIRY);
        assertEq(keccak256(_record(key)), head);
    }

    /// @dev A passport that nobody materialised has no record to act on.
    function test_APassportOfTheListAloneIsNoRecord() public {
        bytes32 other = _leanKey(alice, _saltedId(0, 4));
        bytes memory unknown = abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, other);
        vm.startPrank(alice);
        vm.expectRevert(unknown);
        registry.changeStatus(other, IBatterySupplyChain.Status.InStorage);
        vm.expectRevert(unknown);
        registry.recordEvent(other, IBatterySupplyChain.EventKind.LocationUpdate, A, B);
        vm.expectRevert(unknown);
        registry.delegate(other, bob, SCOPE_UPDATE, EXPIRY);
        IBatteryRecords.SecondLife memory life = _life(alice, other);
        _grant("REPURPOSER_ROLE", alice);
        vm.startPrank(alice);
        IBatteryRecords.Signed memory none;
        vm.expectRevert(unknown);
        registry.beginSecondLife(life, none, none);
    }

    /// @dev From its making to its end, each by the role that the kind asks of the owner.
    function test_TheOwnerRecordsEvents() public {
        vm.recordLogs();
        vm.startPrank(alice);
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.ManufacturingComplete(key, alice, A, "KRSEL");
        registry.recordEvent(key, IBatterySupplyChain.EventKind.ManufacturingComplete, A, "KRSEL");
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.LocationUpdate(key, alice, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.LocationUpdate, A, B);
        // Neither changes the record, its time included.
        (, uint256 updatedAt,,,,) = registry.recordOf(key);
        assertEq(updatedAt, NOW);

        _expectMissingRole(alice, "OPERATOR_ROLE");
        registry.recordEvent(key, IBatterySupplyChain.EventKind.Installation, A, B);
        _grant("OPERATOR_ROLE", alice);
        vm.startPrank(alice);
        _expectStatusChanged(key, alice, IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.InUse);
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.Installation(key, alice, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.Installation, A, B);
        _expectStatus(IBatterySupplyChain.Status.InUse);
        _expectStatusChanged(key, alice, IBatterySupplyChain.Status.InUse, IBatterySupplyChain.Status.EndOfLife);
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.EndOfLife(key, alice, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.EndOfLife, A, B);
        _expectStatus(IBatterySupplyChain.Status.EndOfLife);

        _expectMissingRole(alice, "RECYCLER_ROLE");
        registry.recordEvent(key, IBatterySupplyChain.EventKind.MaterialsRecovered, A, B);
        _grant("RECYCLER_ROLE", alice);
        vm.startPrank(alice);
        _expectStatusChanged(key, alice, IBatterySupplyChain.Status.EndOfLife, IBatterySupplyChain.Status.Recycled);
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.MaterialsRecovered(key, alice, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.MaterialsRecovered, A, B);
        _expectStatus(IBatterySupplyChain.Status.Recycled);
        // With the grants of two roles.
        _assertEvents(10);
    }

    /// @dev What was recycled is not opened again by its proof either.
    function test_RecycledIsTheEnd() public {
        _grant("OPERATOR_ROLE", alice);
        _grant("RECYCLER_ROLE", alice);
        vm.startPrank(alice);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.EndOfLife, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.MaterialsRecovered, A, B);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.RecordRecycled.selector, key));
        registry.update(key, A);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.RecordAlreadyRegistered.selector, key));
        _materialise(root, entries, 0, 5);
        _expectStatus(IBatterySupplyChain.Status.Recycled);
    }

    /// @dev bob may append data, say where it is and, with the role, install it; he may not change the status by name.
    function test_TheDelegateActsWithinItsScope() public {
        uint256 scope = SCOPE_UPDATE | SCOPE_LOCATION | SCOPE_INSTALLATION;
        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IBatteryOwnership.UpdaterDelegated(key, alice, bob, scope, EXPIRY);
        vm.prank(alice);
        registry.delegate(key, bob, scope, EXPIRY);
        assertTrue(registry.mayAct(key, bob, scope));
        assertFalse(registry.mayAct(key, bob, SCOPE_STATUS));

        vm.startPrank(bob);
        vm.expectEmit(address(registry));
        emit IBatteryRecords.RecordUpdated(key, bob, 2, A);
        registry.update(key, A);
        _expectRecord(key, alice, 2, IBatterySupplyChain.Status.Manufactured, _chained(chain, A));
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.LocationUpdate(key, bob, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.LocationUpdate, A, B);
        _expectNotAuthorized(bob, SCOPE_STATUS);
        registry.changeStatus(key, IBatterySupplyChain.Status.InStorage);
        // The role is the actor's.
        _expectMissingRole(bob, "OPERATOR_ROLE");
        registry.recordEvent(key, IBatterySupplyChain.EventKind.Installation, A, B);
        _grant("OPERATOR_ROLE", bob);
        vm.startPrank(bob);
        _expectStatusChanged(key, bob, IBatterySupplyChain.Status.Manufactured, IBatterySupplyChain.Status.InUse);
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.Installation(key, bob, A, B);
        registry.recordEvent(key, IBatterySupplyChain.EventKind.Installation, A, B);
        _expectRecord(key, alice, 2, IBatterySupplyChain.Status.InUse, _chained(chain, A));
        // With the grant of the role.
        _assertEvents(6);
    }

    /// @dev Of this record, until its expiry.
    function test_TheDelegationIsBounded() public {
        bytes32 neighbour = _materialise(root, entries, 0, 6);
        vm.prank(alice);
        registry.delegate(key, bob, SCOPE_UPDATE, EXPIRY);
        vm.startPrank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, neighbour, bob, SCOPE_UPDATE)
        );
        registry.update(neighbour, A);
        vm.warp(EXPIRY - 1);
        registry.update(key, A);
        vm.warp(EXPIRY);
        _expectNotAuthorized(bob, SCOPE_UPDATE);
        registry.update(key, B);
        assertEq(_sequenceOf(key), 2);
        assertEq(_sequenceOf(neighbour), 1);
    }

    /// @dev Two batteries of the fleet make one of bob's, who repurposes and whom alice brings in by his signature.
    function test_ASecondLifeOfTheFleet() public {
        bytes32 neighbour = _materialise(root, entries, 0, 6);
        _grant("OPERATOR_ROLE", alice);
        vm.startPrank(alice);
        registry.changeStatus(key, IBatterySupplyChain.Status.InUse);
        registry.changeStatus(neighbour, IBatterySupplyChain.Status.InUse);
        IBatteryRecords.SecondLife memory life = _life(bob, key < neighbour ? key : neighbour);
        life.derivedFrom = new bytes32[](2);
        (life.derivedFrom[0], life.derivedFrom[1]) = key < neighbour ? (key, neighbour) : (neighbour, key);
        IBatteryRecords.Signed memory signed = _by(bobKey, bob, life);
        IBatteryRecords.Signed memory none;
        _expectMissingRole(bob, "REPURPOSER_ROLE");
        registry.beginSecondLife(life, signed, none);
        assertFalse(registry.authorizationState(bob, A));

        _grant("REPURPOSER_ROLE", bob);
        bytes32 made = _leanKey(bob, life.saltedId);
        bytes32 genesis = keccak256(abi.encode(made, life.derivedFrom));
        vm.recordLogs();
        vm.expectEmit(address(registry));
        emit IAuthorizations.AuthorizationUsed(bob, A);
        for (uint256 i = 0; i < 2; ++i) {
            _expectStatusChanged(
                life.derivedFrom[i], alice, IBatterySupplyChain.Status.InUse, IBatterySupplyChain.Status.SecondLife
            );
        }
        vm.expectEmit(address(registry));
        emit IBatteryRecords.RecordRegistered(made, bob, bob, genesis, life.dataHash);
        vm.expectEmit(address(registry));
        emit IBatteryRecords.SecondLifeConversion(
            made, bob, alice, life.derivedFrom, life.application, life.modifications
        );
        vm.prank(alice);
        assertEq(registry.beginSecondLife(life, signed, none), made);
        _assertEvents(5);

        _expectRecord(made, bob, _chained(genesis, life.dataHash));
        _expectStatus(IBatterySupplyChain.Status.SecondLife);
        _expectRecord(neighbour, alice, 1, IBatterySupplyChain.Status.SecondLife, _chained(neighbour, _dataHash(0, 6)));
        assertEq(registry.fleetOf(alice, root).count, 9);
    }

    /// @dev One in use, as every battery that gets another life.
    function test_ASecondLifeNeedsAFirst() public {
        _grant("REPURPOSER_ROLE", alice);
        IBatteryRecords.Signed memory none;
        vm.expectRevert(
            abi.encodeWithSelector(
                IBatterySupplyChain.InvalidTransition.selector,
                key,
                IBatterySupplyChain.Status.Manufactured,
                IBatterySupplyChain.Status.SecondLife
            )
        );
        vm.prank(alice);
        registry.beginSecondLife(_life(alice, key), none, none);
        assertEq(_ownerOf(_leanKey(alice, keccak256("a new salted id"))), address(0));
    }

    /// @dev Of one record of alice's.
    function _life(address operator, bytes32 source) private view returns (IBatteryRecords.SecondLife memory life) {
        life.operator = operator;
        life.owner = alice;
        life.saltedId = keccak256("a new salted id");
        life.dataHash = keccak256("new data");
        life.derivedFrom = new bytes32[](1);
        life.derivedFrom[0] = source;
        (life.application, life.modifications) = (A, B);
    }

    function _by(uint256 signerKey, address signer, IBatteryRecords.SecondLife memory life)
        private
        view
        returns (IBatteryRecords.Signed memory)
    {
        bytes memory terms = abi.encode(
            life.saltedId,
            life.dataHash,
            keccak256(abi.encodePacked(life.derivedFrom)),
            life.application,
            life.modifications
        );
        bytes memory message = bytes.concat(
            abi.encode(SECOND_LIFE_TYPEHASH, signer, life.operator, life.owner), terms, abi.encode(NOW, EXPIRY, A)
        );
        return IBatteryRecords.Signed(NOW, EXPIRY, A, _sign(signerKey, _digest(keccak256(message))));
    }

    /// @dev So many of the registry since recording began: expectEmit passes over what stands between.
    function _assertEvents(uint256 count) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 found = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(registry)) ++found;
        }
        assertEq(found, count);
    }

    /// @dev Ends the prank of before.
    function _grant(string memory role, address account) private {
        vm.startPrank(admin);
        registry.grantRole(keccak256(bytes(role)), account);
        vm.stopPrank();
    }

    function _chained(bytes32 previous, bytes32 dataHash) private pure returns (bytes32) {
        return keccak256(abi.encode(previous, dataHash));
    }

    function _record(bytes32 of_) private view returns (bytes memory) {
        (, bytes memory record) = address(registry).staticcall(abi.encodeCall(registry.recordOf, (of_)));
        return record;
    }

    /// @dev Of `key`, which changed just now; alice's, and its data is that of the list.
    function _expectStatus(IBatterySupplyChain.Status status) private view {
        _expectRecord(key, alice, 1, status, chain);
    }

    function _expectStatusChanged(
        bytes32 of_,
        address actor,
        IBatterySupplyChain.Status from,
        IBatterySupplyChain.Status to
    ) private {
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.StatusChanged(of_, actor, from, to);
    }

    function _expectNotAuthorized(address account, uint256 scope) private {
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, key, account, scope));
    }

    function _expectMissingRole(address account, string memory role) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, account, keccak256(bytes(role))
            )
        );
    }
}
