// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "./IAuthorizations.sol";
import {ICreditIssuance} from "./ICreditIssuance.sol";

/// @title Retirement of carbon credits, with certificates
/// @notice Retiring burns tokens for good and leaves a certificate: one stored word, the hash of all its fields, which
/// stand in {CreditRetired}. Anyone who is shown the fields can have them checked by {verifyCertificate}.
///
/// WARNING: tokens of all issuances are one and the same kind, and any holder may retire any issuance that is open,
/// whoever issued it and wherever the holder's tokens came from. Sought-after issuances will be retired first; a price
/// for "any credit" is a price for the least sought-after one. Someone else's retirement can leave less open than was
/// there when a retirement was signed; it then reverts with {ICreditIssuance.ExceedsOpenAmount}.
/// WARNING: the contract does not judge names, purposes, countries and periods. They are what the holder says, and they
/// are public for ever: put no personal data into them.
///
/// A retirement takes the next serials of the issuance that are still open, so every retired serial belongs to exactly
/// one certificate, and two retirements with the same words have two certificates.
///
/// A pause stops {retireWithAuthorization}, never {retire} and {retireFrom}.
interface ICreditRetirement is IAuthorizations, ICreditIssuance {
    /// @notice What is retired, for whom and what for.
    /// @param creditId the credit whose open serials are retired
    /// @param amount a positive multiple of 1e15 units, which are 0.001 t (X-19), at most what is open of the credit
    /// @param beneficiary on whose behalf
    /// @param purpose what it is claimed for
    /// @param country where it is claimed: ISO 3166-1 alpha-2 in ASCII, zero when not stated
    /// @param periodStart first second of the period it is claimed for, unix time; zero when not stated
    /// @param periodEnd last second of that period, unix time
    struct Retirement {
        string creditId;
        uint256 amount;
        string beneficiary;
        string purpose;
        bytes2 country;
        uint64 periodStart;
        uint64 periodEnd;
    }

    /// @notice `holder` retired the serials from `firstSerial` on, retirement.amount / 1e15 of them. With `retirement`
    /// it holds every field of the certificate.
    /// @param creditIdHash keccak256 of the credit id
    /// @param retiredAt the block's time
    event CreditRetired(
        address indexed holder,
        bytes32 indexed creditIdHash,
        uint64 firstSerial,
        uint64 retiredAt,
        Retirement retirement
    );

    /// @notice A period ends where it begins or later.
    error PeriodInvalid(uint64 periodStart, uint64 periodEnd);

    /// @notice keccak256("RetireAuthorization(address holder,string creditId,uint256 amount,string beneficiary,string
    /// purpose,bytes2 country,uint64 periodStart,uint64 periodEnd,uint256 validAfter,uint256 validBefore,bytes32
    /// nonce)"), without the line breaks.
    function RETIRE_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Whether `holder` retired the serials from `firstSerial` on at `retiredAt`, with exactly the words of
    /// `retirement`.
    function verifyCertificate(address holder, uint64 firstSerial, uint64 retiredAt, Retirement calldata retirement)
        external
        view
        returns (bool);

    /// @notice Retires the caller's tokens as `retirement` says. Also during a pause.
    function retire(Retirement calldata retirement) external;

    /// @notice Retires tokens of `holder` as `retirement` says, out of the caller's allowance. Also during a pause.
    /// WARNING: an allowance lets the spender retire as well as transfer, and choose every word of the certificate.
    function retireFrom(address holder, Retirement calldata retirement) external;

    /// @notice Retires tokens of `holder`, who signed a RetireAuthorization over `retirement`. Anyone may submit it.
    /// Its EIP-712 type is RetireAuthorization(address holder,string creditId,uint256 amount,string beneficiary,string
    /// purpose,bytes2 country,uint64 periodStart,uint64 periodEnd,uint256 validAfter,uint256 validBefore,bytes32 nonce).
    /// @param validAfter unix time in seconds; executable when block.timestamp is greater
    /// @param validBefore unix time in seconds; executable when block.timestamp is less
    /// @param nonce any 32 bytes that the holder has not used with this contract
    /// @param signature as described in {IAuthorizations}
    function retireWithAuthorization(
        address holder,
        Retirement calldata retirement,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}
