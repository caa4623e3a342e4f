// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {TransferAuthorizations} from "./base/TransferAuthorizations.sol";
import {ICarbonCredit} from "./interfaces/ICarbonCredit.sol";

/// @title WIA Carbon Credit Micro
/// @notice See {ICarbonCredit}; requirements C-091…C-094, X-19.
contract CarbonCredit is ICarbonCredit, TransferAuthorizations, AccessControlDefaultAdminRules, Pausable {
    /// @inheritdoc ICarbonCredit
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @inheritdoc ICarbonCredit
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @dev 0.001 t (X-19).
    uint256 private constant CREDIT_STEP = 1e15;

    string private constant NAME = "WIA Carbon Credit Micro";

    /// @dev keccak256 of each credit id that was minted.
    mapping(bytes32 creditIdHash => bool) private _minted;

    /// @param admin first default admin, minter and pauser
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    constructor(address admin, uint48 adminDelay)
        ERC20(NAME, "WCCM")
        TransferAuthorizations(NAME)
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

    /// @dev A pause stops authorizations, never plain transfers.
    function _requireTransferAuthorizationsOpen() internal view override whenNotPaused {}
}
