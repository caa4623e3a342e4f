// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IRelayBatcher} from "../../src/interfaces/IRelayBatcher.sol";
import {RelayBatcherTest} from "../support/relay-batcher/RelayBatcherTest.sol";
import {RelayTarget} from "../support/relay-batcher/RelayTarget.sol";

/// @notice `relay`: what it calls, what it refuses, what it says of failures. Gas stands in RelayGas.t.sol.
contract RelayTest is RelayBatcherTest {
    function test_CallsInOrderAndAsItself() public {
        IRelayBatcher.Call[] memory calls = _between(_record(second, 7));
        vm.expectCall(address(first), calls[0].data, 1);
        vm.expectCall(address(second), calls[1].data, 1);
        vm.expectCall(address(first), calls[2].data, 1);
        assertEq(_relay(calls), 7);
        assertEq(first.records(1) + first.records(2) + second.records(7), 3);
        assertEq(first.latestSender(), address(batcher));
    }

    function testFuzz_AnyoneRelays(address caller) public {
        vm.prank(caller);
        assertEq(batcher.relay(_between(_record(second, 7))), 7);
    }

    /// @dev The reason is the first four bytes of whatever the target reverted with.
    function testFuzz_AFailureTouchesNoOtherItem(bytes calldata revertData) public {
        // A bytes4 of fewer bytes is filled up with zeros, as is the reason.
        _expectFailed(_call(second, abi.encodeCall(RelayTarget.fail, (revertData))), bytes4(revertData));
        assertEq(second.total(), 0);
    }

    function test_ShortRevertDataIsFilledUp() public {
        _expectFailed(_call(second, abi.encodeCall(RelayTarget.fail, (""))), 0);
        _expectFailed(_call(second, abi.encodeCall(RelayTarget.fail, (hex"aabbcc"))), 0xaabbcc00);
    }

    /// @dev Also the reason of the item before must not shine through.
    function test_AReasonIsTheItemsOwn() public {
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](2);
        calls[0] = _call(first, abi.encodeCall(RelayTarget.fail, (hex"aabbccdd")));
        calls[1] = _call(first, abi.encodeCall(RelayTarget.fail, ("")));
        _expectItemFailed(0, first, 0xaabbccdd);
        _expectItemFailed(1, first, 0);
        assertEq(_relay(calls), 0);
    }

    /// @dev What a revert says after its first four bytes is not read, nor what a success says.
    function test_LongAnswersCostTheTargetAlone() public {
        uint256 size = 20_000;
        bytes memory refusal = abi.encodeCall(RelayTarget.answerAtLength, (size, true));
        bytes memory answer = abi.encodeCall(RelayTarget.answerAtLength, (size, false));
        _expectFailed(_call(second, refusal), 0);
        assertEq(_relay(_between(_call(second, answer))), 7);
        assertLt(vm.lastCallGas().gasTotalUsed, 110_000);
    }

    function test_RefusesWhatIsNotOnTheList() public {
        _expectNotCalled(_call(second, abi.encodeCall(RelayTarget.unlisted, (7))));
        assertEq(second.records(7), 0);
        // An account without code would answer yes to everything.
        IRelayBatcher.Call memory item = _record(second, 7);
        item.target = alice;
        _expectNotCalled(item);
        item.target = address(batcher);
        _expectNotCalled(item);
        item.target = address(0);
        _expectNotCalled(item);
    }

    /// @dev Fewer than four bytes name no function, also where zeros would complete a selector on the list.
    function testFuzz_RefusesDataWithoutASelector(uint256 length) public {
        IRelayBatcher.Call memory item = _record(second, 7);
        bytes memory data = item.data;
        length = bound(length, 0, 3);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        _expectNotCalled(item);
    }

    function test_RefusesATruncatedSelectorThatZerosComplete() public {
        // A target is code; this one takes any call. The list has a selector that ends with zero bytes, or is zero.
        for (uint256 length = 0; length < 4; ++length) {
            bytes memory data = hex"aabbcc";
            assembly ("memory-safe") {
                mstore(data, length)
            }
            IRelayBatcher.Allowed[] memory allowed = _list();
            allowed[0].selector = bytes4(data);
            batcher = _deploy(allowed);
            IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](1);
            calls[0] = _call(first, data);
            _expectItemFailed(0, first, IRelayBatcher.CallNotAllowed.selector);
            vm.expectCall(address(first), data, 0);
            assertEq(_relay(calls), 0);
        }
    }

    /// @dev Only this relay is refused, not the item that tried it: what else it does is its own business.
    function test_RefusesToBeCalledBack() public {
        IRelayBatcher.Call[] memory inner = new IRelayBatcher.Call[](1);
        inner[0] = _record(first, 9);
        assertEq(_relay(_between(_call(second, abi.encodeCall(RelayTarget.callBack, (inner))))), 7);
        assertEq(second.latestRefusal(), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(first.records(9), 0);
        // The next relay is free again.
        assertEq(_relay(inner), 1);
        assertEq(first.records(9), 1);
    }

    /// @dev Each item's outcome alone decides its bit, whatever stands beside it.
    function testFuzz_TheBitmapSaysWhichSucceeded(uint256 good, uint256 size) public {
        size = bound(size, 1, 256);
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](size);
        uint256 expected = good & (type(uint256).max >> (256 - size));
        for (uint256 i = 0; i < size; ++i) {
            bool isGood = good >> i & 1 == 1;
            calls[i] = isGood ? _record(first, i) : _call(first, abi.encodeCall(RelayTarget.fail, (hex"aabbccdd")));
            if (!isGood) _expectItemFailed(i, first, 0xaabbccdd);
        }
        assertEq(_relay(calls), expected);
        for (uint256 i = 0; i < size; ++i) {
            assertEq(first.records(i), expected >> i & 1);
        }
    }

    function test_RefusesNothingAndTooMuch() public {
        _expectSizeRefused(0);
        _expectSizeRefused(257);
    }

    function test_TakesNoEther() public {
        vm.deal(relayer, 2 ether);
        vm.startPrank(relayer);
        (bool success,) = address(batcher).call{value: 1}(abi.encodeCall(batcher.relay, (_between(_record(second, 7)))));
        assertFalse(success);
        (success,) = address(batcher).call{value: 1}("");
        assertFalse(success);
        vm.stopPrank();
        assertEq(address(batcher).balance, 0);
    }

    function _expectSizeRefused(uint256 size) private {
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](size);
        for (uint256 i = 0; i < size; ++i) {
            calls[i] = _record(first, i);
        }
        vm.expectRevert(abi.encodeWithSelector(IRelayBatcher.RelaySizeInvalid.selector, size));
        _relay(calls);
        assertEq(first.total(), 0);
    }

    function _expectNotCalled(IRelayBatcher.Call memory item) private {
        vm.expectCall(item.target, item.data, 0);
        _expectFailed(item, IRelayBatcher.CallNotAllowed.selector);
    }

    /// @dev The item fails for `reason`; the one before it and the one behind it succeed.
    function _expectFailed(IRelayBatcher.Call memory item, bytes4 reason) private {
        uint256 before = first.total();
        vm.expectEmit(true, true, true, true, address(batcher));
        emit IRelayBatcher.ItemFailed(1, item.target, reason);
        assertEq(_relay(_between(item)), 5);
        assertEq(first.total(), before + 2);
    }

    function _expectItemFailed(uint256 index, RelayTarget target, bytes4 reason) private {
        vm.expectEmit(true, true, true, true, address(batcher));
        emit IRelayBatcher.ItemFailed(index, address(target), reason);
    }
}
