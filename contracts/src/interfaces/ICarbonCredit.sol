// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ITransferAuthorizations} from "./ITransferAuthorizations.sol";

/// @title WIA Carbon Credit Micro (WCCM): one whole token is one tonne of CO2e
/// @notice ERC-20 with 18 decimals, ERC-2612 permit, ERC-5267 domain, ERC-3009 authorizations and a batch of them.
/// Serves requirements C-091 (the token contract), C-092 (`Transfer`), C-093 (`CreditMinted`), C-094 (`mint`),
/// X-19 (18 decimals, steps of 0.001 t).
///
/// Steps. Only minting is held to steps of 0.001 t (1e15 units). Transfers take any amount, so balances may hold dust.
///
/// Pause. A pause stops `mint`, `transferWithAuthorization`, `receiveWithAuthorization` and the batch. It never stops
/// `transfer`, `transferFrom`, `approve`, `permit` or `cancelAuthorization`: holders keep their tokens and can always
/// withdraw what they signed.
///
/// WARNING: ERC-20 has no way to refuse a payment; anyone may send tokens to anyone. Tokens sent to a contract that
/// cannot send them on, this one included, are lost.
interface ICarbonCredit is ITransferAuthorizations {
    /// @notice `amount` was minted to `recipient` for the credit `creditId` (C-093).
    event CreditMinted(address indexed recipient, uint256 amount, string creditId);

    /// @notice `amount` is zero or not a multiple of `step` (X-19).
    error AmountNotInSteps(uint256 amount, uint256 step);

    /// @notice A credit needs an id.
    error EmptyCreditId();

    /// @notice Tokens were minted for this credit before; minting again would count its tonnes twice.
    error CreditIdAlreadyMinted(string creditId);

    /// @notice Role that may mint.
    function MINTER_ROLE() external view returns (bytes32);

    /// @notice Role that may pause and unpause.
    function PAUSER_ROLE() external view returns (bytes32);

    /// @notice Mints `amount` to `to` for the credit `creditId` (C-094). Needs {MINTER_ROLE}.
    /// @param amount a positive multiple of 1e15 units, which are 0.001 t (X-19)
    /// @param creditId not empty, once per contract. Ids are compared byte by byte: "A-1" and "a-1" are two credits.
    /// WARNING: that the credit exists and was issued nowhere else is the minter's word, not this contract's knowledge.
    function mint(address to, uint256 amount, string calldata creditId) external;

    /// @notice Stops minting and authorizations, never plain transfers. Needs {PAUSER_ROLE}.
    function pause() external;

    /// @notice Ends a pause. Needs {PAUSER_ROLE}.
    /// WARNING: authorizations expire by the clock, also during a pause.
    function unpause() external;
}
