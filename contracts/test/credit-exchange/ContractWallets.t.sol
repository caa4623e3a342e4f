// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";
import {OwnerWallet, RawAnswerWallet, ThoughtfulWallet} from "../support/Wallets.sol";

/// @notice Makers that are contracts (ERC-1271) and EIP-7702 accounts, for all that a maker signs.
contract ContractWalletsTest is CreditExchangeTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    address private wallet;

    function setUp() public override {
        super.setUp();
        wallet = address(new OwnerWallet(alice));
        _equip(wallet);
    }

    function test_WalletsTradeOnBothSides() public {
        address second = address(new OwnerWallet(bob));
        _equip(second);
        ICreditExchange.SignedOrder memory maker = _signed(_order(wallet, SELL, PRICE, 0), aliceKey);
        ICreditExchange.SignedOrder memory taker = _signed(_order(second, BUY, PRICE, 0), bobKey);
        _settle(maker, taker, _lots(10));
        assertEq(_settleBatch(_two(maker, taker), _match(_lots(10))), 1);
        _assertHolds(wallet, CREDITS - 20 * LOT, MONEY + 20 * PRICE);
        _assertHolds(second, CREDITS + 20 * LOT, MONEY - 20 * PRICE);
    }

    function test_WalletsCancel() public {
        exchange.cancelOrderWithAuthorization(
            wallet, 0, NOW - 1, NOW + 1 hours, NONCE, _sign(aliceKey, _cancelOrderDigest(wallet, 0, NONCE))
        );
        assertTrue(exchange.isCancelled(wallet, 0));
        exchange.increaseCounterWithAuthorization(
            wallet, 1, NOW - 1, NOW + 1 hours, 0, _sign(aliceKey, _increaseCounterDigest(wallet, 1, 0))
        );
        assertEq(exchange.counterOf(wallet), 1);
    }

    /// @dev What the owner signed for one wallet is worth nothing for another, nor for himself.
    function test_TwoWalletsOfOneOwnerShareNoDigest() public {
        address second = address(new OwnerWallet(alice));
        _equip(second);
        ICreditExchange.SignedOrder memory order = _signed(_order(wallet, SELL, PRICE, 0), aliceKey);
        order.order.maker = second;
        _expectBadSignature(second);
        _settle(order, _buy(PRICE, 0), _lots(1));
        order.order.maker = alice;
        _expectBadSignature(alice);
        _settle(order, _buy(PRICE, 0), _lots(1));

        bytes memory cancel = _sign(aliceKey, _cancelOrderDigest(wallet, 0, NONCE));
        _expectBadSignature(second);
        exchange.cancelOrderWithAuthorization(second, 0, NOW - 1, NOW + 1 hours, NONCE, cancel);
        bytes memory increase = _sign(aliceKey, _increaseCounterDigest(wallet, 1, NONCE));
        _expectBadSignature(second);
        exchange.increaseCounterWithAuthorization(second, 1, NOW - 1, NOW + 1 hours, NONCE, increase);
    }

    /// @dev Two wallets of one owner are two makers: that they trade with each other is for a market to watch.
    function test_TwoWalletsOfOneOwnerAreTwoMakers() public {
        address second = address(new OwnerWallet(alice));
        _equip(second);
        _settle(
            _signed(_order(wallet, SELL, PRICE, 0), aliceKey),
            _signed(_order(second, BUY, PRICE, 0), aliceKey),
            _lots(1)
        );
        assertEq(exchange.filledLots(wallet, 0), 1);
    }

    /// @dev A wallet that refuses, or thinks too long, has its own match skipped only.
    function test_AWalletThatRefusesSkipsItsOwnMatchOnly() public {
        address slow = address(new ThoughtfulWallet(200_001));
        _equip(slow);
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](4);
        orders[0] = _sell(PRICE, 0);
        orders[1] = _signed(_order(wallet, BUY, PRICE, 0), bobKey);
        orders[2] = _signed(_order(slow, BUY, PRICE, 0), bobKey);
        orders[3] = _buy(PRICE, 0);
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](3);
        for (uint256 i = 0; i < 3; ++i) {
            matches[i] = ICreditExchange.Match(0, 1 + i, _lots(1));
        }
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectEmit(true, true, true, true, address(exchange));
            emit ICreditExchange.MatchSkipped(
                i,
                _orderDigest(orders[0].order),
                _orderDigest(orders[1 + i].order),
                IAuthorizations.InvalidAuthorizationSignature.selector
            );
        }
        assertEq(_settleBatch(orders, matches), 4);
    }

    /// @dev EIP-7702: the key signs, whatever the delegated code says.
    function test_DelegatedAccountSignsWithItsKey() public {
        vm.signAndAttachDelegation(address(new RawAnswerWallet("", true)), aliceKey);
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
        assertEq(_settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1))), 1);
        assertEq(exchange.filledLots(alice, 0), 2);
        assertTrue(alice.code.length != 0);
    }

    function _expectBadSignature(address maker) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, maker));
    }
}
