// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentAnchor} from "../../src/ConsentAnchor.sol";
import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice A vote that was signed once and is tried again: on another request, another contract, another chain, by
/// another wallet of the same owner, after its withdrawal, after the deadline, after the set was changed.
contract ReplayTest is ConsentAnchorTest {
    IConsentAnchor.ApprovalRequest private request;

    function setUp() public override {
        super.setUp();
        request = _request(OPERATION);
    }

    /// @dev Another operation, another deadline, another consent of the same approvers.
    function test_OnAnotherRequest() public {
        bytes memory signature = _signedVote(0, request, GRANT);
        bytes32 another = _anchorFor(bob, _members(), THRESHOLD, COMMITMENT);
        for (uint256 i = 0; i < 3; ++i) {
            IConsentAnchor.ApprovalRequest memory other = _request(OPERATION);
            if (i == 0) other.operationHash = keccak256("another operation");
            if (i == 1) other.deadline += 1;
            if (i == 2) other.consentKey = another;
            _expectBadSignature(consents, other, signature);
            IConsentAnchor.CompactSignature[] memory signatures = _signedVotes(7, request, GRANT);
            vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestNotOpened.selector, _requestId(other)));
            consents.castSignedVotes(other, _members(), GRANT, 7, signatures);
        }
    }

    function test_OnAnotherContract() public {
        ConsentAnchor other = ConsentAnchor(Artifacts.deploy("ConsentAnchor", ""));
        vm.prank(alice);
        assertEq(other.anchor(_terms()), consentKey);
        _expectBadSignature(other, request, _signedVote(0, request, GRANT));
    }

    /// @dev Also on a chain that split off, where the contract has the same address and storage.
    function testFuzz_OnAnotherChain(uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != block.chainid);
        bytes memory signature = _signedVote(0, request, GRANT);
        IConsentAnchor.CompactSignature[] memory signatures = _signedVotes(7, request, GRANT);
        vm.chainId(chainId);
        _expectBadSignature(consents, request, signature);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestNotOpened.selector, _requestId(request)));
        consents.castSignedVotes(request, _members(), GRANT, 7, signatures);
    }

    /// @dev Two wallets of one owner that check the bare digest, and the owner's own account, are three members: what was
    /// signed for one is no vote of the others, and none votes twice.
    function test_ByAnotherWalletOfTheSameOwner() public {
        address[] memory members = _sorted(address(new OwnerWallet(alice)), address(new OwnerWallet(alice)), alice);
        request.consentKey = _anchorFor(bob, members, 2, COMMITMENT);
        bytes memory signature = _sign(aliceKey, _voteDigest(members[0], request, GRANT));
        consents.voteWithSignature(request, members, GRANT, members[0], signature);
        for (uint256 i = 1; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, members[i]));
            consents.voteWithSignature(request, members, GRANT, members[i], signature);
        }
        IConsentAnchor.CompactSignature[] memory thrice = new IConsentAnchor.CompactSignature[](3);
        for (uint256 i = 0; i < 3; ++i) {
            thrice[i] = _compactSignature(signature);
        }
        assertEq(consents.castSignedVotes(request, members, GRANT, 7, thrice), 0);
        assertEq(consents.requestOf(_requestId(request)).granted, 1);
        assertFalse(consents.isGranted(_requestId(request)));
    }

    /// @dev One wallet asked twice in one batch is one member: there is one bit for it.
    function test_ByTheSameWalletTwice() public {
        address[] memory members = _sorted(address(new OwnerWallet(alice)), _member(0), _member(1));
        request.consentKey = _anchorFor(bob, members, 2, COMMITMENT);
        uint256 place = members[0].code.length != 0 ? 0 : members[1].code.length != 0 ? 1 : 2;
        bytes memory signature = _sign(aliceKey, _voteDigest(members[place], request, GRANT));
        consents.voteWithSignature(request, members, GRANT, members[place], signature);
        vm.expectRevert(
            abi.encodeWithSelector(IConsentAnchor.VoteAlreadyCast.selector, _requestId(request), members[place])
        );
        consents.voteWithSignature(request, members, GRANT, members[place], signature);
        members[(place + 1) % 3] = members[place];
        vm.expectPartialRevert(IConsentAnchor.ApproversNotAscending.selector);
        consents.voteWithSignature(request, members, GRANT, members[place], signature);
    }

    /// @dev The grant again, the withdrawal again, and the withdrawal before the grant.
    function test_AfterItsWithdrawal() public {
        bytes memory grant = _signedVote(0, request, GRANT);
        bytes memory withdrawal = _signedVote(0, request, DENY);
        _submit(GRANT, grant);
        _submit(DENY, withdrawal);
        _expectAlreadyCast();
        _submit(GRANT, grant);
        _expectAlreadyCast();
        _submit(DENY, withdrawal);
        assertEq(_cast(1, request, GRANT), 0);
        _cast(6, request, GRANT);
        _assertRequest(_requestId(request), IConsentAnchor.RequestState.Open, 7, 1);

        request = _request("another operation");
        grant = _signedVote(0, request, GRANT);
        _submit(DENY, _signedVote(0, request, DENY));
        _expectAlreadyCast();
        _submit(GRANT, grant);
    }

    /// @dev A grant that somebody keeps back is withdrawn although it never was on chain.
    function test_AfterTheWithdrawalOfAGrantKeptBack() public {
        IConsentAnchor.CompactSignature[] memory kept = _signedVotes(7, request, GRANT);
        _vote(0, request, DENY);
        assertEq(consents.castSignedVotes(request, _members(), GRANT, 7, kept), 6);
        assertFalse(consents.isGranted(_requestId(request)));
    }

    function test_AfterTheDeadline() public {
        bytes memory signature = _signedVote(0, request, GRANT);
        _cast(2, request, GRANT);
        vm.warp(DEADLINE - 1);
        _cast(4, request, GRANT);
        vm.warp(DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.RequestExpired.selector, _requestId(request), DEADLINE));
        _submit(GRANT, signature);
        assertEq(_cast(1, request, GRANT), 0);
        assertFalse(consents.isGranted(_requestId(request)));
        _assertRequest(_requestId(request), IConsentAnchor.RequestState.Expired, 6, 0);
    }

    /// @dev The same people at another epoch are asked by another request.
    function test_AfterTheSetWasChangedAndChangedBack() public {
        _cast(3, request, GRANT);
        bytes memory signature = _signedVote(2, request, GRANT);
        _changeApprovers(0, 2);
        _changeApprovers(1, THRESHOLD);
        assertEq(consents.consentOf(consentKey).epoch, 2);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.ApproversNotCurrent.selector, consentKey, 0));
        consents.voteWithSignature(request, _members(), GRANT, _member(2), signature);
        request.epoch = 2;
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, _member(2)));
        consents.voteWithSignature(request, _members(), GRANT, _member(2), signature);
    }

    /// @dev The members of alice's consent give themselves another threshold.
    function _changeApprovers(uint32 epoch, uint8 threshold) private {
        IConsentAnchor.ApprovalRequest memory change =
            _request(consents.approversChangeOperation(consentKey, _approversHash(_members()), threshold));
        change.epoch = epoch;
        _cast(7, change, GRANT);
        consents.changeApproversByApproval(consentKey, _members(), threshold, change.deadline);
    }

    function _sorted(address a, address b, address c) private pure returns (address[] memory members) {
        members = new address[](3);
        (members[0], members[1], members[2]) = (a, b, c);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 next = i % 2;
            if (members[next] > members[next + 1]) {
                (members[next], members[next + 1]) = (members[next + 1], members[next]);
            }
        }
    }

    function _submit(IConsentAnchor.Decision decision, bytes memory signature) private {
        vm.prank(relayer);
        consents.voteWithSignature(request, _members(), decision, _member(0), signature);
    }

    function _expectAlreadyCast() private {
        vm.expectRevert(
            abi.encodeWithSelector(IConsentAnchor.VoteAlreadyCast.selector, _requestId(request), _member(0))
        );
    }

    function _expectBadSignature(
        ConsentAnchor where,
        IConsentAnchor.ApprovalRequest memory what,
        bytes memory signature
    ) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, _member(0)));
        where.voteWithSignature(what, _members(), GRANT, _member(0), signature);
    }
}
