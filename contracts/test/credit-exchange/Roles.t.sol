// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";

import {CreditExchange} from "../../src/CreditExchange.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice Who holds which role at first, and that an operator comes and goes.
contract RolesTest is CreditExchangeTest {
    function test_FirstRoles() public {
        CreditExchange fresh = _deploy(address(credit), admin);
        assertEq(fresh.OPERATOR_ROLE(), keccak256("OPERATOR_ROLE"));
        assertEq(fresh.PAUSER_ROLE(), keccak256("PAUSER_ROLE"));
        assertEq(fresh.defaultAdmin(), admin);
        assertEq(fresh.defaultAdminDelay(), ADMIN_DELAY_S);
        assertEq(fresh.CREDIT(), address(credit));
        assertTrue(fresh.hasRole(fresh.OPERATOR_ROLE(), admin));
        assertTrue(fresh.hasRole(fresh.PAUSER_ROLE(), admin));
        // Not the deployer, who may be anyone.
        assertFalse(fresh.hasRole(fresh.DEFAULT_ADMIN_ROLE(), address(this)));
        assertFalse(fresh.hasRole(fresh.OPERATOR_ROLE(), address(this)));
        assertFalse(fresh.hasRole(fresh.PAUSER_ROLE(), address(this)));
    }

    function test_RefusesTheZeroAdmin() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
            )
        );
        _deploy(address(credit), address(0));
    }

    function test_RefusesACreditTokenWithoutCode() public {
        vm.expectRevert(abi.encodeWithSelector(ICreditExchange.CreditTokenInvalid.selector, alice));
        _deploy(alice, admin);
    }

    function test_AnOperatorComesAndGoes() public {
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
        bytes32 role = exchange.OPERATOR_ROLE();
        vm.prank(admin);
        exchange.revokeRole(role, operator);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, operator, role)
        );
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
    }

    function testFuzz_OthersCannotGrant(address caller) public {
        vm.assume(caller != admin);
        bytes32 role = exchange.OPERATOR_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0))
        );
        vm.prank(caller);
        exchange.grantRole(role, caller);
    }

    /// @dev A handover of the admin moves that role alone: the others, and the fees, are moved by the new one.
    function test_AHandoverMovesNoOtherRole() public {
        vm.prank(admin);
        exchange.beginDefaultAdminTransfer(bob);
        vm.warp(NOW + ADMIN_DELAY_S + 1);
        vm.prank(bob);
        exchange.acceptDefaultAdminTransfer();
        assertEq(exchange.defaultAdmin(), bob);
        assertTrue(exchange.hasRole(exchange.OPERATOR_ROLE(), admin));
        assertTrue(exchange.hasRole(exchange.PAUSER_ROLE(), admin));
        assertFalse(exchange.hasRole(exchange.OPERATOR_ROLE(), bob));
        assertFalse(exchange.hasRole(exchange.PAUSER_ROLE(), bob));
        assertEq(exchange.feeRecipient(), feeRecipient);
    }
}
