// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Context} from "@openzeppelin/contracts/utils/Context.sol";

/// @notice What `wia-bench` compares relayed transfers with: OpenZeppelin's own ERC-20 behind OpenZeppelin's own
/// forwarder, and nothing else.
contract ForwardedToken is ERC20, ERC2771Context {
    /// @param forwarder The only contract that may speak for others.
    constructor(address forwarder) ERC20("Forwarded", "FWD") ERC2771Context(forwarder) {}

    /// @notice Gives units to anyone: the token is worthless by construction.
    function mint(address to, uint256 value) external {
        _mint(to, value);
    }

    function _msgSender() internal view override(Context, ERC2771Context) returns (address) {
        return ERC2771Context._msgSender();
    }

    function _msgData() internal view override(Context, ERC2771Context) returns (bytes calldata) {
        return ERC2771Context._msgData();
    }

    function _contextSuffixLength() internal view override(Context, ERC2771Context) returns (uint256) {
        return ERC2771Context._contextSuffixLength();
    }
}
