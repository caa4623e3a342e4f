// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {Authorizations} from "./Authorizations.sol";
import {ICarbonCredit} from "./interfaces/ICarbonCredit.sol";

/// @title WIA Carbon Credit Micro
/// @notice See {ICarbonCredit}; requirements C-091…C-094, X-19.
contract CarbonCredit is ICarbonCredit, ERC20Permit, Authorizations, AccessControlDefaultAdminRules, Pausable {
    /// @inheritdoc ICarbonCredit
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @inheritdoc ICarbonCredit
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @inheritdoc ICarbonCredit
    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc ICarbonCredit
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @dev 0.001 t (X-19).
    uint256 private constant CREDIT_STEP = 1e15;

    string private constant NAME = "WIA Carbon Credit Micro";

    /// @dev keccak256 of each credit id that was minted.
    mapping(bytes32 creditIdHash => bool) private _minted;

    /// @param admin first default admin, minter and pauser
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    constructor(address admin, uint48 adminDelay)
        ERC20(NAME, "WCCM")
        ERC20Permit(NAME)
        AccessControlDefaultAdminRules(adminDelay, admin)
    {
        _grantRole(MINTER_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
    }

    /// @inheritdoc ICarbonCredit
    function mint(address to, uint256 amount, string calldata creditId) external onlyRole(MINTER_ROLE) whenNotPaused {
        if (amount == 0 || amount % CREDIT_STEP != 0) revert AmountNotInSteps(amount, CREDIT_STEP);
        if (bytes(creditId).length == 0) revert EmptyCreditId();
        bytes32 creditIdHash = keccak256(bytes(creditId));
        if (_minted[creditIdHash]) revert CreditIdAlreadyMinted(creditId);

        _minted[creditIdHash] = true;
        _mint(to, amount);
        emit CreditMinted(to, amount, creditId);
    }

    /// @inheritdoc ICarbonCredit
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc ICarbonCredit
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @inheritdoc ICarbonCredit
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
    ) external {
        _transferAs(
            TRANSFER_WITH_AUTHORIZATION_TYPEHASH,
            from,
            to,
            value,
            validAfter,
            validBefore,
            nonce,
            abi.encodePacked(r, s, v)
        );
    }

    /// @inheritdoc ICarbonCredit
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _transferAs(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce, signature);
    }

    /// @inheritdoc ICarbonCredit
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
    ) external {
        if (_msgSender() != to) revert CallerMustBePayee(_msgSender(), to);
        _transferAs(
            RECEIVE_WITH_AUTHORIZATION_TYPEHASH,
            from,
            to,
            value,
            validAfter,
            validBefore,
            nonce,
            abi.encodePacked(r, s, v)
        );
    }

    /// @inheritdoc ICarbonCredit
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        if (_msgSender() != to) revert CallerMustBePayee(_msgSender(), to);
        _transferAs(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce, signature);
    }

    /// @inheritdoc ICarbonCredit
    function transferWithAuthorizationBatch(TransferAuthorization[] calldata items)
        external
        whenNotPaused
        returns (uint256 executed)
    {
        _requireBatchSize(items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            TransferAuthorization calldata item = items[i];
            bytes32 digest = _transferDigest(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, item);
            bytes4 fault = _transferFault(item, digest);
            if (fault == NO_FAULT) {
                _markUsed(item.from, item.nonce);
                _update(item.from, item.to, item.value);
                executed |= 1 << i;
            } else {
                emit AuthorizationSkipped(i, digest, fault);
            }
        }
    }

    /// @dev Executes the signed transfer that this call's arguments are, or reverts with the error that says why not.
    function _transferAs(
        bytes32 typeHash,
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) private whenNotPaused {
        bytes32 digest = _transferDigest(typeHash, _messageOfThisCall());
        _useAuthorization(from, validAfter, validBefore, nonce, digest, signature);
        _transfer(from, to, value);
    }

    /// @dev The selector of the error that {_transferAs} would revert with, or NO_FAULT; in the same order. A signer is
    /// never the zero address, so ERC-20's ERC20InvalidSender cannot arise.
    function _transferFault(TransferAuthorization calldata item, bytes32 digest) private view returns (bytes4 fault) {
        fault = _availabilityFault(item.from, item.validAfter, item.validBefore, item.nonce);
        if (fault == NO_FAULT) fault = _signatureFault(item.from, digest, item.signature);
        if (fault != NO_FAULT) return fault;
        if (item.to == address(0)) return ERC20InvalidReceiver.selector;
        if (balanceOf(item.from) < item.value) return ERC20InsufficientBalance.selector;
    }

    /// @dev EIP-712 digest over the six fixed members, which lie in calldata as hashStruct wants them; copying them in
    /// one piece saves 450 gas per item. That `from` and `to` are clean addresses is checked where they are used.
    function _transferDigest(bytes32 typeHash, TransferAuthorization calldata message) private view returns (bytes32) {
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), message, 0xc0)
            structHash := keccak256(free, 0xe0)
        }
        return _hashTypedDataV4(structHash);
    }

    /// @dev The message of a single call: right behind the selector its arguments begin with the six fixed members in
    /// the order of the struct, in all four forms. Only those six may be read of it.
    function _messageOfThisCall() private pure returns (TransferAuthorization calldata message) {
        assembly ("memory-safe") {
            message := 4
        }
    }
}
