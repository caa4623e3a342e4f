// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Fills of four orders in one word
/// @notice Lane (salt & 3) of a word holds, in 64 bits, how many lots of an order were filled (63 bits) and whether it
/// was cancelled (the highest). Pure, so that what holds of it can be proved.
library Fills {
    /// @dev No order is ever filled beyond this, or the count would run into the flag.
    uint64 internal constant MAX_LOTS = type(uint64).max >> 1;

    uint64 private constant CANCELLED = 1 << 63;

    function filled(uint256 word, uint256 salt) internal pure returns (uint64) {
        return _lane(word, salt) & MAX_LOTS;
    }

    function isCancelled(uint256 word, uint256 salt) internal pure returns (bool) {
        return _lane(word, salt) & CANCELLED != 0;
    }

    /// @dev Lots left of an order of `lots`, whether or not it was cancelled.
    function remaining(uint256 word, uint256 salt, uint64 lots) internal pure returns (uint64) {
        uint64 limit = lots < MAX_LOTS ? lots : MAX_LOTS;
        uint64 done = filled(word, salt);
        return done < limit ? limit - done : 0;
    }

    /// @dev The word after `lots` more were filled. `lots` must not be above {remaining} for whatever order it is.
    function add(uint256 word, uint256 salt, uint64 lots) internal pure returns (uint256) {
        return word + (uint256(lots) << _shift(salt));
    }

    /// @dev The word after the order was cancelled; its fills stay readable.
    function cancel(uint256 word, uint256 salt) internal pure returns (uint256) {
        return word | uint256(CANCELLED) << _shift(salt);
    }

    function _lane(uint256 word, uint256 salt) private pure returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast) cutting off the lanes above is the point
        return uint64(word >> _shift(salt));
    }

    function _shift(uint256 salt) private pure returns (uint256) {
        return (salt & 3) << 6;
    }
}
