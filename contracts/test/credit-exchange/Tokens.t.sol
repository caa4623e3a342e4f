// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";
import {
    BlocklistToken,
    FalseToken,
    FeeOnTransferToken,
    GasBurningToken,
    GrowingToken,
    LyingToken,
    ReentrantToken,
    SilentToken
} from "../support/credit-exchange/CreditExchangeTokens.sol";

/// @notice Payment tokens that an admin should not have allowed, and odd ones that are fine: no credits move without
/// payment, and one bad token spoils nobody else's match.
contract TokensTest is CreditExchangeTest {
    function test_FeeOnTransfer() public {
        _payIn(address(new FeeOnTransferToken()));
        _skips(
            abi.encodeWithSelector(
                ICreditExchange.PaymentShort.selector,
                address(money),
                MONEY + 10 * PRICE,
                MONEY + 10 * uint256(PRICE) * 99 / 100
            )
        );
    }

    function test_PaysMoreThanItShould() public {
        _payIn(address(new GrowingToken()));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(10));
        _assertHolds(alice, CREDITS - 10 * LOT, MONEY + 10 * PRICE + 1);
    }

    function test_SaysThatItPaid() public {
        _payIn(address(new LyingToken()));
        _skips(abi.encodeWithSelector(ICreditExchange.PaymentShort.selector, address(money), MONEY + 10 * PRICE, MONEY));
    }

    function test_ReturnsFalse() public {
        _payIn(address(new FalseToken()));
        deal(address(money), bob, 10 * PRICE - 1);
        _skips(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(money)));
        deal(address(money), bob, MONEY);
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(10));
        _assertHolds(alice, CREDITS - 10 * LOT, MONEY + 10 * PRICE);
    }

    function test_ReturnsNothing() public {
        SilentToken silent = new SilentToken();
        silent.mint(bob, MONEY);
        vm.prank(bob);
        silent.approve(address(exchange), MONEY);
        money = IERC20(address(silent));
        vm.prank(admin);
        exchange.setPaymentToken(address(money), true);
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), ICreditExchange.Terms(10, 0, 100));
        _assertHolds(alice, CREDITS - 10 * LOT, 10 * PRICE);
        _assertHolds(feeRecipient, 0, PRICE / 10);
    }

    /// @dev Its code is gone: a call to nothing succeeds, and must not count.
    function test_TokenWithoutCode() public {
        vm.etch(address(money), "");
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        vm.expectRevert(bytes(""));
        _settle(maker, taker, _lots(10));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(0, _orderDigest(maker.order), _orderDigest(taker.order), 0);
        assertEq(_settleBatch(_two(maker, taker), _match(_lots(10))), 0);
        assertEq(credit.balanceOf(alice), CREDITS);
    }

    /// @dev Any reason of any length arrives as its first four bytes, shorter ones as zero or filled up with zeros.
    function testFuzz_BlocksTheSeller(bytes calldata revertData) public {
        BlocklistToken token = new BlocklistToken();
        _payIn(address(token));
        token.block_(alice, revertData);
        _skips(revertData);
    }

    /// @dev Then the fee leg fails after the payment leg, and takes it back.
    function test_BlocksTheFeeRecipient() public {
        BlocklistToken token = new BlocklistToken();
        _payIn(address(token));
        token.block_(feeRecipient, "no!!");
        vm.expectRevert(bytes("no!!"));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), ICreditExchange.Terms(10, 0, 1));
        _assertUntouched();
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(10));
    }

    /// @dev A long reason costs the batch nothing.
    function test_LongReasonsAreNotCopied() public {
        BlocklistToken token = new BlocklistToken();
        _payIn(address(token));
        token.block_(alice, new bytes(64));
        _settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(10)));
        uint256 short = vm.lastCallGas().gasTotalUsed;
        token.block_(alice, new bytes(2_000));
        _settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(10)));
        // The token's own reading of 2,000 bytes, 61 words at 2,100, and two copies on the way out.
        assertLt(vm.lastCallGas().gasTotalUsed - short, 61 * 2_100 + 6_000);
    }

    /// @dev A token that burns what it is given burns one match's gas, and the next match settles.
    function test_BurnsGas() public {
        GasBurningToken token = new GasBurningToken();
        _payIn(address(token));
        token.setVictim(alice);
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](4);
        (orders[0], orders[1]) = (_sell(PRICE, 0), _buy(PRICE, 0));
        (orders[2], orders[3]) =
        (_signed(_order(bob, SELL, PRICE, 1), bobKey), _signed(_order(alice, BUY, PRICE, 1), aliceKey));
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2);
        matches[0] = ICreditExchange.Match(0, 1, _lots(10));
        matches[1] = ICreditExchange.Match(2, 3, _lots(10));
        assertEq(_settleBatch(orders, matches), 2);
        assertLt(vm.lastCallGas().gasTotalUsed, 750_000);
        assertGt(vm.lastCallGas().gasTotalUsed, 500_000);
    }

    /// @dev Even an operator that is the token itself cannot settle from within a transfer.
    function test_SettlingFromWithin() public {
        ReentrantToken token = new ReentrantToken(exchange);
        _payIn(address(token));
        vm.startPrank(admin);
        exchange.grantRole(exchange.OPERATOR_ROLE(), address(token));
        vm.stopPrank();
        bytes memory refusal = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);

        token.setCall(abi.encodeCall(exchange.settle, (_sell(PRICE, 1), _buy(PRICE, 1), _lots(5))));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(10));
        assertFalse(token.entered());
        assertEq(token.answer(), refusal);

        token.setCall(abi.encodeCall(exchange.settleBatch, (_two(_sell(PRICE, 1), _buy(PRICE, 1)), _match(_lots(5)))));
        assertEq(_settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(10))), 1);
        assertFalse(token.entered());
        assertEq(token.answer(), refusal);
        assertEq(exchange.filledLots(alice, 0), 20);
        assertEq(exchange.filledLots(alice, 1), 0);
    }

    /// @dev An order cancelled from within a transfer keeps what it filled and fills no more, also in the same batch.
    function test_CancellingFromWithin() public {
        ReentrantToken token = new ReentrantToken(exchange);
        _payIn(address(token));
        bytes32 structHash =
            keccak256(abi.encode(CANCEL_ORDER_TYPEHASH, alice, 0, NOW - 1, NOW + 1, bytes32(uint256(1))));
        token.setCall(
            abi.encodeCall(
                exchange.cancelOrderWithAuthorization,
                (alice, 0, NOW - 1, NOW + 1, bytes32(uint256(1)), _sign(aliceKey, _digest(structHash)))
            )
        );
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2);
        matches[0] = ICreditExchange.Match(0, 1, _lots(10));
        matches[1] = ICreditExchange.Match(0, 1, _lots(20));
        assertEq(_settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), matches), 1);
        assertTrue(token.entered());
        assertTrue(exchange.isCancelled(alice, 0));
        assertEq(exchange.filledLots(alice, 0), 10);
        assertEq(exchange.filledLots(bob, 0), 10);
    }

    /// @dev Alice and bob hold MONEY of `token`, trust the exchange with it, and the admin allowed it.
    function _payIn(address token) private {
        money = IERC20(token);
        _equip(alice);
        _equip(bob);
        vm.prank(admin);
        exchange.setPaymentToken(token, true);
    }

    /// @dev Ten lots from alice to bob fail alone with `refusal`, and are skipped in a batch with its first four bytes.
    function _skips(bytes memory refusal) private {
        uint256 bobs = money.balanceOf(bob);
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        vm.expectRevert(refusal);
        _settle(maker, taker, _lots(10));

        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(0, _orderDigest(maker.order), _orderDigest(taker.order), bytes4(refusal));
        assertEq(_settleBatch(_two(maker, taker), _match(_lots(10))), 0);
        _assertHolds(alice, CREDITS, MONEY);
        _assertHolds(bob, CREDITS, bobs);
        assertEq(exchange.filledLots(alice, 0) + exchange.filledLots(bob, 0), 0);
    }
}
