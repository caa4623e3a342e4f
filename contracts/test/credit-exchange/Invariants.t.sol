// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CreditExchangeHandler} from "../support/credit-exchange/CreditExchangeHandler.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is CreditExchangeTest {
    CreditExchangeHandler private handler;

    /// @dev Little of both, so that legs fail too.
    uint256 private constant CASH = 300_000;
    uint256 private constant HOLDING = 200 * LOT;

    function setUp() public override {
        super.setUp();
        handler = new CreditExchangeHandler(exchange, address(money), admin, HOLDING, CASH);
        for (uint256 i = 0; i < handler.TRADERS(); ++i) {
            _equip(handler.trader(i));
            deal(address(credit), handler.trader(i), HOLDING);
            deal(address(money), handler.trader(i), CASH);
        }
        targetContract(address(handler));
    }

    /// @dev Both legs of every trade and nothing else: every balance is what the model says, and the exchange holds
    /// nothing.
    function invariant_BalancesAreTheModels() public view {
        uint256 creditSum = 0;
        uint256 moneySum = 0;
        for (uint256 i = 0; i < handler.TRADERS(); ++i) {
            address trader = handler.trader(i);
            _assertHolds(trader, handler.credits(trader), handler.money(trader));
            creditSum += credit.balanceOf(trader);
            moneySum += money.balanceOf(trader);
        }
        assertEq(creditSum, handler.TRADERS() * HOLDING);
        assertEq(moneySum + handler.fees(), handler.TRADERS() * CASH);
        _assertHolds(feeRecipient, 0, handler.fees());
        _assertHolds(address(exchange), 0, 0);
    }

    /// @dev Σ fills ≤ the order's lots, and the exchange counts as the model does.
    function invariant_FillsStayWithinTheOrder() public view {
        for (uint256 i = 0; i < handler.TRADERS(); ++i) {
            address trader = handler.trader(i);
            for (uint256 salt = 0; salt < handler.SALTS(); ++salt) {
                uint256 filled = handler.filled(trader, salt);
                assertLe(filled, handler.lotsOf(salt));
                assertEq(exchange.filledLots(trader, salt), filled);
                assertEq(exchange.isCancelled(trader, salt), handler.cancelled(trader, salt));
            }
            assertEq(exchange.counterOf(trader), handler.counter(trader));
        }
    }

    /// @dev Nothing was accepted that the model forbids (forged, cancelled, below the counter, expired, above its fee cap,
    /// against itself, at prices that do not cross, unpaid, paused), and nothing refused that it permits.
    function invariant_VerdictsAreTheModels() public view {
        assertEq(handler.wrong(), 0);
    }

    /// @dev The invariants speak of something: matches settle, alone and in batches, and every other outcome is met.
    function test_TheHandlerReachesEveryOutcome() public {
        for (uint256 i = 0; i < 20; ++i) {
            handler.settle(uint256(keccak256(abi.encode(i))));
        }
        uint256 alone = handler.settled();
        assertGt(alone, 2);
        for (uint256 i = 0; i < 5; ++i) {
            handler.settleBatch(uint256(keccak256(abi.encode(i))), 8);
        }
        assertGt(handler.settled(), alone + 5);
        assertGt(handler.skipped(), 10);
        assertGt(handler.fees(), 0);
        for (uint256 i = 0; i < 300; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("later", i)));
            uint256 action = seed % 8;
            if (action == 0) {
                handler.cancelOrder(seed >> 8, seed >> 16);
            } else if (action == 1) {
                handler.cancelOrderWithAuthorization(seed >> 8, seed >> 16, seed >> 24, seed >> 32);
            } else if (action == 2) {
                handler.increaseCounter(seed >> 8, seed >> 16);
            } else if (action == 3) {
                handler.increaseCounterWithAuthorization(seed >> 8, seed >> 16, seed >> 24, seed >> 32);
            } else if (action == 4) {
                handler.pause(seed >> 8);
            } else if (action == 5) {
                handler.settleBatch(seed >> 8, seed >> 16);
            } else {
                handler.settle(uint256(keccak256(abi.encode(seed))));
            }
        }
        assertGt(handler.refused(), 10);
        assertGt(handler.cancellations(), 1);
        assertGt(handler.refusedCancellations(), 1);
        assertGt(handler.increases(), 1);
        assertGt(handler.refusedIncreases(), 1);
        invariant_BalancesAreTheModels();
        invariant_FillsStayWithinTheOrder();
        invariant_VerdictsAreTheModels();
    }
}
