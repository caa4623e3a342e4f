// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestToken} from "../../src/base/TestToken.sol";
import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice Names, decimals and EIP-712 domains (ERC-5267) of the two tokens.
contract DomainTest is TestTokenTest {
    function test_Dollar() public view {
        _expect(dollar, "WIA Test Dollar", "TUSD");
    }

    function test_Euro() public view {
        _expect(euro, "WIA Test Euro", "TEUR");
    }

    function test_SeparatorsDiffer() public view {
        assertTrue(dollar.DOMAIN_SEPARATOR() != euro.DOMAIN_SEPARATOR());
    }

    function test_TypeHashesAreThoseOfErc3009() public view {
        assertEq(dollar.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), TRANSFER_TYPEHASH);
        assertEq(dollar.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), RECEIVE_TYPEHASH);
    }

    function _expect(TestToken token, string memory name, string memory symbol) private view {
        (, string memory domainName, string memory version, uint256 chainId, address verifyingContract,,) =
            token.eip712Domain();
        assertEq(token.name(), name);
        assertEq(token.symbol(), symbol);
        assertEq(token.decimals(), 6);
        assertEq(domainName, name);
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(token));
        // The digest of an empty struct shows the separator behind those fields.
        assertEq(
            keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), bytes32(0))),
            _digest(name, bytes32(0), block.chainid, address(token))
        );
    }
}
