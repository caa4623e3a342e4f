// What slither finds in src and why it stays. `where`: Contract.function (or what else slither points at), `*` for any
// characters; `unless`: not when slither's words match it. An entry that matches nothing fails tools/slither.
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
    where: ["ConsentAnchor._compactSignatureFault"],
    why: "Whatever the error, nobody was recovered, and {_signatureFault} judges the signature in full.",
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
    check: "arbitrary-send-erc20",
    where: ["CreditExchange._pay", "CreditExchange._settle"],
    why: "Whose tokens move is what settling is: buyer and seller are makers of orders whose signatures were checked, and who matches them, and at which price, Matching checks against those orders.",
  },
  {
    check: "timestamp",
    where: ["Orders._fill", "Orders.remainingLots"],
    why: "An order's expiry follows the clock, as its maker signed it.",
  },
  {
    check: "timestamp",
    where: ["BatteryOwnership._accept", "BatteryOwnership._mayAct", "BatteryOwnership._requireFuture"],
    why: "Offers and delegations end by the clock; both ends are chosen by the owner, to whom seconds do not matter.",
  },
  {
    check: "timestamp",
    where: [
      "ConsentAnchor._anchor",
      "ConsentAnchor._execute",
      "ConsentAnchor._open",
      "ConsentAnchor._revoke",
      "ConsentAnchor._roundOf",
      "ConsentAnchor.isActionable",
      "ConsentAnchor.statusOf",
    ],
    why: "Consents end and requests expire by the clock, in seconds that people chose days ahead.",
  },
  {
    check: "timestamp",
    where: ["*"],
    unless: /block\.timestamp/,
    why: "No clock is compared: the value came out of a word or a hash that also holds a time.",
  },
  {
    check: "incorrect-equality",
    where: ["BatteryOwnership._mayAct"],
    why: "The tenure of a delegation is that of the record or it is not; only the record's owner moves either.",
  },
  {
    check: "incorrect-equality",
    where: ["*"],
    unless: /block\.timestamp|balance/,
    why: "States, counters and hashes that this contract alone writes; nobody can shift one past the value that is asked for, as one can with balances and clocks.",
  },
  {
    check: "shadowing-local",
    where: ["owner"],
    why: "The owner of a battery record. ERC-5313's owner(), the default admin, comes in with AccessControlDefaultAdminRules; these functions do not speak of it.",
  },
  {
    check: "missing-zero-check",
    where: ["admin"],
    why: "AccessControlDefaultAdminRules, which the constructor gives it to first, refuses the zero address.",
  },
  {
    check: "unindexed-event-address",
    where: ["IBatteryPassport.BatteryRegistered", "IBatteryPassport.OwnershipTransferred"],
    why: "The document's own events (B-112), which keep its signature; the indexer reads them all.",
  },
  {
    check: "assembly",
    where: [
      "BatteryOwnership._hashOfArguments",
      "BatteryPassport._hashOfNamed",
      "BatteryPassport._idHash",
      "BatteryRecords._useSecondLife",
      "ConsentAnchor.approversHash",
      "Orders._orderDigest",
    ],
    why: "hashStruct over words that lie in calldata as they are to be hashed; decoding has checked them.",
  },
  {
    check: "assembly",
    where: ["ConsentAnchor._digestOf", "ConsentAnchor._requestId"],
    why: "Hashes of structs that lie in memory as abi.encode would write them; copying them first costs gas per vote.",
  },
  {
    check: "assembly",
    where: ["ConsentAnchor._at", "ConsentAnchor._castSigned"],
    why: "Elements of calldata arrays without a second check of the index: the loop and the final count of signatures bound it, and reading past calldata yields zeros that the call reverts on.",
  },
  {
    check: "assembly",
    where: ["BatterySupplyChain._emitEvent"],
    why: "Nine kinds of event of one shape, logged by one piece of code: nine emit statements would not fit into EIP-170.",
  },
  {
    check: "assembly",
    where: ["CreditExchange._isolate"],
    why: "A call with an exact amount of gas whose arguments are copied, not decoded and encoded, and of whose answer four bytes are read.",
  },
  {
    check: "pragma",
    where: ["*"],
    why: "OpenZeppelin's own ranges differ from ours; foundry.toml compiles everything with the one version that package.json pins.",
  },
  {
    check: "naming-convention",
    where: ["I*_TYPEHASH", "I*_ROLE", "ITestToken.FAUCET_*_LIMIT", "ICreditExchange.MAX_FEE_BPS", "ICreditExchange.CREDIT", "CreditExchange.CREDIT", "BatteryRoles.GATED"],
    why: "Getters of constants, named as the constants are: the convention of ERC-2612 (DOMAIN_SEPARATOR), ERC-3009 and AccessControl.",
  },
];
