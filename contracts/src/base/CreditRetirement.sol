// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditRetirement} from "../interfaces/ICreditRetirement.sol";
import {Authorizations} from "./Authorizations.sol";
import {CreditIssuance} from "./CreditIssuance.sol";

/// @title Retirement of carbon credits, with certificates
/// @notice See {ICreditRetirement}.
abstract contract CreditRetirement is ICreditRetirement, CreditIssuance, Authorizations {
    /// @inheritdoc ICreditRetirement
    bytes32 public constant RETIRE_AUTHORIZATION_TYPEHASH = keccak256(
        "RetireAuthorization(address holder,string creditId,uint256 amount,string beneficiary,string purpose,bytes2 country,uint64 periodStart,uint64 periodEnd,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @dev The hash of each certificate, under its credit and its first serial, of which there is one only.
    mapping(bytes32 creditIdHash => mapping(uint64 firstSerial => bytes32 certificate)) private _certificates;

    /// @inheritdoc ICreditRetirement
    function verifyCertificate(address holder, uint64 firstSerial, uint64 retiredAt, Retirement calldata retirement)
        external
        view
        returns (bool)
    {
        bytes32 certificate = _certificates[keccak256(bytes(retirement.creditId))][firstSerial];
        return certificate == _certificateHash(holder, firstSerial, retiredAt, retirement);
    }

    /// @inheritdoc ICreditRetirement
    function retire(Retirement calldata retirement) external {
        _retire(_msgSender(), retirement);
    }

    /// @inheritdoc ICreditRetirement
    function retireFrom(address holder, Retirement calldata retirement) external {
        _spendAllowance(holder, _msgSender(), retirement.amount);
        _retire(holder, retirement);
    }

    /// @inheritdoc ICreditRetirement
    function retireWithAuthorization(
        address holder,
        Retirement calldata retirement,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external whenNotPaused {
        bytes32 digest = _retireDigest(holder, retirement, validAfter, validBefore, nonce);
        _useAuthorization(holder, validAfter, validBefore, nonce, digest, signature);
        _retire(holder, retirement);
    }

    function _retire(address holder, Retirement calldata retirement) private {
        if (retirement.periodEnd < retirement.periodStart) {
            revert PeriodInvalid(retirement.periodStart, retirement.periodEnd);
        }
        bytes32 creditIdHash = keccak256(bytes(retirement.creditId));
        uint64 firstSerial = _retireSerials(holder, creditIdHash, retirement.amount);
        uint64 retiredAt = uint64(block.timestamp);
        _certificates[creditIdHash][firstSerial] = _certificateHash(holder, firstSerial, retiredAt, retirement);
        emit CreditRetired(holder, creditIdHash, firstSerial, retiredAt, retirement);
    }

    function _retireDigest(
        address holder,
        Retirement calldata retirement,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce
    ) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    RETIRE_AUTHORIZATION_TYPEHASH,
                    holder,
                    keccak256(bytes(retirement.creditId)),
                    retirement.amount,
                    keccak256(bytes(retirement.beneficiary)),
                    keccak256(bytes(retirement.purpose)),
                    retirement.country,
                    retirement.periodStart,
                    retirement.periodEnd,
                    validAfter,
                    validBefore,
                    nonce
                )
            )
        );
    }

    function _certificateHash(address holder, uint64 firstSerial, uint64 retiredAt, Retirement calldata retirement)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(holder, firstSerial, retiredAt, retirement));
    }
}
