// What slither finds in src and why it stays. `where`: Contract.function (or what else slither points at), `*` for any
// characters; an entry that matches nothing fails tools/slither.
"use strict";
module.exports = [
  {
    check: "timestamp",
    where: ["Authorizations._availabilityFault"],
    why: "Validity windows follow the clock, as ERC-3009 says; a proposer who shifts it by seconds decides nothing that whoever submits the authorization could not decide by waiting.",
  },
  {
    check: "timestamp",
    where: ["TestToken.faucet", "TestToken.faucetRemaining"],
    why: "The faucet of a worthless token counts in days.",
  },
  {
    check: "incorrect-equality",
    where: ["TestToken.faucetRemaining"],
    why: "Whether the amount on record is of today; nobody but the faucet writes the day, and another day starts anew.",
  },
  {
    check: "timestamp",
    where: ["CreditRetirement.verifyCertificate"],
    why: "The time of the block is one of the fields that a certificate is the hash of; two hashes are compared.",
  },
  {
    check: "incorrect-equality",
    where: ["CreditRetirement.verifyCertificate"],
    why: "Equality of two hashes is what is asked.",
  },
  {
    check: "unused-return",
    where: ["Authorizations._isSignedBy"],
    why: "tryRecover's third value is the operand of an error that is not raised: a bad signature is NO signer, and the contract wallet is asked next.",
  },
  {
    check: "assembly",
    where: ["Authorizations._isAcceptedBy"],
    why: "A static call that reads no more than 32 bytes of the answer, so that a wallet cannot make the submitter pay for copying a large one; Solidity's own call copies all of it.",
  },
  {
    check: "assembly",
    where: ["TransferAuthorizations._transferDigest", "TransferAuthorizations._messageOfThisCall"],
    why: "hashStruct over six words that lie in calldata as they are to be hashed, 450 gas less per item than decoding and encoding them.",
  },
  {
    check: "assembly",
    where: ["RelayBatcher._call"],
    why: "A call with an exact amount of gas that reads four bytes of the answer; Solidity's own call copies all of it.",
  },
  {
    check: "pragma",
    where: ["*"],
    why: "OpenZeppelin's own ranges differ from ours; foundry.toml compiles everything with the one version that package.json pins.",
  },
  {
    check: "naming-convention",
    where: ["I*_TYPEHASH", "I*_ROLE", "ITestToken.FAUCET_*_LIMIT"],
    why: "Getters of constants, named as the constants are: the convention of ERC-2612 (DOMAIN_SEPARATOR), ERC-3009 and AccessControl.",
  },
];
