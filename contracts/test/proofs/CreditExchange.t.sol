// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {CreditExchange} from "../../src/CreditExchange.sol";
import {Fills} from "../../src/base/Fills.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {Test} from "../support/Test.sol";

/// @notice What halmos adds to the cheat codes.
interface Svm {
    function enableSymbolicStorage(address account) external;
}

/// @notice The exchange, with its way of taking lots off an order opened for the prover.
contract ExchangeOpened is CreditExchange {
    constructor(address credit, address admin) CreditExchange(credit, admin, 0) {}

    function fill(Order calldata order, bytes32 digest, uint64 lots) external {
        _fill(order, digest, lots);
    }
}

/// @notice A token of which everybody holds as much as the proof says.
contract Token is ERC20("", "") {
    function give(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function approveFor(address owner, address spender) external {
        _approve(owner, spender, type(uint256).max);
    }
}

/// @notice Proofs for halmos (scripts/audit proofs): an order is never filled beyond its lots; no payment without the
/// other leg. Each argument stands for all its values. Signatures, which {AuthorizationsProof} is about, are taken as
/// checked: matches are proved where the exchange calls itself with two orders that were signed. Makers are fixed there,
/// who they are being of no matter, and fees are zero, for the solver does not multiply two unknowns; both range in
/// test/credit-exchange/.
contract CreditExchangeProof is Test {
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    address private constant FEES = address(0xfee5);

    Svm private constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    Token private credit = new Token();
    Token private payment = new Token();
    ExchangeOpened private exchange = new ExchangeOpened(address(credit), address(this));

    function setUp() external {
        exchange.setPaymentToken(address(payment), true);
        exchange.setFeeRecipient(FEES);
    }

    /// @dev Whatever the word of an order's fills is: as much as is left of the order can be added, then its count is
    /// what was filled before and that, which is no more than the order's lots, and nothing else of the word changes.
    function check_AFillStaysWithinTheOrder(uint256 word, uint256 salt, uint256 other, uint64 lots, uint64 more)
        external
        pure
    {
        vm.assume(more != 0 && more <= Fills.remaining(word, salt, lots));
        uint256 next = Fills.add(word, salt, more);
        assert(Fills.filled(next, salt) == uint256(Fills.filled(word, salt)) + more);
        assert(Fills.filled(next, salt) <= lots);
        assert(Fills.isCancelled(next, other) == Fills.isCancelled(word, other));
        assert((other ^ salt) & 3 == 0 || Fills.filled(next, other) == Fills.filled(word, other));
    }

    /// @dev From whatever state: what is taken off an order is counted, and the count is within its lots; an order that
    /// was cancelled, has expired or names another counter gives nothing.
    function check_NoOrderIsFilledBeyondItsLots(
        ICreditExchange.Order calldata order,
        bytes32 digest,
        uint64 lots,
        uint256 at
    ) external {
        SVM.enableSymbolicStorage(address(exchange));
        vm.warp(at);
        uint256 filled = exchange.filledLots(order.maker, order.salt);
        bool cancelled = exchange.isCancelled(order.maker, order.salt);
        uint256 counter = exchange.counterOf(order.maker);
        (bool success,) = address(exchange).call(abi.encodeCall(exchange.fill, (order, digest, lots)));
        uint256 next = exchange.filledLots(order.maker, order.salt);
        if (!success) {
            assert(next == filled);
            return;
        }
        assert(next == filled + lots);
        assert(lots == 0 || next <= order.lots);
        assert(!cancelled && at < order.expiry && counter == order.counter);
    }

    /// @dev Who pays gets the credits and who gives credits is paid: both legs or none, and nothing is left behind.
    function check_NoPaymentWithoutTheOtherLeg(
        ICreditExchange.Order calldata maker,
        ICreditExchange.Order calldata taker,
        uint64 lots,
        uint256 credits,
        uint256 payments
    ) external {
        vm.assume(maker.maker == ALICE && taker.maker == BOB);
        bool makerBuys = maker.side == ICreditExchange.Side.Buy;
        (address buyer, address seller) = makerBuys ? (maker.maker, taker.maker) : (taker.maker, maker.maker);
        credit.give(seller, credits);
        payment.give(buyer, payments);
        if (!_settle(maker, taker, lots)) {
            assert(credit.balanceOf(buyer) == 0);
            assert(payment.balanceOf(seller) == 0);
            return;
        }
        assert(credit.balanceOf(buyer) == uint256(lots) * 1e15);
        assert(credit.balanceOf(seller) == credits - uint256(lots) * 1e15);
        uint256 paid = payments - payment.balanceOf(buyer);
        assert(paid == payment.balanceOf(seller) + payment.balanceOf(FEES));
        assert(paid == uint256(lots) * maker.price);
        assert(exchange.filledLots(ALICE, maker.salt) == lots && exchange.filledLots(BOB, taker.salt) == lots);
        assert(credit.balanceOf(address(exchange)) == 0 && payment.balanceOf(address(exchange)) == 0);
    }

    /// @dev As the exchange calls itself for each match of a batch.
    function _settle(ICreditExchange.Order memory maker, ICreditExchange.Order memory taker, uint64 lots)
        private
        returns (bool success)
    {
        credit.approveFor(maker.maker, address(exchange));
        credit.approveFor(taker.maker, address(exchange));
        payment.approveFor(maker.maker, address(exchange));
        payment.approveFor(taker.maker, address(exchange));
        ICreditExchange.Terms memory terms;
        terms.lots = lots;
        vm.prank(address(exchange));
        (success,) = address(exchange)
            .call(
                abi.encodeCall(exchange.settleInFrame, (maker, taker, bytes32(uint256(1)), bytes32(uint256(2)), terms))
            );
    }
}
