// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice `emergencyRevoke` and `emergencyRevokeWithAuthorization`: the guardian ends a consent at once (X-57).
contract EmergencyRevokeTest is ConsentAnchorTest {
    function test_EndsTheConsentAtOnce() public {
        _expectRevoked(guardian);
        vm.prank(guardian);
        consents.emergencyRevoke(consentKey);
        assertEq(uint8(consents.statusOf(consentKey)), uint8(IConsentAnchor.ConsentStatus.Revoked));
        assertFalse(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.MemorialOnly, NOW));
    }

    function test_OvertakesAPendingRevocation() public {
        vm.prank(alice);
        consents.revoke(COMMITMENT, uint40(NOW + 30 days));
        vm.prank(guardian);
        consents.emergencyRevoke(consentKey);
        assertEq(consents.consentOf(consentKey).validUntil, NOW);
    }

    function test_OnceIsEnough() public {
        vm.startPrank(guardian);
        consents.emergencyRevoke(consentKey);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RevocationWithoutEffect.selector, NOW, uint40(NOW)));
        consents.emergencyRevoke(consentKey);
    }

    /// @dev Neither anchorer nor approver nor anybody else.
    function testFuzz_RefusesOthers(address caller) public {
        vm.assume(caller != guardian);
        _expectRefused(caller);
        _expectRefused(alice);
        _expectRefused(_member(0));
    }

    /// @dev Without a guardian nobody has this path; the zero address calls nothing and signs nothing.
    function test_WithoutGuardianNobodyMay() public {
        IConsentAnchor.ConsentTerms memory terms = _terms();
        terms.guardian = address(0);
        vm.prank(bob);
        consentKey = consents.anchor(terms);
        _expectRefused(guardian);
        _expectRefused(address(0));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, address(0)));
        _emergencySigned(address(0), new bytes(65));
    }

    function test_RevokesBySignature() public {
        bytes memory signature = _sign(guardianKey, _emergencyDigest(guardian));
        _expectRevoked(guardian);
        _emergencySigned(guardian, signature);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, guardian, NONCE));
        _emergencySigned(guardian, signature);
    }

    function test_RevokesForAContractWallet() public {
        address wallet = address(new OwnerWallet(guardian));
        IConsentAnchor.ConsentTerms memory terms = _terms();
        terms.guardian = wallet;
        vm.prank(bob);
        consentKey = consents.anchor(terms);
        bytes memory signature = _sign(guardianKey, _emergencyDigest(wallet));
        _expectRevoked(wallet);
        _emergencySigned(wallet, signature);
    }

    function test_RefusesTheSignatureOfOthers() public {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.NotTheGuardian.selector, consentKey, alice));
        _emergencySigned(alice, _sign(aliceKey, _emergencyDigest(alice)));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, guardian));
        _emergencySigned(guardian, _sign(aliceKey, _emergencyDigest(guardian)));
        bytes memory signature = _sign(guardianKey, _emergencyDigest(guardian));
        consentKey = keccak256("another consent");
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, guardian));
        _emergencySigned(guardian, signature);
    }

    function _emergencySigned(address signer, bytes memory signature) private {
        vm.prank(relayer);
        consents.emergencyRevokeWithAuthorization(signer, consentKey, VALID_AFTER, VALID_BEFORE, NONCE, signature);
    }

    function _emergencyDigest(address signer) private view returns (bytes32) {
        return _digest(keccak256(abi.encode(EMERGENCY_TYPEHASH, signer, consentKey, VALID_AFTER, VALID_BEFORE, NONCE)));
    }

    function _expectRevoked(address by) private {
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.ConsentRevoked(consentKey, by, uint40(NOW));
    }

    function _expectRefused(address caller) private {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.NotTheGuardian.selector, consentKey, caller));
        vm.prank(caller);
        consents.emergencyRevoke(consentKey);
    }
}
