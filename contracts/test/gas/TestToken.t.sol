// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice Gas of whole transactions (21,000 and calldata included, isolate mode), kept in snapshots/TestToken.json.
contract TestTokenGasTest is TestTokenTest {
    string private constant GROUP = "TestToken";

    function test_Faucet() public {
        _draw(bob, 1e6);
        _draw(alice, 1_234e6);
        vm.snapshotGasLastCall(GROUP, "faucet, recipient new");
        _draw(alice, 1_234e6);
        vm.snapshotGasLastCall(GROUP, "faucet, same day again");
        vm.prank(alice);
        dollar.transfer(bob, 123e6);
        vm.snapshotGasLastCall(GROUP, "transfer, recipient holds");
    }
}
