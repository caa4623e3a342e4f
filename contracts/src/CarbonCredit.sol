// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {CreditIssuance} from "./base/CreditIssuance.sol";
import {CreditRetirement} from "./base/CreditRetirement.sol";
import {TransferAuthorizations} from "./base/TransferAuthorizations.sol";
import {ICarbonCredit} from "./interfaces/ICarbonCredit.sol";

/// @title WIA Carbon Credit Micro
/// @notice See {ICarbonCredit}; requirements C-091…C-094, X-19.
contract CarbonCredit is ICarbonCredit, TransferAuthorizations, CreditRetirement {
    /// @inheritdoc ICarbonCredit
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    string private constant NAME = "WIA Carbon Credit Micro";

    /// @param admin first default admin, minter with the greatest quota, and pauser
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    constructor(address admin, uint48 adminDelay)
        ERC20(NAME, "WCCM")
        TransferAuthorizations(NAME)
        AccessControlDefaultAdminRules(adminDelay, admin)
        CreditIssuance(admin)
    {
        _grantRole(PAUSER_ROLE, admin);
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
