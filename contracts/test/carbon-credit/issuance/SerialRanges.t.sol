// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice Where a range may lie in a registry's series, and what a hint must say.
contract SerialRangesTest is CarbonCreditTest {
    uint256 private constant SPACE = 64;

    uint256 private issues;

    function setUp() public override {
        super.setUp();
        _letInto("VCS", admin);
    }

    /// @dev In whatever order they come: before, between, behind, without a gap.
    function test_KeepsTheListSorted() public {
        _issue(100, 199, 0);
        _issue(300, 399, 100);
        _issue(1, 99, 0);
        _issue(200, 299, 100);
        _issue(type(uint64).max, type(uint64).max, 300);

        uint64[6] memory firsts = [uint64(0), 1, 100, 200, 300, type(uint64).max];
        for (uint256 i = 0; i < 6; ++i) {
            assertEq(token.serialRanges(_registrySeries("VCS"), firsts[i]).next, i < 5 ? firsts[i + 1] : 0);
        }
        assertEq(token.serialRanges(_registrySeries("VCS"), 200).last, 299);
        assertEq(token.serialRanges(_registrySeries("VCS"), 0).last, 0);
    }

    /// @dev The largest range there is, at the very end of the series, retired to its last serial.
    function test_TheLargestRangeAtTheEndIsRetiredToItsLastSerial() public {
        uint64 first = type(uint64).max - type(uint48).max + 1;
        vm.prank(admin);
        token.issue(bob, 0, _terms("bob's", "VCS", first, type(uint64).max));
        vm.startPrank(bob);
        token.retire(_retirement("bob's", (uint256(type(uint48).max) - 1) * STEP));
        token.retire(_retirement("bob's", STEP));
        vm.stopPrank();
        assertTrue(token.verifyCertificate(bob, type(uint64).max, uint64(NOW), _retirement("bob's", STEP)));
        assertEq(token.balanceOf(bob), 0);
    }

    /// @dev One series is shared by all issuers that were let in, and no other series is touched by it.
    function test_RangesOfTwoIssuersCannotOverlap() public {
        _makeIssuer(bob, 1000);
        _letInto("VCS", bob);
        _letInto("GS", bob);
        _issue(10, 20, 0);
        _expect(abi.encodeWithSelector(ICreditIssuance.SerialsOverlap.selector, 20, 25, 10, 20));
        vm.prank(bob);
        token.issue(bob, 10, _terms("bob's", "VCS", 20, 25));
        vm.prank(bob);
        token.issue(bob, 0, _terms("bob's", "GS", 10, 25));
        assertEq(token.balanceOf(bob), 27 * STEP);
    }

    function test_RefusesOverlapWithEitherNeighbour() public {
        _issue(10, 19, 0);
        _issue(30, 39, 10);
        _refuse(19, 25, 10, _overlap(19, 25, 10, 19));
        _refuse(10, 10, 10, _overlap(10, 10, 10, 19));
        _refuse(25, 30, 10, _overlap(25, 30, 30, 39));
        _refuse(20, 45, 10, _overlap(20, 45, 30, 39));
        _refuse(5, 50, 0, _overlap(5, 50, 10, 19));
        _refuse(39, 39, 30, _overlap(39, 39, 30, 39));
    }

    function test_RefusesAHintThatIsNoRange() public {
        _issue(10, 19, 0);
        _refuse(30, 39, 11, abi.encodeWithSelector(ICreditIssuance.NoRangeBeginsAt.selector, 11));
    }

    /// @dev Another range came in between: the error names it, and with it as the hint the call goes through.
    function test_AStaleHintNamesWhereToLookOn() public {
        _issue(10, 19, 0);
        _issue(30, 39, 10);
        _refuse(50, 59, 10, abi.encodeWithSelector(ICreditIssuance.NotThePredecessor.selector, 50, 30));
        _issue(50, 59, 30);
    }

    function test_RefusesAHintBehindTheRange() public {
        _issue(10, 19, 0);
        _issue(30, 39, 10);
        _refuse(20, 29, 30, abi.encodeWithSelector(ICreditIssuance.NotThePredecessor.selector, 20, 30));
        _issue(20, 29, 10);
    }

    /// @dev Against a map of single serials: with the right hint a range goes in exactly when all its serials are free;
    /// with any other it does not.
    function testFuzz_TakesExactlyTheFreeRanges(uint256 seed, uint64 wrongHint) public {
        bool[SPACE + 1] memory taken;
        bool[SPACE + 1] memory begins;
        for (uint256 round = 0; round < 24; ++round) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint64 first = uint64(seed % SPACE + 1);
            uint64 last = uint64(bound((seed >> 64) % 8 + first, first, SPACE));
            uint64 hint = 0;
            for (uint64 i = 1; i < first; ++i) {
                if (begins[i]) hint = i;
            }
            bool free = true;
            for (uint256 i = first; i <= last; ++i) {
                free = free && !taken[i];
            }
            uint64 wrong = uint64(bound(wrongHint, 0, SPACE));
            if (wrong != hint) assertFalse(_tryIssue(first, last, wrong));
            assertEq(_tryIssue(first, last, hint), free);
            begins[first] = begins[first] || free;
            for (uint256 i = first; i <= last; ++i) {
                taken[i] = taken[i] || free;
            }
        }
    }

    function _tryIssue(uint64 first, uint64 last, uint64 predecessor) private returns (bool) {
        vm.prank(admin);
        try token.issue(bob, predecessor, _terms(vm.toString(++issues), "VCS", first, last)) {
            return true;
        } catch {
            return false;
        }
    }

    function _issue(uint64 first, uint64 last, uint64 predecessor) private {
        assertTrue(_tryIssue(first, last, predecessor));
    }

    function _refuse(uint64 first, uint64 last, uint64 predecessor, bytes memory revertData) private {
        _expect(revertData);
        vm.prank(admin);
        token.issue(bob, predecessor, _terms("x", "VCS", first, last));
    }

    function _expect(bytes memory revertData) private {
        vm.expectRevert(revertData);
    }

    function _overlap(uint64 first, uint64 last, uint64 otherFirst, uint64 otherLast)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(ICreditIssuance.SerialsOverlap.selector, first, last, otherFirst, otherLast);
    }
}
