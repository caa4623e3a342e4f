// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `recordReversal`: the buffer is cancelled, and nothing beyond it.
contract RecordReversalTest is CarbonCreditTest {
    uint256 private constant SERIALS = 100;
    uint256 private constant BUFFERED = 30;

    function setUp() public override {
        super.setUp();
        _makeIssuer(bob, uint64(SERIALS));
        vm.startPrank(bob);
        token.mint(bob, SERIALS * STEP, "bob's");
        token.cancelCredits("bob's", 5 * STEP, "measured wrongly");
        token.bufferCredits("bob's", BUFFERED * STEP);
        vm.stopPrank();
    }

    /// @dev No token moves: these left the supply when they went into the buffer.
    function testFuzz_MovesTheBufferToCancelled(uint256 serials) public {
        serials = bound(serials, 1, BUFFERED);
        uint256 supply = token.totalSupply();
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.ReversalRecorded(keccak256("bob's"), serials * STEP, "fire");
        _reverse(admin, serials * STEP);

        assertEq(token.issuanceOf("bob's").buffered, BUFFERED - serials);
        assertEq(token.issuanceOf("bob's").cancelled, 5 + serials);
        assertEq(token.totalSupply(), supply);
    }

    /// @dev Serials that are handed out after a reversal go on where they were.
    function test_ShiftsNoSerials() public {
        _reverse(admin, 10 * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditBuffered(keccak256("bob's"), bob, STEP, 36);
        vm.prank(bob);
        token.bufferCredits("bob's", STEP);
    }

    function testFuzz_RefusesMoreThanTheBuffer(uint256 serials) public {
        serials = bound(serials, BUFFERED + 1, type(uint48).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICreditIssuance.ExceedsBuffer.selector, keccak256("bob's"), BUFFERED * STEP, serials * STEP
            )
        );
        _reverse(admin, serials * STEP);
    }

    function test_TheBufferIsUsedUp() public {
        _reverse(admin, BUFFERED * STEP);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.ExceedsBuffer.selector, keccak256("bob's"), 0, STEP));
        _reverse(admin, STEP);
    }

    function testFuzz_RefusesWhatIsNoStep(uint256 amount) public {
        vm.assume(amount % STEP != 0 || amount == 0);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, amount, STEP));
        _reverse(admin, amount);
    }

    function test_GoesOnDuringAPause() public {
        vm.prank(admin);
        token.pause();
        _reverse(admin, STEP);
        assertEq(token.issuanceOf("bob's").buffered, BUFFERED - 1);
    }

    /// @dev Not even the issuer, whom the buffer vouches for.
    function testFuzz_RefusesOthersThanTheAdmin(address caller) public {
        vm.assume(caller != admin);
        _expectUnauthorized(bob);
        _reverse(bob, STEP);
        _expectUnauthorized(caller);
        _reverse(caller, STEP);
    }

    function _expectUnauthorized(address caller) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0))
        );
    }

    function _reverse(address caller, uint256 amount) private {
        vm.prank(caller);
        token.recordReversal("bob's", amount, "fire");
    }
}
