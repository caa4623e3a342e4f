// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `pause` and `unpause`: what stands still and what never does.
contract PauseTest is CreditExchangeTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function setUp() public override {
        super.setUp();
        vm.expectEmit(true, true, true, true, address(exchange));
        emit Pausable.Paused(admin);
        vm.prank(admin);
        exchange.pause();
        assertTrue(exchange.paused());
    }

    /// @dev A batch as a whole: no match is skipped.
    function test_StopsSettlement() public {
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        _settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1)));
    }

    function test_NeverStopsCancelling() public {
        vm.prank(alice);
        exchange.cancelOrder(0);
        exchange.cancelOrderWithAuthorization(
            alice, 1, NOW - 1, NOW + 1 hours, NONCE, _sign(aliceKey, _cancelOrderDigest(alice, 1, NONCE))
        );
        assertTrue(exchange.isCancelled(alice, 0));
        assertTrue(exchange.isCancelled(alice, 1));
        vm.prank(alice);
        exchange.increaseCounter(1);
        exchange.increaseCounterWithAuthorization(
            alice, 2, NOW - 1, NOW + 1 hours, 0, _sign(aliceKey, _increaseCounterDigest(alice, 2, 0))
        );
        assertEq(exchange.counterOf(alice), 2);
    }

    function test_NeverStopsConfiguration() public {
        vm.startPrank(admin);
        exchange.setPaymentToken(address(money), false);
        exchange.setFeeRecipient(bob);
        vm.stopPrank();
        assertFalse(exchange.isPaymentToken(address(money)));
        assertEq(exchange.feeRecipient(), bob);
    }

    function test_EndsWithUnpause() public {
        vm.expectEmit(true, true, true, true, address(exchange));
        emit Pausable.Unpaused(admin);
        vm.prank(admin);
        exchange.unpause();
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
        assertEq(_settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1))), 1);
    }

    /// @dev The flag and the fee recipient share a slot and leave each other alone.
    function testFuzz_SharesItsSlot(address recipient) public {
        vm.assume(recipient != address(0) && recipient != address(exchange));
        vm.startPrank(admin);
        exchange.setFeeRecipient(recipient);
        assertTrue(exchange.paused());
        exchange.unpause();
        assertEq(exchange.feeRecipient(), recipient);
    }

    function testFuzz_RefusesOthersThanPausers(address caller) public {
        vm.assume(caller != admin);
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, caller, keccak256("PAUSER_ROLE")
        );
        vm.expectRevert(refusal);
        vm.prank(caller);
        exchange.unpause();
        vm.prank(admin);
        exchange.unpause();
        vm.expectRevert(refusal);
        vm.prank(caller);
        exchange.pause();
    }
}
