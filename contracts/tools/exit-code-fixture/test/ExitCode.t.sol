// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

contract ExitCodeTest {
    function test_Passes() public pure {
        assert(true);
    }

    function test_Fails() public pure {
        assert(false);
    }
}
