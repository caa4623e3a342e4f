// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice Plain ERC-20: `transfer`, `approve`, `transferFrom`.
contract TransferTest is TestTokenTest {
    function setUp() public override {
        super.setUp();
        _drawAll(alice);
    }

    function testFuzz_MovesUpToTheBalance(address to, uint256 value) public {
        vm.assume(to != address(0) && to != alice);
        value = bound(value, 0, DAY_LIMIT);
        vm.expectEmit(true, true, true, true, address(dollar));
        emit IERC20.Transfer(alice, to, value);
        vm.prank(alice);
        assertTrue(dollar.transfer(to, value));
        assertEq(dollar.balanceOf(to), value);
        assertEq(dollar.balanceOf(alice), DAY_LIMIT - value);
    }

    function testFuzz_RefusesMoreThanHeld(uint256 value) public {
        value = bound(value, DAY_LIMIT + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, DAY_LIMIT, value));
        vm.prank(alice);
        dollar.transfer(bob, value);
    }

    function test_SpendsAnAllowance() public {
        vm.prank(alice);
        dollar.approve(relayer, 5e6);
        vm.prank(relayer);
        assertTrue(dollar.transferFrom(alice, bob, 4e6));
        assertEq(dollar.balanceOf(bob), 4e6);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, relayer, 1e6, 2e6));
        vm.prank(relayer);
        dollar.transferFrom(alice, bob, 2e6);
    }
}
