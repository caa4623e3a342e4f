// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {CreditExchange} from "../../../src/CreditExchange.sol";
import {ICreditExchange} from "../../../src/interfaces/ICreditExchange.sol";

/// @notice Drives a CreditExchange at random for the invariants and keeps a model beside it: what every trader holds,
/// what every order filled, what was cancelled. Before every call the model says whether it may succeed; that it does, or
/// does not, is compared in both directions. Three traders and five salts only, so that orders meet often, share words
/// and run out.
contract CreditExchangeHandler is CommonBase, StdUtils {
    /// @dev An order, and what is wrong with it beyond what its members say.
    struct Case {
        ICreditExchange.SignedOrder signed;
        bool forged;
    }

    bytes32 private constant CANCEL_ORDER_TYPEHASH = keccak256(
        "CancelOrderAuthorization(address maker,uint256 salt,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant INCREASE_COUNTER_TYPEHASH = keccak256(
        "IncreaseCounterAuthorization(address maker,uint256 counter,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    uint256 private constant NONCES = 8;
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
    mapping(address trader => mapping(uint256 nonce => bool)) private _used;
    uint256 public fees;
    uint256 public settled;
    uint256 public skipped;
    uint256 public refused;
    uint256 public cancellations;
    uint256 public refusedCancellations;
    uint256 public increases;
    uint256 public refusedIncreases;

    /// @dev Calls and matches that succeeded although the model forbids them, or failed although it does not.
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
        (Case memory maker, Case memory taker) = _pair(seed);
        ICreditExchange.Terms memory terms = _terms(seed);
        bool good = !EXCHANGE.paused() && _isGood(maker, taker, terms);
        vm.prank(ADMIN);
        try EXCHANGE.settle(maker.signed, taker.signed, terms) {
            _expect(good);
            _traded(maker.signed.order, taker.signed.order, terms);
        } catch {
            _expect(!good);
            ++refused;
        }
    }

    /// @dev Matches are judged one after the other, by what those before them left.
    function settleBatch(uint256 seed, uint256 size) external {
        Case[] memory cases = new Case[](2 * bound(size, 1, 8));
        ICreditExchange.SignedOrder[] memory orders = new ICreditExchange.SignedOrder[](cases.length);
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](cases.length / 2);
        for (uint256 i = 0; i < matches.length; ++i) {
            uint256 item = uint256(keccak256(abi.encode(seed, i)));
            (cases[2 * i], cases[2 * i + 1]) = _pair(item);
            (orders[2 * i], orders[2 * i + 1]) = (cases[2 * i].signed, cases[2 * i + 1].signed);
            // Now and then with an order that another match names too.
            matches[i] = ICreditExchange.Match(2 * (item >> 200 & 7 == 0 ? item % (i + 1) : i), 2 * i + 1, _terms(item));
        }
        vm.prank(ADMIN);
        try EXCHANGE.settleBatch(orders, matches) returns (uint256 executed) {
            _expect(!EXCHANGE.paused() && executed >> matches.length == 0);
            for (uint256 i = 0; i < matches.length; ++i) {
                _judge(cases[matches[i].maker], cases[matches[i].taker], matches[i].terms, executed >> i & 1 == 1);
            }
        } catch {
            _expect(EXCHANGE.paused());
        }
    }

    /// @dev Rarely: orders shall live a while.
    function cancelOrder(uint256 who, uint256 salt) external {
        if (salt % 4 != 0) return;
        salt = (salt >> 8) % SALTS;
        bool good = !cancelled[trader(who)][salt];
        vm.prank(trader(who));
        try EXCHANGE.cancelOrder(salt) {
            _expect(good);
            _cancelled(trader(who), salt);
        } catch {
            _expect(!good);
            ++refusedCancellations;
        }
    }

    /// @dev Mostly signed by another, or stale: orders shall live a while.
    function cancelOrderWithAuthorization(uint256 who, uint256 salt, uint256 nonce, uint256 slip) external {
        address maker = trader(who);
        (salt, nonce) = (salt % SALTS, nonce % NONCES);
        uint256[2] memory window = _window(slip);
        bool good = _isAuthorized(maker, nonce, slip) && !cancelled[maker][salt];
        bytes32 structHash = keccak256(abi.encode(CANCEL_ORDER_TYPEHASH, maker, salt, window[0], window[1], nonce));
        bytes memory signature = _signAs(who, slip, structHash);
        try EXCHANGE.cancelOrderWithAuthorization(maker, salt, window[0], window[1], bytes32(nonce), signature) {
            _expect(good);
            _used[maker][nonce] = true;
            _cancelled(maker, salt);
        } catch {
            _expect(!good);
            ++refusedCancellations;
        }
    }

    /// @dev Now and then not upwards.
    function increaseCounter(uint256 who, uint256 step) external {
        if (step % 16 != 0) return;
        uint256 next = _nextCounter(trader(who), step >> 8);
        bool good = next > counter[trader(who)];
        vm.prank(trader(who));
        try EXCHANGE.increaseCounter(next) {
            _expect(good);
            _increased(trader(who), next);
        } catch {
            _expect(!good);
            ++refusedIncreases;
        }
    }

    function increaseCounterWithAuthorization(uint256 who, uint256 step, uint256 nonce, uint256 slip) external {
        address maker = trader(who);
        uint256 next = _nextCounter(maker, step);
        nonce %= NONCES;
        uint256[2] memory window = _window(slip);
        bool good = _isAuthorized(maker, nonce, slip) && next > counter[maker];
        bytes32 structHash = keccak256(abi.encode(INCREASE_COUNTER_TYPEHASH, maker, next, window[0], window[1], nonce));
        bytes memory signature = _signAs(who, slip, structHash);
        try EXCHANGE.increaseCounterWithAuthorization(maker, next, window[0], window[1], bytes32(nonce), signature) {
            _expect(good);
            _used[maker][nonce] = true;
            _increased(maker, next);
        } catch {
            _expect(!good);
            ++refusedIncreases;
        }
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
    function _pair(uint256 seed) private view returns (Case memory maker, Case memory taker) {
        maker = _order(seed, seed & 1 == 0);
        taker = _order(seed >> 64, seed >> 128 & 15 == 0 ? seed & 1 == 0 : seed & 1 == 1);
    }

    function _order(uint256 seed, bool sells) private view returns (Case memory made) {
        ICreditExchange.Order memory order = made.signed.order;
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
        made.forged = seed >> 48 & 31 == 0;
        made.signed.signature = _sign((seed >> 1) % TRADERS + (made.forged ? 1 : 0), EXCHANGE.orderDigest(order));
    }

    function _terms(uint256 seed) private pure returns (ICreditExchange.Terms memory) {
        return
            ICreditExchange.Terms(uint64((seed >> 140) % 60), uint16((seed >> 150) % 100), uint16((seed >> 160) % 100));
    }

    /// @dev Whether the two may trade now, pauses aside, as one would say it on paper.
    function _isGood(Case memory maker, Case memory taker, ICreditExchange.Terms memory terms)
        private
        view
        returns (bool)
    {
        bool makerSells = maker.signed.order.side == ICreditExchange.Side.Sell;
        (Case memory sell, Case memory buy) = makerSells ? (maker, taker) : (taker, maker);
        if (terms.lots == 0 || buy.signed.order.side == sell.signed.order.side) return false;
        if (buy.signed.order.maker == sell.signed.order.maker) return false;
        if (buy.signed.order.price < sell.signed.order.price) return false;
        if (!_isFillable(maker, terms.lots, terms.makerFeeBps)) return false;
        if (!_isFillable(taker, terms.lots, terms.takerFeeBps)) return false;
        uint256 payment = uint256(terms.lots) * maker.signed.order.price;
        uint256 buyerFeeBps = makerSells ? terms.takerFeeBps : terms.makerFeeBps;
        return money[buy.signed.order.maker] >= payment + payment * buyerFeeBps / 10_000
            && credits[sell.signed.order.maker] >= uint256(terms.lots) * 1e15;
    }

    function _isFillable(Case memory made, uint64 lots, uint16 feeBps) private view returns (bool) {
        ICreditExchange.Order memory order = made.signed.order;
        bool alive = block.timestamp < order.expiry && order.counter == counter[order.maker]
            && !cancelled[order.maker][order.salt];
        bool open = filled[order.maker][order.salt] + lots <= order.lots;
        return !made.forged && alive && open && feeBps <= order.feeCapBps;
    }

    function _judge(Case memory maker, Case memory taker, ICreditExchange.Terms memory terms, bool done) private {
        _expect(done == _isGood(maker, taker, terms));
        if (done) _traded(maker.signed.order, taker.signed.order, terms);
        else ++skipped;
    }

    /// @dev The model of a trade, written as one would on paper.
    function _traded(
        ICreditExchange.Order memory maker,
        ICreditExchange.Order memory taker,
        ICreditExchange.Terms memory terms
    ) private {
        filled[maker.maker][maker.salt] += terms.lots;
        filled[taker.maker][taker.salt] += terms.lots;
        bool makerSells = maker.side == ICreditExchange.Side.Sell;
        address seller = makerSells ? maker.maker : taker.maker;
        address buyer = makerSells ? taker.maker : maker.maker;
        uint256 payment = uint256(terms.lots) * maker.price;
        credits[seller] -= uint256(terms.lots) * 1e15;
        credits[buyer] += uint256(terms.lots) * 1e15;
        uint256 makerFee = payment * terms.makerFeeBps / 10_000;
        uint256 takerFee = payment * terms.takerFeeBps / 10_000;
        money[buyer] -= payment + (makerSells ? takerFee : makerFee);
        money[seller] += payment - (makerSells ? makerFee : takerFee);
        fees += makerFee + takerFee;
        ++settled;
    }

    function _cancelled(address maker, uint256 salt) private {
        cancelled[maker][salt] = true;
        ++cancellations;
    }

    function _increased(address maker, uint256 next) private {
        counter[maker] = next;
        ++increases;
    }

    function _expect(bool right) private {
        if (!right) ++wrong;
    }

    function _nextCounter(address maker, uint256 step) private view returns (uint256) {
        return counter[maker] + step % 3;
    }

    /// @dev Of eight slips one is none; the others are: too early, too late, and another's signature.
    function _window(uint256 slip) private view returns (uint256[2] memory) {
        return [block.timestamp - (slip % 8 == 1 ? 0 : 1), block.timestamp + (slip % 8 == 2 ? 0 : 1)];
    }

    function _isAuthorized(address maker, uint256 nonce, uint256 slip) private view returns (bool) {
        return slip % 8 == 0 && !_used[maker][nonce];
    }

    function _signAs(uint256 who, uint256 slip, bytes32 structHash) private view returns (bytes memory) {
        (, string memory name, string memory version, uint256 chainId, address verifier,,) = EXCHANGE.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifier
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, structHash));
        return _sign(who % TRADERS + (slip % 8 > 2 ? 1 : 0), digest);
    }

    function _sign(uint256 who, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(who), digest);
        return abi.encodePacked(r, s, v);
    }

    function _key(uint256 index) private pure returns (uint256) {
        return 0xa11ce + index % TRADERS;
    }
}
