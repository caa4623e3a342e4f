// What shows that the proofs in test/proofs can fail: for each a change of src that must turn it red. tools/prove
// --self-check makes each change in a copy and asks halmos.
"use strict";
module.exports = [
  {
    proof: "AuthorizationsProof.check_ANonceIsUsedAtMostOnce",
    file: "src/base/Authorizations.sol",
    from: "if (authorizationState(signer, nonce)) return AuthorizationAlreadyUsed.selector;",
    to: "",
  },
  {
    proof: "AuthorizationsProof.check_ANonceOfAWalletIsUsedAtMostOnce",
    file: "src/base/Authorizations.sol",
    from: "uint256(nonce) >> 8] |= _nonceBit(nonce);",
    to: "uint256(nonce) >> 8] ^= _nonceBit(nonce) & ~uint256(1);",
  },
  {
    proof: "AuthorizationsProof.check_CancellingAndUsingExcludeEachOther",
    file: "src/base/Authorizations.sol",
    from: "_takeNonce(authorizer, nonce);",
    to: "_takeNonce(authorizer, bytes32(uint256(nonce) << 8));",
  },
  {
    proof: "AuthorizationsProof.check_AUseTouchesItsOwnNonceAlone",
    file: "src/base/Authorizations.sol",
    from: "return 1 << (uint256(nonce) & 0xff);",
    to: "return 1 << (uint256(nonce) & 0xfe);",
  },
  {
    proof: "AuthorizationsProof.check_AUseIsWithinItsWindow",
    file: "src/base/Authorizations.sol",
    from: "block.timestamp >= validBefore",
    to: "block.timestamp > validBefore",
  },
  {
    proof: "CarbonCreditProof.check_MintConserves",
    file: "src/base/CreditIssuance.sol",
    from: "_mint(to, amount);",
    to: "_mint(to, amount + 1);",
  },
  {
    proof: "CarbonCreditProof.check_IssueConserves",
    file: "src/base/CreditIssuance.sol",
    from: "uint256 amount = count * CREDIT_STEP;",
    to: "uint256 amount = (count + 1) * CREDIT_STEP;",
  },
  {
    proof: "CarbonCreditProof.check_RetireConserves",
    file: "src/base/CreditIssuance.sol",
    from: "issuance.retired += count;",
    to: "issuance.issued += count;",
  },
  {
    proof: "CarbonCreditProof.check_RetireFromConserves",
    file: "src/base/CreditIssuance.sol",
    from: "        _burn(holder, amount);\n        return first;",
    to: "        _transfer(holder, address(1), amount);\n        return first;",
  },
  {
    proof: "CarbonCreditProof.check_RetireWithAuthorizationConserves",
    file: "src/base/CreditIssuance.sol",
    from: "issuance.retired += count;",
    to: "",
  },
  {
    proof: "CarbonCreditProof.check_CancellingConserves",
    file: "src/base/CreditIssuance.sol",
    from: "        issuance.cancelled += count;\n        _burn(_msgSender(), amount);",
    to: "        issuance.cancelled += count;",
  },
  {
    proof: "CarbonCreditProof.check_BufferingConserves",
    file: "src/base/CreditIssuance.sol",
    from: "issuance.buffered += count;",
    to: "issuance.buffered = count;",
  },
  {
    proof: "CarbonCreditProof.check_AReversalConserves",
    file: "src/base/CreditIssuance.sol",
    from: "issuance.buffered = buffered - count;",
    to: "issuance.buffered = buffered;",
  },
  {
    proof: "CarbonCreditProof.check_ATransferConserves",
    file: "src/CarbonCredit.sol",
    from: "    /// @inheritdoc ICarbonCredit\n    function pause()",
    to: "    function _update(address from, address to, uint256 value) internal override {\n        super._update(from, to, value);\n        super._update(address(0), to, 1);\n    }\n\n    /// @inheritdoc ICarbonCredit\n    function pause()",
  },
  {
    proof: "CarbonCreditProof.check_OnlyWholeStepsAreMinted",
    file: "src/base/CreditIssuance.sol",
    from: "amount == 0 || amount % CREDIT_STEP != 0",
    to: "amount == 0",
  },
  {
    proof: "CreditExchangeProof.check_AFillStaysWithinTheOrder",
    file: "src/base/Fills.sol",
    from: "return (salt & 3) << 6;",
    to: "return (salt & 3) << 5;",
  },
  {
    proof: "CreditExchangeProof.check_NoOrderIsFilledBeyondItsLots",
    file: "src/base/Orders.sol",
    from: "words[salt >> 2] = Fills.add(word, salt, lots);",
    to: "words[salt >> 3] = Fills.add(word, salt, lots);",
  },
  {
    proof: "CreditExchangeProof.check_NoPaymentWithoutTheOtherLeg",
    file: "src/CreditExchange.sol",
    from: "IERC20(CREDIT).safeTransferFrom(legs.seller, legs.buyer, legs.credits);",
    to: "",
  },
  {
    proof: "ConsentAnchorProof.check_ARoundBeginsWithoutGrants",
    file: "src/base/ApprovalRound.sol",
    from: "quorum << THRESHOLD_AT | size",
    to: "1 | quorum << THRESHOLD_AT | size",
  },
  {
    proof: "ConsentAnchorProof.check_NoGrantBelowTheThreshold",
    file: "src/base/ApprovalRound.sol",
    from: "return count(word & ~(word >> DECLINED_AT) & BITMAP);",
    to: "return count(word & BITMAP);",
  },
  {
    proof: "ConsentAnchorProof.check_AVoteSetsItsOwnBitOnce",
    file: "src/base/ApprovalRound.sol",
    from: "if (granting) spent |= word;",
    to: "",
  },
  {
    proof: "ConsentAnchorProof.check_ADenialStays",
    file: "src/base/ApprovalRound.sol",
    from: "uint256 spent = word >> DECLINED_AT;",
    to: "uint256 spent = 0;",
  },
  {
    proof: "ConsentAnchorProof.check_NothingIsExecutedWithoutAGrant",
    file: "src/ConsentAnchor.sol",
    from: "_rounds[requestId] = round.execute();",
    to: "",
  },
];
