// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";

import {IBatteryRoles} from "../../interfaces/IBatteryRoles.sol";

/// @title Roles of battery records
/// @notice See {IBatteryRoles}.
abstract contract BatteryRoles is IBatteryRoles, AccessControlDefaultAdminRules {
    /// @inheritdoc IBatteryRoles
    bytes32 public constant MANUFACTURER_ROLE = keccak256("MANUFACTURER_ROLE");

    /// @inheritdoc IBatteryRoles
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");

    /// @inheritdoc IBatteryRoles
    bytes32 public constant REPURPOSER_ROLE = keccak256("REPURPOSER_ROLE");

    /// @inheritdoc IBatteryRoles
    bytes32 public constant RECYCLER_ROLE = keccak256("RECYCLER_ROLE");

    /// @inheritdoc IBatteryRoles
    bytes32 public constant NOTIFIED_BODY_ROLE = keccak256("NOTIFIED_BODY_ROLE");

    bool private immutable GATED;

    /// @param admin first default admin, with every role
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    /// @param gated_ whether actions need their role
    constructor(address admin, uint48 adminDelay, bool gated_) AccessControlDefaultAdminRules(adminDelay, admin) {
        GATED = gated_;
        _grantRole(MANUFACTURER_ROLE, admin);
        _grantRole(OPERATOR_ROLE, admin);
        _grantRole(REPURPOSER_ROLE, admin);
        _grantRole(RECYCLER_ROLE, admin);
        _grantRole(NOTIFIED_BODY_ROLE, admin);
    }

    /// @inheritdoc IBatteryRoles
    function gated() external view returns (bool) {
        return GATED;
    }

    /// @dev Whoever acts by a signature is its signer, so the role is asked of an account, not of the caller.
    function _requireRoleIfGated(bytes32 role, address account) internal view {
        if (GATED) _checkRole(role, account);
    }
}
