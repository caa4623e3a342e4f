// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {CreditExchange} from "../../../src/CreditExchange.sol";
import {ICreditExchange} from "../../../src/interfaces/ICreditExchange.sol";

/// @notice Drives a CreditExchange at random for the invariants and keeps a model beside it: what every trader holds,
/// what every order filled, what was cancelled. Three traders and five salts only, so that orders meet often, share
/// words and run out.
contract CreditExchangeHandler is CommonBase, StdUtils {
    uint256 public constant TRADERS = 3;
    uint256 public constant SALTS = 5;
    uint256 public constant MAX_FEE_CAP_BPS = 90;

    CreditExchange public immutable EXCHANGE;
    address private immutable MONEY;
    address private immutable ADMIN;

    mapping(address trader => uint256) public credits;
    mapping(address trader => uint256) public money;
    mapping(address trader => mapping(uint256 salt => uint256)) public filled;
    mapping(address trader => mapping(uint256 salt => bool)) public cancelled;
    mapping(address trader => uint256) public counter;
    uint256 public fees;
    uint256 public settled;
    uint256 public skipped;
    /// @dev Trades that the exchange let happen although the model forbids them.
    uint256 public wrong;

    constructor(CreditExchange exchange, address money_, address admin, uint256 holding, uint256 cash) {
        EXCHANGE = exchange;
        MONEY = money_;
        ADMIN = admin;
        for (uint256 i = 0; i < TRADERS; ++i) {
            credits[trader(i)] = holding;
            money[trader(i)] = cash;
        }
    }

    function trader(uint256 index) public pure returns (address) {
        return vm.addr(_key(index));
    }

    /// @dev One size for all orders of a salt, so that an order can be signed anew at another price.
    function lotsOf(uint256 salt) public pure returns (uint64) {
        return uint64(100 * (salt % SALTS + 1));
    }

    function settle(uint256 seed) external {
        (ICreditExchange.SignedOrder memory maker, ICreditExchange.SignedOrder memory taker) = _pair(seed);
        ICreditExchange.Terms memory terms = _terms(seed);
        vm.prank(ADMIN);
        try EXCHANGE.settle(maker, taker, terms) {
            _traded(maker.order, taker.order, terms);
        } catch {
            ++skipped;
        }
    }

    function settleBatch(uint256 seed, uint256 size) external {
        if (EXCHANGE.paused()) return;
        size = bound(size, 1, 8);
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](2 * size);
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](size);
        for (uint256 i = 0; i < size; ++i) {
            uint256 item = uint256(keccak256(abi.encode(seed, i)));
            (orders[2 * i], orders[2 * i + 1]) = _pair(item);
            // Now and then with an order that another match names too.
            matches[i] = ICreditExchange.Match(2 * (item >> 200 & 7 == 0 ? item % (i + 1) : i), 2 * i + 1, _terms(item));
        }
        vm.prank(ADMIN);
        uint256 executed = EXCHANGE.settleBatch(orders, matches);
        for (uint256 i = 0; i < size; ++i) {
            if (executed >> i & 1 == 0) ++skipped;
            else _traded(orders[matches[i].maker].order, orders[matches[i].taker].order, matches[i].terms);
        }
    }

    /// @dev Rarely: orders shall live a while.
    function cancelOrder(uint256 who, uint256 salt) external {
        if (salt % 4 != 0) return;
        salt = (salt >> 8) % SALTS;
        if (cancelled[trader(who)][salt]) return;
        vm.prank(trader(who));
        EXCHANGE.cancelOrder(salt);
        cancelled[trader(who)][salt] = true;
    }

    function increaseCounter(uint256 who, uint256 step) external {
        if (step % 16 != 0) return;
        counter[trader(who)] += 1 + (step >> 8) % 3;
        vm.prank(trader(who));
        EXCHANGE.increaseCounter(counter[trader(who)]);
    }

    /// @dev Paused a fifth of the time.
    function pause(uint256 seed) external {
        bool wanted = seed % 5 == 0;
        if (wanted == EXCHANGE.paused()) return;
        vm.prank(ADMIN);
        if (wanted) EXCHANGE.pause();
        else EXCHANGE.unpause();
    }

    /// @dev Two orders that mostly meet and sometimes do not, are stale, or signed by another.
    function _pair(uint256 seed)
        private
        view
        returns (ICreditExchange.SignedOrder memory maker, ICreditExchange.SignedOrder memory taker)
    {
        maker = _order(seed, seed & 1 == 0);
        taker = _order(seed >> 64, seed >> 128 & 15 == 0 ? seed & 1 == 0 : seed & 1 == 1);
    }

    function _order(uint256 seed, bool sells) private view returns (ICreditExchange.SignedOrder memory signed) {
        ICreditExchange.Order memory order = signed.order;
        order.maker = trader(seed >> 1);
        order.side = sells ? ICreditExchange.Side.Sell : ICreditExchange.Side.Buy;
        order.salt = (seed >> 8) % SALTS;
        order.lots = lotsOf(order.salt);
        // Sellers ask 900 to 1,100, buyers bid 1,000 to 1,200: half of the asks are above a low bid.
        order.price = uint128((sells ? 900 : 1_000) + (seed >> 16) % 201);
        order.paymentToken = MONEY;
        order.feeCapBps = uint16(MAX_FEE_CAP_BPS);
        order.expiry = uint64(block.timestamp + (seed >> 32 & 31 == 0 ? 0 : 1));
        uint256 current = counter[order.maker];
        order.counter = seed >> 40 & 31 == 0 && current != 0 ? current - 1 : current;
        signed.signature = _sign(seed >> 48 & 31 == 0 ? (seed >> 1) + 1 : seed >> 1, EXCHANGE.orderDigest(order));
    }

    function _terms(uint256 seed) private pure returns (ICreditExchange.Terms memory) {
        return
            ICreditExchange.Terms(uint64((seed >> 140) % 60), uint16((seed >> 150) % 100), uint16((seed >> 160) % 100));
    }

    /// @dev The model of a trade, written as one would on paper.
    function _traded(
        ICreditExchange.Order memory maker,
        ICreditExchange.Order memory taker,
        ICreditExchange.Terms memory terms
    ) private {
        if (EXCHANGE.paused() || terms.lots == 0) ++wrong;
        _filled(maker, terms.lots, terms.makerFeeBps);
        _filled(taker, terms.lots, terms.takerFeeBps);
        bool makerSells = maker.side == ICreditExchange.Side.Sell;
        address seller = makerSells ? maker.maker : taker.maker;
        address buyer = makerSells ? taker.maker : maker.maker;
        uint256 payment = uint256(terms.lots) * maker.price;
        if (seller == buyer || (makerSells ? taker.price < maker.price : maker.price < taker.price)) ++wrong;
        credits[seller] -= uint256(terms.lots) * 1e15;
        credits[buyer] += uint256(terms.lots) * 1e15;
        uint256 makerFee = payment * terms.makerFeeBps / 10_000;
        uint256 takerFee = payment * terms.takerFeeBps / 10_000;
        money[buyer] -= payment + (makerSells ? takerFee : makerFee);
        money[seller] += payment - (makerSells ? makerFee : takerFee);
        fees += makerFee + takerFee;
        ++settled;
    }

    function _filled(ICreditExchange.Order memory order, uint64 lots, uint16 feeBps) private {
        if (cancelled[order.maker][order.salt] || order.counter != counter[order.maker]) ++wrong;
        if (block.timestamp >= order.expiry || feeBps > order.feeCapBps) ++wrong;
        filled[order.maker][order.salt] += lots;
    }

    function _sign(uint256 who, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(who), digest);
        return abi.encodePacked(r, s, v);
    }

    function _key(uint256 index) private pure returns (uint256) {
        return 0xa11ce + index % TRADERS;
    }
}
