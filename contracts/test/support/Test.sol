// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestBase} from "forge-std/Base.sol";
import {StdAssertions} from "forge-std/StdAssertions.sol";
import {StdCheats} from "forge-std/StdCheats.sol";
import {StdInvariant} from "forge-std/StdInvariant.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

/// @notice forge-std's Test without its console: safeconsole.sol alone makes solc stop at 256 warnings, behind which a
/// warning about our own code would go unseen.
abstract contract Test is TestBase, StdAssertions, StdCheats, StdInvariant, StdUtils {
    /// @dev By this name forge recognises a test contract.
    bool public IS_TEST = true;
}
