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
];
