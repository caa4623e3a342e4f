// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice What `settle` refuses, by name, and that nothing moved. `test/credit-exchange/SettleBatch.t.sol` holds the
/// batch to the same judgement.
contract SettleRefusesTest is CreditExchangeTest {
    function testFuzz_OthersThanOperators(address caller) public {
        vm.assume(caller != operator && caller != admin);
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, caller, keccak256("OPERATOR_ROLE")
        );
        vm.expectRevert(refusal);
        vm.prank(caller);
        exchange.settle(maker, taker, _lots(1));
        vm.expectRevert(refusal);
        vm.prank(caller);
        exchange.settleBatch(_two(maker, taker), _match(_lots(1)));
    }

    /// @dev Not even an operator reaches the inside past the signatures.
    function testFuzz_TheInsideFromOutside(address caller) public {
        vm.assume(caller != address(exchange));
        vm.expectRevert(abi.encodeWithSelector(ICreditExchange.CallerMustBeExchange.selector, caller));
        vm.prank(caller);
        exchange.settleInFrame(
            _order(alice, SELL, PRICE, 0), _order(bob, BUY, PRICE, 0), bytes32(0), bytes32(0), _lots(1)
        );
    }

    function test_NoLots() public {
        _refuses(
            _sell(PRICE, 0), _buy(PRICE, 0), _lots(0), abi.encodeWithSelector(ICreditExchange.LotsAreZero.selector)
        );
    }

    function test_PriceZero() public {
        bytes memory refusal = abi.encodeWithSelector(ICreditExchange.PriceIsZero.selector);
        _refuses(_sell(0, 0), _buy(PRICE, 0), _lots(1), refusal);
        _refuses(_buy(PRICE, 0), _sell(0, 0), _lots(1), refusal);
        _refuses(_buy(0, 0), _sell(0, 0), _lots(1), refusal);
    }

    function test_PricesThatDoNotCross() public {
        bytes memory refusal = abi.encodeWithSelector(ICreditExchange.PricesDoNotCross.selector, PRICE - 1, PRICE);
        _refuses(_sell(PRICE, 0), _buy(PRICE - 1, 0), _lots(1), refusal);
        _refuses(_buy(PRICE - 1, 0), _sell(PRICE, 0), _lots(1), refusal);
    }

    function test_OneSideOnly() public {
        bytes memory refusal = abi.encodeWithSelector(ICreditExchange.SidesAreEqual.selector);
        _refuses(_signed(_order(bob, SELL, PRICE, 0), bobKey), _sell(PRICE, 0), _lots(1), refusal);
        _refuses(_signed(_order(alice, BUY, PRICE, 0), aliceKey), _buy(PRICE, 0), _lots(1), refusal);
    }

    function test_SelfTrade() public {
        _refuses(
            _sell(PRICE, 0),
            _signed(_order(alice, BUY, PRICE, 1), aliceKey),
            _lots(1),
            abi.encodeWithSelector(ICreditExchange.SelfTrade.selector, alice)
        );
    }

    /// @dev Whichever of the two has the greater address.
    function test_TwoPaymentTokens() public {
        _refusesTwoPaymentTokens(address(money), address(credit));
        _refusesTwoPaymentTokens(address(credit), address(money));
    }

    function test_PaymentTokenThatIsNotAllowed() public {
        vm.prank(admin);
        exchange.setPaymentToken(address(money), false);
        _refuses(
            _sell(PRICE, 0),
            _buy(PRICE, 0),
            _lots(1),
            abi.encodeWithSelector(ICreditExchange.PaymentTokenNotAllowed.selector, address(money))
        );
    }

    /// @dev The cap is the signed one of the side that is charged, or 5 %.
    function test_FeesAboveTheCap() public {
        ICreditExchange.Order memory order = _order(bob, BUY, PRICE, 0);
        order.feeCapBps = 7;
        bytes4 selector = ICreditExchange.FeeAboveCap.selector;
        _refuses(
            _sell(PRICE, 0),
            _signed(order, bobKey),
            ICreditExchange.Terms(1, 0, 8),
            abi.encodeWithSelector(selector, 8, 7)
        );
        _refuses(
            _signed(order, bobKey),
            _sell(PRICE, 0),
            ICreditExchange.Terms(1, 8, 0),
            abi.encodeWithSelector(selector, 8, 7)
        );
        order.feeCapBps = type(uint16).max;
        assertEq(exchange.MAX_FEE_BPS(), 500);
        _refuses(
            _sell(PRICE, 0),
            _signed(order, bobKey),
            ICreditExchange.Terms(1, 0, 501),
            abi.encodeWithSelector(selector, 501, 500)
        );
        _settle(_sell(PRICE, 0), _signed(order, bobKey), ICreditExchange.Terms(1, 0, 500));
        assertEq(money.balanceOf(feeRecipient), PRICE / 20);
    }

    function test_MoreThanTheOrder() public {
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.Order memory small = _order(bob, BUY, PRICE, 0);
        small.lots = 10;
        ICreditExchange.SignedOrder memory taker = _signed(small, bobKey);
        bytes4 selector = ICreditExchange.OrderOverfilled.selector;
        _refuses(maker, taker, _lots(11), abi.encodeWithSelector(selector, _orderDigest(small), 11, 10));
        _refuses(taker, maker, _lots(11), abi.encodeWithSelector(selector, _orderDigest(small), 11, 10));
        small.lots = 0;
        _refuses(maker, _signed(small, bobKey), _lots(1), abi.encodeWithSelector(selector, _orderDigest(small), 1, 0));
        uint64 most = type(uint64).max >> 1;
        small.lots = type(uint64).max;
        ICreditExchange.Order memory large = _order(alice, SELL, PRICE, 0);
        large.lots = type(uint64).max;
        _refuses(
            _signed(large, aliceKey),
            _signed(small, bobKey),
            _lots(most + 1),
            abi.encodeWithSelector(selector, _orderDigest(large), most + 1, most)
        );
    }

    /// @dev The last second is the one before.
    function test_ExpiredOrders() public {
        ICreditExchange.Order memory order = _order(bob, BUY, PRICE, 0);
        order.expiry = uint64(NOW + 10);
        bytes memory refusal =
            abi.encodeWithSelector(ICreditExchange.OrderExpired.selector, _orderDigest(order), order.expiry);
        for (uint256 late = 0; late < 2; ++late) {
            vm.warp(NOW + 10 + late);
            assertEq(exchange.remainingLots(order), 0);
            _refuses(_sell(PRICE, 0), _signed(order, bobKey), _lots(1), refusal);
            _refuses(_signed(order, bobKey), _sell(PRICE, 0), _lots(1), refusal);
        }
        vm.warp(NOW + 9);
        assertEq(exchange.remainingLots(order), 1_000);
        _settle(_sell(PRICE, 0), _signed(order, bobKey), _lots(1));
    }

    function test_OrdersOfAnotherCounter() public {
        ICreditExchange.Order memory early = _order(alice, SELL, PRICE, 0);
        early.counter = 1;
        assertEq(exchange.remainingLots(early), 0);
        _refuses(
            _signed(early, aliceKey),
            _buy(PRICE, 0),
            _lots(1),
            abi.encodeWithSelector(ICreditExchange.OrderCounterMismatch.selector, _orderDigest(early), 0)
        );
    }

    function test_SignaturesOfOthers() public {
        ICreditExchange.Order memory order = _order(alice, SELL, PRICE, 0);
        bytes memory refusal = abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice);
        _refuses(_signed(order, bobKey), _buy(PRICE, 0), _lots(1), refusal);
        _refuses(_buy(PRICE, 0), _signed(order, bobKey), _lots(1), refusal);
        _refuses(ICreditExchange.SignedOrder(order, ""), _buy(PRICE, 0), _lots(1), refusal);
        bytes memory good = _sign(aliceKey, _orderDigest(order));
        _refuses(ICreditExchange.SignedOrder(order, _highS(good)), _buy(PRICE, 0), _lots(1), refusal);
        _settle(ICreditExchange.SignedOrder(order, _compact(good)), _buy(PRICE, 0), _lots(1));
    }

    /// @dev Whatever member is changed, the signature is no longer alice's.
    function testFuzz_EveryMemberIsSigned(uint8 member, uint256 change) public {
        ICreditExchange.SignedOrder memory signed = _sell(PRICE, 0);
        ICreditExchange.Order memory o = signed.order;
        member = uint8(bound(member, 0, 7));
        change = bound(change, 1, type(uint16).max);
        if (member == 0) o.side = BUY;
        if (member == 1) o.lots += uint64(change);
        if (member == 2) o.price -= uint128(bound(change, 1, PRICE));
        if (member == 3) o.paymentToken = address(uint160(o.paymentToken) ^ uint160(change));
        if (member == 4) o.feeCapBps ^= uint16(change);
        if (member == 5) o.expiry += uint64(change);
        if (member == 6) o.counter += change;
        if (member == 7) o.salt += change;
        _refuses(
            signed,
            _buy(PRICE, 0),
            _lots(1),
            abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice)
        );
    }

    function test_LegsThatCannotBePaid() public {
        deal(address(credit), alice, 1e15 - 1);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, 1e15 - 1, 1e15));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));

        deal(address(credit), alice, CREDITS);
        vm.prank(alice);
        credit.approve(address(exchange), 1e15 - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), 1e15 - 1, 1e15)
        );
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));

        vm.prank(alice);
        credit.approve(address(exchange), CREDITS);
        deal(address(money), bob, PRICE - 1);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, PRICE - 1, PRICE));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));

        // Enough for the price, not for the fee.
        deal(address(money), bob, PRICE);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, 0, 250));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), ICreditExchange.Terms(1, 0, 100));

        deal(address(money), bob, MONEY);
        vm.prank(bob);
        money.approve(address(exchange), PRICE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(exchange), PRICE - 1, PRICE
            )
        );
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
        _assertUntouched();
    }

    function _refuses(
        ICreditExchange.SignedOrder memory maker,
        ICreditExchange.SignedOrder memory taker,
        ICreditExchange.Terms memory terms,
        bytes memory refusal
    ) private {
        vm.expectRevert(refusal);
        _settle(maker, taker, terms);
        _assertUntouched();
    }

    function _refusesTwoPaymentTokens(address ofMaker, address ofTaker) private {
        ICreditExchange.Order memory maker = _order(alice, SELL, PRICE, 0);
        ICreditExchange.Order memory taker = _order(bob, BUY, PRICE, 0);
        (maker.paymentToken, taker.paymentToken) = (ofMaker, ofTaker);
        _refuses(
            _signed(maker, aliceKey),
            _signed(taker, bobKey),
            _lots(1),
            abi.encodeWithSelector(ICreditExchange.PaymentTokensDiffer.selector, ofMaker, ofTaker)
        );
    }
}
