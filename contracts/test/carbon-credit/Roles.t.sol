// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";

import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice Who holds which role at first, and how the default admin changes: by two steps and a delay.
contract RolesTest is CarbonCreditTest {
    function test_FirstRoles() public view {
        assertEq(token.MINTER_ROLE(), keccak256("MINTER_ROLE"));
        assertEq(token.PAUSER_ROLE(), keccak256("PAUSER_ROLE"));
        assertEq(token.defaultAdmin(), admin);
        assertEq(token.owner(), admin);
        assertEq(token.defaultAdminDelay(), ADMIN_DELAY_S);
        assertTrue(token.hasRole(token.DEFAULT_ADMIN_ROLE(), admin));
        assertTrue(token.hasRole(token.MINTER_ROLE(), admin));
        assertTrue(token.hasRole(token.PAUSER_ROLE(), admin));
        // Not the deployer, who may be anyone.
        assertFalse(token.hasRole(token.DEFAULT_ADMIN_ROLE(), address(this)));
        assertFalse(token.hasRole(token.MINTER_ROLE(), address(this)));
        assertFalse(token.hasRole(token.PAUSER_ROLE(), address(this)));
    }

    function test_RefusesTheZeroAdmin() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
            )
        );
        _deploy(address(0));
    }

    function test_AdminGrantsAndRevokes() public {
        bytes32 role = token.MINTER_ROLE();
        _makeIssuer(bob, 2);
        vm.prank(bob);
        token.mint(bob, 1e15, "bob's");
        vm.prank(admin);
        token.revokeRole(role, bob);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, bob, role));
        vm.prank(bob);
        token.mint(bob, 1e15, "bob's second");
    }

    function testFuzz_OthersCannotGrant(address caller) public {
        vm.assume(caller != admin);
        bytes32 role = token.MINTER_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0))
        );
        vm.prank(caller);
        token.grantRole(role, caller);
    }

    function test_AdminChangesAfterTheDelayOnly() public {
        uint48 due = uint48(NOW) + ADMIN_DELAY_S;
        vm.prank(admin);
        token.beginDefaultAdminTransfer(bob);
        vm.warp(due);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector, due)
        );
        vm.prank(bob);
        token.acceptDefaultAdminTransfer();
        vm.warp(uint256(due) + 1);
        vm.prank(bob);
        token.acceptDefaultAdminTransfer();
        assertEq(token.defaultAdmin(), bob);
        assertFalse(token.hasRole(token.DEFAULT_ADMIN_ROLE(), admin));
        // The other roles do not move with it.
        assertTrue(token.hasRole(token.MINTER_ROLE(), admin));
    }

    function test_AdminRoleCannotBeGrantedDirectly() public {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminRules.selector)
        );
        vm.prank(admin);
        token.grantRole(bytes32(0), bob);
    }
}
