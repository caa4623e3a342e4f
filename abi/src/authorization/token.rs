//! What wallets sign for a token beside [`super::TransferWithAuthorization`]: ERC-3009's other two, ERC-2612's permit.

use alloy::sol;

sol! {
    /// ERC-3009: as a transfer, but only the payee may submit it, so that it cannot be relayed.
    #[derive(Debug, PartialEq, Eq)]
    struct ReceiveWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// ERC-3009, and every other contract that takes authorizations: uses up an unused nonce.
    #[derive(Debug, PartialEq, Eq)]
    struct CancelAuthorization {
        address authorizer;
        bytes32 nonce;
    }

    /// ERC-2612. `nonce` counts from zero and has nothing to do with those of authorizations.
    #[derive(Debug, PartialEq, Eq)]
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }
}
