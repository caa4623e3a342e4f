// Mutants that no test kills, and why each may live. `from` and `to` are code with its white space as single spaces; an
// entry without `to` stands for every change of `from`.
"use strict";
module.exports = [
  {
    file: "src/base/Fills.sol",
    from: "done < limit",
    to: "done <= limit",
    why: "When both are equal, their difference is the 0 that the other branch gives.",
  },
  {
    file: "src/base/Fills.sol",
    from: "lots < MAX_LOTS",
    to: "lots <= MAX_LOTS",
    why: "The smaller of two equal numbers is either.",
  },
  {
    file: "src/base/Fills.sol",
    from: "return word | uint256(CANCELLED) << _shift(salt)",
    to: "return word ^ uint256(CANCELLED) << _shift(salt)",
    why: "The bit is not set there: its only caller refuses an order that is cancelled.",
  },
];
