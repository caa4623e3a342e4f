// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice Gas of whole transactions (21,000 and calldata included, isolate mode) in named scenarios, kept in
/// snapshots/CreditExchange.json; a run whose figures differ fails. README.md says how to write new ones. All parties
/// hold both tokens and gave allowances without limit; fees, where there are any, go to one who holds some already.
contract CreditExchangeGasTest is CreditExchangeTest {
    string private constant GROUP = "CreditExchange";
    uint256 private constant BATCH = 50;
    uint64 private constant LOTS = 234;

    function setUp() public override {
        super.setUp();
        _equip(feeRecipient);
    }

    function test_Single() public {
        _single(0, 0, 0, "one match, new fill words, no fee");
        assertLe(_single(1, 0, 0, "one match, warm fill words, no fee"), 125_000);
        _single(4, 0, 10, "one match, new fill words, taker's fee");
        assertLe(_single(5, 0, 10, "one match, warm fill words, taker's fee"), 125_000);
    }

    function test_BatchOfPairs() public {
        _run(_batch(0, false), _matches(false, 0), "batch of 50 pairs, new fill words, no fee");
        _run(_batch(1, false), _matches(false, 0), "batch of 50 pairs, warm fill words, no fee");
    }

    function test_BatchOfPairsWithFees() public {
        _run(_batch(0, false), _matches(false, 10), "batch of 50 pairs, new fill words, taker's fee");
        _run(_batch(1, false), _matches(false, 10), "batch of 50 pairs, warm fill words, taker's fee");
    }

    function test_BatchOfOneTaker() public {
        assertLe(
            _run(_batch(0, true), _matches(true, 10), "batch of 50, one taker, 50 makers, new fill words, taker's fee"),
            100_000
        );
        assertLe(
            _run(
                _batch(1, true), _matches(true, 10), "batch of 50, one taker, 50 makers, warm fill words, taker's fee"
            ),
            68_000
        );
    }

    function _single(uint256 salt, uint16 makerFeeBps, uint16 takerFeeBps, string memory name)
        private
        returns (uint256 gasUsed)
    {
        _settle(
            _signed(_order(alice, SELL, PRICE, salt), aliceKey),
            _signed(_order(bob, BUY, PRICE, salt), bobKey),
            ICreditExchange.Terms(LOTS, makerFeeBps, takerFeeBps)
        );
        gasUsed = vm.snapshotGasLastCall(GROUP, name);
    }

    /// @dev Every order has its own maker. In pairs orders 2i and 2i + 1 meet, else the last one meets all the others.
    function _batch(uint256 salt, bool oneTaker) private returns (ICreditExchange.SignedOrder[] memory orders) {
        orders = new ICreditExchange.SignedOrder[](oneTaker ? BATCH + 1 : 2 * BATCH);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 key = uint256(keccak256(abi.encode("trader", i)));
            if (salt == 0) _equip(vm.addr(key));
            bool sells = oneTaker ? i < BATCH : i % 2 == 0;
            ICreditExchange.Order memory order = _order(vm.addr(key), sells ? SELL : BUY, PRICE, salt);
            order.lots = 100_000;
            orders[i] = _signed(order, key);
        }
    }

    function _matches(bool oneTaker, uint16 takerFeeBps) private pure returns (ICreditExchange.Match[] memory matches) {
        matches = new ICreditExchange.Match[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            matches[i] = ICreditExchange.Match(
                oneTaker ? i : 2 * i, oneTaker ? BATCH : 2 * i + 1, ICreditExchange.Terms(LOTS, 0, takerFeeBps)
            );
        }
    }

    function _run(
        ICreditExchange.SignedOrder[] memory orders,
        ICreditExchange.Match[] memory matches,
        string memory name
    ) private returns (uint256 gasPerMatch) {
        vm.prank(operator);
        uint256 executed = exchange.settleBatch(orders, matches);
        gasPerMatch = vm.snapshotGasLastCall(GROUP, name) / matches.length;
        vm.snapshotValue(GROUP, string.concat(name, ", each"), gasPerMatch);
        assertEq(executed, type(uint256).max >> (256 - matches.length));
    }
}
