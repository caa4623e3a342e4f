// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `settle`: what moves, at whose price, with which fees, and what it says about it.
contract SettleTest is CreditExchangeTest {
    /// @dev 234 lots at 25,000 are 5.85 of money; 25 bps of it 14,625 units, 30 bps 17,550.
    function test_BothLegsAndFees() public {
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 7);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.Trade(
            alice,
            bob,
            address(money),
            _orderDigest(maker.order),
            _orderDigest(taker.order),
            BUY,
            234,
            PRICE,
            14_625,
            17_550
        );
        vm.expectEmit(true, true, true, true, address(money));
        emit IERC20.Transfer(bob, alice, 5_850_000 - 14_625);
        vm.expectEmit(true, true, true, true, address(money));
        emit IERC20.Transfer(bob, feeRecipient, 14_625 + 17_550);
        vm.expectEmit(true, true, true, true, address(credit));
        emit IERC20.Transfer(alice, bob, 0.234e18);
        _settle(maker, taker, ICreditExchange.Terms(234, 25, 30));

        _assertHolds(alice, CREDITS - 0.234e18, MONEY + 5_850_000 - 14_625);
        _assertHolds(bob, CREDITS + 0.234e18, MONEY - 5_850_000 - 17_550);
        _assertHolds(feeRecipient, 0, 14_625 + 17_550);
        _assertHolds(address(exchange), 0, 0);
        assertEq(exchange.filledLots(alice, 0), 234);
        assertEq(exchange.filledLots(bob, 7), 234);
        assertEq(exchange.remainingLots(maker.order), 766);
        assertEq(exchange.remainingLots(taker.order), 766);
    }

    /// @dev A taker who would pay more pays what the maker asks.
    function test_BuyingTakerGetsTheImprovement() public {
        _settle(_sell(PRICE, 0), _buy(PRICE + 1_000, 0), _lots(10));
        _assertHolds(alice, CREDITS - 0.01e18, MONEY + 10 * PRICE);
        _assertHolds(bob, CREDITS + 0.01e18, MONEY - 10 * PRICE);
    }

    /// @dev A taker who would take less gets what the maker bids.
    function test_SellingTakerGetsTheImprovement() public {
        ICreditExchange.SignedOrder memory maker = _buy(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _sell(PRICE - 1_000, 0);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.Trade(
            bob,
            alice,
            address(money),
            _orderDigest(maker.order),
            _orderDigest(taker.order),
            SELL,
            10,
            PRICE,
            0,
            10 * uint256(PRICE) * 7 / 10_000
        );
        _settle(maker, taker, ICreditExchange.Terms(10, 0, 7));
        _assertHolds(alice, CREDITS - 0.01e18, MONEY + 10 * PRICE - 175);
        _assertHolds(bob, CREDITS + 0.01e18, MONEY - 10 * PRICE);
        _assertHolds(feeRecipient, 0, 175);
    }

    /// @dev The same two orders the other way round: who was earlier decides the price, within what both signed.
    function test_TheMakersPriceCounts() public {
        _settle(_buy(PRICE + 1_000, 0), _sell(PRICE, 0), _lots(10));
        _assertHolds(alice, CREDITS - 0.01e18, MONEY + 10 * (PRICE + 1_000));
    }

    function test_FillsUntilNothingIsLeft() public {
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        _settle(maker, taker, _lots(1));
        _settle(maker, taker, _lots(998));
        _settle(maker, taker, _lots(1));
        assertEq(exchange.filledLots(alice, 0), 1_000);
        assertEq(exchange.remainingLots(maker.order), 0);
        _assertHolds(bob, CREDITS + 1e18, MONEY - 1_000 * PRICE);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditExchange.OrderOverfilled.selector, _orderDigest(maker.order), 1, 0)
        );
        _settle(maker, taker, _lots(1));
    }

    /// @dev Neighbours in a word, and words of other makers, know nothing of each other.
    function test_FourSaltsShareAWord() public {
        for (uint64 salt = 0; salt < 8; ++salt) {
            _settle(_sell(PRICE, salt), _buy(PRICE, 7 - salt), _lots(100 + salt));
        }
        for (uint64 salt = 0; salt < 8; ++salt) {
            assertEq(exchange.filledLots(alice, salt), 100 + salt);
            assertEq(exchange.filledLots(bob, salt), 107 - salt);
        }
    }

    /// @dev An amended order starts where the one with the same salt stood.
    function test_OrdersWithOneSaltShareTheirFills() public {
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(600));
        ICreditExchange.SignedOrder memory amended = _sell(PRICE - 1, 0);
        assertEq(exchange.remainingLots(amended.order), 400);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditExchange.OrderOverfilled.selector, _orderDigest(amended.order), 401, 400)
        );
        _settle(amended, _buy(PRICE, 1), _lots(401));
        // An order for less than was filled already has nothing left.
        amended.order.lots = 599;
        assertEq(exchange.remainingLots(amended.order), 0);
    }

    /// @dev A fee recipient may trade himself.
    function test_FeeRecipientTrades() public {
        vm.prank(admin);
        exchange.setFeeRecipient(bob);
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), ICreditExchange.Terms(100, 100, 100));
        _assertHolds(alice, CREDITS - 0.1e18, MONEY + 2_500_000 - 25_000);
        _assertHolds(bob, CREDITS + 0.1e18, MONEY - 2_500_000 + 25_000);

        vm.prank(admin);
        exchange.setFeeRecipient(alice);
        _settle(_sell(PRICE, 1), _buy(PRICE, 1), ICreditExchange.Terms(100, 100, 100));
        _assertHolds(alice, CREDITS - 0.2e18, MONEY + 5_000_000);
    }

    /// @dev Nothing overflows at the ends of the types: the largest order at the largest price.
    function test_LargestOrder() public {
        uint64 lots = type(uint64).max >> 1;
        ICreditExchange.Order memory sell = _order(alice, SELL, type(uint128).max, 0);
        ICreditExchange.Order memory buy = _order(bob, BUY, type(uint128).max, 0);
        (sell.lots, buy.lots) = (type(uint64).max, type(uint64).max);
        uint256 payment = uint256(lots) * type(uint128).max;
        deal(address(credit), alice, lots * LOT);
        deal(address(money), bob, payment + payment / 100);
        assertEq(exchange.remainingLots(sell), lots);
        _settle(_signed(sell, aliceKey), _signed(buy, bobKey), ICreditExchange.Terms(lots, 100, 100));
        _assertHolds(alice, 0, MONEY + payment - payment / 100);
        _assertHolds(bob, CREDITS + lots * LOT, 0);
        assertEq(exchange.filledLots(alice, 0), lots);
        assertEq(exchange.remainingLots(sell), 0);
        assertFalse(exchange.isCancelled(alice, 0));
        // The next lane is untouched, and so is the flag.
        assertEq(exchange.filledLots(alice, 1), 0);
    }

    /// @dev For any terms within what both signed: lots at the maker's price, and no more than 1 % of fee for each.
    function testFuzz_NobodyPaysMoreThanHeSigned(
        uint128 sellPrice,
        uint128 buyPrice,
        ICreditExchange.Terms memory terms,
        bool makerSells
    ) public {
        sellPrice = uint128(bound(sellPrice, 1, 1e9));
        buyPrice = uint128(bound(buyPrice, sellPrice, 1e9));
        terms.lots = uint64(bound(terms.lots, 1, 1_000));
        terms.makerFeeBps = uint16(bound(terms.makerFeeBps, 0, 100));
        terms.takerFeeBps = uint16(bound(terms.takerFeeBps, 0, 100));
        deal(address(money), bob, 1.01e12);

        if (makerSells) _settle(_sell(sellPrice, 0), _buy(buyPrice, 0), terms);
        else _settle(_buy(buyPrice, 0), _sell(sellPrice, 0), terms);

        uint256 payment = uint256(terms.lots) * (makerSells ? sellPrice : buyPrice);
        uint256 buyerFee = payment * (makerSells ? terms.takerFeeBps : terms.makerFeeBps) / 10_000;
        uint256 sellerFee = payment * (makerSells ? terms.makerFeeBps : terms.takerFeeBps) / 10_000;
        assertLe(payment, uint256(terms.lots) * buyPrice);
        assertGe(payment, uint256(terms.lots) * sellPrice);
        assertLe(buyerFee, payment / 100);
        assertLe(sellerFee, payment / 100);
        _assertHolds(alice, CREDITS - terms.lots * LOT, MONEY + payment - sellerFee);
        _assertHolds(bob, CREDITS + terms.lots * LOT, 1.01e12 - payment - buyerFee);
        _assertHolds(feeRecipient, 0, buyerFee + sellerFee);
    }

    function test_NothingIsLeftOfAnOrderFromItsExpiryOn() public {
        ICreditExchange.Order memory order = _order(alice, SELL, PRICE, 0);
        vm.warp(order.expiry - 1);
        assertEq(exchange.remainingLots(order), order.lots);
        vm.warp(order.expiry);
        assertEq(exchange.remainingLots(order), 0);
        vm.warp(uint256(order.expiry) + 1 days);
        assertEq(exchange.remainingLots(order), 0);
    }
}
