// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditExchange} from "../interfaces/ICreditExchange.sol";
import {Authorizations} from "./Authorizations.sol";
import {Fills} from "./Fills.sol";

/// @title Signed orders: digest, fills, cancellation, counters
/// @notice In: an order. Out: its digest, and the lots taken off it or the error that says why not. Who may fill an
/// order, and what moves when he does, is not known here.
abstract contract Orders is ICreditExchange, Authorizations {
    /// @inheritdoc ICreditExchange
    bytes32 public constant ORDER_TYPEHASH = keccak256(
        "Order(address maker,uint8 side,uint64 lots,uint128 price,address paymentToken,uint16 feeCapBps,uint64 expiry,uint256 counter,uint256 salt)"
    );

    /// @inheritdoc ICreditExchange
    bytes32 public constant CANCEL_ORDER_AUTHORIZATION_TYPEHASH = keccak256(
        "CancelOrderAuthorization(address maker,uint256 salt,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc ICreditExchange
    bytes32 public constant INCREASE_COUNTER_AUTHORIZATION_TYPEHASH = keccak256(
        "IncreaseCounterAuthorization(address maker,uint256 counter,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc ICreditExchange
    mapping(address maker => uint256 counter) public counterOf;

    /// @dev {Fills} of the orders with salts 4 × index to 4 × index + 3.
    mapping(address maker => mapping(uint256 index => uint256 word)) private _fillWords;

    /// @inheritdoc ICreditExchange
    function filledLots(address maker, uint256 salt) external view returns (uint64) {
        return Fills.filled(_fillWords[maker][salt >> 2], salt);
    }

    /// @inheritdoc ICreditExchange
    function isCancelled(address maker, uint256 salt) external view returns (bool) {
        return Fills.isCancelled(_fillWords[maker][salt >> 2], salt);
    }

    /// @inheritdoc ICreditExchange
    function remainingLots(Order calldata order) external view returns (uint64) {
        uint256 word = _fillWords[order.maker][order.salt >> 2];
        bool dead = block.timestamp >= order.expiry || order.counter != counterOf[order.maker]
            || Fills.isCancelled(word, order.salt);
        return dead ? 0 : Fills.remaining(word, order.salt, order.lots);
    }

    /// @inheritdoc ICreditExchange
    function orderDigest(Order calldata order) external view returns (bytes32) {
        return _orderDigest(order);
    }

    /// @inheritdoc ICreditExchange
    function cancelOrder(uint256 salt) external {
        _cancelOrder(msg.sender, salt);
    }

    /// @inheritdoc ICreditExchange
    function cancelOrderWithAuthorization(
        address maker,
        uint256 salt,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(CANCEL_ORDER_AUTHORIZATION_TYPEHASH, maker, salt, validAfter, validBefore, nonce)
        );
        _useAuthorization(maker, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
        _cancelOrder(maker, salt);
    }

    /// @inheritdoc ICreditExchange
    function increaseCounter(uint256 counter) external {
        _increaseCounter(msg.sender, counter);
    }

    /// @inheritdoc ICreditExchange
    function increaseCounterWithAuthorization(
        address maker,
        uint256 counter,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(INCREASE_COUNTER_AUTHORIZATION_TYPEHASH, maker, counter, validAfter, validBefore, nonce)
        );
        _useAuthorization(maker, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
        _increaseCounter(maker, counter);
    }

    /// @dev Takes `lots` off an order whose signature was checked, or reverts with the error that says why not.
    function _fill(Order calldata order, bytes32 digest, uint64 lots) internal {
        if (block.timestamp >= order.expiry) revert OrderExpired(digest, order.expiry);
        address maker = order.maker;
        uint256 counter = counterOf[maker];
        if (order.counter != counter) revert OrderCounterMismatch(digest, counter);

        uint256 salt = order.salt;
        mapping(uint256 => uint256) storage words = _fillWords[maker];
        uint256 word = words[salt >> 2];
        if (Fills.isCancelled(word, salt)) revert OrderAlreadyCancelled(maker, salt);
        uint64 remaining = Fills.remaining(word, salt, order.lots);
        if (lots > remaining) revert OrderOverfilled(digest, lots, remaining);
        words[salt >> 2] = Fills.add(word, salt, lots);
    }

    /// @dev The nine members lie in calldata as hashStruct wants them. That they are clean values of their types is
    /// checked where they are used, and each of them is used before an order trades.
    function _orderDigest(Order calldata order) internal view returns (bytes32) {
        bytes32 typeHash = ORDER_TYPEHASH;
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), order, 0x120)
            structHash := keccak256(free, 0x140)
        }
        return _hashTypedDataV4(structHash);
    }

    function _cancelOrder(address maker, uint256 salt) private {
        mapping(uint256 => uint256) storage words = _fillWords[maker];
        uint256 word = words[salt >> 2];
        if (Fills.isCancelled(word, salt)) revert OrderAlreadyCancelled(maker, salt);
        words[salt >> 2] = Fills.cancel(word, salt);
        emit OrderCancelled(maker, salt, Fills.filled(word, salt));
    }

    function _increaseCounter(address maker, uint256 counter) private {
        uint256 current = counterOf[maker];
        if (counter <= current) revert CounterNotIncreased(current, counter);
        counterOf[maker] = counter;
        emit CounterIncreased(maker, counter);
    }
}
