// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestToken} from "./base/TestToken.sol";

/// @title WIA Test Dollar (TUSD)
/// @notice A dollar to try things with, see {ITestToken}.
/// WARNING: worthless by construction, for development and test networks only.
contract TestUSD is TestToken {
    constructor() TestToken("WIA Test Dollar", "TUSD") {}
}
