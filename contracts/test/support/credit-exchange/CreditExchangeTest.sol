// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {CreditExchange} from "../../../src/CreditExchange.sol";
import {ICreditExchange} from "../../../src/interfaces/ICreditExchange.sol";
import {Artifacts} from "../Artifacts.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice A deployed CreditExchange over a deployed CarbonCredit, and two traders who hold credits and payment and
/// trust the exchange with both. Type strings and domain stand here as literals, so that a slip in the contract cannot
/// repeat itself in its tests.
abstract contract CreditExchangeTest is SigningTest {
    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(address maker,uint8 side,uint64 lots,uint128 price,address paymentToken,uint16 feeCapBps,uint64 expiry,uint256 counter,uint256 salt)"
    );
    bytes32 internal constant CANCEL_ORDER_TYPEHASH = keccak256(
        "CancelOrderAuthorization(address maker,uint256 salt,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant INCREASE_COUNTER_TYPEHASH = keccak256(
        "IncreaseCounterAuthorization(address maker,uint256 counter,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    uint256 internal constant LOT = 1e15;
    uint256 internal constant CREDITS = 1_000e18;
    uint256 internal constant MONEY = 1_000_000e6;

    /// @dev 25.00 per tonne in a token of 6 decimals.
    uint128 internal constant PRICE = 25_000;

    ICreditExchange.Side internal constant BUY = ICreditExchange.Side.Buy;
    ICreditExchange.Side internal constant SELL = ICreditExchange.Side.Sell;

    CreditExchange internal exchange;
    IERC20 internal credit;
    IERC20 internal money;

    address internal operator = makeAddr("operator");
    address internal feeRecipient = makeAddr("feeRecipient");

    function setUp() public virtual override {
        super.setUp();
        credit = IERC20(Artifacts.deploy("CarbonCredit", abi.encode(admin, ADMIN_DELAY_S)));
        money = IERC20(Artifacts.deploy("TestUSD", ""));
        exchange = _deploy(address(credit), admin);
        vm.startPrank(admin);
        exchange.grantRole(keccak256("OPERATOR_ROLE"), operator);
        exchange.setPaymentToken(address(money), true);
        exchange.setFeeRecipient(feeRecipient);
        vm.stopPrank();
        _equip(alice);
        _equip(bob);
    }

    /// @dev The shipping build.
    function _deploy(address creditToken, address firstAdmin) internal returns (CreditExchange) {
        return CreditExchange(Artifacts.deploy("CreditExchange", abi.encode(creditToken, firstAdmin, ADMIN_DELAY_S)));
    }

    /// @dev Credits, money, and trust in the exchange for both.
    function _equip(address trader) internal {
        deal(address(credit), trader, CREDITS);
        deal(address(money), trader, MONEY);
        vm.startPrank(trader);
        credit.approve(address(exchange), type(uint256).max);
        money.approve(address(exchange), type(uint256).max);
        vm.stopPrank();
    }

    /// @dev An order for 1,000 lots (1 t) that holds for an hour and takes fees up to 1 %.
    function _order(address maker, ICreditExchange.Side side, uint128 price, uint256 salt)
        internal
        view
        returns (ICreditExchange.Order memory)
    {
        return ICreditExchange.Order(maker, side, 1_000, price, address(money), 100, uint64(NOW + 1 hours), 0, salt);
    }

    function _signed(ICreditExchange.Order memory order, uint256 key)
        internal
        view
        returns (ICreditExchange.SignedOrder memory)
    {
        return ICreditExchange.SignedOrder(order, _sign(key, _orderDigest(order)));
    }

    /// @dev Alice sells.
    function _sell(uint128 price, uint256 salt) internal view returns (ICreditExchange.SignedOrder memory) {
        return _signed(_order(alice, SELL, price, salt), aliceKey);
    }

    /// @dev Bob buys.
    function _buy(uint128 price, uint256 salt) internal view returns (ICreditExchange.SignedOrder memory) {
        return _signed(_order(bob, BUY, price, salt), bobKey);
    }

    /// @dev Order 0 and order 1 meet.
    function _match(ICreditExchange.Terms memory terms) internal pure returns (ICreditExchange.Match[] memory matches) {
        matches = new ICreditExchange.Match[](1);
        matches[0] = ICreditExchange.Match(0, 1, terms);
    }

    function _two(ICreditExchange.SignedOrder memory maker, ICreditExchange.SignedOrder memory taker)
        internal
        pure
        returns (ICreditExchange.SignedOrder[] memory orders)
    {
        orders = new ICreditExchange.SignedOrder[](2);
        (orders[0], orders[1]) = (maker, taker);
    }

    /// @dev Without fees.
    function _lots(uint64 lots) internal pure returns (ICreditExchange.Terms memory) {
        return ICreditExchange.Terms(lots, 0, 0);
    }

    function _settle(
        ICreditExchange.SignedOrder memory maker,
        ICreditExchange.SignedOrder memory taker,
        ICreditExchange.Terms memory terms
    ) internal {
        vm.prank(operator);
        exchange.settle(maker, taker, terms);
    }

    function _settleBatch(ICreditExchange.SignedOrder[] memory orders, ICreditExchange.Match[] memory matches)
        internal
        returns (uint256)
    {
        vm.prank(operator);
        return exchange.settleBatch(orders, matches);
    }

    /// @dev Credits, money and fills of alice and bob are those of the beginning.
    function _assertUntouched() internal view {
        _assertHolds(alice, CREDITS, MONEY);
        _assertHolds(bob, CREDITS, MONEY);
        _assertHolds(feeRecipient, 0, 0);
        _assertHolds(address(exchange), 0, 0);
        for (uint256 salt = 0; salt < 4; ++salt) {
            assertEq(exchange.filledLots(alice, salt), 0);
            assertEq(exchange.filledLots(bob, salt), 0);
        }
    }

    function _assertHolds(address holder, uint256 credits, uint256 payment) internal view {
        assertEq(credit.balanceOf(holder), credits);
        assertEq(money.balanceOf(holder), payment);
    }

    /// @dev Of an authorization that holds now and for an hour.
    function _cancelOrderDigest(address maker, uint256 salt, bytes32 nonce) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(CANCEL_ORDER_TYPEHASH, maker, salt, NOW - 1, NOW + 1 hours, nonce)));
    }

    function _increaseCounterDigest(address maker, uint256 counter, bytes32 nonce) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(INCREASE_COUNTER_TYPEHASH, maker, counter, NOW - 1, NOW + 1 hours, nonce)));
    }

    function _orderDigest(ICreditExchange.Order memory order) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digest("WIA Credit Exchange", structHash, block.chainid, address(exchange));
    }
}
