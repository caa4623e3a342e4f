// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";
import {OwnerWallet, ThoughtfulWallet} from "../support/Wallets.sol";

/// @notice `castSignedVotes`: open and grant in one transaction, what is skipped and why.
contract CastSignedVotesTest is ConsentAnchorTest {
    IConsentAnchor.ApprovalRequest private request;
    bytes32 private requestId;

    function setUp() public override {
        super.setUp();
        request = _request(OPERATION);
        requestId = _requestId(request);
    }

    function test_OpensAndGrantsInOneTransaction() public {
        _expectChanged(request, IConsentAnchor.RequestState.Granted, 2 | 8 | 16, 0);
        assertEq(_cast(2 | 8 | 16, request, GRANT), 2 | 8 | 16);
        assertTrue(consents.isActionable(request));
    }

    function test_DeniesInOneTransaction() public {
        _expectChanged(request, IConsentAnchor.RequestState.Denied, 0, 7);
        assertEq(_cast(7, request, DENY), 7);
    }

    function test_LargestSetAtOnce() public {
        memberKeys = _ascendingKeys("one of many", 32);
        request.consentKey = _anchorFor(bob, _members(), 32, COMMITMENT);
        assertEq(_cast(type(uint32).max, request, GRANT), type(uint32).max);
        assertTrue(consents.isActionable(request));
    }

    /// @dev Any order of any voters says the same as the direct votes one by one.
    function testFuzz_SaysTheSameAsDirectVotes(uint256 seed) public {
        for (uint256 i = 0; i < 4; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 voters = bound(seed >> 8, 1, 31);
            IConsentAnchor.Decision decision = seed & 1 == 0 ? GRANT : DENY;
            uint256 snapshot = vm.snapshotState();
            uint256 accepted = _voteOneByOne(voters, decision);
            IConsentAnchor.RequestRecord memory expected = consents.requestOf(requestId);
            assertTrue(vm.revertToState(snapshot));
            assertEq(_cast(voters, request, decision), accepted);
            assertEq(abi.encode(consents.requestOf(requestId)), abi.encode(expected));
        }
    }

    /// @dev Every reason once; the reason is the selector of the single call's error.
    function test_SkipsWithTheReasonOfTheSingleCall() public {
        _vote(0, request, GRANT);
        IConsentAnchor.CompactSignature[] memory signatures = _signedVotes(31, request, GRANT);
        signatures[1] = signatures[2];
        _expectSkipped(0, IConsentAnchor.VoteAlreadyCast.selector);
        _expectSkipped(1, IAuthorizations.InvalidAuthorizationSignature.selector);
        _expectSkipped(4, IConsentAnchor.RequestClosed.selector);
        _expectChanged(request, IConsentAnchor.RequestState.Granted, 1 | 4 | 8, 0);
        vm.prank(relayer);
        assertEq(consents.castSignedVotes(request, _members(), GRANT, 31, signatures), 4 | 8);
    }

    /// @dev Who submits the same votes later loses them all, and nothing else happens.
    function test_ALostRaceCostsEventsOnly() public {
        _cast(3, request, GRANT);
        for (uint256 i = 0; i < 2; ++i) {
            _expectSkipped(i, IConsentAnchor.VoteAlreadyCast.selector);
        }
        assertEq(_cast(3, request, GRANT), 0);
        _assertRequest(requestId, IConsentAnchor.RequestState.Open, 3, 0);
        vm.warp(DEADLINE);
        _expectSkipped(0, IConsentAnchor.RequestExpired.selector);
        assertEq(_cast(1, request, GRANT), 0);
    }

    /// @dev Somebody takes one vote out of a batch and is first: the others count all the same.
    function test_AVoteTakenOutOfABatchSpoilsNothing() public {
        bytes memory taken = _signedVote(0, request, GRANT);
        consents.voteWithSignature(request, _members(), GRANT, _member(0), taken);
        assertEq(_cast(7, request, GRANT), 6);
        assertTrue(consents.isGranted(requestId));
    }

    /// @dev Without a vote that counts nobody opens a request.
    function test_RefusesToOpenWithoutAVote() public {
        bytes memory refusal = abi.encodeWithSelector(IConsentAnchor.RequestNotOpened.selector, requestId);
        IConsentAnchor.CompactSignature[] memory signatures = new IConsentAnchor.CompactSignature[](1);
        vm.expectRevert(refusal);
        consents.castSignedVotes(request, _members(), GRANT, 1, signatures);
        vm.expectRevert(refusal);
        consents.castSignedVotes(request, _members(), GRANT, 0, new IConsentAnchor.CompactSignature[](0));
        vm.warp(DEADLINE);
        vm.expectRevert(refusal);
        _cast(7, request, GRANT);
        _assertRequest(requestId, IConsentAnchor.RequestState.Unknown, 0, 0);
    }

    function testFuzz_RefusesVotersAndSignaturesThatDiffer(uint256 voters, uint8 size) public {
        size = uint8(bound(size, 0, 6));
        vm.assume(voters >> 5 != 0 || _count(voters) != size);
        IConsentAnchor.CompactSignature[] memory signatures = new IConsentAnchor.CompactSignature[](size);
        vm.expectRevert(abi.encodeWithSelector(IConsentAnchor.VotersInvalid.selector, voters, 5, size));
        consents.castSignedVotes(request, _members(), GRANT, voters, signatures);
    }

    /// @dev A wallet that takes 64 bytes may be in a batch: it is asked about its own digest with what was submitted.
    function testFuzz_ContractWalletsVote(IConsentAnchor.CompactSignature calldata signature) public {
        (address[] memory members, uint256 place) = _withWallet(address(new OwnerWallet(alice)));
        IConsentAnchor.CompactSignature[] memory signatures = new IConsentAnchor.CompactSignature[](1);
        signatures[0] = signature;
        bytes memory question = abi.encodeCall(
            IERC1271.isValidSignature,
            (_voteDigest(members[place], request, GRANT), abi.encodePacked(signature.r, signature.vs))
        );
        vm.mockCall(members[place], question, abi.encode(IERC1271.isValidSignature.selector));
        vm.expectCall(members[place], question, 1);
        assertEq(consents.castSignedVotes(request, members, GRANT, 1 << place, signatures), 1 << place);
        assertEq(consents.requestOf(_requestId(request)).granted, 1 << place);
    }

    /// @dev A key is recovered first, and no code asked when that yields the member.
    function test_KeysAreNotAsked() public {
        vm.signAndAttachDelegation(address(new OwnerWallet(bob)), memberKeys[0]);
        vm.mockCallRevert(_member(0), bytes(""), bytes("asked"));
        assertEq(_cast(1, request, GRANT), 1);
    }

    /// @dev With any gas limit all votes are cast, or nothing happens at all.
    function testFuzz_GasIsNoVotesFate(uint256 gasLimit) public {
        (address[] memory members, uint256 place) = _withWallet(address(new ThoughtfulWallet(190_000)));
        IConsentAnchor.CompactSignature[] memory signatures = new IConsentAnchor.CompactSignature[](2);
        signatures[1 - place] = _compactSignature(_sign(memberKeys[0], _voteDigest(_member(0), request, GRANT)));
        bytes memory call = abi.encodeCall(IConsentAnchor.castSignedVotes, (request, members, GRANT, 3, signatures));
        gasLimit = bound(gasLimit, 20_000, 400_000);
        (bool success,) = address(consents).call{gas: gasLimit}(call);
        assertEq(consents.requestOf(_requestId(request)).granted, success ? 3 : 0);
        if (gasLimit > 350_000) assertTrue(success);
    }

    function _voteOneByOne(uint256 voters, IConsentAnchor.Decision decision) private returns (uint256 accepted) {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (voters >> i & 1 == 0) continue;
            vm.prank(_member(i));
            try consents.vote(request, _members(), decision) {
                accepted |= 1 << i;
            } catch {}
        }
    }

    /// @dev A consent of bob's that a wallet and alice's first member govern together; `request` is put to them.
    function _withWallet(address wallet) private returns (address[] memory members, uint256 place) {
        members = new address[](2);
        place = wallet < _member(0) ? 0 : 1;
        members[place] = wallet;
        members[1 - place] = _member(0);
        request.consentKey = _anchorFor(bob, members, 2, COMMITMENT);
    }

    function _expectSkipped(uint256 index, bytes4 reason) private {
        vm.expectEmit(true, true, true, true, address(consents));
        emit IAuthorizations.AuthorizationSkipped(index, _voteDigest(_member(index), request, GRANT), reason);
    }
}
