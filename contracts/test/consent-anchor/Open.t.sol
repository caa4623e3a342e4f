// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice `open` and `openWithAuthorization`: the anchorer asks its approvers (E-091). What a set and a request must be
/// like is checked here for all who present them.
contract OpenTest is ConsentAnchorTest {
    function test_Opens() public {
        bytes32 requestId = _requestId(_request(OPERATION));
        _expectChanged(_request(OPERATION), IConsentAnchor.RequestState.Open, 0, 0);
        vm.prank(alice);
        assertEq(consents.open(COMMITMENT, OPERATION, DEADLINE, _members()), requestId);
        IConsentAnchor.RequestRecord memory record = consents.requestOf(requestId);
        assertEq(uint8(record.state), uint8(IConsentAnchor.RequestState.Open));
        assertEq(record.deadline, DEADLINE);
        assertEq(record.threshold, THRESHOLD);
        assertEq(record.memberCount, MEMBERS);
        assertEq(record.granted | record.declined, 0);
        assertEq(consents.requestIdOf(_request(OPERATION)), requestId);
    }

    function test_OpensBySignature() public {
        bytes memory signature = _sign(aliceKey, _openDigest(alice));
        _expectChanged(_request(OPERATION), IConsentAnchor.RequestState.Open, 0, 0);
        assertEq(_openSigned(alice, signature), _requestId(_request(OPERATION)));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _openSigned(alice, signature);
    }

    function test_OpensForAContractWallet() public {
        address wallet = address(new OwnerWallet(alice));
        vm.prank(wallet);
        consents.anchor(_terms());
        bytes32 requestId = _openSigned(wallet, _sign(aliceKey, _openDigest(wallet)));
        _assertRequest(requestId, IConsentAnchor.RequestState.Open, 0, 0);
    }

    function test_RefusesTheSignatureOfOthers() public {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _openSigned(alice, _sign(bobKey, _openDigest(alice)));
    }

    /// @dev The key is made of the caller, so nobody opens a request of another's consent.
    function testFuzz_OthersReachNothing(address caller) public {
        vm.assume(caller != alice);
        bytes32 reached = keccak256(abi.encode(caller, COMMITMENT));
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ConsentNotInForce.selector, reached, 0));
        vm.prank(caller);
        consents.open(COMMITMENT, OPERATION, DEADLINE, _members());
    }

    /// @dev Open, decided or expired: an id is used once.
    function test_RefusesARequestTwice() public {
        bytes32 requestId = _open();
        bytes memory refusal = abi.encodeWithSelector(IConsentAnchor.RequestAlreadyOpened.selector, requestId);
        vm.expectRevert(refusal);
        _open();
        _cast(7, _request(OPERATION), GRANT);
        vm.expectRevert(refusal);
        _open();
        vm.warp(DEADLINE);
        vm.expectRevert(refusal);
        _open();
    }

    function testFuzz_RefusesAPassedDeadline(uint40 deadline) public {
        deadline = uint40(bound(deadline, 0, NOW));
        IConsentAnchor.ApprovalRequest memory request = _request(OPERATION);
        request.deadline = deadline;
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestExpired.selector, _requestId(request), deadline));
        vm.prank(alice);
        consents.open(COMMITMENT, OPERATION, deadline, _members());
    }

    function test_RefusesAConsentNotInForce() public {
        for (uint256 time = EXPIRY; time < EXPIRY + 2; ++time) {
            vm.warp(time);
            vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ConsentNotInForce.selector, consentKey, EXPIRY));
            _open();
        }
    }

    function test_RefusesOtherMembers() public {
        address[] memory others = _members();
        others[4] = address(type(uint160).max);
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ApproversNotCurrent.selector, consentKey, 0), others);
        address[] memory fewer = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            fewer[i] = _member(i);
        }
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ApproversNotCurrent.selector, consentKey, 0), fewer);
    }

    /// @dev Distinct and not zero: nobody counts twice, also in a set that was anchored like that.
    function test_RefusesMembersOutOfOrder() public {
        for (uint256 i = 0; i < 4; ++i) {
            address[] memory members = _members();
            uint256 faulty = 2;
            if (i == 0) members[2] = members[1];
            if (i == 1) (members[1], members[2]) = (members[2], members[1]);
            if (i == 2) (members[0], faulty) = (address(0), 0);
            if (i == 3) (members[4], faulty) = (members[0], 4);
            _anchorFor(bob, members, 2, bytes32(i + 1));
            vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ApproversNotAscending.selector, faulty));
            vm.prank(bob);
            consents.open(bytes32(i + 1), OPERATION, DEADLINE, members);
        }
    }

    function test_TheLeastAndTheGreatestAddressAreMembers() public view {
        address[] memory members = new address[](2);
        (members[0], members[1]) = (address(1), address(type(uint160).max));
        assertEq(consents.approversHash(members), _approversHash(members));
    }

    /// @dev What is no address is no member.
    function test_RefusesWordsThatAreNoAddress() public {
        address[] memory members = _members();
        bytes memory call = abi.encodeCall(IConsentAnchor.open, (COMMITMENT, OPERATION, DEADLINE, members));
        call[call.length - 32] = 0x01;
        vm.prank(alice);
        (bool success, bytes memory answer) = address(consents).call(call);
        assertFalse(success);
        assertEq(answer, abi.encodeWithSelector(IConsentAnchor.ApproversNotAscending.selector, 4));
    }

    function test_RefusesNobodyAndTooMany() public {
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ApproverCountInvalid.selector, 0), new address[](0));
        address[] memory many = _ascending(33);
        _expectRefused(abi.encodeWithSelector(IConsentAnchor.ApproverCountInvalid.selector, 33), many);
    }

    /// @dev The hash does not show how many members there are: a threshold above them shows when they are presented.
    function test_RefusesAThresholdAboveTheMembers() public {
        _anchorFor(bob, _members(), 6, COMMITMENT);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ThresholdInvalid.selector, 6, 5));
        vm.prank(bob);
        consents.open(COMMITMENT, OPERATION, DEADLINE, _members());
    }

    function test_LargestSet() public {
        address[] memory members = _ascending(32);
        _anchorFor(bob, members, 32, COMMITMENT);
        vm.prank(bob);
        bytes32 requestId = consents.open(COMMITMENT, OPERATION, DEADLINE, members);
        IConsentAnchor.ApprovalRequest memory request = _request(OPERATION);
        request.consentKey = keccak256(abi.encode(bob, COMMITMENT));
        for (uint256 i = 0; i < 32; ++i) {
            assertFalse(consents.isGranted(requestId));
            vm.prank(members[i]);
            consents.vote(request, members, GRANT);
        }
        assertTrue(consents.isGranted(requestId));
        assertEq(consents.requestOf(requestId).granted, type(uint32).max);
    }

    /// @dev A member opens by voting, so a request can stand already when the anchorer comes; nothing is lost by it.
    function test_AMemberMayBeFirst() public {
        _vote(4, _request(OPERATION), GRANT);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentAnchor.RequestAlreadyOpened.selector, _requestId(_request(OPERATION)))
        );
        _open();
        _cast(3, _request(OPERATION), GRANT);
        assertTrue(consents.isGranted(_requestId(_request(OPERATION))));
    }

    function _open() private returns (bytes32) {
        vm.prank(alice);
        return consents.open(COMMITMENT, OPERATION, DEADLINE, _members());
    }

    function _openSigned(address anchorer, bytes memory signature) private returns (bytes32) {
        vm.prank(relayer);
        return consents.openWithAuthorization(
            anchorer, COMMITMENT, OPERATION, DEADLINE, _members(), VALID_AFTER, VALID_BEFORE, NONCE, signature
        );
    }

    function _openDigest(address anchorer) private view returns (bytes32) {
        return _digest(
            keccak256(
                abi.encode(OPEN_TYPEHASH, anchorer, COMMITMENT, OPERATION, DEADLINE, VALID_AFTER, VALID_BEFORE, NONCE)
            )
        );
    }

    function _expectRefused(bytes memory revertData, address[] memory members) private {
        vm.expectRevert(revertData);
        vm.prank(alice);
        consents.open(COMMITMENT, OPERATION, DEADLINE, members);
    }

    function _ascending(uint256 count) private pure returns (address[] memory members) {
        members = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = address(uint160(i + 1) << 32);
        }
    }
}
