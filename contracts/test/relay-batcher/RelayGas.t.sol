// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRelayBatcher} from "../../src/interfaces/IRelayBatcher.sol";
import {LeastGas} from "../support/LeastGas.sol";
import {RelayBatcherTest} from "../support/relay-batcher/RelayBatcherTest.sol";
import {RelayTarget} from "../support/relay-batcher/RelayTarget.sol";

/// @notice `relay` and EIP-150: an item gets its gas to the unit, or nothing happens at all.
contract RelayGasTest is RelayBatcherTest, LeastGas {
    /// @dev With any gas limit all three items have what they were promised, or nothing happened. The last item is the
    /// one behind which the 1/64 that its call leaves behind would do to end well.
    function testFuzz_GasIsNoItemsFate(uint256 gasLimit) public {
        IRelayBatcher.Call[] memory calls = _between(_call(second, abi.encodeCall(RelayTarget.noteGas, ())));
        calls[2] = _call(first, abi.encodeCall(RelayTarget.noteGas, ()));
        uint256 promised = _gasAtTheTarget();

        bytes memory call = abi.encodeCall(batcher.relay, (calls));
        gasLimit = bound(gasLimit, 50_000, 500_000);
        (bool success, bytes memory answer) = address(batcher).call{gas: gasLimit}(call);
        if (success) assertEq(abi.decode(answer, (uint256)), 7);
        assertEq(first.total() + second.total(), success ? 3 : 0);
        assertEq(first.notedGas(), success ? promised : 0);
        assertEq(second.notedGas(), success ? promised : 0);
        if (gasLimit > 400_000) assertTrue(success);
    }

    /// @dev At the least gas with which a relay goes through, the item has its full share: what the check holds back is
    /// enough for all that lies behind it. The account is cold.
    function test_TheLeastGasIsEnough() public {
        uint256 promised = _gasAtTheTarget();
        _relayWithTheLeastGas(address(first));
        assertEq(first.notedGas(), promised);
    }

    /// @dev The same where the call costs two cold accounts: delegated code (EIP-7702).
    function test_TheLeastGasIsEnoughForADelegatedTarget() public {
        uint256 promised = _gasAtTheTarget();
        vm.signAndAttachDelegation(address(first), aliceKey);
        IRelayBatcher.Allowed[] memory allowed = new IRelayBatcher.Allowed[](1);
        allowed[0] = IRelayBatcher.Allowed(alice, RelayTarget.noteGas.selector);
        batcher = _deploy(allowed);
        _relayWithTheLeastGas(alice);
        assertEq(RelayTarget(alice).notedGas(), promised);
    }

    function testFuzz_SaysHowMuchGasAnItemLacks(uint256 itemGas) public {
        itemGas = bound(itemGas, 1_000_000, type(uint256).max);
        IRelayBatcher.Call memory greedy = _record(second, 7);
        greedy.gasLimit = itemGas;
        bytes memory call = abi.encodeCall(batcher.relay, (_between(greedy)));
        (bool success, bytes memory answer) = address(batcher).call{gas: 1_000_000}(call);
        assertFalse(success);
        assertEq(bytes4(answer), IRelayBatcher.InsufficientItemGas.selector);
        (uint256 index, uint256 available, uint256 gasLimit) = this.decodeGas(answer);
        assertEq(index, 1);
        assertEq(gasLimit, itemGas);
        // What is left of a million behind the first item, less a 64th.
        assertLt(available, 985_000);
        assertGt(available, 850_000);
        assertEq(first.total(), 0);
    }

    /// @dev Where not even the reserve is left, a relay runs dry or says what it lacks.
    function test_LackingTheReserveIsNoPanic() public {
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](1);
        calls[0] = _record(first, 7);
        bytes memory call = abi.encodeCall(batcher.relay, (calls));
        uint256 said = 0;
        for (uint256 gasLimit = 2_000; gasLimit < 30_000; gasLimit += 100) {
            (bool success, bytes memory answer) = address(batcher).call{gas: gasLimit}(call);
            assertFalse(success);
            if (answer.length == 0) continue;
            assertEq(bytes4(answer), IRelayBatcher.InsufficientItemGas.selector);
            (, uint256 available,) = this.decodeGas(answer);
            if (available == 0) ++said;
        }
        assertGt(said, 10);
    }

    /// @dev Who burns all gets no more than its own share.
    function test_ABurningItemStarvesNobody() public {
        vm.expectEmit(true, true, true, true, address(batcher));
        emit IRelayBatcher.ItemFailed(1, address(second), 0);
        assertEq(_relay(_between(_call(second, abi.encodeCall(RelayTarget.burnAll, ())))), 5);
        assertLt(vm.lastCallGas().gasTotalUsed, ITEM_GAS + 150_000);
        assertEq(first.total(), 2);
    }

    function test_AnItemGivenTooLittleFailsAlone() public {
        IRelayBatcher.Call memory poor = _record(second, 7);
        poor.gasLimit = 10_000;
        vm.expectEmit(true, true, true, true, address(batcher));
        emit IRelayBatcher.ItemFailed(1, address(second), 0);
        assertEq(_relay(_between(poor)), 5);
        assertEq(second.records(7), 0);
    }

    function decodeGas(bytes calldata revertData) external pure returns (uint256, uint256, uint256) {
        return abi.decode(revertData[4:], (uint256, uint256, uint256));
    }

    /// @dev What a target notes when it is simply called with an item's gas.
    function _gasAtTheTarget() private returns (uint256 noted) {
        uint256 snapshot = vm.snapshotState();
        GasGiver giver = new GasGiver();
        giver.give(first, ITEM_GAS);
        noted = first.notedGas();
        assertTrue(vm.revertToState(snapshot));
        assertGt(noted, ITEM_GAS - 500);
    }

    /// @dev Of one item, which notes the gas that it finds.
    function _relayWithTheLeastGas(address target) private {
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](1);
        calls[0] = _call(RelayTarget(target), abi.encodeCall(RelayTarget.noteGas, ()));
        bytes memory call = abi.encodeCall(batcher.relay, (calls));
        bytes memory succeeded =
            _runWithTheLeastGas(relayer, address(batcher), call, IRelayBatcher.InsufficientItemGas.selector);
        assertEq(abi.decode(succeeded, (uint256)), 1);
    }
}

/// @notice Calls with so much gas; a contract, because a test's own calls are transactions and pay for themselves.
contract GasGiver {
    function give(RelayTarget target, uint256 gasGiven) external {
        target.noteGas{gas: gasGiven}();
    }
}
