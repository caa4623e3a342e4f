// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice ERC-2612 `permit`, with its own counter beside the nonces of the authorizations.
contract PermitTest is CarbonCreditTest {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function testFuzz_Permits(uint256 value, uint256 deadline) public {
        deadline = bound(deadline, NOW, type(uint256).max);
        bytes memory signature = _sign(aliceKey, _permitDigest(value, 0, deadline));
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Approval(alice, bob, value);
        _permit(value, deadline, signature);
        assertEq(token.allowance(alice, bob), value);
        assertEq(token.nonces(alice), 1);
        // The counter is not the nonce space of the authorizations.
        assertFalse(token.authorizationState(alice, bytes32(0)));
    }

    function test_RefusesASecondTime() public {
        bytes memory signature = _sign(aliceKey, _permitDigest(1e18, 0, NOW));
        _permit(1e18, NOW, signature);
        (address recovered,,) = ECDSA.tryRecover(_permitDigest(1e18, 1, NOW), signature);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, recovered, alice));
        _permit(1e18, NOW, signature);
    }

    function testFuzz_RefusesAfterTheDeadline(uint256 deadline) public {
        deadline = bound(deadline, 0, NOW - 1);
        bytes memory signature = _sign(aliceKey, _permitDigest(1e18, 0, deadline));
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, deadline));
        _permit(1e18, deadline, signature);
    }

    function test_RefusesAnotherSigner() public {
        bytes memory signature = _sign(bobKey, _permitDigest(1e18, 0, NOW));
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, bob, alice));
        _permit(1e18, NOW, signature);
    }

    function test_RefusesHighS() public {
        bytes memory signature = _highS(_sign(aliceKey, _permitDigest(1e18, 0, NOW)));
        (,, bytes32 s) = _split(signature);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, s));
        _permit(1e18, NOW, signature);
    }

    function _permit(uint256 value, uint256 deadline, bytes memory signature) private {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        vm.prank(relayer);
        token.permit(alice, bob, value, deadline, v, r, s);
    }

    function _permitDigest(uint256 value, uint256 nonce, uint256 deadline) private view returns (bytes32) {
        return _digest(keccak256(abi.encode(PERMIT_TYPEHASH, alice, bob, value, nonce, deadline)));
    }
}
