// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditIssuance} from "../interfaces/ICreditIssuance.sol";

/// @title Ranges of serial numbers that never overlap
/// @notice One series is a linked list of ranges in ascending order, each kept under its first serial. Whoever inserts
/// a range names the one before it; only that range and the next one are looked at, so the cost does not grow with the
/// list.
///
/// Why two neighbours are enough: the list is ascending and free of overlaps before (the empty list is). The new range
/// begins behind the end of its predecessor and ends before the beginning of the next; every other range lies on the
/// far side of one of the two. So it is ascending and free of overlaps after. Nothing is ever removed.
library SerialRanges {
    /// @dev Kept under 0, which is no serial: the head of the list, with `last` 0 and the first range of all as `next`.
    struct Series {
        mapping(uint64 first => ICreditIssuance.SerialRange range) ranges;
    }

    /// @dev Inserts first…last behind the range that begins at `predecessor`, or first of all when that is 0.
    function insert(Series storage series, uint64 first, uint64 last, uint64 predecessor) internal {
        ICreditIssuance.SerialRange storage before = series.ranges[predecessor];
        uint64 end = before.last;
        uint64 next = before.next;
        if (predecessor != 0 && end == 0) revert ICreditIssuance.NoRangeBeginsAt(predecessor);
        if (end >= first) _refuse(first, last, predecessor, end);
        if (next != 0 && next <= last) _refuse(first, last, next, series.ranges[next].last);

        before.next = first;
        series.ranges[first] = ICreditIssuance.SerialRange(last, next);
    }

    /// @dev A neighbour that is in the way either overlaps, or lies wholly on the wrong side: then the hint is wrong or
    /// went stale.
    function _refuse(uint64 first, uint64 last, uint64 otherFirst, uint64 otherLast) private pure {
        if (otherFirst <= last && first <= otherLast) {
            revert ICreditIssuance.SerialsOverlap(first, last, otherFirst, otherLast);
        }
        revert ICreditIssuance.NotThePredecessor(first, otherFirst);
    }
}
