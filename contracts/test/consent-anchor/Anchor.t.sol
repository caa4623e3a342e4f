// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice `anchor` and `anchorWithAuthorization`: what is fixed, and what is refused.
contract AnchorTest is ConsentAnchorTest {
    bytes32 private constant ANOTHER = keccak256("another commitment");

    function test_FixesTheTerms() public view {
        IConsentAnchor.Consent memory consent = consents.consentOf(consentKey);
        assertEq(consent.approvers, _commitmentTo(_members(), 0));
        assertEq(consent.validUntil, EXPIRY);
        assertEq(consent.threshold, THRESHOLD);
        assertEq(consent.guardian, guardian);
        assertEq(consent.anchoredAt, NOW);
        assertEq(consent.epoch, 0);
        assertEq(uint8(consent.level), uint8(IConsentAnchor.ConsentLevel.Educational));
        assertFalse(consent.revoked);
    }

    function testFuzz_Anchors(
        address anchorer,
        bytes32 commitment,
        uint8 level,
        uint40 expiry,
        bytes32 approversHash,
        uint8 threshold,
        address guard
    ) public {
        vm.assume(commitment != 0 && approversHash != 0 && (anchorer != alice || commitment != COMMITMENT));
        IConsentAnchor.ConsentTerms memory terms = IConsentAnchor.ConsentTerms({
            commitment: commitment,
            level: IConsentAnchor.ConsentLevel(bound(level, 0, 5)),
            expiry: uint40(bound(expiry, NOW + 1, type(uint40).max)),
            approversHash: approversHash,
            threshold: uint8(bound(threshold, 1, 32)),
            guardian: guard
        });
        _expectAnchored(anchorer, terms);
        vm.prank(anchorer);
        assertEq(consents.anchor(terms), keccak256(abi.encode(anchorer, commitment)));
    }

    /// @dev Keys bind the anchorer, so a copied commitment takes nothing from anyone.
    function test_ACopiedCommitmentIsAnotherConsent() public {
        vm.prank(bob);
        bytes32 copied = consents.anchor(_terms());
        assertTrue(copied != consentKey);
        assertEq(copied, consents.consentKeyOf(bob, COMMITMENT));
        vm.prank(bob);
        consents.revoke(COMMITMENT, 0);
        assertEq(consents.consentOf(consentKey).validUntil, EXPIRY);
    }

    function test_AnchorsBySignature() public {
        IConsentAnchor.ConsentTerms memory terms = _another();
        bytes memory signature = _sign(aliceKey, _anchorDigest(alice, terms));
        _expectAnchored(alice, terms);
        _anchorSigned(alice, terms, signature);
        assertTrue(consents.authorizationState(alice, NONCE));

        terms.commitment = COMMITMENT;
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _anchorSigned(alice, terms, signature);
    }

    function test_AnchorsForAContractWallet() public {
        address wallet = address(new OwnerWallet(alice));
        IConsentAnchor.ConsentTerms memory terms = _another();
        bytes memory signature = _sign(aliceKey, _anchorDigest(wallet, terms));
        _expectAnchored(wallet, terms);
        _anchorSigned(wallet, terms, signature);
    }

    /// @dev Every term is signed: another value of any of them is another message.
    function test_TheSignatureBindsEveryTerm() public {
        bytes memory signature = _sign(aliceKey, _anchorDigest(alice, _another()));
        for (uint256 i = 0; i < 6; ++i) {
            IConsentAnchor.ConsentTerms memory terms = _another();
            if (i == 0) terms.commitment = keccak256("not signed");
            if (i == 1) terms.level = IConsentAnchor.ConsentLevel.FullCommercial;
            if (i == 2) terms.expiry += 1;
            if (i == 3) terms.approversHash = keccak256("others");
            if (i == 4) terms.threshold = 1;
            if (i == 5) terms.guardian = relayer;
            vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
            _anchorSigned(alice, terms, signature);
        }
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, bob));
        _anchorSigned(bob, _another(), signature);
    }

    function test_RefusesAKeyTwice() public {
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ConsentAlreadyAnchored.selector, consentKey), _terms());
        vm.prank(alice);
        consents.revoke(COMMITMENT, 0);
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ConsentAlreadyAnchored.selector, consentKey), _terms());
    }

    function test_RefusesEmptyHashes() public {
        IConsentAnchor.ConsentTerms memory terms = _another();
        terms.commitment = 0;
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.EmptyHash.selector), terms);
        terms = _another();
        terms.approversHash = 0;
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.EmptyHash.selector), terms);
    }

    function testFuzz_RefusesAPassedExpiry(uint40 expiry) public {
        IConsentAnchor.ConsentTerms memory terms = _another();
        terms.expiry = uint40(bound(expiry, 0, NOW));
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ExpiryPassed.selector, terms.expiry), terms);
        terms.expiry = uint40(NOW);
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ExpiryPassed.selector, NOW), terms);
    }

    function testFuzz_RefusesThresholdsThatNoSetCanReach(uint8 threshold) public {
        vm.assume(threshold == 0 || threshold > 32);
        IConsentAnchor.ConsentTerms memory terms = _another();
        terms.threshold = threshold;
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ThresholdInvalid.selector, threshold, 32), terms);
    }

    function _another() private view returns (IConsentAnchor.ConsentTerms memory terms) {
        terms = _terms();
        terms.commitment = ANOTHER;
    }

    function _expectAnchored(address anchorer, IConsentAnchor.ConsentTerms memory terms) private {
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.ConsentAnchored(
            keccak256(abi.encode(anchorer, terms.commitment)),
            anchorer,
            terms.guardian,
            terms.commitment,
            terms.level,
            terms.expiry,
            terms.approversHash,
            terms.threshold
        );
    }

    function _expectRefused(bytes memory revertData, IConsentAnchor.ConsentTerms memory terms) private {
        vm.expectRevert(revertData);
        vm.prank(alice);
        consents.anchor(terms);
    }

    function _anchorSigned(address anchorer, IConsentAnchor.ConsentTerms memory terms, bytes memory signature) private {
        vm.prank(relayer);
        consents.anchorWithAuthorization(anchorer, terms, VALID_AFTER, VALID_BEFORE, NONCE, signature);
    }

    function _anchorDigest(address anchorer, IConsentAnchor.ConsentTerms memory terms) private view returns (bytes32) {
        bytes memory members = abi.encode(
            terms.commitment, terms.level, terms.expiry, terms.approversHash, terms.threshold, terms.guardian
        );
        bytes memory tail = abi.encode(VALID_AFTER, VALID_BEFORE, NONCE);
        return _digest(keccak256(bytes.concat(abi.encode(ANCHOR_TYPEHASH, anchorer), members, tail)));
    }
}
