// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `cancelOrder` and `cancelOrderWithAuthorization`.
contract CancelOrderTest is CreditExchangeTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function test_EndsAnOrder() public {
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 5);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        _settle(maker, taker, _lots(300));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.OrderCancelled(alice, 5, 300);
        vm.prank(alice);
        exchange.cancelOrder(5);

        assertTrue(exchange.isCancelled(alice, 5));
        assertEq(exchange.filledLots(alice, 5), 300);
        assertEq(exchange.remainingLots(maker.order), 0);
        _expectCancelled(5);
        _settle(maker, taker, _lots(1));
        _expectCancelled(5);
        _settle(taker, maker, _lots(1));
    }

    /// @dev Neighbours in the word, other words and other makers trade on.
    function test_EndsThatOrderOnly() public {
        vm.prank(alice);
        exchange.cancelOrder(5);
        for (uint256 salt = 0; salt < 9; ++salt) {
            assertEq(exchange.isCancelled(alice, salt), salt == 5);
            assertFalse(exchange.isCancelled(bob, salt));
            if (salt != 5) _settle(_sell(PRICE, salt), _buy(PRICE, salt), _lots(1));
        }
        _settle(
            _signed(_order(bob, SELL, PRICE, 5), bobKey), _signed(_order(alice, BUY, PRICE, 20), aliceKey), _lots(1)
        );
    }

    /// @dev Before anybody saw the order, or its signature.
    function testFuzz_BeforeItTraded(uint256 salt) public {
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.OrderCancelled(alice, salt, 0);
        vm.prank(alice);
        exchange.cancelOrder(salt);
        _expectCancelled(salt);
        _settle(_sell(PRICE, salt), _buy(PRICE, 0), _lots(1));
    }

    function test_OnceOnly() public {
        vm.startPrank(alice);
        exchange.cancelOrder(5);
        _expectCancelled(5);
        exchange.cancelOrder(5);
        vm.stopPrank();
    }

    function test_BySignature() public {
        bytes memory signature = _sign(aliceKey, _cancelOrderDigest(alice, 5, NONCE));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit IAuthorizations.AuthorizationUsed(alice, NONCE);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.OrderCancelled(alice, 5, 0);
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
        assertTrue(exchange.isCancelled(alice, 5));
        assertTrue(exchange.authorizationState(alice, NONCE));

        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
    }

    /// @dev A cancelled order costs no second authorization.
    function test_BySignatureOnceOnly() public {
        vm.prank(alice);
        exchange.cancelOrder(5);
        bytes memory signature = _sign(aliceKey, _cancelOrderDigest(alice, 5, NONCE));
        _expectCancelled(5);
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
        assertFalse(exchange.authorizationState(alice, NONCE));
    }

    function test_WithinItsTimeOnly() public {
        bytes memory signature = _sign(aliceKey, _cancelOrderDigest(alice, 5, NONCE));
        vm.warp(NOW - 1);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, NOW - 1));
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
        vm.warp(NOW + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, NOW + 1 hours));
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
        vm.warp(NOW + 1 hours - 1);
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
    }

    /// @dev Whatever is changed, the signature is no longer alice's.
    function testFuzz_EveryMemberIsSigned(uint8 member, uint256 change) public {
        change = bound(change, 1, 1e9);
        member = uint8(bound(member, 0, 4));
        bytes memory signature = _sign(member == 4 ? bobKey : aliceKey, _cancelOrderDigest(alice, 5, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _cancel(
            member == 0 ? 5 + change : 5,
            member == 1 ? NOW - 1 - change : NOW - 1,
            member == 2 ? NOW + 1 hours + change : NOW + 1 hours,
            member == 3 ? bytes32(uint256(NONCE) ^ change) : NONCE,
            signature
        );
    }

    /// @dev A used or cancelled nonce is gone for each action of the contract.
    function test_NoncesAreShared() public {
        exchange.cancelAuthorization(
            alice,
            NONCE,
            _sign(
                aliceKey,
                _digest(
                    keccak256(
                        abi.encode(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), alice, NONCE)
                    )
                )
            )
        );
        bytes memory signature = _sign(aliceKey, _cancelOrderDigest(alice, 5, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _cancel(5, NOW - 1, NOW + 1 hours, NONCE, signature);
    }

    function _cancel(uint256 salt, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes memory signature)
        private
    {
        vm.prank(relayer);
        exchange.cancelOrderWithAuthorization(alice, salt, validAfter, validBefore, nonce, signature);
    }

    function _expectCancelled(uint256 salt) private {
        vm.expectRevert(abi.encodeWithSelector(ICreditExchange.OrderAlreadyCancelled.selector, alice, salt));
    }
}
