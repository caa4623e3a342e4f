// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../interfaces/IConsentAnchor.sol";

/// @notice One request for approval in one word. From the lowest bit:
/// granted (32), declined (32), threshold (8), number of members (8), deadline (40), state (8).
///
/// Bit i of both bitmaps is member i of the set. Bits are only ever set, so no signed vote can take effect twice: a
/// member goes from silent to granted to declined, or from silent to declined, and never back. A grant counts as long
/// as its member has not declined; granted and declined together mean withdrawn.
type ApprovalRound is uint256;

using ApprovalRounds for ApprovalRound global;

/// @title What becomes of a request: pure transitions of its word, with no clock and no storage
/// @notice In: the word, who votes, how, when. Out: the next word, or the selector of the error that says why not.
/// That no word reaches the state Granted below its threshold is proved of this library alone.
library ApprovalRounds {
    /// @dev The bitmaps have room for so many.
    uint256 internal constant MAX_MEMBERS = 32;

    /// @dev The vote may be cast.
    bytes4 internal constant NO_FAULT = 0;

    uint256 private constant BITMAP = 0xffffffff;
    uint256 private constant DECLINED_AT = 32;
    uint256 private constant THRESHOLD_AT = 64;
    uint256 private constant MEMBERS_AT = 72;
    uint256 private constant DEADLINE_AT = 80;
    uint256 private constant STATE_AT = 120;
    uint256 private constant OPEN = uint256(IConsentAnchor.RequestState.Open);

    /// @dev A round that nobody has voted in. The caller has seen to 1 <= quorum <= size <= MAX_MEMBERS.
    function open(uint256 quorum, uint256 size, uint40 end) internal pure returns (ApprovalRound) {
        return ApprovalRound.wrap(
            quorum << THRESHOLD_AT | size << MEMBERS_AT | uint256(end) << DEADLINE_AT | OPEN << STATE_AT
        );
    }

    /// @dev The round after `member` granted or denied, or why it cannot. A grant needs a member that has not voted, a
    /// denial one that has not declined.
    function vote(ApprovalRound self, uint256 member, bool granting, uint256 timestamp)
        internal
        pure
        returns (ApprovalRound next, bytes4 fault)
    {
        uint256 word = ApprovalRound.unwrap(self);
        if (word >> STATE_AT != OPEN) return (self, IConsentAnchor.RequestClosed.selector);
        // What is cut off belongs to other fields.
        // forge-lint: disable-next-line(unsafe-typecast)
        if (timestamp >= uint40(word >> DEADLINE_AT)) return (self, IConsentAnchor.RequestExpired.selector);
        uint256 spent = word >> DECLINED_AT;
        if (granting) spent |= word;
        if (spent >> member & 1 != 0) return (self, IConsentAnchor.VoteAlreadyCast.selector);
        return (granting ? _grant(self, member) : _deny(self, member), NO_FAULT);
    }

    /// @dev The members who voted between an earlier word of this round and this one.
    function votesSince(ApprovalRound self, ApprovalRound earlier) internal pure returns (uint256) {
        return (self.granted() ^ earlier.granted()) | (self.declined() ^ earlier.declined());
    }

    /// @dev A granted round whose operation was carried out.
    function execute(ApprovalRound self) internal pure returns (ApprovalRound) {
        return _withState(self, IConsentAnchor.RequestState.Executed);
    }

    // What is cut off belongs to other fields.
    // forge-lint: disable-start(unsafe-typecast)

    /// @dev What the word says; that time ran out is not written into it, see {stateAt}.
    function state(ApprovalRound self) internal pure returns (IConsentAnchor.RequestState) {
        return IConsentAnchor.RequestState(uint8(ApprovalRound.unwrap(self) >> STATE_AT));
    }

    function stateAt(ApprovalRound self, uint256 timestamp) internal pure returns (IConsentAnchor.RequestState) {
        IConsentAnchor.RequestState written = self.state();
        if (written == IConsentAnchor.RequestState.Open && timestamp >= self.deadline()) {
            return IConsentAnchor.RequestState.Expired;
        }
        return written;
    }

    function granted(ApprovalRound self) internal pure returns (uint32) {
        return uint32(ApprovalRound.unwrap(self));
    }

    function declined(ApprovalRound self) internal pure returns (uint32) {
        return uint32(ApprovalRound.unwrap(self) >> DECLINED_AT);
    }

    function threshold(ApprovalRound self) internal pure returns (uint8) {
        return uint8(ApprovalRound.unwrap(self) >> THRESHOLD_AT);
    }

    function memberCount(ApprovalRound self) internal pure returns (uint8) {
        return uint8(ApprovalRound.unwrap(self) >> MEMBERS_AT);
    }

    function deadline(ApprovalRound self) internal pure returns (uint40) {
        return uint40(ApprovalRound.unwrap(self) >> DEADLINE_AT);
    }

    // forge-lint: disable-end(unsafe-typecast)

    /// @dev Members whose grants count.
    function supporters(ApprovalRound self) internal pure returns (uint256) {
        uint256 word = ApprovalRound.unwrap(self);
        return count(word & ~(word >> DECLINED_AT) & BITMAP);
    }

    /// @dev Set bits of a word of which only the lower 32 may be set.
    function count(uint256 bitmap) internal pure returns (uint256) {
        unchecked {
            bitmap -= bitmap >> 1 & 0x55555555;
            bitmap = (bitmap & 0x33333333) + (bitmap >> 2 & 0x33333333);
            bitmap = bitmap + (bitmap >> 4) & 0x0f0f0f0f;
            return bitmap * 0x01010101 >> 24 & 0xff;
        }
    }

    function _grant(ApprovalRound self, uint256 member) private pure returns (ApprovalRound next) {
        next = ApprovalRound.wrap(ApprovalRound.unwrap(self) | 1 << member);
        if (next.supporters() >= next.threshold()) next = _withState(next, IConsentAnchor.RequestState.Granted);
    }

    /// @dev Denied as soon as those who have not declined are too few, whatever they will say.
    function _deny(ApprovalRound self, uint256 member) private pure returns (ApprovalRound next) {
        next = ApprovalRound.wrap(ApprovalRound.unwrap(self) | 1 << member + DECLINED_AT);
        if (next.memberCount() < count(next.declined()) + next.threshold()) {
            next = _withState(next, IConsentAnchor.RequestState.Denied);
        }
    }

    function _withState(ApprovalRound self, IConsentAnchor.RequestState next) private pure returns (ApprovalRound) {
        uint256 rest = ApprovalRound.unwrap(self) & (1 << STATE_AT) - 1;
        return ApprovalRound.wrap(rest | uint256(next) << STATE_AT);
    }
}
