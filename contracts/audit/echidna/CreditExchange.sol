// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {CreditExchange} from "../../src/CreditExchange.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";

interface Hevm {
    function addr(uint256 key) external returns (address);
    function sign(uint256 key, bytes32 digest) external returns (uint8 v, bytes32 r, bytes32 s);
}

/// @notice A token that its holders need not approve themselves.
contract Token is ERC20("", "") {
    function give(address to, uint256 amount, address spender) external {
        _mint(to, amount);
        _approve(to, spender, type(uint256).max);
    }
}

/// @notice What echidna calls at random: the operator, which is this contract; three makers with keys, two sides, four
/// salts, so that orders meet and share their words. Properties begin with echidna_; what begins with reaches_ has to be
/// broken, or the calls came to nothing.
contract CreditExchangeEchidna {
    Hevm private constant HEVM = Hevm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant MAKERS = 3;
    uint256 private constant SALTS = 4;
    uint256 private constant HOLDING = 1e30;
    address private constant FEES = address(0xfee5);

    Token private immutable CREDIT = new Token();
    Token private immutable PAYMENT = new Token();
    CreditExchange private immutable EXCHANGE = new CreditExchange(address(CREDIT), address(this), 0);

    mapping(uint256 maker => uint256) private _credits;
    mapping(uint256 maker => mapping(uint256 salt => uint256)) private _filled;
    mapping(uint256 maker => mapping(uint256 salt => bool)) private _cancelled;
    uint256 private _nonces;
    bool private _overfilled;
    bool private _tradedAfterCancelling;

    constructor() {
        EXCHANGE.setPaymentToken(address(PAYMENT), true);
        EXCHANGE.setFeeRecipient(FEES);
        for (uint256 i = 0; i < MAKERS; ++i) {
            CREDIT.give(_maker(i), HOLDING, address(EXCHANGE));
            PAYMENT.give(_maker(i), HOLDING, address(EXCHANGE));
            _credits[i] = HOLDING;
        }
    }

    function settle(uint256 earlier, uint256 later, uint64 lots, uint16 fee, bool makerBuys) external {
        (uint256 maker, uint256 taker) = (earlier % MAKERS, later % MAKERS);
        ICreditExchange.Order memory first = _order(maker, earlier, makerBuys);
        ICreditExchange.Order memory second = _order(taker, later, !makerBuys);
        lots = lots % 16;
        EXCHANGE.settle(_signed(maker, first), _signed(taker, second), ICreditExchange.Terms(lots, fee % 600, fee % 500));

        _traded(maker, first, lots);
        _traded(taker, second, lots);
        (uint256 buyer, uint256 seller) = makerBuys ? (maker, taker) : (taker, maker);
        _credits[buyer] += uint256(lots) * 1e15;
        _credits[seller] -= uint256(lots) * 1e15;
    }

    function cancelOrder(uint256 seed) external {
        uint256 maker = seed % MAKERS;
        uint256 salt = (seed >> 8) % SALTS;
        bytes32 nonce = bytes32(++_nonces);
        bytes32 structHash = keccak256(
            abi.encode(
                EXCHANGE.CANCEL_ORDER_AUTHORIZATION_TYPEHASH(), _maker(maker), salt, 0, type(uint256).max, nonce
            )
        );
        (,,,, address verifying,,) = EXCHANGE.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("WIA Credit Exchange"),
                keccak256("1"),
                block.chainid,
                verifying
            )
        );
        bytes memory signature = _sign(maker, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        EXCHANGE.cancelOrderWithAuthorization(_maker(maker), salt, 0, type(uint256).max, nonce, signature);
        _cancelled[maker][salt] = true;
    }

    function echidna_no_order_is_filled_beyond_its_lots() external view returns (bool) {
        return !_overfilled;
    }

    function echidna_no_cancelled_order_trades() external view returns (bool) {
        return !_tradedAfterCancelling;
    }

    function echidna_credits_move_as_the_trades_say() external returns (bool) {
        for (uint256 i = 0; i < MAKERS; ++i) {
            if (CREDIT.balanceOf(_maker(i)) != _credits[i]) return false;
        }
        return CREDIT.balanceOf(address(EXCHANGE)) == 0;
    }

    function echidna_payments_are_conserved() external returns (bool) {
        uint256 sum = PAYMENT.balanceOf(FEES);
        for (uint256 i = 0; i < MAKERS; ++i) {
            sum += PAYMENT.balanceOf(_maker(i));
        }
        return sum == MAKERS * HOLDING;
    }

    function reaches_no_order_that_traded_and_was_cancelled() external view returns (bool) {
        for (uint256 maker = 0; maker < MAKERS; ++maker) {
            for (uint256 salt = 0; salt < SALTS; ++salt) {
                if (_filled[maker][salt] != 0 && _cancelled[maker][salt]) return false;
            }
        }
        return true;
    }

    function _traded(uint256 maker, ICreditExchange.Order memory order, uint64 lots) private {
        _filled[maker][order.salt] += lots;
        if (_filled[maker][order.salt] > order.lots) _overfilled = true;
        if (_cancelled[maker][order.salt]) _tradedAfterCancelling = true;
    }

    function _order(uint256 maker, uint256 seed, bool buys) private returns (ICreditExchange.Order memory order) {
        order.maker = _maker(maker);
        order.side = buys ? ICreditExchange.Side.Buy : ICreditExchange.Side.Sell;
        order.lots = uint64((seed >> 16) % 40);
        order.price = uint128(buys ? 5 + (seed >> 32) % 5 : (seed >> 32) % 7);
        order.paymentToken = address(PAYMENT);
        order.feeCapBps = uint16((seed >> 48) % 600);
        order.expiry = type(uint64).max;
        order.salt = (seed >> 8) % SALTS;
    }

    function _signed(uint256 maker, ICreditExchange.Order memory order)
        private
        returns (ICreditExchange.SignedOrder memory)
    {
        return ICreditExchange.SignedOrder(order, _sign(maker, EXCHANGE.orderDigest(order)));
    }

    function _sign(uint256 maker, bytes32 digest) private returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = HEVM.sign(0xa11ce + maker, digest);
        return abi.encodePacked(r, s, v);
    }

    function _maker(uint256 maker) private returns (address) {
        return HEVM.addr(0xa11ce + maker);
    }
}
