// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditRetirement} from "./ICreditRetirement.sol";
import {ITransferAuthorizations} from "./ITransferAuthorizations.sol";

/// @title WIA Carbon Credit Micro (WCCM): one whole token is one tonne of CO2e
/// @notice ERC-20 with 18 decimals, ERC-2612 permit, ERC-5267 domain, ERC-3009 authorizations and a batch of them;
/// issuances, quotas, cancellation and buffer as {ICreditIssuance} tells, retirement as {ICreditRetirement} tells.
/// Serves requirements C-091 (the token contract), C-092 (`Transfer`), C-093 (`CreditMinted`), C-094 (`mint`),
/// X-19 (18 decimals, steps of 0.001 t).
///
/// Steps. Minting, retiring, cancelling and the buffer are held to steps of 0.001 t (1e15 units). Transfers take any
/// amount, so balances may hold dust.
///
/// Pause. A pause stops `mint`, `issue`, `transferWithAuthorization`, `receiveWithAuthorization`, the batch and
/// `retireWithAuthorization`. It never stops `transfer`, `transferFrom`, `approve`, `permit`, `retire`, `retireFrom` or
/// `cancelAuthorization`: holders keep their tokens, can always retire them, and can always withdraw what they signed.
/// Nor does it stop `cancelCredits`, `bufferCredits` and `recordReversal`, which only put things right.
///
/// WARNING: ERC-20 has no way to refuse a payment; anyone may send tokens to anyone. Tokens sent to a contract that
/// cannot send them on, this one included, are lost.
interface ICarbonCredit is ITransferAuthorizations, ICreditRetirement {
    /// @notice Role that may pause and unpause.
    /// WARNING: the constructor's admin has this role. It does not move with a change of the default admin, and whoever
    /// holds it can stop minting and authorizations for any time: revoke and grant it as part of that change.
    function PAUSER_ROLE() external view returns (bytes32);

    /// @notice Stops minting and authorizations, never plain transfers nor retirement. Needs {PAUSER_ROLE}.
    function pause() external;

    /// @notice Ends a pause. Needs {PAUSER_ROLE}.
    /// WARNING: authorizations expire by the clock, also during a pause.
    function unpause() external;
}
