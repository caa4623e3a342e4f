// Mutants that no test kills, and why each may live. `from` and `to` are code with its white space as single spaces; an
// entry without `to` stands for every change of `from`, one with `change` instead for what that says yes to; one without
// `file` for every file, one with `within` for these functions alone.
"use strict";
module.exports = [
  {
    change: (from, to) => to === from.replace(/ constant /, " immutable "),
    why: "An immutable that is set where it is declared has the constant's value.",
  },
  {
    change: (from, to) => to !== from && to === from.replace(/\buint256 (i|level|member) = 0/, "uint128 $1 = 0"),
    why: "It counts what lies in calldata or memory, or the bits of a word, and stays far below 2**128.",
  },
  {
    change: (from, to) => /^(i|level) < (count|\w+\.length)$/.test(from) && to === from.replace("<", "!="),
    why: "The counter begins at 0, not beyond the end, and grows by one.",
  },
  {
    change: (from, to) => /^(executed|succeeded) \|= 1 << i$/.test(from) && [from.replace("|", "+"), from.replace("|", "^")].includes(to),
    why: "Each bit is set once, in a word that begins as zero.",
  },
  {
    change: (from, to) => /^uint256 private constant \w+_AT = \d+$/.test(from) && to === from.replace("uint256", "uint128"),
    why: "It is a distance by which a word is shifted, and far below 2**128.",
  },
  {
    file: "src/base/ApprovalRound.sol",
    from: "next = ApprovalRound.wrap(ApprovalRound.unwrap(self) | 1 << member)",
    to: "next = ApprovalRound.wrap(ApprovalRound.unwrap(self) ^ 1 << member)",
    why: "The bit is not set there: a second grant of a member is refused before.",
  },
  {
    file: "src/base/ApprovalRound.sol",
    from: "next = ApprovalRound.wrap(ApprovalRound.unwrap(self) | 1 << member + DECLINED_AT)",
    to: "next = ApprovalRound.wrap(ApprovalRound.unwrap(self) ^ 1 << member + DECLINED_AT)",
    why: "The bit is not set there: who declined has no further vote.",
  },
  {
    file: "src/base/ApprovalRound.sol",
    from: "next.supporters() >= next.threshold()",
    to: "next.supporters() == next.threshold()",
    why: "Supporters become more one by one, and the round closes when they are as many as the threshold.",
  },
  {
    change: (from, to) => /^head\.(sequence|tenure)\(\) == BatteryHead\.MAX_(SEQUENCE|TENURE)$/.test(from) && to === from.replace("==", ">="),
    why: "It is the most that the field holds.",
  },
  {
    file: "src/base/battery/BatteryRecords.sol",
    from: "Entry storage entry = _entries[key]",
    to: "Entry memory entry = _entries[key]",
    within: ["recordOf"],
    why: "It is only read.",
  },
  {
    file: "src/base/battery/BatteryLifecycle.sol",
    from: "return FOLLOWERS >> 16 * uint256(from) >> uint256(to) & 1 != 0",
    to: "return FOLLOWERS >> 16 * uint128(from) >> uint128(to) & 1 != 0",
    why: "Both are statuses, of which there are fewer than sixteen.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    within: ["_topicOf", "_roleOf", "_isInPlace"],
    change: (from, to) => /^kind == EventKind\.\w+$/.test(from) && to === from.replace("==", "<="),
    why: "The kinds before it have returned already, and None is refused before all.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    within: ["_roleOf", "_statusAfter"],
    change: (from, to) => /^kind == EventKind\.(RecyclingInitiated|MaterialsRecovered)$/.test(from) && to === from.replace("==", ">="),
    why: "MaterialsRecovered is the last of the kinds, RecyclingInitiated the one before, and where that is asked both are meant.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    from: "status == Status.Manufactured",
    to: "status <= Status.Manufactured",
    why: "The record exists, so that its status is not None.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    within: ["_isInPlace"],
    change: (from, to) => /^status == Status\.(EndOfLife|SecondLife)$/.test(from) && to === from.replace("==", ">="),
    why: "SecondLife is followed by EndOfLife, which is meant too, and by Recycled, which is refused before.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    within: ["_changeStatus"],
    change: (from, to) => /^status == Status\.(InUse|Maintenance)$/.test(from) && to === from.replace("==", ">="),
    why: "InUse is followed by Maintenance, which is meant too, and what lies beyond is refused before.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    from: "return Status.None",
    to: "//return Status.None",
    why: "None is the zero that a function gives when it says nothing.",
  },
  {
    file: "src/base/battery/BatterySupplyChain.sol",
    from: "return _leanHeadFor(key, actor, 1 << uint256(kind))",
    to: "return _leanHeadFor(key, actor, 1 << uint128(kind))",
    why: "It is the distance of a shift, and at most 11.",
  },
  {
    file: "src/ConsentAnchor.sol",
    within: ["statusOf", "isValid", "isActionable"],
    from: "Consent storage consent = _consents[consentKey]",
    to: "Consent memory consent = _consents[consentKey]",
    why: "These only read it, and a copy says the same.",
  },
  {
    file: "src/base/CreditIssuance.sol",
    from: "uint256 private constant CREDIT_STEP = 1e15",
    to: "uint128 private constant CREDIT_STEP = 1e15",
    why: "Its products are with a uint64 or in uint256, its quotients of a uint256.",
  },
  {
    file: "src/base/CreditIssuance.sol",
    from: "quota > issued",
    to: "quota >= issued",
    why: "When both are equal, their difference is the 0 that the other branch gives.",
  },
  {
    file: "src/base/CreditIssuance.sol",
    from: "return _countOf(uint256(last) - first + 1)",
    to: "return _countOf(uint128(last) - first + 1)",
    why: "Both are 64 bits, so that their difference and one more fit either way.",
  },
  {
    file: "src/CreditExchange.sol",
    from: "left < MATCH_GAS_REQUIRED",
    to: "left <= MATCH_GAS_REQUIRED",
    why: "The operator has to give a single unit of gas more; what a match gets is the same.",
  },
  {
    file: "src/RelayBatcher.sol",
    from: "left < CALL_RESERVE",
    to: "left <= CALL_RESERVE",
    why: "When both are equal, their difference is the 0 that the other branch gives.",
  },
  {
    file: "src/RelayBatcher.sol",
    from: "available < gasLimit",
    to: "available <= gasLimit",
    why: "Whoever submits has to give a single unit of gas more; what an item gets is the same.",
  },
  {
    file: "src/base/Matching.sol",
    from: "uint256 internal constant CREDIT_PER_LOT = 1e15",
    to: "uint128 internal constant CREDIT_PER_LOT = 1e15",
    why: "It is multiplied with lots alone, a uint64: the product is below 2**114.",
  },
  {
    file: "src/base/Matching.sol",
    from: "signedCapBps < MAX_FEE_BPS",
    to: "signedCapBps <= MAX_FEE_BPS",
    why: "The smaller of two equal numbers is either.",
  },
  {
    file: "src/base/Matching.sol",
    from: "side == ICreditExchange.Side.Sell",
    to: "side >= ICreditExchange.Side.Sell",
    why: "Sell is the last of the two sides.",
  },
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
  {
    file: "src/base/TestToken.sol",
    from: "_faucetDays[to] = FaucetDay(uint64(_today()), uint192(FAUCET_DAY_LIMIT - remaining + amount))",
    to: "_faucetDays[to] = FaucetDay(uint32(_today()), uint192(FAUCET_DAY_LIMIT - remaining + amount))",
    why: "Days since 1970 fit into 32 bits for eleven million years.",
  },
  {
    file: "src/base/TestToken.sol",
    from: "latest.day == _today()",
    to: "latest.day >= _today()",
    why: "No block is older than the one before it, so that no day that was written lies ahead.",
  },
  {
    file: "src/base/TestToken.sol",
    from: "FaucetDay memory latest = _faucetDays[recipient]",
    to: "FaucetDay storage latest = _faucetDays[recipient]",
    why: "It is only read.",
  },
  {
    file: "src/base/battery/BatteryHead.sol",
    from: "Head.unwrap(head) & STATUS_MASK == RECYCLED",
    to: "Head.unwrap(head) & STATUS_MASK >= RECYCLED",
    why: "Recycled is the last of the statuses.",
  },
  {
    file: "src/base/battery/BatteryHead.sol",
    from: "uint256 word = Head.unwrap(head) & ~OWNER_MASK | uint256(uint160(newOwner))",
    to: "uint256 word = Head.unwrap(head) & ~OWNER_MASK ^ uint256(uint160(newOwner))",
    why: "The mask has cleared the bits that are set.",
  },
  {
    file: "src/base/battery/BatteryHead.sol",
    from: "return Head.wrap(word & ~UPDATED_AT_MASK | time << UPDATED_AT)",
    to: "return Head.wrap(word & ~UPDATED_AT_MASK ^ time << UPDATED_AT)",
    why: "The mask has cleared the bits that are set.",
  },
  {
    file: "src/base/battery/BatteryHead.sol",
    from: "return Head.wrap(named_ ? word | uint256(1) << NAMED : word)",
    to: "return Head.wrap(named_ ? word ^ uint256(1) << NAMED : word)",
    why: "The word was just made without that bit.",
  },
];
