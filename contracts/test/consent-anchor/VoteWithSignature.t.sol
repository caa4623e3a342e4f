// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet, ThoughtfulWallet} from "../support/Wallets.sol";

/// @notice `voteWithSignature`: one signed vote of any signer, in any form, submitted by anyone.
contract VoteWithSignatureTest is ConsentAnchorTest {
    IConsentAnchor.ApprovalRequest private request;
    bytes32 private requestId;
    address private walletMember;

    function setUp() public override {
        super.setUp();
        request = _request(OPERATION);
        requestId = _requestId(request);
    }

    function test_TakesBothFormsOfAKeysSignature() public {
        _expectChanged(request, IConsentAnchor.RequestState.Open, 1, 0);
        _submit(_member(0), GRANT, _signedVote(0, request, GRANT));
        _submit(_member(1), GRANT, _compact(_signedVote(1, request, GRANT)));
        _submit(_member(2), DENY, _signedVote(2, request, DENY));
        _expectChanged(request, IConsentAnchor.RequestState.Granted, 1 | 2 | 8, 4);
        _submit(_member(3), GRANT, _signedVote(3, request, GRANT));
        assertTrue(consents.isGranted(requestId));
    }

    function test_RefusesWhatTheMemberDidNotSign() public {
        _expectBadSignature(0, GRANT, _signedVote(1, request, GRANT));
        _expectBadSignature(0, GRANT, _signedVote(0, request, DENY));
        _expectBadSignature(0, DENY, _signedVote(0, request, GRANT));
        _expectBadSignature(0, GRANT, _highS(_signedVote(0, request, GRANT)));
        _expectBadSignature(0, GRANT, "");
        bytes memory signature = _signedVote(0, request, GRANT);
        request.operationHash = keccak256("not signed");
        _expectBadSignature(0, GRANT, signature);
    }

    function test_RefusesWhoIsNoMember() public {
        bytes memory signature = _sign(aliceKey, _voteDigest(alice, request, GRANT));
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.NotAnApprover.selector, alice));
        _submit(alice, GRANT, signature);
        _assertRequest(requestId, IConsentAnchor.RequestState.Unknown, 0, 0);
    }

    /// @dev With the operands of the direct call.
    function test_RefusesLikeTheDirectVote() public {
        bytes memory signature = _signedVote(0, request, GRANT);
        _submit(_member(0), GRANT, signature);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.VoteAlreadyCast.selector, requestId, _member(0)));
        _submit(_member(0), GRANT, signature);
        _cast(6, request, GRANT);
        vm.expectRevert(
            abi.encodeWithSelector(
                IConsentAnchor.RequestClosed.selector, requestId, IConsentAnchor.RequestState.Granted
            )
        );
        _submit(_member(0), GRANT, signature);
    }

    /// @dev Contract wallets are members like others, and sign in whatever form they take.
    function test_ContractWalletsVote() public {
        address[] memory members = _withWallet(address(new OwnerWallet(alice)));
        uint256 place = _place(members, walletMember);
        bytes memory signature = _sign(aliceKey, _voteDigest(walletMember, request, GRANT));
        vm.prank(relayer);
        consents.voteWithSignature(request, members, GRANT, walletMember, signature);
        assertEq(consents.requestOf(_requestId(request)).granted, 1 << place);

        bytes memory withdrawal = _sign(aliceKey, _voteDigest(walletMember, request, DENY));
        consents.voteWithSignature(request, members, DENY, walletMember, withdrawal);
        assertEq(consents.requestOf(_requestId(request)).declined, 1 << place);
    }

    function test_ContractWalletsGetTheirGasAndNoMore() public {
        address quick = address(new ThoughtfulWallet(198_000));
        address[] memory members = _withWallet(quick);
        consents.voteWithSignature(request, members, GRANT, quick, "whatever it takes");
        assertEq(_count(consents.requestOf(_requestId(request)).granted), 1);

        address slow = address(new ThoughtfulWallet(200_001));
        members = _withWallet(slow);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, slow));
        consents.voteWithSignature(request, members, GRANT, slow, "whatever it takes");
    }

    /// @dev EIP-7702: an ordinary account with delegated code signs with its key.
    function test_DelegatedAccountsSignWithTheirKey() public {
        vm.signAndAttachDelegation(address(new OwnerWallet(bob)), memberKeys[0]);
        _submit(_member(0), GRANT, _signedVote(0, request, GRANT));
        _assertRequest(requestId, IConsentAnchor.RequestState.Open, 1, 0);
    }

    /// @dev A consent of bob's that the wallet and two of alice's members govern; `request` is put to them.
    function _withWallet(address wallet) private returns (address[] memory members) {
        members = new address[](3);
        (members[0], members[1], members[2]) = (_member(0), _member(1), wallet);
        for (uint256 i = 2; i > 0 && members[i - 1] > members[i]; --i) {
            (members[i - 1], members[i]) = (members[i], members[i - 1]);
        }
        walletMember = wallet;
        request.consentKey = _anchorFor(bob, members, 2, bytes32(uint256(uint160(wallet))));
    }

    function _place(address[] memory members, address member) private pure returns (uint256 place) {
        while (members[place] != member) ++place;
    }

    function _submit(address approver, IConsentAnchor.Decision decision, bytes memory signature) private {
        vm.prank(relayer);
        consents.voteWithSignature(request, _members(), decision, approver, signature);
    }

    function _expectBadSignature(uint256 member, IConsentAnchor.Decision decision, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, _member(member)));
        _submit(_member(member), decision, signature);
    }
}
