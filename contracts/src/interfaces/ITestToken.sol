// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ITransferAuthorizations} from "./ITransferAuthorizations.sol";

/// @title A payment token to try things with: 6 decimals, ERC-2612, ERC-3009, and a faucet that is open to all
/// @notice What the exchange is paid with on development and test networks, shaped like the payment tokens of real
/// networks: 6 decimals, permit, ERC-3009.
///
/// WARNING: worthless by construction. Anyone may make tokens for anyone, for ever; there is no reserve, no issuer, no
/// admin, and nothing to pause. It is for development and test networks only: where tokens have a price, neither accept
/// it as payment nor name it in an exchange.
///
/// The bounds of the faucet keep figures readable and one careless loop from filling a test network with nonsense. They
/// are no protection: whoever takes a second address gets a second allowance.
///
/// The faucet has no signed form, because it needs none: the caller does not matter, so anyone can call it for anyone.
interface ITestToken is ITransferAuthorizations {
    /// @notice One call of the faucet makes more than nothing and at most `limit`.
    error FaucetAmountInvalid(uint256 amount, uint256 limit);

    /// @notice `recipient` has `remaining` left of today's allowance, which is less than `amount`.
    error FaucetAllowanceExceeded(address recipient, uint256 amount, uint256 remaining);

    /// @notice Most that one call of the faucet makes, in units of 1e-6: 10,000 tokens.
    function FAUCET_CALL_LIMIT() external view returns (uint256);

    /// @notice Most that one recipient gets on one day, in units of 1e-6: 50,000 tokens. A day is a UTC day.
    function FAUCET_DAY_LIMIT() external view returns (uint256);

    /// @notice Makes `amount` units for `to`. Anyone may call it; it emits ERC-20's `Transfer` from the zero address.
    /// @param amount units of 1e-6, 1 to {FAUCET_CALL_LIMIT}, and no more than {faucetRemaining} of `to`
    /// WARNING: anyone may use up the allowance of anyone; the tokens are then there all the same.
    function faucet(address to, uint256 amount) external;

    /// @notice What `recipient` can still get from the faucet today, in units of 1e-6.
    function faucetRemaining(address recipient) external view returns (uint256);
}
