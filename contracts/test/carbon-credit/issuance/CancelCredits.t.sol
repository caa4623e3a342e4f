// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `cancelCredits`: the caller's own tokens, out of what is open.
contract CancelCreditsTest is CarbonCreditTest {
    uint256 private constant SERIALS = 100;

    function setUp() public override {
        super.setUp();
        _makeIssuer(bob, uint64(SERIALS));
        vm.prank(bob);
        token.mint(bob, SERIALS * STEP, "bob's");
    }

    function testFuzz_BurnsTheCallersTokens(uint256 serials) public {
        serials = bound(serials, 1, SERIALS);
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(bob, address(0), serials * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditCancelled(keccak256("bob's"), bob, serials * STEP, 1, "measured wrongly");
        _cancel(bob, serials * STEP);

        assertEq(token.balanceOf(bob), (SERIALS - serials) * STEP);
        assertEq(token.totalSupply(), HOLDING + (SERIALS - serials) * STEP);
        assertEq(token.issuanceOf("bob's").cancelled, serials);
        assertEq(token.issuanceOf("bob's").issued, SERIALS);
    }

    /// @dev Serials leave in ascending order, whichever way they go.
    function test_TakesTheNextOpenSerials() public {
        vm.prank(bob);
        token.bufferCredits("bob's", 7 * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditCancelled(keccak256("bob's"), bob, 2 * STEP, 8, "measured wrongly");
        _cancel(bob, 2 * STEP);
    }

    /// @dev The registry, with tokens of its own.
    function test_TheAdminCancelsToo() public {
        vm.prank(alice);
        token.transfer(admin, STEP);
        _cancel(admin, STEP);
        assertEq(token.issuanceOf("bob's").cancelled, 1);
        assertEq(token.balanceOf(bob), SERIALS * STEP);
        assertEq(token.balanceOf(admin), 0);
    }

    /// @dev An issuer that was dismissed can still make good.
    function test_AFormerIssuerCancelsToo() public {
        bytes32 role = token.MINTER_ROLE();
        vm.prank(admin);
        token.revokeRole(role, bob);
        _cancel(bob, STEP);
        assertEq(token.issuanceOf("bob's").cancelled, 1);
    }

    function test_GoesOnDuringAPause() public {
        vm.prank(admin);
        token.pause();
        _cancel(bob, STEP);
        assertEq(token.issuanceOf("bob's").cancelled, 1);
    }

    /// @dev Another issuer is another like any other.
    function testFuzz_RefusesOthersThanTheIssuer(address caller) public {
        vm.assume(caller != bob && caller != admin && caller != address(0));
        _makeIssuer(caller, 1);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.CallerMustBeIssuer.selector, caller, bob));
        _cancel(caller, STEP);
    }

    function test_RefusesMoreThanIsOpen() public {
        vm.prank(alice);
        token.transfer(bob, 1e18);
        vm.prank(alice);
        token.retire(_retirement("bob's", 40 * STEP));
        _cancel(bob, 10 * STEP);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256("bob's"), 50 * STEP, 51 * STEP)
        );
        _cancel(bob, 51 * STEP);
        _cancel(bob, 50 * STEP);
        assertEq(_gone("bob's"), SERIALS);
    }

    function test_RefusesMoreThanTheCallerHolds() public {
        vm.prank(bob);
        token.transfer(alice, 60 * STEP);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, 40 * STEP, 41 * STEP)
        );
        _cancel(bob, 41 * STEP);
        assertEq(token.issuanceOf("bob's").cancelled, 0);
    }

    function testFuzz_RefusesWhatIsNoStep(uint256 amount) public {
        vm.assume(amount % STEP != 0 || amount == 0);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, amount, STEP));
        _cancel(bob, amount);
    }

    function test_RefusesAnUnknownCredit() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256("x"), 0, STEP));
        vm.prank(admin);
        token.cancelCredits("x", STEP, "");
    }

    function _cancel(address caller, uint256 amount) private {
        vm.prank(caller);
        token.cancelCredits("bob's", amount, "measured wrongly");
    }
}
