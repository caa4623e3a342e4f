// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../../src/interfaces/ICreditRetirement.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `retireFrom`: as `retire`, out of an allowance.
contract RetireFromTest is CarbonCreditTest {
    function testFuzz_SpendsTheAllowance(uint256 allowance, uint256 steps) public {
        steps = bound(steps, 1, HOLDING / STEP);
        allowance = bound(allowance, steps * STEP, type(uint256).max - 1);
        _approve(allowance);
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", steps * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditRetirement.CreditRetired(alice, keccak256("alice's"), 1, uint64(NOW), retirement);
        _retireFrom(bob, retirement);

        assertEq(token.allowance(alice, bob), allowance - steps * STEP);
        assertEq(token.balanceOf(alice), HOLDING - steps * STEP);
        // The certificate is the holder's.
        assertTrue(token.verifyCertificate(alice, 1, uint64(NOW), retirement));
        assertFalse(token.verifyCertificate(bob, 1, uint64(NOW), retirement));
    }

    function test_AnInfiniteAllowanceIsNotSpent() public {
        _approve(type(uint256).max);
        _retireFrom(bob, _retirement("alice's", STEP));
        assertEq(token.allowance(alice, bob), type(uint256).max);
    }

    function testFuzz_RefusesMoreThanTheAllowance(uint256 allowance) public {
        allowance = bound(allowance, 0, 5 * STEP - 1);
        _approve(allowance);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, bob, allowance, 5 * STEP)
        );
        _retireFrom(bob, _retirement("alice's", 5 * STEP));
    }

    /// @dev Nor is one's own account an exception.
    function test_NeedsAnAllowanceEvenOfOneself() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, alice, 0, STEP));
        _retireFrom(alice, _retirement("alice's", STEP));
    }

    /// @dev A retirement that fails spends nothing.
    function test_RefusesWhatRetireRefuses() public {
        _approve(HOLDING);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256("unknown"), 0, STEP)
        );
        _retireFrom(bob, _retirement("unknown", STEP));
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, STEP + 1, STEP));
        _retireFrom(bob, _retirement("alice's", STEP + 1));
        assertEq(token.allowance(alice, bob), HOLDING);
    }

    function test_GoesOnDuringAPause() public {
        _approve(STEP);
        vm.prank(admin);
        token.pause();
        _retireFrom(bob, _retirement("alice's", STEP));
        assertEq(token.issuanceOf("alice's").retired, 1);
    }

    function _approve(uint256 allowance) private {
        vm.prank(alice);
        token.approve(bob, allowance);
    }

    function _retireFrom(address spender, ICreditRetirement.Retirement memory retirement) private {
        vm.prank(spender);
        token.retireFrom(alice, retirement);
    }
}
