// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "./IAuthorizations.sol";

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
interface ICarbonCredit is IAuthorizations {
    /// @notice An ERC-3009 TransferWithAuthorization message and its signature.
    /// @param from payer and signer
    /// @param to payee
    /// @param value amount in units of 1e-18 t
    /// @param validAfter unix time in seconds; executable when block.timestamp is greater
    /// @param validBefore unix time in seconds; executable when block.timestamp is less
    /// @param nonce any 32 bytes that the signer has not used with this contract
    /// @param signature as described in {IAuthorizations}
    struct TransferAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes signature;
    }

    /// @notice `amount` was minted to `recipient` for the credit `creditId` (C-093).
    event CreditMinted(address indexed recipient, uint256 amount, string creditId);

    /// @notice `amount` is zero or not a multiple of `step` (X-19).
    error AmountNotInSteps(uint256 amount, uint256 step);

    /// @notice A credit needs an id.
    error EmptyCreditId();

    /// @notice Tokens were minted for this credit before; minting again would count its tonnes twice.
    error CreditIdAlreadyMinted(string creditId);

    /// @notice Only the payee may submit a ReceiveWithAuthorization.
    error CallerMustBePayee(address caller, address payee);

    /// @notice Role that may mint.
    function MINTER_ROLE() external view returns (bytes32);

    /// @notice Role that may pause and unpause.
    function PAUSER_ROLE() external view returns (bytes32);

    /// @notice Type hash of ERC-3009's TransferWithAuthorization.
    function TRANSFER_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Type hash of ERC-3009's ReceiveWithAuthorization.
    function RECEIVE_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

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

    /// @notice Executes an ERC-3009 transfer that `from` signed. Anyone may submit it.
    /// WARNING: a contract that credits a deposit after calling this can be front-run: someone else submits the same
    /// authorization, the tokens arrive, the contract's own call reverts. Use {receiveWithAuthorization} there.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice The same with the signature as bytes.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Executes an ERC-3009 transfer that only its payee may submit: the caller must be `to`.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice The same with the signature as bytes.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Executes 1 to 256 TransferWithAuthorization messages in order. An item that cannot be executed (used or
    /// cancelled nonce, out of its time, bad signature, short balance, zero payee) is skipped with
    /// {AuthorizationSkipped} and has no other effect; the others are not touched by it. A skipped item stays
    /// executable where its reason allows that.
    ///
    /// Whoever submits cannot choose which items fail: the items run in this call's own frame, so running out of gas
    /// reverts all of them, and a contract wallet is asked with its full gas or not at all
    /// ({InsufficientSignatureGas}). It can choose order and time.
    /// WARNING: an item whose signer has code may cost whoever submits 200,000 gas more, also when it is skipped.
    /// @return executed bit i (value 2**i) is set when item i was executed
    function transferWithAuthorizationBatch(TransferAuthorization[] calldata items) external returns (uint256 executed);
}
