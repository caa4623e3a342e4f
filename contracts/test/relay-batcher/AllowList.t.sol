// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRelayBatcher} from "../../src/interfaces/IRelayBatcher.sol";
import {RelayBatcher} from "../../src/RelayBatcher.sol";
import {RelayBatcherTest} from "../support/relay-batcher/RelayBatcherTest.sol";
import {RelayTarget} from "../support/relay-batcher/RelayTarget.sol";

/// @notice The list that the constructor fixes.
contract AllowListTest is RelayBatcherTest {
    function test_HoldsWhatTheConstructorSaid() public {
        IRelayBatcher.Allowed[] memory allowed = _list();
        for (uint256 i = 0; i < allowed.length; ++i) {
            vm.expectEmit(true, true, true, true, vm.computeCreateAddress(address(this), vm.getNonce(address(this))));
            emit IRelayBatcher.CallAllowed(allowed[i].target, allowed[i].selector);
        }
        RelayBatcher other = _deploy(allowed);
        for (uint256 i = 0; i < allowed.length; ++i) {
            assertTrue(other.isAllowed(allowed[i].target, allowed[i].selector));
        }
        assertFalse(other.isAllowed(address(first), RelayTarget.unlisted.selector));
    }

    function testFuzz_NothingElseIsAllowed(address target, bytes4 selector) public view {
        vm.assume(target != address(first) && target != address(second));
        assertFalse(batcher.isAllowed(target, selector));
        assertFalse(batcher.isAllowed(target, RelayTarget.record.selector));
    }

    /// @dev A function of one target is not one of another.
    function test_TargetAndSelectorBelongTogether() public {
        IRelayBatcher.Allowed[] memory allowed = new IRelayBatcher.Allowed[](2);
        allowed[0] = IRelayBatcher.Allowed(address(first), RelayTarget.record.selector);
        allowed[1] = IRelayBatcher.Allowed(address(second), RelayTarget.fail.selector);
        RelayBatcher other = _deploy(allowed);
        assertTrue(other.isAllowed(address(first), RelayTarget.record.selector));
        assertFalse(other.isAllowed(address(second), RelayTarget.record.selector));
        assertFalse(other.isAllowed(address(first), RelayTarget.fail.selector));
    }

    function test_RefusesAnEmptyList() public {
        vm.expectRevert(abi.encodeWithSelector(IRelayBatcher.EmptyAllowList.selector));
        _deploy(new IRelayBatcher.Allowed[](0));
    }

    function test_RefusesTheZeroTarget() public {
        _expectTargetRefused(address(0));
    }

    /// @dev Accounts without code, this batcher itself among them: it has none yet.
    function testFuzz_RefusesTargetsWithoutCode(address target) public {
        vm.assume(target.code.length == 0);
        _expectTargetRefused(target);
        _expectTargetRefused(vm.computeCreateAddress(address(this), vm.getNonce(address(this))));
    }

    function testFuzz_RefusesTheSameTwice(uint256 original, uint256 copy) public {
        IRelayBatcher.Allowed[] memory allowed = _list();
        original = bound(original, 0, allowed.length - 1);
        copy = bound(copy, 0, allowed.length - 1);
        vm.assume(original != copy);
        allowed[copy] = allowed[original];
        vm.expectRevert(
            abi.encodeWithSelector(
                IRelayBatcher.DuplicateAllowed.selector, allowed[original].target, allowed[original].selector
            )
        );
        _deploy(allowed);
    }

    function _expectTargetRefused(address target) private {
        IRelayBatcher.Allowed[] memory allowed = _list();
        allowed[3].target = target;
        vm.expectRevert(abi.encodeWithSelector(IRelayBatcher.TargetWithoutCode.selector, target));
        _deploy(allowed);
    }
}
