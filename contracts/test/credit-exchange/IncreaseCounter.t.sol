// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `increaseCounter` and `increaseCounterWithAuthorization`: all orders of a maker end at once.
contract IncreaseCounterTest is CreditExchangeTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function test_EndsAllOrdersOfTheMaker() public {
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.CounterIncreased(alice, 1);
        vm.prank(alice);
        exchange.increaseCounter(1);
        assertEq(exchange.counterOf(alice), 1);
        assertEq(exchange.counterOf(bob), 0);

        for (uint256 salt = 0; salt < 9; ++salt) {
            ICreditExchange.SignedOrder memory dead = _sell(PRICE, salt);
            assertEq(exchange.remainingLots(dead.order), 0);
            vm.expectRevert(
                abi.encodeWithSelector(ICreditExchange.OrderCounterMismatch.selector, _orderDigest(dead.order), 1)
            );
            _settle(dead, _buy(PRICE, 0), _lots(1));
        }
        // An order for the new counter trades, with what its salt has left.
        ICreditExchange.Order memory order = _order(alice, SELL, PRICE, 0);
        order.counter = 1;
        assertEq(exchange.remainingLots(order), 999);
        _settle(_signed(order, aliceKey), _buy(PRICE, 0), _lots(999));
    }

    /// @dev Up only, so an order once below the counter is below it for ever.
    function testFuzz_UpOnly(uint256 counter, uint256 next) public {
        counter = bound(counter, 1, type(uint256).max);
        vm.startPrank(alice);
        exchange.increaseCounter(counter);
        if (next <= counter) {
            vm.expectRevert(abi.encodeWithSelector(ICreditExchange.CounterNotIncreased.selector, counter, next));
        }
        exchange.increaseCounter(next);
        assertEq(exchange.counterOf(alice), next > counter ? next : counter);
    }

    function test_BySignature() public {
        bytes memory signature = _sign(aliceKey, _increaseCounterDigest(alice, 3, NONCE));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit IAuthorizations.AuthorizationUsed(alice, NONCE);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.CounterIncreased(alice, 3);
        _increase(3, NOW - 1, NOW + 1 hours, NONCE, signature);
        assertEq(exchange.counterOf(alice), 3);

        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _increase(3, NOW - 1, NOW + 1 hours, NONCE, signature);
    }

    /// @dev Two relayers got one each for the same increase: the second ends nothing that was signed since.
    function test_TwoAuthorizationsForOneIncrease() public {
        bytes memory first = _sign(aliceKey, _increaseCounterDigest(alice, 1, NONCE));
        bytes memory second = _sign(aliceKey, _increaseCounterDigest(alice, 1, 0));
        _increase(1, NOW - 1, NOW + 1 hours, NONCE, first);
        vm.expectRevert(abi.encodeWithSelector(ICreditExchange.CounterNotIncreased.selector, 1, 1));
        _increase(1, NOW - 1, NOW + 1 hours, 0, second);
        assertFalse(exchange.authorizationState(alice, 0));
    }

    function test_WithinItsTimeOnly() public {
        bytes memory signature = _sign(aliceKey, _increaseCounterDigest(alice, 1, NONCE));
        vm.warp(NOW - 1);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, NOW - 1));
        _increase(1, NOW - 1, NOW + 1 hours, NONCE, signature);
        vm.warp(NOW + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, NOW + 1 hours));
        _increase(1, NOW - 1, NOW + 1 hours, NONCE, signature);
    }

    /// @dev Whatever is changed, the signature is no longer alice's.
    function testFuzz_EveryMemberIsSigned(uint8 member, uint256 change) public {
        change = bound(change, 1, 1e9);
        member = uint8(bound(member, 0, 4));
        bytes memory signature = _sign(member == 4 ? bobKey : aliceKey, _increaseCounterDigest(alice, 1, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _increase(
            member == 0 ? 1 + change : 1,
            member == 1 ? NOW - 1 - change : NOW - 1,
            member == 2 ? NOW + 1 hours + change : NOW + 1 hours,
            member == 3 ? bytes32(uint256(NONCE) ^ change) : NONCE,
            signature
        );
        assertEq(exchange.counterOf(alice), 0);
    }

    function _increase(uint256 counter, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes memory signature)
        private
    {
        vm.prank(relayer);
        exchange.increaseCounterWithAuthorization(alice, counter, validAfter, validBefore, nonce, signature);
    }
}
