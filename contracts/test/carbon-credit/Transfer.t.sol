// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice Plain ERC-20: metadata, `transfer`, `approve`, `transferFrom` (C-091, C-092).
contract TransferTest is CarbonCreditTest {
    function test_Metadata() public view {
        assertEq(token.name(), "WIA Carbon Credit Micro");
        assertEq(token.symbol(), "WCCM");
        assertEq(token.decimals(), 18);
        assertEq(token.totalSupply(), HOLDING);
    }

    /// @dev Any amount, not only steps of 0.001 t.
    function testFuzz_Transfers(address to, uint256 value) public {
        vm.assume(to != address(0) && to != alice);
        value = bound(value, 0, HOLDING);
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(alice, to, value);
        vm.prank(alice);
        assertTrue(token.transfer(to, value));
        assertEq(token.balanceOf(alice), HOLDING - value);
        assertEq(token.balanceOf(to), value);
        assertEq(token.totalSupply(), HOLDING);
    }

    function testFuzz_ToOneselfChangesNothing(uint256 value) public {
        vm.prank(alice);
        assertTrue(token.transfer(alice, bound(value, 0, HOLDING)));
        assertEq(token.balanceOf(alice), HOLDING);
    }

    function testFuzz_RefusesMoreThanHeld(uint256 value) public {
        value = bound(value, HOLDING + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, HOLDING, value));
        vm.prank(alice);
        token.transfer(bob, value);
    }

    function test_RefusesTheZeroAddress() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        vm.prank(alice);
        token.transfer(address(0), 1);
    }

    function testFuzz_TransferFromSpendsTheAllowance(uint256 allowed, uint256 value) public {
        allowed = bound(allowed, 0, type(uint256).max - 1);
        value = bound(value, 0, allowed < HOLDING ? allowed : HOLDING);
        vm.prank(alice);
        assertTrue(token.approve(relayer, allowed));
        vm.prank(relayer);
        assertTrue(token.transferFrom(alice, bob, value));
        assertEq(token.balanceOf(bob), value);
        assertEq(token.allowance(alice, relayer), allowed - value);
    }

    function testFuzz_TransferFromRefusesMoreThanAllowed(uint256 allowed, uint256 value) public {
        allowed = bound(allowed, 0, HOLDING - 1);
        value = bound(value, allowed + 1, HOLDING);
        vm.prank(alice);
        token.approve(relayer, allowed);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, relayer, allowed, value)
        );
        vm.prank(relayer);
        token.transferFrom(alice, bob, value);
    }
}
