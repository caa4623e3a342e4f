// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentAnchor} from "../../src/ConsentAnchor.sol";
import {ApprovalRound, ApprovalRounds} from "../../src/base/ApprovalRound.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {Test} from "../support/Test.sol";

/// @notice What halmos adds to the cheat codes.
interface Svm {
    function enableSymbolicStorage(address account) external;
}

/// @notice Proofs for halmos (scripts/audit proofs): no grant below the threshold, and nothing is executed without one.
/// Each argument stands for all its values. {ApprovalRounds.open} and {ApprovalRounds.vote} are all that leads to a
/// round that is open or granted, so what each keeps holds after any number of votes.
contract ConsentAnchorProof is Test {
    Svm private constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    ConsentAnchor private anchor = new ConsentAnchor();

    /// @dev A fresh round is open, and nobody's grant is in it.
    function check_ARoundBeginsWithoutGrants(uint8 threshold, uint8 members, uint40 deadline) external pure {
        ApprovalRound round = ApprovalRounds.open(threshold, members, deadline);
        assert(round.state() == IConsentAnchor.RequestState.Open);
        assert(round.granted() == 0 && round.declined() == 0);
        assert(round.threshold() == threshold && round.memberCount() == members && round.deadline() == deadline);
    }

    /// @dev Whatever a round's word is: the vote that makes it granted leaves at least the threshold of members who
    /// granted and did not decline, counted bit by bit.
    function check_NoGrantBelowTheThreshold(uint256 word, uint256 member, bool granting, uint256 timestamp)
        external
        pure
    {
        vm.assume(member < ApprovalRounds.MAX_MEMBERS);
        ApprovalRound round = ApprovalRound.wrap(word);
        (ApprovalRound next, bytes4 fault) = round.vote(member, granting, timestamp);
        if (fault != 0 || next.state() != IConsentAnchor.RequestState.Granted) return;
        assert(granting);
        assert(_bits(uint256(next.granted()) & ~uint256(next.declined())) >= next.threshold());
        assert(next.threshold() == round.threshold());
    }

    /// @dev A vote is counted once: it sets the one bit of its member and its kind, which was not set before, and
    /// touches neither threshold nor deadline nor the number of members.
    function check_AVoteSetsItsOwnBitOnce(uint256 word, uint256 member, bool granting, uint256 timestamp)
        external
        pure
    {
        vm.assume(member < ApprovalRounds.MAX_MEMBERS);
        ApprovalRound round = ApprovalRound.wrap(word);
        (ApprovalRound next, bytes4 fault) = round.vote(member, granting, timestamp);
        if (fault != 0) {
            assert(ApprovalRound.unwrap(next) == word);
            return;
        }
        assert(round.state() == IConsentAnchor.RequestState.Open && timestamp < round.deadline());
        uint256 bit = granting ? 1 << member : 1 << (member + 32);
        assert(word & bit == 0);
        assert(uint120(ApprovalRound.unwrap(next)) == uint120(word) | bit);
    }

    /// @dev Who declined never counts again: no vote takes a denial back.
    function check_ADenialStays(uint256 word, uint256 member, bool granting, uint256 timestamp) external pure {
        vm.assume(member < ApprovalRounds.MAX_MEMBERS);
        ApprovalRound round = ApprovalRound.wrap(word);
        (ApprovalRound next,) = round.vote(member, granting, timestamp);
        assert(uint256(round.declined()) & ~uint256(next.declined()) == 0);
        if (granting && round.declined() >> member & 1 == 1) assert(ApprovalRound.unwrap(next) == word);
    }

    /// @dev From whatever state of the contract: a revocation by approval takes effect only if its own request was
    /// granted before and not executed, and afterwards it is executed.
    function check_NothingIsExecutedWithoutAGrant(bytes32 consentKey, uint40 effectiveAt, uint40 deadline) external {
        SVM.enableSymbolicStorage(address(anchor));
        IConsentAnchor.ApprovalRequest memory request = IConsentAnchor.ApprovalRequest(
            consentKey,
            anchor.consentOf(consentKey).epoch,
            anchor.revocationOperation(consentKey, effectiveAt),
            deadline
        );
        bool granted = anchor.isActionable(request);
        try anchor.revokeByApproval(consentKey, effectiveAt, deadline) {
            assert(granted);
        } catch {
            return;
        }
        assert(anchor.requestOf(anchor.requestIdOf(request)).state == IConsentAnchor.RequestState.Executed);
    }

    /// @dev The same of a change of approvers, whose requests are of the epoch that it ends.
    function check_ApproversChangeByTheirGrantAlone(
        bytes32 consentKey,
        address[] calldata members,
        uint8 threshold,
        uint40 deadline
    ) external {
        SVM.enableSymbolicStorage(address(anchor));
        IConsentAnchor.ApprovalRequest memory request = IConsentAnchor.ApprovalRequest(
            consentKey,
            anchor.consentOf(consentKey).epoch,
            anchor.approversChangeOperation(consentKey, anchor.approversHash(members), threshold),
            deadline
        );
        bool granted = anchor.isActionable(request);
        try anchor.changeApproversByApproval(consentKey, members, threshold, deadline) {
            assert(granted);
        } catch {
            return;
        }
        assert(anchor.requestOf(anchor.requestIdOf(request)).state == IConsentAnchor.RequestState.Executed);
    }

    function _bits(uint256 word) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < ApprovalRounds.MAX_MEMBERS; ++i) {
            sum += word >> i & 1;
        }
    }
}
