// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `bufferCredits`: the caller's own tokens leave the supply into the credit's buffer.
contract BufferCreditsTest is CarbonCreditTest {
    uint256 private constant SERIALS = 100;

    function setUp() public override {
        super.setUp();
        _makeIssuer(bob, uint64(SERIALS));
        vm.prank(bob);
        token.mint(bob, SERIALS * STEP, "bob's");
    }

    function testFuzz_TakesTokensOutOfTheSupply(uint256 first, uint256 second) public {
        first = bound(first, 1, SERIALS - 1);
        second = bound(second, 1, SERIALS - first);
        _buffer(bob, first * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(bob, address(0), second * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditBuffered(keccak256("bob's"), bob, second * STEP, uint64(first + 1));
        _buffer(bob, second * STEP);

        uint256 left = SERIALS - first - second;
        assertEq(token.balanceOf(bob), left * STEP);
        assertEq(token.totalSupply(), HOLDING + left * STEP);
        assertEq(token.issuanceOf("bob's").buffered, first + second);
    }

    /// @dev What is in the buffer is not open: nobody can retire or cancel it.
    function test_TheBufferIsNotOpen() public {
        _buffer(bob, 90 * STEP);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256("bob's"), 10 * STEP, 11 * STEP)
        );
        vm.prank(alice);
        token.retire(_retirement("bob's", 11 * STEP));
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256("bob's"), 10 * STEP, 11 * STEP)
        );
        _buffer(bob, 11 * STEP);
    }

    function test_TheAdminContributesToo() public {
        vm.prank(alice);
        token.transfer(admin, STEP);
        _buffer(admin, STEP);
        assertEq(token.issuanceOf("bob's").buffered, 1);
        assertEq(token.balanceOf(admin), 0);
    }

    function test_GoesOnDuringAPause() public {
        vm.prank(admin);
        token.pause();
        _buffer(bob, STEP);
        assertEq(token.issuanceOf("bob's").buffered, 1);
    }

    function testFuzz_RefusesOthersThanTheIssuer(address caller) public {
        vm.assume(caller != bob && caller != admin);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.CallerMustBeIssuer.selector, caller, bob));
        _buffer(caller, STEP);
    }

    function test_RefusesMoreThanTheCallerHolds() public {
        vm.prank(bob);
        token.transfer(alice, 60 * STEP);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, 40 * STEP, 41 * STEP)
        );
        _buffer(bob, 41 * STEP);
        assertEq(token.issuanceOf("bob's").buffered, 0);
    }

    function testFuzz_RefusesWhatIsNoStep(uint256 amount) public {
        vm.assume(amount % STEP != 0 || amount == 0);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, amount, STEP));
        _buffer(bob, amount);
    }

    function _buffer(address caller, uint256 amount) private {
        vm.prank(caller);
        token.bufferCredits("bob's", amount);
    }
}
