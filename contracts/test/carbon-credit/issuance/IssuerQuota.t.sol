// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `setIssuerQuota`: how much an issuer may issue, and what counts.
contract IssuerQuotaTest is CarbonCreditTest {
    /// @dev The constructor's admin mints right away.
    function test_TheFirstAdminHasNoLimit() public {
        assertEq(token.issuerOf(admin).quota, type(uint64).max);
        _mint(bob, type(uint48).max * STEP, "much");
        assertEq(token.issuerOf(admin).quota, type(uint64).max);
        assertEq(token.issuerOf(admin).issued, HOLDING / STEP + type(uint48).max);
    }

    /// @dev The role alone is not enough.
    function test_AMinterWithoutQuotaCannotMint() public {
        _makeIssuer(bob, 0);
        _expectExceeded(1, 0);
        _mintAsBob(1, "x");
    }

    function testFuzz_HoldsOverAllSeries(uint64 quota, uint64 minted, uint64 more) public {
        quota = uint64(bound(quota, 2, type(uint48).max));
        minted = uint64(bound(minted, 1, quota - 1));
        more = uint64(bound(more, quota - minted + 1, type(uint48).max));
        _makeIssuer(bob, quota);
        _letInto("VCS", bob);

        _mintAsBob(minted, "own");
        _expectExceeded(more, quota - minted);
        vm.prank(bob);
        token.issue(bob, 0, _terms("x", "VCS", 1, more));
        vm.prank(bob);
        token.issue(bob, 0, _terms("x", "VCS", 1, quota - minted));

        assertEq(abi.encode(token.issuerOf(bob)), abi.encode(ICreditIssuance.Issuer(quota, quota, minted)));
        _expectExceeded(1, 0);
        _mintAsBob(1, "y");
    }

    /// @dev Nothing that becomes of an issuance gives quota back.
    function test_WhatWasIssuedStaysConsumed() public {
        _makeIssuer(bob, 10);
        _mintAsBob(10, "bob's");
        vm.startPrank(bob);
        token.cancelCredits("bob's", 3 * STEP, "measured wrongly");
        token.bufferCredits("bob's", 3 * STEP);
        token.retire(_retirement("bob's", 4 * STEP));
        vm.stopPrank();
        assertEq(token.balanceOf(bob), 0);
        _expectExceeded(1, 0);
        _mintAsBob(1, "x");
    }

    function testFuzz_IsLogged(address issuer, uint64 serials) public {
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.IssuerQuotaSet(issuer, serials);
        vm.prank(admin);
        token.setIssuerQuota(issuer, serials);
        assertEq(token.issuerOf(issuer).quota, serials);
    }

    /// @dev Raised it goes on, lowered below what was issued it stops; what was issued stays.
    function test_CanBeRaisedAndLowered() public {
        _makeIssuer(bob, 10);
        _mintAsBob(10, "first");
        _setQuota(admin, 15);
        _mintAsBob(5, "second");
        _setQuota(admin, 7);
        _expectExceeded(1, 0);
        _mintAsBob(1, "third");
        assertEq(token.balanceOf(bob), 15 * STEP);
        assertEq(token.issuerOf(bob).issued, 15);
    }

    function testFuzz_RefusesOthersThanTheAdmin(address caller) public {
        vm.assume(caller != admin);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0))
        );
        _setQuota(caller, 1);
    }

    function _setQuota(address caller, uint64 serials) private {
        vm.prank(caller);
        token.setIssuerQuota(bob, serials);
    }

    function _mintAsBob(uint256 serials, string memory creditId) private {
        vm.prank(bob);
        token.mint(bob, serials * STEP, creditId);
    }

    function _expectExceeded(uint256 serials, uint256 left) private {
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.IssuerQuotaExceeded.selector, bob, serials, left));
    }
}
