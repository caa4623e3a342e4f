// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice `revokeByApproval`: the approvers' quorum revokes, as in the document's own example (E-091, S-12).
contract RevokeByApprovalTest is ConsentAnchorTest {
    uint40 private constant EFFECTIVE_AT = uint40(NOW + 30 days);

    IConsentAnchor.ApprovalRequest private request;
    bytes32 private requestId;

    function setUp() public override {
        super.setUp();
        request = _request(_operation(EFFECTIVE_AT));
        requestId = _requestId(request);
    }

    function test_RevokesAsGranted() public {
        assertEq(consents.revocationOperation(consentKey, EFFECTIVE_AT), request.operationHash);
        _cast(7, request, GRANT);
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.RequestExecuted(requestId, consentKey);
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.ConsentRevoked(consentKey, address(0), EFFECTIVE_AT);
        _revoke(EFFECTIVE_AT);
        assertEq(consents.consentOf(consentKey).validUntil, EFFECTIVE_AT);
        assertEq(uint8(consents.statusOf(consentKey)), uint8(IConsentAnchor.ConsentStatus.RevocationPending));
        _assertRequest(requestId, IConsentAnchor.RequestState.Executed, 7, 0);
        assertTrue(consents.isGranted(requestId));
        assertFalse(consents.isActionable(request));
    }

    function test_RefusesAnExecutionTwice() public {
        _cast(7, request, GRANT);
        _revoke(EFFECTIVE_AT);
        _expectNotGranted(IConsentAnchor.RequestState.Executed);
        _revoke(EFFECTIVE_AT);
    }

    /// @dev Below the threshold, denied, expired, never asked.
    function test_RefusesWhatIsNotGranted() public {
        _expectNotGranted(IConsentAnchor.RequestState.Unknown);
        _revoke(EFFECTIVE_AT);
        _cast(3, request, GRANT);
        _expectNotGranted(IConsentAnchor.RequestState.Open);
        _revoke(EFFECTIVE_AT);
        _cast(7, request, DENY);
        _expectNotGranted(IConsentAnchor.RequestState.Denied);
        _revoke(EFFECTIVE_AT);
        request.deadline = DEADLINE + 1;
        requestId = _requestId(request);
        _cast(3, request, GRANT);
        vm.warp(DEADLINE + 1);
        _expectNotGranted(IConsentAnchor.RequestState.Expired);
        consents.revokeByApproval(consentKey, EFFECTIVE_AT, DEADLINE + 1);
    }

    function test_RefusesAnotherDateThanGranted() public {
        _cast(7, request, GRANT);
        requestId = _requestId(_request(_operation(EFFECTIVE_AT - 1)));
        _expectNotGranted(IConsentAnchor.RequestState.Unknown);
        _revoke(EFFECTIVE_AT - 1);
    }

    /// @dev The deadline is that of the votes.
    function test_WorksAfterTheDeadline() public {
        _cast(7, request, GRANT);
        vm.warp(DEADLINE);
        _revoke(EFFECTIVE_AT);
        assertTrue(consents.consentOf(consentKey).revoked);
    }

    /// @dev When the anchorer's own revocation is earlier, the approvers' would end nothing; the grant is not used up.
    function test_RefusesWhatEndsNothing() public {
        _cast(7, request, GRANT);
        vm.prank(alice);
        consents.revoke(COMMITMENT, EFFECTIVE_AT - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentAnchor.RevocationWithoutEffect.selector, EFFECTIVE_AT, EFFECTIVE_AT - 1)
        );
        _revoke(EFFECTIVE_AT);
        _assertRequest(requestId, IConsentAnchor.RequestState.Granted, 7, 0);
    }

    function test_RefusesAConsentNotInForce() public {
        _cast(7, request, GRANT);
        vm.prank(guardian);
        consents.emergencyRevoke(consentKey);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ConsentNotInForce.selector, consentKey, NOW));
        _revoke(EFFECTIVE_AT);
    }

    function _operation(uint40 effectiveAt) private view returns (bytes32) {
        return keccak256(abi.encode(REVOKE_CONSENT_TYPEHASH, consentKey, effectiveAt));
    }

    function _revoke(uint40 effectiveAt) private {
        vm.prank(relayer);
        consents.revokeByApproval(consentKey, effectiveAt, DEADLINE);
    }

    function _expectNotGranted(IConsentAnchor.RequestState state) private {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestNotGranted.selector, requestId, state));
    }
}
