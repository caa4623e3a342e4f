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
        handler = new ConsentAnchorHandler(consents, memberKeys);
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
        assertEq(consent.approvers, _commitmentTo(_members(), handler.setChanges()));
        assertEq(consent.validUntil, handler.validUntil());
        assertEq(consents.consentOf(consentKey).approvers, _commitmentTo(_members(), 0));
        assertEq(consents.consentOf(consentKey).validUntil, EXPIRY);
    }

    /// @dev The invariants speak of something: a long run meets every outcome.
    function test_TheHandlerReachesEveryOutcome() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 400; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 action = seed % 16;
            if (action < 6) handler.vote(seed >> 8, seed >> 16, seed >> 24, seed >> 32 & 3 != 0);
            else if (action < 10) handler.castSignedVotes(seed >> 8, seed >> 16, seed >> 24, action != 6, seed >> 32);
            else if (action < 12) handler.changeApprovers(seed >> 8, seed >> 16, seed >> 24);
            else if (action < 14) handler.open(seed >> 8, seed >> 16);
            else handler.passTime(seed >> 8);
        }
        assertGt(handler.granted(), 3);
        assertGt(handler.denied(), 3);
        assertGt(handler.withdrawn(), 3);
        assertGt(handler.setChanges(), 3);
        invariant_GrantedIsWhatAQuorumGranted();
        invariant_TheSetIsChangedByQuorumAlone();
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
