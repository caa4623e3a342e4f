// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";

import {BatteryPassport} from "../../src/BatteryPassport.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice First roles, and what gating does to registration. Roles of the other actions stand with them.
contract RolesTest is BatteryPassportTest {
    bytes32 private constant MANUFACTURER_ROLE = keccak256("MANUFACTURER_ROLE");
    bytes32 private constant REGISTER_TYPEHASH = keccak256(
        "RegisterAuthorization(address registrant,bytes32 saltedId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function test_FirstRoles() public {
        BatteryPassport gated = _deploy(admin, true);
        assertFalse(passport.gated());
        assertTrue(gated.gated());
        assertEq(gated.MANUFACTURER_ROLE(), MANUFACTURER_ROLE);
        assertEq(gated.OPERATOR_ROLE(), keccak256("OPERATOR_ROLE"));
        assertEq(gated.REPURPOSER_ROLE(), keccak256("REPURPOSER_ROLE"));
        assertEq(gated.RECYCLER_ROLE(), keccak256("RECYCLER_ROLE"));
        assertEq(gated.NOTIFIED_BODY_ROLE(), keccak256("NOTIFIED_BODY_ROLE"));
        bytes32[6] memory roles = [
            bytes32(0),
            gated.MANUFACTURER_ROLE(),
            gated.OPERATOR_ROLE(),
            gated.REPURPOSER_ROLE(),
            gated.RECYCLER_ROLE(),
            gated.NOTIFIED_BODY_ROLE()
        ];
        for (uint256 i = 0; i < roles.length; ++i) {
            assertTrue(gated.hasRole(roles[i], admin));
            // Not the deployer, who may be anyone.
            assertFalse(gated.hasRole(roles[i], address(this)));
        }
        assertEq(gated.defaultAdmin(), admin);
        assertEq(gated.defaultAdminDelay(), ADMIN_DELAY_S);
    }

    function test_RefusesTheZeroAdmin() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
            )
        );
        _deploy(address(0), true);
    }

    function test_GatedRegistrationNeedsTheManufacturer() public {
        passport = _deploy(admin, true);
        bytes memory refused =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, MANUFACTURER_ROLE);
        vm.startPrank(alice);
        vm.expectRevert(refused);
        passport.registerBattery(ID, FIRST);
        vm.expectRevert(refused);
        passport.register(SALTED_ID, FIRST);
        vm.startPrank(admin);
        passport.grantRole(MANUFACTURER_ROLE, alice);
        vm.startPrank(alice);
        passport.registerBattery(ID, FIRST);
        passport.register(SALTED_ID, FIRST);
        passport.renounceRole(MANUFACTURER_ROLE, alice);
        // The records stay, further ones do not come.
        passport.updateData(ID, SECOND);
        passport.update(leanKey, SECOND);
        vm.expectRevert(refused);
        passport.register(SECOND, FIRST);
    }

    /// @dev Of a submitter no role is asked, and none helps.
    function test_TheSignersRoleCounts() public {
        passport = _deploy(admin, true);
        bytes32 typeHash = passport.REGISTER_BATTERY_AUTHORIZATION_TYPEHASH();
        bytes memory named =
            _signed(aliceKey, abi.encode(typeHash, alice, keccak256(bytes(ID)), FIRST, AFTER, BEFORE, NONCE));
        bytes memory lean =
            _signed(aliceKey, abi.encode(REGISTER_TYPEHASH, alice, SALTED_ID, FIRST, AFTER, BEFORE, SECOND));
        bytes memory refused =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, MANUFACTURER_ROLE);
        vm.startPrank(admin);
        vm.expectRevert(refused);
        passport.registerBatteryWithAuthorization(alice, ID, FIRST, AFTER, BEFORE, NONCE, named);
        vm.expectRevert(refused);
        passport.registerWithAuthorization(alice, SALTED_ID, FIRST, AFTER, BEFORE, SECOND, lean);
        passport.grantRole(MANUFACTURER_ROLE, alice);
        vm.startPrank(relayer);
        passport.registerBatteryWithAuthorization(alice, ID, FIRST, AFTER, BEFORE, NONCE, named);
        passport.registerWithAuthorization(alice, SALTED_ID, FIRST, AFTER, BEFORE, SECOND, lean);
        assertEq(_ownerOf(namedKey), alice);
        assertEq(_ownerOf(leanKey), alice);
    }

    /// @dev The signer's role counts, when it is executed; not the caller's.
    function test_ARevokedRoleTakesItsAuthorizationsAlong() public {
        passport = _deploy(admin, true);
        vm.startPrank(admin);
        passport.grantRole(MANUFACTURER_ROLE, alice);
        bytes memory signature =
            _signed(aliceKey, abi.encode(REGISTER_TYPEHASH, alice, SALTED_ID, FIRST, AFTER, BEFORE, NONCE));
        passport.revokeRole(MANUFACTURER_ROLE, alice);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, MANUFACTURER_ROLE)
        );
        passport.registerWithAuthorization(alice, SALTED_ID, FIRST, AFTER, BEFORE, NONCE, signature);
        passport.grantRole(MANUFACTURER_ROLE, alice);
        passport.registerWithAuthorization(alice, SALTED_ID, FIRST, AFTER, BEFORE, NONCE, signature);
        assertEq(_ownerOf(leanKey), alice);
    }
}
