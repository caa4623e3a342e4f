// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {ITestToken} from "../interfaces/ITestToken.sol";
import {TransferAuthorizations} from "./TransferAuthorizations.sol";

/// @title The test tokens' common code
/// @notice See {ITestToken}: worthless by construction, for development and test networks only.
abstract contract TestToken is ITestToken, TransferAuthorizations {
    /// @dev What the faucet made for one recipient on the latest day it made anything; one storage word.
    struct FaucetDay {
        uint64 day;
        uint192 amount;
    }

    /// @inheritdoc ITestToken
    uint256 public constant FAUCET_CALL_LIMIT = 10_000e6;

    /// @inheritdoc ITestToken
    uint256 public constant FAUCET_DAY_LIMIT = 50_000e6;

    mapping(address recipient => FaucetDay) private _faucetDays;

    constructor(string memory tokenName, string memory tokenSymbol)
        ERC20(tokenName, tokenSymbol)
        TransferAuthorizations(tokenName)
    {}

    /// @inheritdoc ITestToken
    function faucet(address to, uint256 amount) external {
        if (amount == 0 || amount > FAUCET_CALL_LIMIT) revert FaucetAmountInvalid(amount, FAUCET_CALL_LIMIT);
        uint256 remaining = faucetRemaining(to);
        if (amount > remaining) revert FaucetAllowanceExceeded(to, amount, remaining);

        // Neither is cut: a day's sum is at most FAUCET_DAY_LIMIT, and days are counted since 1970.
        // forge-lint: disable-next-line(unsafe-typecast)
        _faucetDays[to] = FaucetDay(uint64(_today()), uint192(FAUCET_DAY_LIMIT - remaining + amount));
        _mint(to, amount);
    }

    /// @inheritdoc ITestToken
    function faucetRemaining(address recipient) public view returns (uint256) {
        FaucetDay memory latest = _faucetDays[recipient];
        return latest.day == _today() ? FAUCET_DAY_LIMIT - latest.amount : FAUCET_DAY_LIMIT;
    }

    /// @inheritdoc ERC20
    /// @dev As of the payment tokens of real networks.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _today() private view returns (uint256) {
        return block.timestamp / 1 days;
    }
}
