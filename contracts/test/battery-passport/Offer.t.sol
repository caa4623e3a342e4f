// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryPassport} from "../../src/interfaces/IBatteryPassport.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice Ownership in two steps: the owner offers, with an expiry, and whom he offers it to accepts.
contract OfferTest is BatteryPassportTest {
    function test_OfferedAndAccepted() public {
        vm.expectEmit(address(passport));
        emit IBatteryOwnership.OwnershipOffered(leanKey, alice, bob, EXPIRY, DOCUMENTS);
        vm.prank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        assertEq(passport.offerOf(leanKey), keccak256(abi.encode(bob, EXPIRY, DOCUMENTS, 0)));
        assertEq(_ownerOf(leanKey), alice);

        vm.warp(EXPIRY - 1);
        vm.expectEmit(address(passport));
        emit IBatteryOwnership.OwnershipTransfer(leanKey, alice, bob, DOCUMENTS);
        vm.prank(bob);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
        assertEq(_ownerOf(leanKey), bob);
        assertEq(_tenureOf(leanKey), 1);
        assertEq(passport.offerOf(leanKey), 0);
        assertEq(_sequenceOf(leanKey), 1);
        assertEq(_chainOf(leanKey), _link(leanKey, FIRST));
    }

    /// @dev Both events, ours and the document's.
    function test_StringRecordIsAcceptedByItsId() public {
        vm.prank(alice);
        passport.offer(namedKey, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey));
        vm.prank(bob);
        passport.accept(namedKey, EXPIRY, DOCUMENTS);

        vm.expectEmit(address(passport));
        emit IBatteryOwnership.OwnershipTransfer(namedKey, alice, bob, DOCUMENTS);
        vm.expectEmit(address(passport));
        emit IBatteryPassport.OwnershipTransferred(ID, alice, bob);
        vm.prank(bob);
        passport.acceptBattery(ID, EXPIRY, DOCUMENTS);
        assertEq(_ownerOf(namedKey), bob);
    }

    /// @dev By signature as little as by a call: the document's event would be missing.
    function test_RefusesASignedAcceptanceOfAStringRecordByItsKey() public {
        vm.prank(alice);
        passport.offer(namedKey, bob, EXPIRY, DOCUMENTS);
        bytes32 typeHash = passport.ACCEPT_AUTHORIZATION_TYPEHASH();
        bytes memory signature =
            _signed(bobKey, abi.encode(typeHash, bob, namedKey, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey));
        vm.prank(relayer);
        passport.acceptWithAuthorization(bob, namedKey, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, signature);
    }

    function testFuzz_RefusesOthersAndOtherTerms(address caller, uint256 expiry, bytes32 documents) public {
        vm.assume(caller != bob || expiry != EXPIRY || documents != DOCUMENTS);
        vm.prank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(
            abi.encodeWithSelector(IBatteryOwnership.NoSuchOffer.selector, leanKey, caller, expiry, documents)
        );
        vm.prank(caller);
        passport.accept(leanKey, expiry, documents);
    }

    function test_RefusesAnExpiredOffer() public {
        vm.prank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        for (uint256 time = EXPIRY; time < EXPIRY + 2; ++time) {
            vm.warp(time);
            vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.OfferExpired.selector, leanKey, EXPIRY));
            vm.prank(bob);
            passport.accept(leanKey, EXPIRY, DOCUMENTS);
        }
    }

    function test_AnAcceptedOfferIsGone() public {
        vm.prank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.startPrank(bob);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
        _expectNoOffer(leanKey);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
    }

    function test_AnotherOfferReplacesAndZeroWithdraws() public {
        vm.startPrank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        passport.offer(leanKey, carol, EXPIRY, DOCUMENTS);
        vm.startPrank(bob);
        _expectNoOffer(leanKey);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);

        vm.startPrank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.expectEmit(address(passport));
        emit IBatteryOwnership.OwnershipOffered(leanKey, alice, address(0), 0, 0);
        passport.offer(leanKey, address(0), 0, 0);
        assertEq(passport.offerOf(leanKey), 0);
        vm.startPrank(bob);
        _expectNoOffer(leanKey);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
    }

    /// @dev The owner goes by the document's one step while an offer is open: it lapses, and stays lapsed when the
    /// record comes back.
    function test_AnOfferLapsesWithItsOwner() public {
        vm.startPrank(alice);
        passport.offer(namedKey, bob, EXPIRY, DOCUMENTS);
        passport.transferOwnership(ID, carol);
        vm.startPrank(bob);
        _expectNoOffer(namedKey);
        passport.acceptBattery(ID, EXPIRY, DOCUMENTS);
        vm.startPrank(carol);
        passport.transferOwnership(ID, alice);
        vm.startPrank(bob);
        _expectNoOffer(namedKey);
        passport.acceptBattery(ID, EXPIRY, DOCUMENTS);
        assertEq(_ownerOf(namedKey), alice);
    }

    /// @dev An acceptance that was overtaken does not take the record a second time, on the same terms, once it was sold.
    function test_ASignedAcceptanceHoldsForItsTenure() public {
        bytes32 typeHash = passport.ACCEPT_AUTHORIZATION_TYPEHASH();
        bytes memory signature =
            _signed(bobKey, abi.encode(typeHash, bob, leanKey, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE));
        _sell(alice, bob);
        _sell(bob, carol);
        vm.startPrank(carol);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureMismatch.selector, leanKey, 2, 0));
        passport.acceptWithAuthorization(bob, leanKey, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, signature);
    }

    function test_ASignedAcceptanceOfAStringRecordHoldsForItsTenure() public {
        bytes32 typeHash = passport.ACCEPT_BATTERY_AUTHORIZATION_TYPEHASH();
        bytes memory message = abi.encode(typeHash, bob, keccak256(bytes(ID)), 0, EXPIRY, DOCUMENTS);
        bytes memory signature = _signed(bobKey, bytes.concat(message, abi.encode(AFTER, BEFORE, NONCE)));
        vm.startPrank(alice);
        passport.transferOwnership(ID, carol);
        vm.startPrank(carol);
        passport.offer(namedKey, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureMismatch.selector, namedKey, 1, 0));
        passport.acceptBatteryWithAuthorization(bob, ID, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, signature);
    }

    /// @dev Nor does an offer that was signed in an earlier tenure come back with its owner.
    function test_ASignedOfferHoldsForItsTenure() public {
        bytes32 typeHash = passport.OFFER_AUTHORIZATION_TYPEHASH();
        bytes memory message = abi.encode(typeHash, alice, leanKey, 0, carol, EXPIRY, DOCUMENTS);
        bytes memory signature = _signed(aliceKey, bytes.concat(message, abi.encode(AFTER, BEFORE, NONCE)));
        _sell(alice, bob);
        _sell(bob, alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureMismatch.selector, leanKey, 2, 0));
        passport.offerWithAuthorization(alice, leanKey, 0, carol, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, signature);
    }

    /// @dev Nor is it good before: signed for the tenure after the next owner's.
    function test_ASignedOfferDoesNotComeEarly() public {
        bytes32 typeHash = passport.OFFER_AUTHORIZATION_TYPEHASH();
        bytes memory message = abi.encode(typeHash, alice, leanKey, 2, carol, EXPIRY, DOCUMENTS);
        bytes memory signature = _signed(aliceKey, bytes.concat(message, abi.encode(AFTER, BEFORE, NONCE)));
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureMismatch.selector, leanKey, 0, 2));
        passport.offerWithAuthorization(alice, leanKey, 2, carol, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, signature);
    }

    function testFuzz_RefusesOffersOfOthers(address caller) public {
        vm.assume(caller != alice);
        vm.startPrank(caller);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, caller));
        passport.offer(leanKey, caller, EXPIRY, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, caller));
        passport.offer(leanKey, address(0), EXPIRY, DOCUMENTS);
    }

    function test_RefusesOddOffers() public {
        bytes32 unknown = keccak256("unknown");
        uint256 latest = type(uint48).max;
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, unknown));
        passport.offer(unknown, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.offer(leanKey, bob, EXPIRY, 0);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.InvalidExpiry.selector, NOW));
        passport.offer(leanKey, bob, NOW, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.InvalidExpiry.selector, NOW - 1));
        passport.offer(leanKey, bob, NOW - 1, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.InvalidExpiry.selector, latest + 1));
        passport.offer(leanKey, bob, latest + 1, DOCUMENTS);
        passport.offer(leanKey, bob, latest, DOCUMENTS);
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, unknown));
        passport.accept(unknown, EXPIRY, DOCUMENTS);
    }

    /// @dev As for the one step: 65,535 changes are the most.
    function test_TenuresEnd() public {
        _setHead(leanKey, _head(leanKey) | uint256(type(uint16).max) << 232);
        vm.prank(alice);
        passport.offer(leanKey, bob, EXPIRY, DOCUMENTS);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.TenureExhausted.selector, leanKey));
        vm.prank(bob);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
    }

    function _sell(address from, address to) private {
        vm.prank(from);
        passport.offer(leanKey, to, EXPIRY, DOCUMENTS);
        vm.prank(to);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
    }

    function _expectNoOffer(bytes32 key) private {
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NoSuchOffer.selector, key, bob, EXPIRY, DOCUMENTS));
    }
}
