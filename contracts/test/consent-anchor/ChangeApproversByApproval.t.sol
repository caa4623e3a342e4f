// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice `changeApproversByApproval`: only the present set changes the set; nobody appoints himself.
contract ChangeApproversByApprovalTest is ConsentAnchorTest {
    uint8 private constant NEW_THRESHOLD = 2;

    address[] private newMembers;

    function setUp() public override {
        super.setUp();
        uint256[] memory keys = _ascendingKeys("new member", 2);
        newMembers = [vm.addr(keys[0]), vm.addr(keys[1])];
    }

    function test_ChangesSetAndThreshold() public {
        IConsentAnchor.ApprovalRequest memory request = _changeRequest();
        assertEq(
            consents.approversChangeOperation(consentKey, consents.approversHash(newMembers), NEW_THRESHOLD),
            request.operationHash
        );
        _cast(7, request, GRANT);
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.RequestExecuted(_requestId(request), consentKey);
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.ApproversChanged(consentKey, 1, NEW_THRESHOLD, newMembers);
        _change();

        IConsentAnchor.Consent memory consent = consents.consentOf(consentKey);
        assertEq(consent.approvers, _commitmentTo(newMembers, 1));
        assertEq(consent.threshold, NEW_THRESHOLD);
        assertEq(consent.epoch, 1);
        assertEq(consent.validUntil, EXPIRY);
        assertEq(consent.guardian, guardian);
    }

    /// @dev The new ones decide from then on, with their own threshold.
    function test_TheNewSetDecides() public {
        _cast(7, _changeRequest(), GRANT);
        _change();
        IConsentAnchor.ApprovalRequest memory request = _request(OPERATION);
        request.epoch = 1;
        for (uint256 i = 0; i < 2; ++i) {
            assertFalse(consents.isGranted(_requestId(request)));
            vm.prank(newMembers[i]);
            consents.vote(request, newMembers, GRANT);
        }
        assertTrue(consents.isActionable(request));
    }

    /// @dev What was open can be voted on by neither set, and what was granted is acted on no more.
    function test_EndsTheRequestsToTheOldSet() public {
        IConsentAnchor.ApprovalRequest memory request = _request(OPERATION);
        IConsentAnchor.ApprovalRequest memory granted = _request("granted before");
        _cast(3, request, GRANT);
        _cast(7, granted, GRANT);
        _cast(7, _changeRequest(), GRANT);
        _change();
        bytes memory refusal = abi.encodeWithSelector(IConsentAnchor.ApproversNotCurrent.selector, consentKey, 0);
        vm.expectRevert(refusal);
        _vote(2, request, GRANT);
        vm.expectRevert(refusal);
        vm.prank(newMembers[0]);
        consents.vote(request, newMembers, GRANT);
        request.epoch = 1;
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ApproversNotCurrent.selector, consentKey, 1));
        _vote(2, request, GRANT);
        assertTrue(consents.isGranted(_requestId(granted)));
        assertFalse(consents.isActionable(granted));
    }

    /// @dev Of two granted changes the first executed ends the other: it was put to the set that is gone.
    function test_TheFirstOfTwoChangesWins() public {
        bytes32 hash = _approversHash(_members());
        _cast(7, _request(keccak256(abi.encode(CHANGE_APPROVERS_TYPEHASH, consentKey, hash, 1))), GRANT);
        _cast(7, _changeRequest(), GRANT);
        _change();
        IConsentAnchor.ApprovalRequest memory second =
            _request(keccak256(abi.encode(CHANGE_APPROVERS_TYPEHASH, consentKey, hash, 1)));
        second.epoch = 1;
        _expectNotGranted(second, IConsentAnchor.RequestState.Unknown);
        consents.changeApproversByApproval(consentKey, _members(), 1, DEADLINE);
    }

    function test_RefusesAnExecutionTwice() public {
        _cast(7, _changeRequest(), GRANT);
        _change();
        IConsentAnchor.ApprovalRequest memory again = _changeRequest();
        again.epoch = 1;
        _expectNotGranted(again, IConsentAnchor.RequestState.Unknown);
        _change();
    }

    function test_RefusesWhatIsNotGranted() public {
        _expectNotGranted(_changeRequest(), IConsentAnchor.RequestState.Unknown);
        _change();
        _cast(3, _changeRequest(), GRANT);
        _expectNotGranted(_changeRequest(), IConsentAnchor.RequestState.Open);
        _change();
    }

    /// @dev The anchorer, the guardian and a member alone change nothing.
    function test_NobodyAppointsHimself() public {
        address[3] memory callers = [alice, guardian, _member(0)];
        _vote(0, _changeRequest(), GRANT);
        for (uint256 i = 0; i < callers.length; ++i) {
            _expectNotGranted(_changeRequest(), IConsentAnchor.RequestState.Open);
            vm.prank(callers[i]);
            consents.changeApproversByApproval(consentKey, newMembers, NEW_THRESHOLD, DEADLINE);
        }
        assertEq(consents.consentOf(consentKey).epoch, 0);
    }

    /// @dev A quorum cannot lock itself out by a set or threshold that nobody can be.
    function test_RefusesAnImproperSet() public {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ThresholdInvalid.selector, 3, 2));
        consents.changeApproversByApproval(consentKey, newMembers, 3, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ThresholdInvalid.selector, 0, 2));
        consents.changeApproversByApproval(consentKey, newMembers, 0, DEADLINE);
        newMembers[1] = newMembers[0];
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ApproversNotAscending.selector, 1));
        _change();
    }

    function test_RefusesAConsentNotInForce() public {
        _cast(7, _changeRequest(), GRANT);
        for (uint256 time = EXPIRY; time < EXPIRY + 2; ++time) {
            vm.warp(time);
            vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ConsentNotInForce.selector, consentKey, EXPIRY));
            _change();
        }
    }

    function _changeRequest() private view returns (IConsentAnchor.ApprovalRequest memory) {
        bytes32 hash = _approversHash(newMembers);
        return _request(keccak256(abi.encode(CHANGE_APPROVERS_TYPEHASH, consentKey, hash, NEW_THRESHOLD)));
    }

    function _change() private {
        vm.prank(relayer);
        consents.changeApproversByApproval(consentKey, newMembers, NEW_THRESHOLD, DEADLINE);
    }

    function _expectNotGranted(IConsentAnchor.ApprovalRequest memory request, IConsentAnchor.RequestState state)
        private
    {
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestNotGranted.selector, _requestId(request), state));
    }
}
