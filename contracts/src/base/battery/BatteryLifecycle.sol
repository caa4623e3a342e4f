// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatterySupplyChain} from "../../interfaces/IBatterySupplyChain.sol";

/// @title Which status may follow which (S-05)
/// @notice Pure. The table is drawn in {IBatterySupplyChain-changeStatus}; 16 bits per status, one for each that may
/// follow it. None and Recycled have no bits: nothing leads out of them.
library BatteryLifecycle {
    uint256 private constant IN_STORAGE = 1 << uint256(IBatterySupplyChain.Status.InStorage);
    uint256 private constant IN_TRANSIT = 1 << uint256(IBatterySupplyChain.Status.InTransit);
    uint256 private constant IN_USE = 1 << uint256(IBatterySupplyChain.Status.InUse);
    uint256 private constant MAINTENANCE = 1 << uint256(IBatterySupplyChain.Status.Maintenance);
    uint256 private constant SECOND_LIFE = 1 << uint256(IBatterySupplyChain.Status.SecondLife);
    uint256 private constant END_OF_LIFE = 1 << uint256(IBatterySupplyChain.Status.EndOfLife);
    uint256 private constant RECYCLED = 1 << uint256(IBatterySupplyChain.Status.Recycled);

    uint256 private constant FOLLOWERS = (IN_STORAGE | IN_TRANSIT | IN_USE | END_OF_LIFE)
        << 16 * uint256(IBatterySupplyChain.Status.Manufactured) | (IN_TRANSIT | IN_USE | MAINTENANCE | END_OF_LIFE)
        << 16 * uint256(IBatterySupplyChain.Status.InStorage) | (IN_STORAGE | IN_USE | MAINTENANCE | END_OF_LIFE)
        << 16 * uint256(IBatterySupplyChain.Status.InTransit)
        | (IN_STORAGE | IN_TRANSIT | MAINTENANCE | SECOND_LIFE | END_OF_LIFE)
        << 16 * uint256(IBatterySupplyChain.Status.InUse)
        | (IN_STORAGE | IN_TRANSIT | IN_USE | SECOND_LIFE | END_OF_LIFE)
        << 16 * uint256(IBatterySupplyChain.Status.Maintenance) | (SECOND_LIFE | END_OF_LIFE | RECYCLED)
        << 16 * uint256(IBatterySupplyChain.Status.SecondLife) | (SECOND_LIFE | RECYCLED)
        << 16 * uint256(IBatterySupplyChain.Status.EndOfLife);

    function mayFollow(IBatterySupplyChain.Status from, IBatterySupplyChain.Status to) internal pure returns (bool) {
        return FOLLOWERS >> 16 * uint256(from) >> uint256(to) & 1 != 0;
    }
}
