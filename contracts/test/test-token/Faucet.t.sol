// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ITestToken} from "../../src/interfaces/ITestToken.sol";
import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice `faucet`: open to all, bounded per call and per recipient and day.
contract FaucetTest is TestTokenTest {
    function test_Limits() public view {
        assertEq(dollar.FAUCET_CALL_LIMIT(), CALL_LIMIT);
        assertEq(dollar.FAUCET_DAY_LIMIT(), DAY_LIMIT);
        assertEq(dollar.totalSupply(), 0);
    }

    function testFuzz_AnyoneDrawsForAnyone(address caller, address to, uint256 amount) public {
        vm.assume(to != address(0));
        amount = bound(amount, 1, CALL_LIMIT);
        assertEq(dollar.faucetRemaining(to), DAY_LIMIT);
        vm.expectEmit(true, true, true, true, address(dollar));
        emit IERC20.Transfer(address(0), to, amount);
        vm.prank(caller);
        dollar.faucet(to, amount);
        assertEq(dollar.balanceOf(to), amount);
        assertEq(dollar.totalSupply(), amount);
        assertEq(dollar.faucetRemaining(to), DAY_LIMIT - amount);
    }

    function testFuzz_RefusesMoreThanACallGives(uint256 amount) public {
        _expectAmountRefused(bound(amount, CALL_LIMIT + 1, type(uint256).max));
    }

    function test_RefusesNothingAndTheFirstUnitTooMuch() public {
        _expectAmountRefused(0);
        _expectAmountRefused(CALL_LIMIT + 1);
        _draw(alice, CALL_LIMIT);
        assertEq(dollar.balanceOf(alice), CALL_LIMIT);
    }

    /// @dev To the last unit of the day, and not one more.
    function testFuzz_RefusesMoreThanADayGives(uint256 amount) public {
        amount = bound(amount, 1, CALL_LIMIT);
        uint256 drawn = 0;
        while (DAY_LIMIT - drawn >= amount && drawn < 20 * amount) {
            _draw(alice, amount);
            drawn += amount;
            assertEq(dollar.faucetRemaining(alice), DAY_LIMIT - drawn);
        }
        if (DAY_LIMIT - drawn < amount) _expectAllowanceExceeded(alice, amount, DAY_LIMIT - drawn);
        assertEq(dollar.balanceOf(alice), drawn);
    }

    function test_GivesTheLastUnitOfTheDay() public {
        for (uint256 i = 0; i < 4; ++i) {
            _draw(alice, CALL_LIMIT);
        }
        _draw(alice, CALL_LIMIT - 1);
        _expectAllowanceExceeded(alice, 2, 1);
        _draw(alice, 1);
        _expectAllowanceExceeded(alice, 1, 0);
        assertEq(dollar.balanceOf(alice), DAY_LIMIT);
        assertEq(dollar.faucetRemaining(alice), 0);
    }

    /// @dev The allowance returns with midnight UTC, not a second before, and does not add up over days.
    function testFuzz_EveryDayAnew(uint256 second, uint256 daysLater) public {
        uint256 start = NOW + bound(second, 0, 10 days);
        uint256 midnight = start - start % 1 days;
        vm.warp(start);
        _drawAll(alice);
        vm.warp(midnight + 1 days - 1);
        _expectAllowanceExceeded(alice, 1, 0);
        vm.warp(midnight + bound(daysLater, 1, 36_500) * 1 days);
        assertEq(dollar.faucetRemaining(alice), DAY_LIMIT);
        _drawAll(alice);
        _expectAllowanceExceeded(alice, 1, 0);
        assertEq(dollar.balanceOf(alice), 2 * DAY_LIMIT);
    }

    /// @dev Neither another recipient's nor another token's allowance, nor what is transferred, counts.
    function test_AllowancesAreApart() public {
        _drawAll(alice);
        assertEq(dollar.faucetRemaining(bob), DAY_LIMIT);
        assertEq(euro.faucetRemaining(alice), DAY_LIMIT);
        vm.prank(alice);
        dollar.transfer(bob, DAY_LIMIT);
        assertEq(dollar.faucetRemaining(alice), 0);
        _drawAll(bob);
        assertEq(dollar.balanceOf(bob), 2 * DAY_LIMIT);
    }

    function test_RefusesTheZeroAddress() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        _draw(address(0), 1);
        assertEq(dollar.faucetRemaining(address(0)), DAY_LIMIT);
    }

    function _expectAmountRefused(uint256 amount) private {
        vm.expectRevert(abi.encodeWithSelector(ITestToken.FaucetAmountInvalid.selector, amount, CALL_LIMIT));
        _draw(alice, amount);
        assertEq(dollar.totalSupply(), 0);
    }
}
