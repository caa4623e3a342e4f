// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";

/// @notice EIP-712 domain (ERC-5267), type hashes, first roles. What roles do stands with the actions.
contract DomainTest is FleetRegistryTest {
    function test_Domain() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = registry.eip712Domain();
        assertEq(fields, bytes1(hex"0f"));
        assertEq(name, "WIA Fleet Registry");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(registry));
        assertEq(salt, bytes32(0));
        assertEq(extensions.length, 0);
    }

    function test_TypeHashes() public view {
        assertEq(registry.REGISTER_ROOT_AUTHORIZATION_TYPEHASH(), REGISTER_ROOT_TYPEHASH);
        assertEq(registry.ANCHOR_BATCH_AUTHORIZATION_TYPEHASH(), ANCHOR_BATCH_TYPEHASH);
        assertEq(registry.CANCEL_AUTHORIZATION_TYPEHASH(), CANCEL_TYPEHASH);
    }

    function test_FirstRoles() public view {
        assertEq(registry.defaultAdmin(), admin);
        assertEq(registry.defaultAdminDelay(), ADMIN_DELAY_S);
        bytes32[5] memory roles = [
            keccak256("MANUFACTURER_ROLE"),
            keccak256("OPERATOR_ROLE"),
            keccak256("REPURPOSER_ROLE"),
            keccak256("RECYCLER_ROLE"),
            keccak256("NOTIFIED_BODY_ROLE")
        ];
        for (uint256 i = 0; i < roles.length; ++i) {
            assertTrue(registry.hasRole(roles[i], admin));
            assertFalse(registry.hasRole(roles[i], address(this)));
        }
    }

    function test_Gate() public {
        assertTrue(registry.gated());
        assertFalse(_deploy(false).gated());
    }
}
