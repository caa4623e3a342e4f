// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice `revoke` and `revokeWithAuthorization`: the anchorer ends its consent, now or at a date (X-57).
contract RevokeTest is ConsentAnchorTest {
    function testFuzz_EndsTheConsentAtTheDate(uint40 effectiveAt) public {
        effectiveAt = uint40(bound(effectiveAt, NOW + 1, EXPIRY - 1));
        _expectRevoked(effectiveAt);
        _revoke(effectiveAt);
        assertEq(uint8(consents.statusOf(consentKey)), uint8(IConsentAnchor.ConsentStatus.RevocationPending));
        assertTrue(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.Educational, effectiveAt - 1));
        assertFalse(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.Educational, effectiveAt));
        vm.warp(effectiveAt);
        assertEq(uint8(consents.statusOf(consentKey)), uint8(IConsentAnchor.ConsentStatus.Revoked));
    }

    /// @dev A revocation that arrives late works on arrival, and never backwards.
    function testFuzz_WorksAtOnceWhenTheDatePassed(uint40 effectiveAt) public {
        effectiveAt = uint40(bound(effectiveAt, 0, NOW));
        vm.warp(NOW + 100);
        _expectRevoked(uint40(NOW + 100));
        _revoke(effectiveAt);
        assertEq(uint8(consents.statusOf(consentKey)), uint8(IConsentAnchor.ConsentStatus.Revoked));
        assertTrue(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.Educational, NOW + 99));
    }

    function test_CanBeBroughtForwardNotPutOff() public {
        _revoke(uint40(NOW + 10 days));
        _expectNoEffect(NOW + 10 days, uint40(NOW + 10 days));
        _revoke(uint40(NOW + 10 days));
        _expectNoEffect(NOW + 11 days, uint40(NOW + 10 days));
        _revoke(uint40(NOW + 11 days));
        _revoke(uint40(NOW + 9 days));
        assertEq(consents.consentOf(consentKey).validUntil, NOW + 9 days);
    }

    function test_RefusesWhatEndsNothing() public {
        _expectNoEffect(EXPIRY, EXPIRY);
        _revoke(EXPIRY);
        vm.warp(EXPIRY);
        _expectNoEffect(EXPIRY, EXPIRY);
        _revoke(0);
    }

    /// @dev The key is made of the caller, so nobody reaches another's consent.
    function testFuzz_OthersReachNothing(address caller) public {
        vm.assume(caller != alice);
        _expectNoEffect(NOW, 0);
        vm.prank(caller);
        consents.revoke(COMMITMENT, 0);
        assertEq(consents.consentOf(consentKey).validUntil, EXPIRY);
    }

    function test_RevokesBySignature() public {
        uint40 effectiveAt = uint40(NOW + 30 days);
        bytes memory signature = _sign(aliceKey, _revokeDigest(alice, effectiveAt));
        _expectRevoked(effectiveAt);
        _revokeSigned(alice, effectiveAt, signature);
        assertTrue(consents.authorizationState(alice, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _revokeSigned(alice, effectiveAt, signature);
    }

    function test_RevokesForAContractWallet() public {
        address wallet = address(new OwnerWallet(alice));
        vm.prank(wallet);
        bytes32 key = consents.anchor(_terms());
        _revokeSigned(wallet, 0, _sign(aliceKey, _revokeDigest(wallet, 0)));
        assertEq(uint8(consents.statusOf(key)), uint8(IConsentAnchor.ConsentStatus.Revoked));
        assertEq(uint8(consents.statusOf(consentKey)), uint8(IConsentAnchor.ConsentStatus.Active));
    }

    function test_TheSignatureBindsDateAndSigner() public {
        bytes memory signature = _sign(aliceKey, _revokeDigest(alice, 0));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _revokeSigned(alice, uint40(NOW + 1), signature);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, bob));
        _revokeSigned(bob, 0, signature);
    }

    function _revoke(uint40 effectiveAt) private {
        vm.prank(alice);
        consents.revoke(COMMITMENT, effectiveAt);
    }

    function _revokeSigned(address anchorer, uint40 effectiveAt, bytes memory signature) private {
        vm.prank(relayer);
        consents.revokeWithAuthorization(anchorer, COMMITMENT, effectiveAt, VALID_AFTER, VALID_BEFORE, NONCE, signature);
    }

    function _revokeDigest(address anchorer, uint40 effectiveAt) private view returns (bytes32) {
        return _digest(
            keccak256(abi.encode(REVOKE_TYPEHASH, anchorer, COMMITMENT, effectiveAt, VALID_AFTER, VALID_BEFORE, NONCE))
        );
    }

    function _expectRevoked(uint40 effectiveAt) private {
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.ConsentRevoked(consentKey, alice, effectiveAt);
    }

    function _expectNoEffect(uint256 effectiveAt, uint40 validUntil) private {
        vm.expectRevert(
            abi.encodeWithSelector(IConsentAnchor.RevocationWithoutEffect.selector, effectiveAt, validUntil)
        );
    }
}
