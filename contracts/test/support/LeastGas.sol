// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Test} from "./Test.sol";

/// @notice EIP-150: what happens at the least gas with which a call goes through.
abstract contract LeastGas is Test {
    uint256 private constant TOO_LITTLE = 100_000;
    uint256 private constant ENOUGH = 30_000_000;

    /// @dev Finds that limit by halving, makes the call with it and returns its answer. A unit less is refused with
    /// `refusal`, for want of gas and nothing else.
    function _runWithTheLeastGas(address caller, address target, bytes memory call, bytes4 refusal)
        internal
        returns (bytes memory)
    {
        uint256 snapshot = vm.snapshotState();
        uint256 tooLittle = TOO_LITTLE;
        uint256 enough = ENOUGH;
        bytes memory refused;
        while (enough - tooLittle > 1) {
            uint256 middle = (enough + tooLittle) / 2;
            vm.prank(caller);
            (bool success, bytes memory answer) = target.call{gas: middle}(call);
            if (success) {
                enough = middle;
            } else {
                tooLittle = middle;
                refused = answer;
            }
            assertTrue(vm.revertToState(snapshot));
        }
        assertEq(bytes4(refused), refusal);
        vm.prank(caller);
        (bool done, bytes memory result) = target.call{gas: enough}(call);
        assertTrue(done);
        return result;
    }
}
