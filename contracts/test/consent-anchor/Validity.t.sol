// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice `isValid` and `statusOf`: levels and time (S-09, X-57).
contract ValidityTest is ConsentAnchorTest {
    function testFuzz_FollowsLevelAndTime(uint8 asked, uint256 at) public view {
        asked = uint8(bound(asked, 0, 5));
        at = bound(at, NOW - 100 days, EXPIRY + 100 days);
        bool expected = asked >= 1 && asked <= 3 && at >= NOW && at < EXPIRY;
        assertEq(consents.isValid(consentKey, IConsentAnchor.ConsentLevel(asked), at), expected);
    }

    /// @dev Who permits educational use permits what is less, and nothing commercial.
    function test_LevelsIncludeThoseBelow() public view {
        for (uint256 level = 1; level < 6; ++level) {
            assertEq(consents.isValid(consentKey, IConsentAnchor.ConsentLevel(level), NOW), level <= 3);
        }
    }

    function testFuzz_NothingIsValidForAnUnknownConsent(bytes32 key, uint8 asked, uint256 at) public view {
        vm.assume(key != consentKey);
        assertFalse(consents.isValid(key, IConsentAnchor.ConsentLevel(bound(asked, 0, 5)), at));
        assertEq(uint8(consents.statusOf(key)), uint8(IConsentAnchor.ConsentStatus.Unknown));
        assertFalse(consents.isActionable(IConsentAnchor.ApprovalRequest(key, 0, OPERATION, DEADLINE)));
    }

    /// @dev An anchored refusal: level None permits nothing, not even itself.
    function test_LevelNonePermitsNothing() public {
        IConsentAnchor.ConsentTerms memory terms = _terms();
        terms.level = IConsentAnchor.ConsentLevel.None;
        vm.prank(bob);
        bytes32 key = consents.anchor(terms);
        assertFalse(consents.isValid(key, IConsentAnchor.ConsentLevel.None, NOW));
        assertFalse(consents.isValid(key, IConsentAnchor.ConsentLevel.MemorialOnly, NOW));
    }

    function test_StatusFollowsTheClock() public {
        _assertStatus(IConsentAnchor.ConsentStatus.Active);
        vm.warp(EXPIRY - 1);
        _assertStatus(IConsentAnchor.ConsentStatus.Active);
        for (uint256 time = EXPIRY; time < EXPIRY + 2; ++time) {
            vm.warp(time);
            _assertStatus(IConsentAnchor.ConsentStatus.Expired);
        }
    }

    /// @dev What was granted is acted on as long as the consent is in force.
    function test_AGrantEndsWithItsConsent() public {
        IConsentAnchor.ApprovalRequest memory request = _request(OPERATION);
        _cast(7, request, GRANT);
        vm.warp(EXPIRY - 1);
        assertTrue(consents.isActionable(request));
        for (uint256 time = EXPIRY; time < EXPIRY + 2; ++time) {
            vm.warp(time);
            assertTrue(consents.isGranted(_requestId(request)));
            assertFalse(consents.isActionable(request));
        }
    }

    /// @dev What was permitted before a revocation stays on record.
    function test_ARevocationDoesNotRewriteThePast() public {
        vm.warp(NOW + 10);
        vm.prank(guardian);
        consents.emergencyRevoke(consentKey);
        assertTrue(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.Educational, NOW));
        assertTrue(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.Educational, NOW + 9));
        assertFalse(consents.isValid(consentKey, IConsentAnchor.ConsentLevel.Educational, NOW + 10));
    }

    function _assertStatus(IConsentAnchor.ConsentStatus status) private view {
        assertEq(uint8(consents.statusOf(consentKey)), uint8(status));
    }
}
