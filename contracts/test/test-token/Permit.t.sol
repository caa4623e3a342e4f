// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice ERC-2612 `permit`, in the domain of the token's own name.
contract PermitTest is TestTokenTest {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function testFuzz_Permits(uint256 value, uint256 deadline) public {
        deadline = bound(deadline, NOW, type(uint256).max);
        bytes memory signature = _sign(aliceKey, _permitDigest(value, deadline));
        vm.expectEmit(true, true, true, true, address(dollar));
        emit IERC20.Approval(alice, bob, value);
        _permit(value, deadline, signature);
        assertEq(dollar.allowance(alice, bob), value);
        assertEq(dollar.nonces(alice), 1);
    }

    function test_RefusesAfterTheDeadline() public {
        bytes memory signature = _sign(aliceKey, _permitDigest(1e6, NOW - 1));
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, NOW - 1));
        _permit(1e6, NOW - 1, signature);
    }

    function test_RefusesAnotherSigner() public {
        bytes memory signature = _sign(bobKey, _permitDigest(1e6, NOW));
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, bob, alice));
        _permit(1e6, NOW, signature);
    }

    function _permit(uint256 value, uint256 deadline, bytes memory signature) private {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        vm.prank(relayer);
        dollar.permit(alice, bob, value, deadline, v, r, s);
    }

    function _permitDigest(uint256 value, uint256 deadline) private view returns (bytes32) {
        bytes32 structHash = keccak256(abi.encode(PERMIT_TYPEHASH, alice, bob, value, 0, deadline));
        return _digest("WIA Test Dollar", structHash, block.chainid, address(dollar));
    }
}
