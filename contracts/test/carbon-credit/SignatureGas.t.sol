// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {LeastGas} from "../support/LeastGas.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice ERC-1271 and EIP-150: a contract wallet is asked with its gas to the unit, or nothing happens at all.
contract SignatureGasTest is CarbonCreditTest, LeastGas {
    uint256 private constant WALLET_GAS = 200_000;
    uint256 private constant JUNK_SIZE = 60_000;

    StrictWallet private wallet;

    function setUp() public override {
        super.setUp();
        wallet = new StrictWallet(_mostThatAWalletGets());
    }

    /// @dev At the least gas with which a batch goes through, the wallet has its full share.
    function test_TheLeastGasIsEnough() public {
        _transferWithTheLeastGas(_batch(address(wallet), 0), 1);
    }

    /// @dev The same where the call costs a cold account more: delegated code (EIP-7702).
    function test_TheLeastGasIsEnoughForADelegatedAccount() public {
        vm.signAndAttachDelegation(address(wallet), aliceKey);
        token.approve(bob, 0);
        assertEq(alice.code, abi.encodePacked(hex"ef0100", address(wallet)));
        _transferWithTheLeastGas(_batch(alice, 0), 1);
    }

    /// @dev The same with megabytes of memory: forty items before it share one long signature in calldata, and each
    /// copies it.
    function test_TheLeastGasIsEnoughWithLargeMemory() public {
        _transferWithTheLeastGas(_batch(address(wallet), 40), 1 << 40);
    }

    /// @dev The most that a wallet can ask for and have when gas is plenty, by halving.
    function _mostThatAWalletGets() private returns (uint256 most) {
        uint256 tooMuch = WALLET_GAS;
        most = WALLET_GAS - 2_000;
        while (tooMuch - most > 1) {
            uint256 middle = (most + tooMuch) / 2;
            (bool success, bytes memory answer) = address(token).call(_batch(address(new StrictWallet(middle)), 0));
            assertTrue(success);
            if (abi.decode(answer, (uint256)) == 1) most = middle;
            else tooMuch = middle;
        }
    }

    /// @dev Transfers of nothing: `junk` items of bob's that one signature of his serves badly, and one of the wallet's at the end.
    function _batch(address signer, uint256 junk) private view returns (bytes memory) {
        bytes memory bad = abi.encode(_item(bob, new bytes(junk == 0 ? 0 : JUNK_SIZE)));
        bytes memory good = abi.encode(_item(signer, ""));
        uint256 heads = (junk + 1) * 0x20;
        bytes memory offsets;
        for (uint256 i = 0; i < junk; ++i) {
            offsets = bytes.concat(offsets, bytes32(heads));
        }
        // Each encoding begins with an offset of its own, which is left out.
        return bytes.concat(
            ITransferAuthorizations.transferWithAuthorizationBatch.selector,
            abi.encode(0x20, junk + 1),
            offsets,
            bytes32(heads + bad.length - 0x20),
            this.tail(bad),
            this.tail(good)
        );
    }

    function tail(bytes calldata encoded) external pure returns (bytes calldata) {
        return encoded[0x20:];
    }

    function _item(address from, bytes memory signature)
        private
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        return ITransferAuthorizations.TransferAuthorization(from, bob, 0, NOW - 1, NOW + 1 hours, 0, signature);
    }

    function _transferWithTheLeastGas(bytes memory call, uint256 expected) private {
        bytes4 refusal = IAuthorizations.InsufficientSignatureGas.selector;
        bytes memory executed = _runWithTheLeastGas(relayer, address(token), call, refusal);
        assertEq(abi.decode(executed, (uint256)), expected);
    }
}

/// @notice Says yes to everything as long as it is asked with so much gas, and uses little of it.
contract StrictWallet is IERC1271 {
    uint256 private immutable GAS_NEEDED;

    constructor(uint256 gasNeeded) {
        GAS_NEEDED = gasNeeded;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return gasleft() < GAS_NEEDED ? bytes4(0xffffffff) : IERC1271.isValidSignature.selector;
    }
}
