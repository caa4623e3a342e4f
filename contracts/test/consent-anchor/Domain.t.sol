// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice EIP-712 domain (ERC-5267) and type hashes.
contract DomainTest is ConsentAnchorTest {
    function test_Domain() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = consents.eip712Domain();
        assertEq(fields, bytes1(hex"0f"));
        assertEq(name, "WIA Consent Anchor");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(consents));
        assertEq(salt, bytes32(0));
        assertEq(extensions.length, 0);
    }

    function test_TypeHashes() public view {
        assertEq(consents.ANCHOR_AUTHORIZATION_TYPEHASH(), ANCHOR_TYPEHASH);
        assertEq(consents.REVOKE_AUTHORIZATION_TYPEHASH(), REVOKE_TYPEHASH);
        assertEq(consents.EMERGENCY_REVOKE_AUTHORIZATION_TYPEHASH(), EMERGENCY_TYPEHASH);
        assertEq(consents.OPEN_AUTHORIZATION_TYPEHASH(), OPEN_TYPEHASH);
        assertEq(consents.VOTE_TYPEHASH(), VOTE_TYPEHASH);
        assertEq(consents.REVOKE_CONSENT_TYPEHASH(), REVOKE_CONSENT_TYPEHASH);
        assertEq(consents.CHANGE_APPROVERS_TYPEHASH(), CHANGE_APPROVERS_TYPEHASH);
    }
}
