// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CreditExchangeHandler} from "../support/credit-exchange/CreditExchangeHandler.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is CreditExchangeTest {
    CreditExchangeHandler private handler;

    /// @dev Little money, so that legs fail too.
    uint256 private constant CASH = 300_000;

    function setUp() public override {
        super.setUp();
        handler = new CreditExchangeHandler(exchange, address(money), admin, CREDITS, CASH);
        for (uint256 i = 0; i < handler.TRADERS(); ++i) {
            _equip(handler.trader(i));
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
        assertEq(creditSum, handler.TRADERS() * CREDITS);
        assertEq(moneySum + handler.fees(), handler.TRADERS() * CASH);
        _assertHolds(feeRecipient, 0, handler.fees());
        _assertHolds(address(exchange), 0, 0);
    }

    /// @dev Σ fills ≤ the order's lots, the exchange counts as the model does, and nothing cancelled, below the counter,
    /// expired, above its fee cap, against itself or at prices that do not cross ever traded.
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
        assertEq(handler.wrong(), 0);
    }

    /// @dev What the handler makes up is worth something: matches settle, alone and in batches, and matches fail.
    function test_TheHandlerSettlesAndFails() public {
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
        invariant_BalancesAreTheModels();
        invariant_FillsStayWithinTheOrder();
    }
}
