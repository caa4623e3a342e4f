// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "./IAuthorizations.sol";

/// @title Settlement of matched orders: carbon credits against a payment token
/// @notice Orders are EIP-712 messages that cost nothing until they trade. An order book off chain matches them; an
/// operator settles each match here, which moves credits one way and payment the other, both or neither. Serves
/// requirements C-066 and C-067 (orders), C-046 and C-069 (`blockchainTx` is the transaction whose {Trade} names the
/// order), X-15 and X-19 (lots of 0.001 t), X-52 (operator settlement), X-53 (no self-trade, cancellation).
///
/// Units. A lot is 0.001 t, which is 1e15 units of the credit token. A price is in units of the payment token per lot,
/// so credits and payment of any number of lots are whole numbers and nothing is rounded but fees, downwards. (For a
/// token of 6 decimals, 25.00 per tonne is a price of 25,000.)
///
/// Maker and taker. Of the two orders of a match the earlier is the maker. A match executes at the maker's price, so
/// that a better price than the taker asked for is the taker's gain. The chain does not see when an order was made:
/// which of two is the earlier is the operator's word.
///
/// What an operator can do: choose which orders meet, when, in what order and which of them is the maker, hence at which
/// of two prices that both signed for; charge each side a fee up to what that side signed; leave orders unsettled.
/// What no operator can do: trade a lot more than signed, at a worse price, at a higher fee, in another token, after
/// the expiry, the cancellation or the counter's increase; move one leg without the other; trade an order against
/// another order of the same maker; have a match of a batch refused by the choice of the gas limit.
///
/// Custody. The exchange holds nothing: credits go from seller to buyer, payment from buyer to seller, fees from buyer
/// to fee recipient, each by the allowance that the maker gave to this contract (ERC-2612 permits will do).
/// WARNING: an allowance is reached by every order of its owner. A cancelled order is dead although the allowance lasts.
/// WARNING: tokens sent to this contract are lost; it has no function that moves tokens of its own.
///
/// Payment tokens. Any ERC-20 that the admin allowed. Tokens that return nothing are fine. A token that takes a fee on
/// transfer, or says that it paid and did not, gives the seller less than was agreed, and the match fails
/// ({PaymentShort}). A token is trusted to tell balances truly and to take from the buyer no more than it was asked to.
/// The credit token is trusted as the ERC-20 that it is, its balances are not looked at.
///
/// Signatures are those of {IAuthorizations}; the first member of an order is its signer.
interface ICreditExchange is IAuthorizations {
    /// @notice C-086: BUY = 0, SELL = 1. Buying and selling are of credits.
    enum Side {
        Buy,
        Sell
    }

    /// @notice EIP-712 type `Order(address maker,uint8 side,uint64 lots,uint128 price,address paymentToken,
    /// uint16 feeCapBps,uint64 expiry,uint256 counter,uint256 salt)`.
    ///
    /// A market order is a limit order at the worst price that its maker would take.
    /// @param maker whose order it is, and who signs it
    /// @param side what the maker does
    /// @param lots how many lots of 0.001 t at most, over all its fills; 2**63 - 1 at most are ever filled
    /// @param price most (buy) or least (sell) units of `paymentToken` per lot; not zero
    /// @param paymentToken what credits are paid with
    /// @param feeCapBps largest fee in hundredths of a percent of what is paid: a buyer pays it on top, a seller is
    /// paid that much less
    /// @param expiry unix time in seconds; tradable when block.timestamp is less
    /// @param counter the maker's counter, see {increaseCounter}
    /// @param salt names the order among the maker's: what fills and cancellation are kept by
    /// WARNING: orders of one maker with one salt share their fills and their cancellation. That is how an order is
    /// amended: whatever the old one traded counts against the new one. Four salts that differ in their last two bits
    /// only share a storage word and cost about 17,000 gas less after the first of them.
    struct Order {
        address maker;
        Side side;
        uint64 lots;
        uint128 price;
        address paymentToken;
        uint16 feeCapBps;
        uint64 expiry;
        uint256 counter;
        uint256 salt;
    }

    /// @notice An `order` and its `signature` as {IAuthorizations} describes it.
    struct SignedOrder {
        Order order;
        bytes signature;
    }

    /// @notice What the operator decides of a match.
    /// @param lots how many lots trade; not zero
    /// @param makerFeeBps fee of the maker's side in hundredths of a percent of what is paid
    /// @param takerFeeBps fee of the taker's side
    struct Terms {
        uint64 lots;
        uint16 makerFeeBps;
        uint16 takerFeeBps;
    }

    /// @notice A match within a batch.
    /// @param maker index of the earlier order
    /// @param taker index of the later order
    /// @param terms what the operator decides
    struct Match {
        uint256 maker;
        uint256 taker;
        Terms terms;
    }

    /// @notice `lots` traded between the orders of `maker` and `taker`. Whoever sold was paid lots × price less his fee,
    /// whoever bought paid lots × price and his fee.
    /// @param makerOrder EIP-712 digest of the earlier order
    /// @param takerOrder EIP-712 digest of the later order
    /// @param takerSide what the taker did; the maker did the opposite
    /// @param price units of the payment token per lot: the maker's
    /// @param makerFee fee of the maker in units of the payment token
    /// @param takerFee fee of the taker in units of the payment token
    event Trade(
        address indexed maker,
        address indexed taker,
        address indexed paymentToken,
        bytes32 makerOrder,
        bytes32 takerOrder,
        Side takerSide,
        uint64 lots,
        uint128 price,
        uint256 makerFee,
        uint256 takerFee
    );

    /// @notice Match `index` of a batch had no effect.
    /// @param reason first four bytes of what it reverted with, an error of this contract or of a token; fewer are
    /// filled up with zeros, so zero stands for a bare revert, for orders or terms with dirty upper bits, and for more
    /// gas than a match of a batch gets
    event MatchSkipped(uint256 indexed index, bytes32 indexed makerOrder, bytes32 indexed takerOrder, bytes4 reason);

    /// @notice No order of `maker` with this salt trades any more.
    /// @param filledLots how many lots had traded
    event OrderCancelled(address indexed maker, uint256 indexed salt, uint64 filledLots);

    /// @notice Only orders that name `counter` can trade of `maker` now.
    event CounterIncreased(address indexed maker, uint256 counter);

    /// @notice Orders may be paid with `token` from now on, if `allowed`, or may not any more.
    event PaymentTokenSet(address indexed token, bool allowed);

    /// @notice Fees go to `recipient` from now on.
    event FeeRecipientSet(address indexed recipient);

    /// @notice The order could trade until the second before `expiry`.
    error OrderExpired(bytes32 order, uint64 expiry);

    /// @notice The order names a counter that is not its maker's.
    error OrderCounterMismatch(bytes32 order, uint256 current);

    /// @notice The order was cancelled.
    error OrderAlreadyCancelled(address maker, uint256 salt);

    /// @notice The order has fewer lots left than the match would fill.
    error OrderOverfilled(bytes32 order, uint64 lots, uint64 remaining);

    /// @notice Neither order of a match may have the price zero.
    error PriceIsZero();

    /// @notice A match fills at least one lot.
    error LotsAreZero();

    /// @notice Both orders buy, or both sell.
    error SidesAreEqual();

    /// @notice Both orders are of `maker`.
    error SelfTrade(address maker);

    /// @notice The orders name two payment tokens.
    error PaymentTokensDiffer(address makerToken, address takerToken);

    /// @notice The buyer would pay less than the seller asks.
    error PricesDoNotCross(uint128 buyPrice, uint128 sellPrice);

    /// @notice The fee is above what the order's maker signed, or above {MAX_FEE_BPS}.
    error FeeAboveCap(uint16 feeBps, uint16 capBps);

    /// @notice The admin did not allow orders to be paid with `token`.
    error PaymentTokenNotAllowed(address token);

    /// @notice After the payment the seller has `balance` of `token` where he should have `due`.
    error PaymentShort(address token, uint256 due, uint256 balance);

    /// @notice Too little gas is left to give a match of a batch its full allowance. The whole transaction reverts, so
    /// that nobody can have a match skipped by giving it too little gas.
    error InsufficientMatchGas(uint256 available, uint256 required);

    /// @notice {settleInFrame} is for this contract's own batches.
    error CallerMustBeExchange(address caller);

    /// @notice Counters only go up.
    error CounterNotIncreased(uint256 current, uint256 wanted);

    /// @notice The credit token has code, so it is deployed before the exchange.
    error CreditTokenInvalid(address token);

    /// @notice A payment token has code and is not the credit token.
    error PaymentTokenInvalid(address token);

    /// @notice Fees go neither to the zero address nor to this contract.
    error FeeRecipientInvalid(address recipient);

    /// @notice keccak256 of the type in {Order}.
    function ORDER_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("CancelOrderAuthorization(address maker,uint256 salt,uint256 validAfter,uint256 validBefore,bytes32 nonce)").
    function CANCEL_ORDER_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("IncreaseCounterAuthorization(address maker,uint256 counter,uint256 validAfter,uint256 validBefore,bytes32 nonce)").
    function INCREASE_COUNTER_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Role that may settle.
    /// WARNING: the constructor's admin has this role, {PAUSER_ROLE} and the fees. They do not move with a change of the
    /// default admin: revoke and grant them, and set the fee recipient, as part of it.
    function OPERATOR_ROLE() external view returns (bytes32);

    /// @notice Role that may pause and unpause.
    function PAUSER_ROLE() external view returns (bytes32);

    /// @notice 500: no fee is above 5 % of what is paid, whatever an order says.
    function MAX_FEE_BPS() external view returns (uint16);

    /// @notice The token that orders buy and sell.
    function CREDIT() external view returns (address);

    /// @notice Whether orders may be paid with `token`.
    function isPaymentToken(address token) external view returns (bool);

    /// @notice Where fees go.
    function feeRecipient() external view returns (address);

    /// @notice The counter that orders of `maker` must name; it begins at zero.
    function counterOf(address maker) external view returns (uint256);

    /// @notice How many lots of the orders of `maker` with this salt have traded.
    function filledLots(address maker, uint256 salt) external view returns (uint64);

    /// @notice Whether the orders of `maker` with this salt are cancelled. An increase of the counter does not show here.
    function isCancelled(address maker, uint256 salt) external view returns (bool);

    /// @notice How many lots of `order` could trade now, as far as cancellation, counter, expiry and earlier fills say.
    /// Signature, balances, allowances and the payment token are not looked at.
    function remainingLots(Order calldata order) external view returns (uint64);

    /// @notice The EIP-712 digest that the maker of `order` signs.
    function orderDigest(Order calldata order) external view returns (bytes32);

    /// @notice Settles one match, or reverts with the error that says why not. Needs {OPERATOR_ROLE}.
    /// @param maker the earlier order; its price is the match's
    /// @param taker the later order
    function settle(SignedOrder calldata maker, SignedOrder calldata taker, Terms calldata terms) external;

    /// @notice Settles 1 to 256 matches in their order. Needs {OPERATOR_ROLE}. A match that fails for whatever reason is
    /// skipped with {MatchSkipped} and has no other effect; the others are not touched by it, except that of an order
    /// which meets several others more is left. An order is given, and its signature checked before the first match,
    /// once, however many matches name it: a taker that sweeps ten makers is eleven orders and ten matches.
    ///
    /// A match gets exactly 500,000 gas for checks and transfers, or the whole batch reverts with
    /// {InsufficientMatchGas}; {InsufficientSignatureGas} does the same for contract wallets. So no match is skipped for
    /// want of gas that another limit would have given it.
    /// WARNING: a match that needs more than that, because a token is dear, never settles here. {settle} has no such
    /// limit.
    /// WARNING: an order whose maker has code may cost the operator 200,000 gas more, also when its match is skipped.
    /// WARNING: a transaction holds 2**24 gas at most (EIP-7825), about 150 matches of new orders.
    /// WARNING: an index without an order, and a maker with dirty upper bits, are the operator's own mistakes and revert
    /// the batch.
    /// @param orders each order that any of the matches names
    /// @param matches what meets what, by index into `orders`
    /// @return executed bit i (value 2**i) is set when match i was settled
    function settleBatch(SignedOrder[] calldata orders, Match[] calldata matches) external returns (uint256 executed);

    /// @notice One match of a batch in a frame of its own, so that whatever fails in it undoes it as a whole. Only this
    /// contract may call it; it has checked the signatures.
    /// @param makerOrder digest of `maker`
    /// @param takerOrder digest of `taker`
    function settleInFrame(
        Order calldata maker,
        Order calldata taker,
        bytes32 makerOrder,
        bytes32 takerOrder,
        Terms calldata terms
    ) external;

    /// @notice Cancels the caller's orders with this salt, also those not signed yet, also while settlement is paused.
    /// WARNING: cancelling races with settling. What settled before stays settled.
    function cancelOrder(uint256 salt) external;

    /// @notice The same for `maker`, who signed it. Anyone may submit it.
    /// @param validAfter unix time in seconds; executable when block.timestamp is greater
    /// @param validBefore unix time in seconds; executable when block.timestamp is less
    /// @param nonce any 32 bytes that the maker has not used with this contract
    /// @param signature as described in {IAuthorizations}
    function cancelOrderWithAuthorization(
        address maker,
        uint256 salt,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Sets the caller's counter to `counter`, which cancels all orders that name another, also while
    /// settlement is paused. Naming the counter makes it safe to send twice: the second time it reverts.
    /// @param counter above the present one
    /// WARNING: orders that were signed for this very counter become tradable.
    /// WARNING: there is nothing above 2**256 - 1; from there on orders can only be cancelled one by one.
    function increaseCounter(uint256 counter) external;

    /// @notice The same for `maker`, who signed it. Anyone may submit it.
    function increaseCounterWithAuthorization(
        address maker,
        uint256 counter,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Allows orders to be paid with `token` if `allowed`, else forbids it for orders that did not settle yet. Changes
    /// nothing when it is so already. Needs the default admin.
    /// WARNING: allow only tokens whose balances do not change by themselves and whose code, if it can be changed, is
    /// in trusted hands: see Payment tokens above.
    function setPaymentToken(address token, bool allowed) external;

    /// @notice Sends fees to `recipient` from now on; at first it is the admin of the constructor. Changes nothing when
    /// it is so already. Needs the default admin.
    function setFeeRecipient(address recipient) external;

    /// @notice Stops settlement, never cancelling. Needs {PAUSER_ROLE}.
    function pause() external;

    /// @notice Ends a pause. Needs {PAUSER_ROLE}.
    /// WARNING: orders expire by the clock, also during a pause.
    function unpause() external;
}
