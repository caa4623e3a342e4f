// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";
import {ThoughtfulWallet} from "../support/Wallets.sol";

/// @notice `settleBatch`: what fails is skipped alone and touches nothing, what is good is settled.
contract SettleBatchTest is CreditExchangeTest {
    /// @dev A good match before, between and after each that is not; then each of these fails by itself for the same
    /// reason.
    function test_SkipsWhatFailsAndSaysWhy() public {
        (ICreditExchange.SignedOrder[] memory orders, bytes4[] memory reasons) = _flawed();
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2 * reasons.length + 1);
        uint256 expected = 0;
        for (uint256 i = 0; i < matches.length; ++i) {
            bool good = i % 2 == 0;
            matches[i] = good
                ? ICreditExchange.Match(0, 1, _lots(1))
                : ICreditExchange.Match(0, 2 + i / 2, ICreditExchange.Terms(10, 0, 100));
            if (good) {
                expected |= 1 << i;
            } else {
                vm.expectEmit(true, true, true, true, address(exchange));
                emit ICreditExchange.MatchSkipped(
                    i, _orderDigest(orders[0].order), _orderDigest(orders[matches[i].taker].order), reasons[i / 2]
                );
            }
        }
        assertEq(_settleBatch(orders, matches), expected);
        uint64 settled = uint64(reasons.length + 1);
        assertEq(exchange.filledLots(alice, 0), settled);
        assertEq(exchange.filledLots(bob, 0), settled);
        _assertHolds(alice, CREDITS - settled * LOT, MONEY + settled * PRICE);
        _assertHolds(bob, CREDITS + settled * LOT, MONEY - settled * PRICE);

        for (uint256 i = 0; i < reasons.length; ++i) {
            vm.expectPartialRevert(reasons[i]);
            _settle(orders[0], orders[2 + i], ICreditExchange.Terms(10, 0, 100));
        }
    }

    /// @dev For any match: the batch settles it exactly when the single call would, with the same outcome, else it is
    /// skipped for the same reason.
    function testFuzz_JudgesLikeTheSingleCall(uint64 lots, uint128 price, uint64 expiry, uint8 feeBps, uint8 flaws)
        public
    {
        ICreditExchange.Order memory order = _order(bob, flaws & 3 == 3 ? SELL : BUY, 0, 0);
        order.price = uint128(bound(price, 0, 2 * PRICE));
        order.expiry = uint64(bound(expiry, NOW - 1, NOW + 5));
        if (flaws & 12 == 12) order.maker = alice;
        if (flaws & 48 == 48) deal(address(money), bob, PRICE);
        ICreditExchange.SignedOrder[] memory orders =
            _two(_sell(PRICE, 0), _signed(order, flaws & 192 == 192 ? aliceKey : bobKey));
        ICreditExchange.Terms memory terms =
            ICreditExchange.Terms(uint64(bound(lots, 0, 1_100)), 0, uint16(bound(feeBps, 0, 110)));

        uint256 snapshot = vm.snapshotState();
        bytes4 fault = _singleFault(orders, terms);
        uint256 bobAfterSingle = credit.balanceOf(bob);
        uint256 aliceAfterSingle = money.balanceOf(alice);
        assertTrue(vm.revertToState(snapshot));

        if (fault != 0) {
            vm.expectEmit(true, true, true, true, address(exchange));
            emit ICreditExchange.MatchSkipped(0, _orderDigest(orders[0].order), _orderDigest(order), fault);
        }
        assertEq(_settleBatch(orders, _match(terms)), fault == 0 ? 1 : 0);
        assertEq(credit.balanceOf(bob), bobAfterSingle);
        assertEq(money.balanceOf(alice), aliceAfterSingle);
        assertEq(exchange.filledLots(alice, 0), fault == 0 ? terms.lots : 0);
    }

    /// @dev One taker sweeps several makers; each order is given once.
    function test_AnOrderMeetsSeveral() public {
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](4);
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](3);
        orders[3] = _buy(PRICE + 10, 0);
        for (uint256 i = 0; i < 3; ++i) {
            orders[i] = _sell(uint128(PRICE + i), i);
            matches[i] = ICreditExchange.Match(i, 3, _lots(400));
        }
        // The third finds 200 lots left.
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(
            2, _orderDigest(orders[2].order), _orderDigest(orders[3].order), ICreditExchange.OrderOverfilled.selector
        );
        assertEq(_settleBatch(orders, matches), 3);
        matches[2].terms.lots = 200;
        assertEq(_settleBatch(orders, matches), 4);
        assertEq(exchange.filledLots(bob, 0), 1_000);
        _assertHolds(
            bob, CREDITS + 1e18, MONEY - 400 * uint256(PRICE) - 400 * (uint256(PRICE) + 1) - 200 * (uint256(PRICE) + 2)
        );
    }

    function test_EmitsTheTradeOfTheSingleCall() public {
        ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE + 1_000, 7));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.Trade(
            alice,
            bob,
            address(money),
            _orderDigest(orders[0].order),
            _orderDigest(orders[1].order),
            BUY,
            10,
            PRICE,
            10 * uint256(PRICE) * 7 / 10_000,
            10 * uint256(PRICE) * 9 / 10_000
        );
        assertEq(_settleBatch(orders, _match(ICreditExchange.Terms(10, 7, 9))), 1);
    }

    /// @dev An order that is given twice is still one order, and one that no match names is nobody's fault.
    function test_OrdersMayRepeatAndLieIdle() public {
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](4);
        (orders[0], orders[1], orders[2]) = (_sell(PRICE, 0), _buy(PRICE, 0), _sell(PRICE, 0));
        orders[3] = _signed(_order(bob, BUY, PRICE, 1), aliceKey);
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2);
        matches[0] = ICreditExchange.Match(0, 1, _lots(600));
        matches[1] = ICreditExchange.Match(2, 1, _lots(600));
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(
            1, _orderDigest(orders[2].order), _orderDigest(orders[1].order), ICreditExchange.OrderOverfilled.selector
        );
        assertEq(_settleBatch(orders, matches), 1);
        assertEq(exchange.filledLots(alice, 0), 600);
    }

    /// @dev What an earlier match pays may be spent by a later one.
    function test_MatchesRunInOrder() public {
        deal(address(credit), bob, 0);
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](4);
        (orders[0], orders[1]) = (_sell(PRICE, 0), _buy(PRICE, 0));
        orders[2] = _signed(_order(bob, SELL, PRICE + 5, 1), bobKey);
        orders[3] = _signed(_order(alice, BUY, PRICE + 5, 1), aliceKey);
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2);
        matches[0] = ICreditExchange.Match(2, 3, _lots(1_000));
        matches[1] = ICreditExchange.Match(0, 1, _lots(1_000));
        assertEq(_settleBatch(orders, matches), 2);
        (matches[0], matches[1]) = (matches[1], matches[0]);
        assertEq(_settleBatch(orders, matches), 2);
        _assertHolds(bob, 0, MONEY + 5_000);
    }

    function test_LargestBatch() public {
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](256);
        for (uint256 i = 0; i < matches.length; ++i) {
            matches[i] = ICreditExchange.Match(0, 1, _lots(3));
        }
        assertEq(_settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), matches), type(uint256).max);
        assertEq(exchange.filledLots(alice, 0), 768);
    }

    function test_RefusesNothingAndTooMuch() public {
        ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE, 0));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.BatchSizeInvalid.selector, 0));
        _settleBatch(orders, new ICreditExchange.Match[](0));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.BatchSizeInvalid.selector, 257));
        _settleBatch(orders, new ICreditExchange.Match[](257));
    }

    /// @dev The operator's own mistakes are no match's fate.
    function test_AnIndexWithoutAnOrderRevertsTheWhole() public {
        ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE, 0));
        ICreditExchange.Match[] memory matches = _match(_lots(1));
        matches[0].taker = 2;
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x32));
        _settleBatch(orders, matches);
    }

    /// @dev Somebody can sign an order whose members are no values of their types; it harms nobody else's match.
    function test_ASignedOrderThatIsNoneIsSkipped() public {
        ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE, 0));
        bytes32[9] memory members = abi.decode(abi.encode(orders[0].order), (bytes32[9]));
        members[1] = bytes32(uint256(2));
        bytes32 digest = _digest(keccak256(abi.encode(ORDER_TYPEHASH, members)));
        orders[0].signature = _sign(aliceKey, digest);
        bytes memory message = abi.encodeCall(ICreditExchange.settleBatch, (orders, _match(_lots(1))));
        // Behind the selector: two offsets, the length, two offsets, the maker; then the side in a word's last byte.
        message[4 + 6 * 0x20 + 0x1f] = 0x02;

        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(0, digest, _orderDigest(orders[1].order), 0);
        vm.prank(operator);
        (bool success, bytes memory answer) = address(exchange).call(message);
        assertTrue(success);
        assertEq(abi.decode(answer, (uint256)), 0);
        _assertUntouched();
    }

    /// @dev With any amount of gas a batch is settled whole or not at all: no match is skipped for want of gas.
    function testFuzz_GasIsNoMatchesFate(uint256 gasLimit) public {
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](3);
        for (uint256 i = 0; i < matches.length; ++i) {
            matches[i] = ICreditExchange.Match(0, 1, _lots(10));
        }
        bytes memory message =
            abi.encodeCall(ICreditExchange.settleBatch, (_two(_sell(PRICE, 0), _buy(PRICE, 0)), matches));
        gasLimit = bound(gasLimit, 1_000, 900_000);
        vm.prank(operator);
        (bool success, bytes memory answer) = address(exchange).call{gas: gasLimit}(message);
        if (success) assertEq(abi.decode(answer, (uint256)), 7);
        assertEq(exchange.filledLots(alice, 0), success ? 30 : 0);
        if (gasLimit > 750_000) assertTrue(success);
    }

    function test_SaysHowMuchGasAMatchNeeds() public {
        bytes memory message =
            abi.encodeCall(ICreditExchange.settleBatch, (_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1))));
        vm.prank(operator);
        (bool success, bytes memory answer) = address(exchange).call{gas: 400_000}(message);
        assertFalse(success);
        assertEq(bytes4(answer), ICreditExchange.InsufficientMatchGas.selector);
        (uint256 available, uint256 required) = this.decodeGas(answer);
        assertLt(available, required);
        assertGe(required * 63 / 64, 500_000);
    }

    /// @dev Nor is a contract wallet starved, see {IAuthorizations}.
    function testFuzz_ABatchCannotStarveAWallet(uint256 gasLimit) public {
        address thinker = address(new ThoughtfulWallet(190_000));
        _equip(thinker);
        ICreditExchange.SignedOrder memory taker =
            ICreditExchange.SignedOrder(_order(thinker, BUY, PRICE, 0), "anything");
        bytes memory message =
            abi.encodeCall(ICreditExchange.settleBatch, (_two(_sell(PRICE, 0), taker), _match(_lots(1))));
        gasLimit = bound(gasLimit, 150_000, 1_000_000);
        vm.prank(operator);
        (bool success, bytes memory answer) = address(exchange).call{gas: gasLimit}(message);
        if (success) assertEq(abi.decode(answer, (uint256)), 1);
        assertEq(exchange.filledLots(alice, 0), success ? 1 : 0);
        if (gasLimit > 800_000) assertTrue(success);
    }

    function decodeGas(bytes calldata revertData) external pure returns (uint256, uint256) {
        return abi.decode(revertData[4:], (uint256, uint256));
    }

    /// @dev Orders 0 and 1 are good and meet; the others meet order 0 and fail, each for its reason.
    function _flawed() private returns (ICreditExchange.SignedOrder[] memory orders, bytes4[] memory reasons) {
        orders = new ICreditExchange.SignedOrder[](15);
        reasons = new bytes4[](13);
        (orders[0], orders[1]) = (_sell(PRICE, 0), _buy(PRICE, 0));
        ICreditExchange.Order[] memory flawed = new ICreditExchange.Order[](13);
        for (uint256 i = 0; i < flawed.length; ++i) {
            flawed[i] = _order(bob, BUY, PRICE, 4 + i);
        }
        flawed[0].expiry = uint64(NOW);
        reasons[0] = ICreditExchange.OrderExpired.selector;
        flawed[1].counter = 1;
        reasons[1] = ICreditExchange.OrderCounterMismatch.selector;
        flawed[2].salt = 3;
        vm.prank(bob);
        exchange.cancelOrder(3);
        reasons[2] = ICreditExchange.OrderAlreadyCancelled.selector;
        flawed[3].lots = 9;
        reasons[3] = ICreditExchange.OrderOverfilled.selector;
        flawed[4].price = PRICE - 1;
        reasons[4] = ICreditExchange.PricesDoNotCross.selector;
        flawed[5].side = SELL;
        reasons[5] = ICreditExchange.SidesAreEqual.selector;
        flawed[6].maker = alice;
        reasons[6] = ICreditExchange.SelfTrade.selector;
        flawed[7].paymentToken = address(credit);
        reasons[7] = ICreditExchange.PaymentTokensDiffer.selector;
        flawed[8].price = 0;
        reasons[8] = ICreditExchange.PriceIsZero.selector;
        flawed[9].feeCapBps = 99;
        reasons[9] = ICreditExchange.FeeAboveCap.selector;
        reasons[10] = IAuthorizations.InvalidAuthorizationSignature.selector;
        // Two whose legs fail: no money, no allowance.
        (address poor, uint256 poorKey) = makeAddrAndKey("poor");
        _equip(poor);
        deal(address(money), poor, 10 * PRICE - 1);
        flawed[11].maker = poor;
        reasons[11] = IERC20Errors.ERC20InsufficientBalance.selector;
        (address wary, uint256 waryKey) = makeAddrAndKey("wary");
        deal(address(money), wary, MONEY);
        flawed[12].maker = wary;
        reasons[12] = IERC20Errors.ERC20InsufficientAllowance.selector;

        for (uint256 i = 0; i < flawed.length; ++i) {
            uint256 key = i == 6 || i == 10 ? aliceKey : i == 11 ? poorKey : i == 12 ? waryKey : bobKey;
            orders[2 + i] = _signed(flawed[i], key);
        }
    }

    function _singleFault(ICreditExchange.SignedOrder[] memory orders, ICreditExchange.Terms memory terms)
        private
        returns (bytes4)
    {
        vm.prank(operator);
        try exchange.settle(orders[0], orders[1], terms) {
            return 0;
        } catch (bytes memory revertData) {
            return bytes4(revertData);
        }
    }
}
