// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fills} from "../../src/base/Fills.sol";
import {Matching} from "../../src/base/Matching.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {Test} from "../support/Test.sol";

/// @notice The pure core against a naive model: {Matching} and {Fills}.
contract MatchingTest is Test {
    /// @dev For any two orders and terms: legs() reverts exactly when the model says so, else gives the model's figures.
    function testFuzz_AgreesWithTheModel(
        uint8 flags,
        uint128[2] memory prices,
        uint16[2] memory caps,
        ICreditExchange.Terms memory terms
    ) public view {
        ICreditExchange.Order memory maker = _order(flags, prices[0], caps[0]);
        ICreditExchange.Order memory taker = _order(flags >> 4, prices[1] % 2 == 0 ? prices[0] : prices[1], caps[1]);
        terms.makerFeeBps %= 600;
        terms.takerFeeBps %= 600;
        bytes4 expected = _modelFault(maker, taker, terms);
        try this.legs(maker, taker, terms) returns (Matching.Legs memory result) {
            assertEq(expected, bytes4(0));
            _assertModel(maker, taker, terms, result);
        } catch (bytes memory revertData) {
            assertEq(bytes4(revertData), expected);
        }
    }

    /// @dev Many small fills never cost more fees than one large one, and never as much as a unit each less.
    function testFuzz_FeesOfPartsAreBelowTheFeeOfTheWhole(uint128 price, uint16 feeBps, uint64 first, uint64 second)
        public
        pure
    {
        feeBps = uint16(bound(feeBps, 0, 500));
        uint256 parts = Matching.feeRoundedDown(uint256(first) * price, feeBps, 500)
            + Matching.feeRoundedDown(uint256(second) * price, feeBps, 500);
        uint256 whole = Matching.feeRoundedDown((uint256(first) + second) * price, feeBps, 500);
        assertLe(parts, whole);
        assertLe(whole - parts, 1);
    }

    /// @dev One lane changes as it should, the other three not at all.
    function testFuzz_FillsKeepToTheirLane(uint256 word, uint256 salt, uint64 orderLots, uint64 lots) public pure {
        uint64 left = Fills.remaining(word, salt, orderLots);
        lots = uint64(bound(lots, 0, left));
        uint256 filled = Fills.add(word, salt, lots);
        assertEq(Fills.filled(filled, salt), Fills.filled(word, salt) + lots);
        assertEq(Fills.isCancelled(filled, salt), Fills.isCancelled(word, salt));
        assertEq(Fills.remaining(filled, salt, orderLots), left - lots);

        uint256 cancelled = Fills.cancel(filled, salt);
        assertTrue(Fills.isCancelled(cancelled, salt));
        assertEq(Fills.filled(cancelled, salt), Fills.filled(filled, salt));
        for (uint256 other = 0; other < 4; ++other) {
            if (other == salt % 4) continue;
            assertEq(Fills.filled(cancelled, other), Fills.filled(word, other));
            assertEq(Fills.isCancelled(cancelled, other), Fills.isCancelled(word, other));
        }
    }

    /// @dev Whatever stands there: what is filled and what is left never exceed the order, nor 63 bits.
    function testFuzz_FillsStayWithinTheOrder(uint256 word, uint256 salt, uint64 orderLots) public pure {
        uint64 left = Fills.remaining(word, salt, orderLots);
        uint256 done = Fills.filled(word, salt);
        assertEq(done, (word >> (64 * (salt % 4))) % 2 ** 63);
        if (left != 0) assertEq(done + left, orderLots < 2 ** 63 ? orderLots : 2 ** 63 - 1);
        else assertTrue(done >= orderLots || done == 2 ** 63 - 1);
    }

    function legs(
        ICreditExchange.Order calldata maker,
        ICreditExchange.Order calldata taker,
        ICreditExchange.Terms calldata terms
    ) external pure returns (Matching.Legs memory) {
        return Matching.legs(maker, taker, terms);
    }

    /// @dev Two makers and two tokens, so that they meet often.
    function _order(uint8 flags, uint128 price, uint16 cap) private pure returns (ICreditExchange.Order memory order) {
        order.maker = flags & 1 == 0 ? address(0xa) : address(0xb);
        order.side = flags & 2 == 0 ? ICreditExchange.Side.Buy : ICreditExchange.Side.Sell;
        order.paymentToken = flags & 12 == 12 ? address(0xd) : address(0xc);
        order.price = price;
        order.feeCapBps = cap % 700;
    }

    function _modelFault(
        ICreditExchange.Order memory maker,
        ICreditExchange.Order memory taker,
        ICreditExchange.Terms memory terms
    ) private pure returns (bytes4) {
        if (maker.side == taker.side) return ICreditExchange.SidesAreEqual.selector;
        if (maker.maker == taker.maker) return ICreditExchange.SelfTrade.selector;
        if (maker.paymentToken != taker.paymentToken) return ICreditExchange.PaymentTokensDiffer.selector;
        if (maker.price == 0 || taker.price == 0) return ICreditExchange.PriceIsZero.selector;
        bool makerBuys = maker.side == ICreditExchange.Side.Buy;
        if (makerBuys && maker.price < taker.price) return ICreditExchange.PricesDoNotCross.selector;
        if (!makerBuys && taker.price < maker.price) return ICreditExchange.PricesDoNotCross.selector;
        if (terms.lots == 0) return ICreditExchange.LotsAreZero.selector;
        bool makerOver = terms.makerFeeBps > maker.feeCapBps || terms.makerFeeBps > 500;
        bool takerOver = terms.takerFeeBps > taker.feeCapBps || terms.takerFeeBps > 500;
        return makerOver || takerOver ? ICreditExchange.FeeAboveCap.selector : bytes4(0);
    }

    function _assertModel(
        ICreditExchange.Order memory maker,
        ICreditExchange.Order memory taker,
        ICreditExchange.Terms memory terms,
        Matching.Legs memory result
    ) private pure {
        uint256 payment = uint256(maker.price) * terms.lots;
        bool makerBuys = maker.side == ICreditExchange.Side.Buy;
        assertEq(result.buyer, makerBuys ? maker.maker : taker.maker);
        assertEq(result.seller, makerBuys ? taker.maker : maker.maker);
        assertEq(result.credits, uint256(terms.lots) * 10 ** 15);
        assertEq(result.makerFee, payment * terms.makerFeeBps / 10_000);
        assertEq(result.takerFee, payment * terms.takerFeeBps / 10_000);
        assertEq(result.proceeds, payment - (makerBuys ? result.takerFee : result.makerFee));
        // In money: the buyer pays at most his price and cap, the seller gets at least his price less his cap.
        ICreditExchange.Order memory buy = makerBuys ? maker : taker;
        ICreditExchange.Order memory sell = makerBuys ? taker : maker;
        uint256 cost = result.proceeds + result.makerFee + result.takerFee;
        assertLe(cost, payment + payment * buy.feeCapBps / 10_000);
        assertLe(payment, uint256(terms.lots) * buy.price);
        assertGe(payment, uint256(terms.lots) * sell.price);
        assertGe(result.proceeds, payment - payment * sell.feeCapBps / 10_000);
    }
}
