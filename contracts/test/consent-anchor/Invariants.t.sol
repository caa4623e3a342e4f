// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorHandler} from "../support/consent-anchor/ConsentAnchorHandler.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is ConsentAnchorTest {
    ConsentAnchorHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new ConsentAnchorHandler(consents, _ascendingKeys("person", 7));
        targetContract(address(handler));
    }

    /// @dev Granted exactly when as many distinct members as the threshold asks granted and did not withdraw; what was
    /// decided once stays decided; every bit is a vote that its member cast.
    function invariant_GrantedIsWhatAQuorumGranted() public view {
        ConsentAnchorHandler.Model[] memory models = handler.models();
        for (uint256 i = 0; i < models.length; ++i) {
            IConsentAnchor.RequestRecord memory record = consents.requestOf(models[i].requestId);
            bool isGranted = record.state == IConsentAnchor.RequestState.Granted
                || record.state == IConsentAnchor.RequestState.Executed;
            assertEq(isGranted, _assertBits(models[i], record) >= models[i].threshold);
            if (models[i].decided == IConsentAnchor.RequestState.Unknown) assertFalse(isGranted);
            else assertEq(uint8(record.state), uint8(models[i].decided));
        }
    }

    /// @dev The set is what its own quorum made it, and alice's consent beside it is untouched.
    function invariant_TheSetIsChangedByQuorumAlone() public view {
        IConsentAnchor.Consent memory consent = consents.consentOf(handler.CONSENT_KEY());
        assertEq(consent.epoch, handler.setChanges());
        assertEq(consent.threshold, handler.threshold());
        assertEq(consent.approvers, _commitmentTo(handler.members(), handler.setChanges()));
        assertEq(consent.validUntil, handler.validUntil());
        assertEq(consents.consentOf(consentKey).approvers, _commitmentTo(_members(), 0));
        assertEq(consents.consentOf(consentKey).validUntil, EXPIRY);
    }

    /// @dev Nothing was accepted that the model forbids, nothing refused that it permits.
    function invariant_VerdictsAreTheModels() public view {
        assertEq(handler.wrong(), 0);
    }

    /// @dev The invariants speak of something: a long run meets every outcome.
    function test_TheHandlerReachesEveryOutcome() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 400; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _act(seed % 16, seed >> 8);
        }
        assertGt(handler.granted(), 3);
        assertGt(handler.denied(), 3);
        assertGt(handler.withdrawn(), 3);
        assertGt(handler.setChanges(), 3);
        assertGt(handler.refusedSetChanges(), 3);
        assertGt(handler.openings(), 3);
        assertGt(handler.refusedOpenings(), 3);
        assertGt(handler.refusedVotes(), 3);
        assertGt(handler.skippedVotes(), 3);
        assertGt(handler.refusedBatches(), 3);
        assertGt(handler.revocations(), 0);
        assertGt(handler.refusedRevocations(), 0);
        assertGt(handler.revocationsByApproval(), 0);
        assertGt(handler.refusedRevocationsByApproval(), 3);
        invariant_GrantedIsWhatAQuorumGranted();
        invariant_TheSetIsChangedByQuorumAlone();
        invariant_VerdictsAreTheModels();
    }

    function _act(uint256 action, uint256 seed) private {
        if (action < 4) handler.vote(seed, seed >> 8, seed >> 16, seed >> 24 & 3 != 0);
        else if (action < 6) handler.voteWithSignature(seed, seed >> 8, seed >> 16, action == 4, seed >> 24);
        else if (action < 9) handler.castSignedVotes(seed, seed >> 8, seed >> 16, action != 6, seed >> 24);
        else if (action < 11) handler.changeApprovers(seed, seed >> 16, seed >> 24, seed >> 32);
        else if (action == 11) handler.revokeByApproval(1 + seed % 100, seed >> 8, seed >> 16);
        // The later ends come first, or the earlier ones would leave nothing to revoke.
        else if (action == 12) handler.revoke(uint40(seed % 8 == 0 ? 100 + seed % 100 : seed % 100), false);
        else if (action == 13) handler.open(seed, seed >> 8);
        else if (action == 14) handler.passTime(seed);
        else handler.revokeAsAnother(seed);
    }

    /// @dev Compares bit by bit; returns whose grants count.
    function _assertBits(ConsentAnchorHandler.Model memory model, IConsentAnchor.RequestRecord memory record)
        private
        pure
        returns (uint256 supporters)
    {
        assertEq(record.threshold, model.threshold);
        assertEq((record.granted | record.declined) >> MEMBERS, 0);
        for (uint256 member = 0; member < MEMBERS; ++member) {
            assertEq(record.granted >> member & 1 == 1, model.granted[member]);
            assertEq(record.declined >> member & 1 == 1, model.declined[member]);
            if (model.granted[member] && !model.declined[member]) ++supporters;
        }
    }
}
