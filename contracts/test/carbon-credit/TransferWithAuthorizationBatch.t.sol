// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `transferWithAuthorizationBatch`: what it executes, what it skips and why, and that it says the same as the
/// single call. What contract wallets add stands in ContractWallets.t.sol.
contract TransferWithAuthorizationBatchTest is CarbonCreditTest {
    function test_ExecutesInOrder() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](3);
        // Bob spends in item 1 what item 0 brings him.
        items[0] = _signed(_fromAlice(bob, 5e18, bytes32(0)), aliceKey);
        items[1] = _signed(
            ITransferAuthorizations.TransferAuthorization(bob, relayer, 4e18, 0, type(uint256).max, bytes32(0), ""),
            bobKey
        );
        items[2] = _signed(_fromAlice(alice, 7e18, bytes32(uint256(1))), aliceKey);
        items[2].signature = _compact(items[2].signature);

        for (uint256 i = 0; i < items.length; ++i) {
            vm.expectEmit(true, true, true, true, address(token));
            emit IAuthorizations.AuthorizationUsed(items[i].from, items[i].nonce);
            vm.expectEmit(true, true, true, true, address(token));
            emit IERC20.Transfer(items[i].from, items[i].to, items[i].value);
        }
        assertEq(_run(items), 7);
        assertEq(token.balanceOf(alice), HOLDING - 5e18);
        assertEq(token.balanceOf(bob), 1e18);
        assertEq(token.balanceOf(relayer), 4e18);
    }

    /// @dev Every reason to skip once, between two items that are executed; the reason is the selector of the single
    /// call's error, and a skipped item leaves no trace but its event.
    function test_SkipsWithTheReasonOfTheSingleCall() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](9);
        bytes4[] memory reasons = new bytes4[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _fromAlice(bob, 1e18, bytes32(i));
        }
        items[1].validAfter = NOW;
        reasons[1] = IAuthorizations.AuthorizationNotYetValid.selector;
        items[2].validBefore = NOW;
        reasons[2] = IAuthorizations.AuthorizationExpired.selector;
        items[3].nonce = items[0].nonce;
        reasons[3] = IAuthorizations.AuthorizationAlreadyUsed.selector;
        reasons[4] = IAuthorizations.InvalidAuthorizationSignature.selector; // bob's key below
        items[5].to = address(0);
        reasons[5] = IERC20Errors.ERC20InvalidReceiver.selector;
        items[6].value = HOLDING;
        reasons[6] = IERC20Errors.ERC20InsufficientBalance.selector;
        reasons[7] = IAuthorizations.InvalidAuthorizationSignature.selector; // no signature below
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _signed(items[i], i == 4 ? bobKey : aliceKey);
        }
        items[7].signature = "";

        for (uint256 i = 0; i < items.length; ++i) {
            if (reasons[i] == 0) continue;
            vm.expectEmit(true, true, true, true, address(token));
            emit IAuthorizations.AuthorizationSkipped(i, _transferDigest(items[i]), reasons[i]);
        }
        assertEq(_run(items), 1 | 1 << 8);
        assertEq(token.balanceOf(bob), 2e18);
        assertEq(token.balanceOf(alice), HOLDING - 2e18);
        for (uint256 i = 1; i < 8; ++i) {
            if (i != 3) assertFalse(token.authorizationState(alice, bytes32(i)));
            vm.expectPartialRevert(reasons[i]);
            _execute(items[i]);
        }
    }

    /// @dev For any item: the batch executes it exactly when the single call would, else for the same reason.
    function testFuzz_JudgesLikeTheSingleCall(
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        uint8 nonce,
        uint8 flaws
    ) public {
        _execute(_signed(_fromAlice(bob, 1e18, bytes32(0)), aliceKey));
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](1);
        items[0] = ITransferAuthorizations.TransferAuthorization(
            alice,
            flaws & 1 == 0 ? bob : address(0),
            bound(value, 0, HOLDING + 1e18),
            bound(validAfter, NOW - 5, NOW + 1),
            bound(validBefore, NOW - 1, NOW + 5),
            bytes32(uint256(nonce % 4)),
            ""
        );
        items[0] = _signed(items[0], flaws & 6 == 6 ? bobKey : aliceKey);

        uint256 snapshot = vm.snapshotState();
        bytes4 fault = _singleFault(items[0]);
        uint256 bobAfterSingle = token.balanceOf(bob);
        assertTrue(vm.revertToState(snapshot));

        if (fault != 0) {
            vm.expectEmit(true, true, true, true, address(token));
            emit IAuthorizations.AuthorizationSkipped(0, _transferDigest(items[0]), fault);
        }
        assertEq(_run(items), fault == 0 ? 1 : 0);
        assertEq(token.balanceOf(bob), bobAfterSingle);
        assertEq(token.totalSupply(), HOLDING);
    }

    /// @dev Who submits the same batch later loses every item and nothing else happens.
    function testFuzz_ALostRaceCostsEventsOnly(uint8 size) public {
        ITransferAuthorizations.TransferAuthorization[] memory items = _dense(bound(size, 1, 40));
        assertEq(_run(items), (1 << items.length) - 1);
        uint256 held = token.balanceOf(bob);
        for (uint256 i = 0; i < items.length; ++i) {
            vm.expectEmit(true, true, true, true, address(token));
            emit IAuthorizations.AuthorizationSkipped(
                i, _transferDigest(items[i]), IAuthorizations.AuthorizationAlreadyUsed.selector
            );
        }
        assertEq(_run(items), 0);
        assertEq(token.balanceOf(bob), held);
    }

    function test_LargestBatch() public {
        assertEq(_run(_dense(256)), type(uint256).max);
        assertEq(token.balanceOf(bob), 256e15);
    }

    function test_RefusesNothingAndTooMuch() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](0);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.BatchSizeInvalid.selector, 0));
        _run(items);
        items = _dense(257);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.BatchSizeInvalid.selector, 257));
        _run(items);
    }

    /// @dev With any amount of gas a batch is executed whole or not at all: no item is skipped for want of gas.
    function testFuzz_GasIsNoItemsFate(uint256 gasLimit) public {
        ITransferAuthorizations.TransferAuthorization[] memory items = _dense(5);
        bytes memory call = abi.encodeCall(ITransferAuthorizations.transferWithAuthorizationBatch, (items));
        gasLimit = bound(gasLimit, 1_000, 300_000);
        (bool success, bytes memory answer) = address(token).call{gas: gasLimit}(call);
        if (success) assertEq(abi.decode(answer, (uint256)), 31);
        assertEq(token.balanceOf(bob), success ? 5e15 : 0);
    }

    function _singleFault(ITransferAuthorizations.TransferAuthorization memory item) private returns (bytes4) {
        try token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        ) {
            return 0;
        } catch (bytes memory revertData) {
            return bytes4(revertData);
        }
    }

    function _dense(uint256 size) private view returns (ITransferAuthorizations.TransferAuthorization[] memory items) {
        items = new ITransferAuthorizations.TransferAuthorization[](size);
        for (uint256 i = 0; i < size; ++i) {
            items[i] = _signed(_fromAlice(bob, 1e15, bytes32(i)), aliceKey);
        }
    }

    function _run(ITransferAuthorizations.TransferAuthorization[] memory items) private returns (uint256) {
        vm.prank(relayer);
        return token.transferWithAuthorizationBatch(items);
    }
}
