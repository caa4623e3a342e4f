// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditExchange} from "../interfaces/ICreditExchange.sol";

/// @title The arithmetic of a match
/// @notice In: two orders and the operator's terms. Out: who gives how much to whom, or the error that says why these
/// orders do not match. Pure: it knows no clock, no fills and no tokens, so that what holds of it can be proved.
library Matching {
    /// @dev Units of the credit token in a lot: 0.001 t (X-19).
    uint256 internal constant CREDIT_PER_LOT = 1e15;

    /// @dev 5 %.
    uint16 internal constant MAX_FEE_BPS = 500;

    uint256 private constant BPS = 10_000;

    /// @notice Both legs of a match. The buyer pays proceeds + makerFee + takerFee, of which the seller gets the
    /// proceeds: lots × price less the seller's fee.
    struct Legs {
        address buyer;
        address seller;
        uint256 credits;
        uint256 proceeds;
        uint256 makerFee;
        uint256 takerFee;
    }

    /// @dev Nothing overflows: lots × price is below 2**192, times BPS below 2**206.
    function legs(
        ICreditExchange.Order calldata maker,
        ICreditExchange.Order calldata taker,
        ICreditExchange.Terms calldata terms
    ) internal pure returns (Legs memory result) {
        requireMatch(maker, taker);
        uint64 lots = terms.lots;
        if (lots == 0) revert ICreditExchange.LotsAreZero();

        uint256 payment = uint256(lots) * maker.price;
        result.credits = lots * CREDIT_PER_LOT;
        result.makerFee = feeRoundedDown(payment, terms.makerFeeBps, maker.feeCapBps);
        result.takerFee = feeRoundedDown(payment, terms.takerFeeBps, taker.feeCapBps);
        if (maker.side == ICreditExchange.Side.Buy) {
            (result.buyer, result.seller) = (maker.maker, taker.maker);
            result.proceeds = payment - result.takerFee;
        } else {
            (result.buyer, result.seller) = (taker.maker, maker.maker);
            result.proceeds = payment - result.makerFee;
        }
    }

    /// @dev The two orders want opposite things of each other, at prices that meet.
    function requireMatch(ICreditExchange.Order calldata maker, ICreditExchange.Order calldata taker) internal pure {
        ICreditExchange.Side side = maker.side;
        if (side == taker.side) revert ICreditExchange.SidesAreEqual();
        if (maker.maker == taker.maker) revert ICreditExchange.SelfTrade(maker.maker);
        if (maker.paymentToken != taker.paymentToken) {
            revert ICreditExchange.PaymentTokensDiffer(maker.paymentToken, taker.paymentToken);
        }
        // A price of zero gives credits away; a wallet that shows "0" for "market" shall not sign that by mistake.
        (uint128 buyPrice, uint128 sellPrice) = (maker.price, taker.price);
        if (buyPrice == 0 || sellPrice == 0) revert ICreditExchange.PriceIsZero();
        if (side == ICreditExchange.Side.Sell) (buyPrice, sellPrice) = (sellPrice, buyPrice);
        if (buyPrice < sellPrice) revert ICreditExchange.PricesDoNotCross(buyPrice, sellPrice);
    }

    /// @dev Rounded down at every fill: many small fills never cost more than one large one.
    function feeRoundedDown(uint256 payment, uint16 feeBps, uint16 signedCapBps) internal pure returns (uint256) {
        uint16 capBps = signedCapBps < MAX_FEE_BPS ? signedCapBps : MAX_FEE_BPS;
        if (feeBps > capBps) revert ICreditExchange.FeeAboveCap(feeBps, capBps);
        return payment * feeBps / BPS;
    }
}
