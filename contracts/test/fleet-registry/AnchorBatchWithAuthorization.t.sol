// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IFleetRegistry} from "../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice `anchorBatchWithAuthorization`.
contract AnchorBatchWithAuthorizationTest is FleetRegistryTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    bytes32 private fleetRoot;

    function setUp() public override {
        super.setUp();
        (fleetRoot,) = _registerFleet(0, 9);
    }

    function testFuzz_Anchors(bytes32 batchRoot, uint256 count, bytes32 cidDigest, bytes32 nonce) public {
        vm.assume(batchRoot != 0 && cidDigest != 0);
        Batch memory item = _batchOf(alice, fleetRoot, nonce);
        (item.batchRoot, item.count, item.cidDigest) = (batchRoot, bound(count, 1, MAX_COUNT), cidDigest);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IAuthorizations.AuthorizationUsed(alice, nonce);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IFleetRegistry.BatchAnchored(alice, fleetRoot, batchRoot, 1, item.count, cidDigest);
        _execute(_signed(item, aliceKey));
        assertEq(
            registry.fleetOf(alice, fleetRoot).chain,
            _link(_genesis(alice, fleetRoot), 1, batchRoot, item.count, cidDigest)
        );
    }

    /// @dev Two batches signed for their places are executed in that order or not at all.
    function test_TheSubmitterCannotChooseTheOrder() public {
        Batch memory first = _batchOf(alice, fleetRoot, 0);
        first.sequence = 1;
        first = _signed(first, aliceKey);
        Batch memory second = _batchOf(alice, fleetRoot, bytes32(uint256(1)));
        (second.sequence, second.batchRoot) = (2, keccak256("a second batch"));
        second = _signed(second, aliceKey);

        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.BatchSequenceMismatch.selector, fleetRoot, 1, 2));
        _execute(second);
        _execute(first);
        _execute(second);
        // Nor may a place that is taken be taken again, with another nonce.
        second.nonce = NONCE;
        second = _signed(second, aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.BatchSequenceMismatch.selector, fleetRoot, 3, 2));
        _execute(second);
        assertEq(registry.fleetOf(alice, fleetRoot).sequence, 2);
    }

    function testFuzz_RefusesAnotherPlace(uint256 sequence) public {
        vm.assume(sequence > 1);
        Batch memory item = _batchOf(alice, fleetRoot, NONCE);
        item.sequence = sequence;
        item = _signed(item, aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.BatchSequenceMismatch.selector, fleetRoot, 1, sequence));
        _execute(item);
        assertFalse(registry.authorizationState(alice, NONCE));
    }

    function test_AContractWalletSigns() public {
        OwnerWallet wallet = new OwnerWallet(alice);
        vm.prank(admin);
        registry.grantRole(MANUFACTURER_ROLE, address(wallet));
        vm.prank(address(wallet));
        registry.registerRoot(fleetRoot, 9, CID);
        Batch memory item = _signed(_batchOf(address(wallet), fleetRoot, NONCE), aliceKey);
        _execute(item);
        assertEq(registry.fleetOf(address(wallet), fleetRoot).sequence, 1);
        item.registrant = alice;
        _expectBadSignature(item);
        assertEq(registry.fleetOf(alice, fleetRoot).sequence, 0);
    }

    function test_RefusesASecondTime() public {
        Batch memory item = _signed(_batchOf(alice, fleetRoot, NONCE), aliceKey);
        _execute(item);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(item);
    }

    /// @dev One nonce space for all actions.
    function test_SharesNoncesWithRegisterRoot() public {
        _execute(_signed(_rootOf(alice, keccak256("a root"), NONCE), aliceKey));
        Batch memory item = _signed(_batchOf(alice, fleetRoot, NONCE), aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(item);
    }

    function test_RefusesAnothersFleet() public {
        Batch memory item = _signed(_batchOf(bob, fleetRoot, NONCE), bobKey);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.UnknownFleet.selector, bob, fleetRoot));
        _execute(item);
        assertFalse(registry.authorizationState(bob, NONCE));
    }

    function test_HoldsInsideItsWindowOnly() public {
        Batch memory item = _signed(_batchOf(alice, fleetRoot, NONCE), aliceKey);
        vm.warp(item.validAfter);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, item.validAfter));
        _execute(item);
        vm.warp(item.validBefore);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, item.validBefore));
        _execute(item);
        vm.warp(item.validBefore - 1);
        _execute(item);
    }

    function testFuzz_RefusesAChangedMember(uint8 member, uint256 change) public {
        Batch memory item = _signed(_batchOf(alice, fleetRoot, NONCE), aliceKey);
        member = uint8(bound(member, 0, 8));
        change = bound(change, 1, 900);
        if (member == 0) item.registrant = bob;
        if (member == 1) item.fleetRoot ^= bytes32(change);
        if (member == 2) item.sequence += change;
        if (member == 3) item.batchRoot ^= bytes32(change);
        if (member == 4) item.count += change;
        if (member == 5) item.cidDigest ^= bytes32(change);
        if (member == 6) item.validAfter -= change;
        if (member == 7) item.validBefore += change;
        if (member == 8) item.nonce ^= bytes32(change);
        _expectBadSignature(item);
    }

    function test_RefusesOnAnotherChainOrContract() public {
        Batch memory item = _batchOf(alice, fleetRoot, NONCE);
        bytes32 structHash = _structHash(item);
        string memory name = "WIA Fleet Registry";
        item.signature = _sign(aliceKey, _digest(name, structHash, block.chainid + 1, address(registry)));
        _expectBadSignature(item);
        item.signature = _sign(aliceKey, _digest(name, structHash, block.chainid, address(this)));
        _expectBadSignature(item);
    }

    function _expectBadSignature(Batch memory item) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, item.registrant));
        _execute(item);
    }
}
