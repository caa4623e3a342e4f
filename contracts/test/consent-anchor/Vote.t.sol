// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice `vote`: a member grants, denies or withdraws itself (E-092, E-093, X-39).
contract VoteTest is ConsentAnchorTest {
    IConsentAnchor.ApprovalRequest private request;
    bytes32 private requestId;

    function setUp() public override {
        super.setUp();
        request = _request(OPERATION);
        requestId = _requestId(request);
    }

    function test_TheThresholdsLastVoteGrants() public {
        _expectChanged(request, IConsentAnchor.RequestState.Open, 1, 0);
        _vote(0, request, GRANT);
        _expectChanged(request, IConsentAnchor.RequestState.Open, 1 | 8, 0);
        _vote(3, request, GRANT);
        assertFalse(consents.isGranted(requestId));
        assertFalse(consents.isActionable(request));
        _expectChanged(request, IConsentAnchor.RequestState.Granted, 1 | 8 | 16, 0);
        _vote(4, request, GRANT);
        assertTrue(consents.isGranted(requestId));
        assertTrue(consents.isActionable(request));
    }

    /// @dev Denied as soon as two of five are all that could still grant.
    function test_DeniesEarly() public {
        _vote(0, request, GRANT);
        _vote(1, request, DENY);
        _vote(2, request, DENY);
        _assertRequest(requestId, IConsentAnchor.RequestState.Open, 1, 2 | 4);
        _expectChanged(request, IConsentAnchor.RequestState.Denied, 1, 2 | 4 | 8);
        _vote(3, request, DENY);
        assertFalse(consents.isGranted(requestId));
    }

    /// @dev A withdrawn grant does not count, and its member says no more.
    function test_WithdrawsAGrantForGood() public {
        _vote(0, request, GRANT);
        _vote(1, request, GRANT);
        _expectChanged(request, IConsentAnchor.RequestState.Open, 1 | 2, 2);
        _vote(1, request, DENY);
        _vote(2, request, GRANT);
        _assertRequest(requestId, IConsentAnchor.RequestState.Open, 1 | 2 | 4, 2);
        _expectAlreadyCast(1);
        _vote(1, request, GRANT);
        _expectAlreadyCast(1);
        _vote(1, request, DENY);
        _vote(3, request, GRANT);
        assertTrue(consents.isGranted(requestId));
    }

    function test_WithdrawalsCanDeny() public {
        _vote(0, request, GRANT);
        _vote(1, request, GRANT);
        _vote(0, request, DENY);
        _vote(1, request, DENY);
        _vote(2, request, DENY);
        _assertRequest(requestId, IConsentAnchor.RequestState.Denied, 3, 7);
    }

    function test_RefusesAGrantTwice() public {
        _vote(0, request, GRANT);
        _expectAlreadyCast(0);
        _vote(0, request, GRANT);
    }

    /// @dev Neither a grant nor a withdrawal changes what is decided.
    function test_RefusesVotesOnADecidedRequest() public {
        _cast(7, request, GRANT);
        _expectClosed(IConsentAnchor.RequestState.Granted);
        _vote(3, request, GRANT);
        _expectClosed(IConsentAnchor.RequestState.Granted);
        _vote(0, request, DENY);
        vm.warp(DEADLINE);
        assertTrue(consents.isGranted(requestId));

        vm.warp(NOW);
        request = _request("another operation");
        requestId = _requestId(request);
        _cast(7, request, DENY);
        _expectClosed(IConsentAnchor.RequestState.Denied);
        _vote(3, request, GRANT);
    }

    function testFuzz_VotesCountBeforeTheDeadline(uint256 time) public {
        time = bound(time, NOW, EXPIRY - 1);
        _vote(0, request, GRANT);
        vm.warp(time);
        if (time >= DEADLINE) {
            _assertRequest(requestId, IConsentAnchor.RequestState.Expired, 1, 0);
            _expectExpired();
            _vote(1, request, GRANT);
            _expectExpired();
            _vote(0, request, DENY);
        } else {
            _vote(1, request, GRANT);
            _assertRequest(requestId, IConsentAnchor.RequestState.Open, 3, 0);
        }
    }

    /// @dev Nobody opens what is over before it began.
    function test_RefusesToOpenAfterTheDeadline() public {
        vm.warp(DEADLINE);
        _expectExpired();
        _vote(0, request, GRANT);
        _assertRequest(requestId, IConsentAnchor.RequestState.Unknown, 0, 0);
    }

    /// @dev Not the anchorer, not the guardian: who is no member has no vote and opens nothing.
    function testFuzz_RefusesOthers(address caller) public {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            vm.assume(caller != _member(i));
        }
        _expectNoMember(caller);
        _expectNoMember(alice);
        _expectNoMember(guardian);
        _assertRequest(requestId, IConsentAnchor.RequestState.Unknown, 0, 0);
    }

    function test_RefusesAConsentNotInForce() public {
        _vote(0, request, GRANT);
        vm.prank(guardian);
        consents.emergencyRevoke(consentKey);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ConsentNotInForce.selector, consentKey, NOW));
        _vote(1, request, GRANT);
    }

    /// @dev Until a revocation takes effect its approvers decide (X-57).
    function test_VotesCountWhileARevocationIsPending() public {
        vm.prank(alice);
        consents.revoke(COMMITMENT, uint40(NOW + 2 days));
        _vote(0, request, GRANT);
        vm.warp(NOW + 2 days);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ConsentNotInForce.selector, consentKey, NOW + 2 days));
        _vote(1, request, GRANT);
    }

    /// @dev A grant stays a fact; that it may be acted on ends with the consent.
    function test_AGrantIsNotActionableAfterTheConsent() public {
        _cast(7, request, GRANT);
        vm.prank(guardian);
        consents.emergencyRevoke(consentKey);
        assertTrue(consents.isGranted(requestId));
        assertFalse(consents.isActionable(request));
    }

    /// @dev Many open requests hinder nothing: each is a word of its own.
    function test_RequestsAreIndependent() public {
        for (uint256 i = 0; i < 20; ++i) {
            _vote(0, _request(bytes32(i)), DENY);
        }
        _cast(14, request, GRANT);
        assertTrue(consents.isGranted(requestId));
        _assertRequest(_requestId(_request(bytes32(uint256(7)))), IConsentAnchor.RequestState.Open, 0, 1);
    }

    function _expectNoMember(address caller) private {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.NotAnApprover.selector, caller));
        vm.prank(caller);
        consents.vote(request, _members(), GRANT);
    }

    function _expectAlreadyCast(uint256 member) private {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.VoteAlreadyCast.selector, requestId, _member(member)));
    }

    function _expectClosed(IConsentAnchor.RequestState state) private {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestClosed.selector, requestId, state));
    }

    function _expectExpired() private {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestExpired.selector, requestId, DEADLINE));
    }
}
