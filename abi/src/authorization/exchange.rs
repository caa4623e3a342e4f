//! What is signed for `CreditExchange`: orders, and what ends them. The maker is the first member.

use alloy::sol;

sol! {
    /// An order, signed once and filled in parts: `lots` of 0.001 t at most, at `price` or better (C-066, C-067).
    #[derive(Debug, PartialEq, Eq)]
    struct Order {
        address maker;
        uint8 side;
        uint64 lots;
        uint128 price;
        address paymentToken;
        uint16 feeCapBps;
        uint64 expiry;
        uint256 counter;
        uint256 salt;
    }

    /// No order of `maker` with this salt trades any more.
    #[derive(Debug, PartialEq, Eq)]
    struct CancelOrderAuthorization {
        address maker;
        uint256 salt;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Only orders that name `counter` trade from now on.
    #[derive(Debug, PartialEq, Eq)]
    struct IncreaseCounterAuthorization {
        address maker;
        uint256 counter;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}
