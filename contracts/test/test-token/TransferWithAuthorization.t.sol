// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice ERC-3009 in the test tokens' own domains: single, batch, keys and contract wallets. The code is that of the
/// carbon credit, whose tests go through it line by line (test/carbon-credit/).
contract TransferWithAuthorizationTest is TestTokenTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function setUp() public override {
        super.setUp();
        _drawAll(alice);
    }

    function testFuzz_MovesTokens(uint256 value, bytes32 nonce) public {
        value = bound(value, 0, DAY_LIMIT);
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_toBob(alice, value, nonce));
        vm.expectEmit(true, true, true, true, address(dollar));
        emit IAuthorizations.AuthorizationUsed(alice, nonce);
        vm.expectEmit(true, true, true, true, address(dollar));
        emit IERC20.Transfer(alice, bob, value);
        _execute(dollar, item);
        assertEq(dollar.balanceOf(bob), value);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, nonce));
        _execute(dollar, item);
    }

    /// @dev Same code, same message, other token: what pays a dollar never pays a euro.
    function test_RefusesTheOtherTokensSignature() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_toBob(alice, 1e6, NONCE));
        euro.faucet(alice, CALL_LIMIT);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _execute(euro, item);
        assertFalse(euro.authorizationState(alice, NONCE));
        _execute(dollar, item);
        assertEq(dollar.balanceOf(bob), 1e6);
    }

    function test_RefusesAnotherKey() public {
        ITransferAuthorizations.TransferAuthorization memory item = _toBob(alice, 1e6, NONCE);
        item.signature = _sign(bobKey, _dollarDigest(TRANSFER_TYPEHASH, item));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _execute(dollar, item);
    }

    function test_AContractWalletSigns() public {
        OwnerWallet wallet = new OwnerWallet(alice);
        _draw(address(wallet), CALL_LIMIT);
        _execute(dollar, _signed(_toBob(address(wallet), 3e6, NONCE)));
        assertEq(dollar.balanceOf(bob), 3e6);
    }

    function test_ABatchSkipsWhatIsTaken() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](2);
        items[0] = _signed(_toBob(alice, 1e6, 0));
        items[1] = _signed(_toBob(alice, 2e6, bytes32(uint256(1))));
        _execute(dollar, items[0]);
        vm.expectEmit(true, true, true, true, address(dollar));
        emit IAuthorizations.AuthorizationSkipped(
            0, _dollarDigest(TRANSFER_TYPEHASH, items[0]), IAuthorizations.AuthorizationAlreadyUsed.selector
        );
        vm.prank(relayer);
        assertEq(dollar.transferWithAuthorizationBatch(items), 2);
        assertEq(dollar.balanceOf(bob), 3e6);
    }

    function test_OnlyThePayeeReceives() public {
        ITransferAuthorizations.TransferAuthorization memory item = _toBob(alice, 1e6, NONCE);
        item.signature = _sign(aliceKey, _dollarDigest(RECEIVE_TYPEHASH, item));
        vm.expectRevert(abi.encodeWithSelector(ITransferAuthorizations.CallerMustBePayee.selector, relayer, bob));
        _receive(relayer, item);
        _receive(bob, item);
        assertEq(dollar.balanceOf(bob), 1e6);
    }

    function _receive(address caller, ITransferAuthorizations.TransferAuthorization memory item) private {
        vm.prank(caller);
        dollar.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        );
    }

    /// @dev By alice's key, for the dollar.
    function _signed(ITransferAuthorizations.TransferAuthorization memory item)
        private
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        item.signature = _sign(aliceKey, _dollarDigest(TRANSFER_TYPEHASH, item));
        return item;
    }
}
