// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {CreditExchange} from "../../../src/CreditExchange.sol";

/// @notice Keeps a hundredth of every transfer between accounts.
contract FeeOnTransferToken is ERC20("Fee on transfer", "FEE") {
    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : value / 100;
        super._update(from, to, value - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}

/// @notice Gives whoever is paid one unit more, as a token does whose balances grow.
contract GrowingToken is ERC20("Growing", "GROW") {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(address(0), to, 1);
    }
}

/// @notice Says that it paid and does not.
contract LyingToken is ERC20("Lying", "LIE") {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// @notice Says no where others revert.
contract FalseToken is ERC20("False", "NO") {
    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (balanceOf(from) < value || allowance(from, msg.sender) < value) return false;
        return super.transferFrom(from, to, value);
    }
}

/// @notice Returns nothing, as tokens of the first years do.
contract SilentToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// @notice Reverts with whatever it was told to, when the payee is on the list.
contract BlocklistToken is ERC20("Blocklist", "BLK") {
    mapping(address => bool) public blocked;
    bytes private _revertData;

    function block_(address account, bytes calldata revertData) external {
        blocked[account] = true;
        _revertData = revertData;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (blocked[to]) {
            bytes memory revertData = _revertData;
            assembly ("memory-safe") {
                revert(add(revertData, 0x20), mload(revertData))
            }
        }
        super._update(from, to, value);
    }
}

/// @notice Burns gas in every transfer to `victim`, all of it.
contract GasBurningToken is ERC20("Gas", "GAS") {
    address public victim;

    function setVictim(address account) external {
        victim = account;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (to == victim) {
            while (true) {}
        }
        super._update(from, to, value);
    }
}

/// @notice Calls back into the exchange from within a transfer, with a call it was told, and remembers what came of it.
contract ReentrantToken is ERC20("Reentrant", "RE") {
    CreditExchange private immutable EXCHANGE;
    bytes private _call;
    bool public entered;
    bytes public answer;

    constructor(CreditExchange exchange) {
        EXCHANGE = exchange;
    }

    function setCall(bytes calldata call_) external {
        _call = call_;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (_call.length != 0) (entered, answer) = address(EXCHANGE).call(_call);
        return super.transferFrom(from, to, value);
    }
}
