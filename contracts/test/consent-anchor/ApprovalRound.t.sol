// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ApprovalRound, ApprovalRounds} from "../../src/base/ApprovalRound.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {Test} from "../support/Test.sol";

/// @notice The pure core against a naive model: a list of what each member said, counted anew after every vote.
contract ApprovalRoundTest is Test {
    enum Said {
        Nothing,
        Granted,
        Denied,
        Withdrew
    }

    uint40 private constant DEADLINE = 1_000;

    Said[32] private said;
    uint256 private size;
    uint256 private threshold;
    IConsentAnchor.RequestState private state;

    function testFuzz_FollowsTheModel(uint256 seed, uint8 memberCount, uint8 quorum) public {
        size = bound(memberCount, 1, 32);
        threshold = bound(quorum, 1, size);
        state = IConsentAnchor.RequestState.Open;
        ApprovalRound round = ApprovalRounds.open(threshold, size, DEADLINE);
        for (uint256 i = 0; i < 3 * size; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 member = (seed >> 8) % size;
            uint256 timestamp = DEADLINE - 1 + (seed >> 16 & 15 == 0 ? 1 : 0);
            bytes4 expected = _vote(member, seed & 3 != 0, timestamp);
            bytes4 fault;
            (round, fault) = round.vote(member, seed & 3 != 0, timestamp);
            assertEq(fault, expected);
            _assertEqual(round);
        }
    }

    /// @dev A request that nobody opened has the empty word.
    function test_NobodyVotesInARoundThatWasNotOpened() public pure {
        (ApprovalRound round, bytes4 fault) = ApprovalRound.wrap(0).vote(0, true, 0);
        assertEq(fault, IConsentAnchor.RequestClosed.selector);
        assertEq(ApprovalRound.unwrap(round), 0);
    }

    function testFuzz_Counts(uint32 bitmap) public pure {
        uint256 expected = 0;
        for (uint256 rest = bitmap; rest != 0; rest >>= 1) {
            expected += rest & 1;
        }
        assertEq(ApprovalRounds.count(bitmap), expected);
    }

    function testFuzz_NamesWhoVotedSince(uint256 seed) public pure {
        ApprovalRound before = ApprovalRounds.open(32, 32, DEADLINE);
        ApprovalRound round = before;
        uint256 expected = 0;
        for (uint256 i = 0; i < 6; ++i) {
            uint256 member = seed >> 8 * i & 31;
            (round,) = round.vote(member, true, 0);
            expected |= 1 << member;
        }
        assertEq(round.votesSince(before), expected);
    }

    /// @dev Who grants and withdraws is named as well.
    function test_NamesWhoVotedTwiceSince() public pure {
        ApprovalRound before = ApprovalRounds.open(2, 3, DEADLINE);
        (ApprovalRound round,) = before.vote(1, true, 0);
        (round,) = round.vote(1, false, 0);
        assertEq(round.votesSince(before), 2);
    }

    /// @dev Expiry is time and not a word; what is decided does not expire.
    function testFuzz_ExpiresWhenOpen(uint256 timestamp) public pure {
        ApprovalRound open = ApprovalRounds.open(1, 2, DEADLINE);
        (ApprovalRound granted,) = open.vote(0, true, 0);
        bool over = timestamp >= DEADLINE;
        assertEq(uint8(open.stateAt(timestamp)), uint8(_either(over)));
        assertEq(uint8(granted.stateAt(timestamp)), uint8(IConsentAnchor.RequestState.Granted));
        assertEq(uint8(granted.execute().stateAt(timestamp)), uint8(IConsentAnchor.RequestState.Executed));
    }

    function _either(bool over) private pure returns (IConsentAnchor.RequestState) {
        return over ? IConsentAnchor.RequestState.Expired : IConsentAnchor.RequestState.Open;
    }

    function _vote(uint256 member, bool granting, uint256 timestamp) private returns (bytes4) {
        if (state != IConsentAnchor.RequestState.Open) return IConsentAnchor.RequestClosed.selector;
        if (timestamp >= DEADLINE) return IConsentAnchor.RequestExpired.selector;
        Said before = said[member];
        if (before == Said.Denied || before == Said.Withdrew || (granting && before == Said.Granted)) {
            return IConsentAnchor.VoteAlreadyCast.selector;
        }
        said[member] = granting ? Said.Granted : before == Said.Granted ? Said.Withdrew : Said.Denied;
        if (_countOf(Said.Granted) == threshold) state = IConsentAnchor.RequestState.Granted;
        if (_countOf(Said.Granted) + _countOf(Said.Nothing) < threshold) state = IConsentAnchor.RequestState.Denied;
        return 0;
    }

    function _assertEqual(ApprovalRound round) private view {
        assertEq(uint8(round.state()), uint8(state));
        assertEq(round.supporters(), _countOf(Said.Granted));
        assertEq(round.threshold(), threshold);
        assertEq(round.memberCount(), size);
        assertEq(round.deadline(), DEADLINE);
        for (uint256 i = 0; i < 32; ++i) {
            assertEq(round.granted() >> i & 1 == 1, said[i] == Said.Granted || said[i] == Said.Withdrew);
            assertEq(round.declined() >> i & 1 == 1, said[i] == Said.Denied || said[i] == Said.Withdrew);
        }
    }

    function _countOf(Said what) private view returns (uint256 count) {
        for (uint256 i = 0; i < size; ++i) {
            if (said[i] == what) ++count;
        }
    }
}
