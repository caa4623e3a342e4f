// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestToken} from "./base/TestToken.sol";

/// @title WIA Test Euro (TEUR)
/// @notice A euro to try things with, see {ITestToken}.
/// WARNING: worthless by construction, for development and test networks only.
contract TestEUR is TestToken {
    constructor() TestToken("WIA Test Euro", "TEUR") {}
}
