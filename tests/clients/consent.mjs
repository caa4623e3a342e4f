// The parties of a consent on viem: an anchorer, five approvers of whom three make a quorum, and somebody who submits
// what they signed (E-091…E-093, X-39).
//
//   node consent.mjs --url http://… --contract 0x… --artifacts FOLDER
//
// Keys come as ANCHORER_KEY, APPROVER_KEYS (five, by comma) and SUBMITTER_KEY. Prints one JSON line per step.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import {
  createPublicClient, createWalletClient, encodeAbiParameters, getContract, http, keccak256, parseAbiParameters,
  parseSignature, signatureToCompactSignature, toHex,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const { values } = parseArgs({
  options: { url: { type: 'string' }, contract: { type: 'string' }, artifacts: { type: 'string' } },
})
const print = (value) => console.log(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)))
const { abi } = JSON.parse(readFileSync(join(values.artifacts, 'ConsentAnchor.json'), 'utf8'))

const transport = http(values.url)
const chain = createPublicClient({ transport, pollingInterval: 100 })
const client = (key) => createWalletClient({ account: privateKeyToAccount(key), transport })
const as = (wallet) => getContract({ abi, address: values.contract, client: { public: chain, wallet } })
const mined = async (hash) => chain.waitForTransactionReceipt({ hash: await hash })
const send = { chain: null }

const anchorer = client(process.env.ANCHORER_KEY)
const submitter = client(process.env.SUBMITTER_KEY)
const byAddress = (a, b) => (BigInt(a.account.address) < BigInt(b.account.address) ? -1 : 1)
const approvers = process.env.APPROVER_KEYS.split(',').map(client).sort(byAddress)
const members = approvers.map(({ account }) => account.address)

const salt = toHex(crypto.getRandomValues(new Uint8Array(32)))
const commitment = keccak256(
  encodeAbiParameters(parseAbiParameters('bytes32 salt, bytes32 documentHash'), [salt, keccak256(toHex('a will'))]),
)
const { read } = as(submitter)
const { timestamp } = await chain.getBlock()
const FAMILY_INTERACTION = 2
const terms = {
  commitment,
  level: FAMILY_INTERACTION,
  expiry: Number(timestamp) + 86_400,
  approversHash: await read.approversHash([members]),
  threshold: 3,
  guardian: '0x0000000000000000000000000000000000000000',
}
await mined(as(anchorer).write.anchor([terms], send))
const consentKey = await read.consentKeyOf([anchorer.account.address, commitment])
print({ status: await read.statusOf([consentKey]), valid: await read.isValid([consentKey, FAMILY_INTERACTION, timestamp + 10n]) })

const request = {
  consentKey,
  epoch: 0,
  operationHash: keccak256(toHex('open the voice archive')),
  deadline: Number(timestamp) + 3600,
}
const requestId = await read.requestIdOf([request])
const types = {
  Vote: [
    { name: 'approver', type: 'address' },
    { name: 'requestId', type: 'bytes32' },
    { name: 'operationHash', type: 'bytes32' },
    { name: 'decision', type: 'uint8' },
    { name: 'deadline', type: 'uint40' },
  ],
}
const domain = {
  name: 'WIA Consent Anchor', version: '1', chainId: await chain.getChainId(), verifyingContract: values.contract,
}
const GRANT = 1

async function grantOf(approver, of = { requestId, ...request }) {
  const message = {
    approver: approver.account.address, requestId: of.requestId, operationHash: of.operationHash, decision: GRANT,
    deadline: of.deadline,
  }
  const signature = await approver.signTypedData({ domain, types, primaryType: 'Vote', message })
  return signatureToCompactSignature(parseSignature(signature))
}
const compact = ({ r, yParityAndS }) => ({ r, vs: yParityAndS })

// Two of five are no quorum.
const [first, second, third] = await Promise.all(approvers.slice(0, 3).map((approver) => grantOf(approver)))
await mined(
  as(submitter).write.castSignedVotes([request, members, GRANT, 0b011n, [first, second].map(compact)], send),
)
print({ votes: 2, granted: await read.isGranted([requestId]), actionable: await read.isActionable([request]) })

// The same votes again, and one of them for another request: nothing.
const another = { ...request, operationHash: keccak256(toHex('sell the voice')) }
print({ again: await refused('castSignedVotes', [request, members, GRANT, 0b011n, [first, second].map(compact)]) })
print({ replayed: await refused('castSignedVotes', [another, members, GRANT, 0b001n, [compact(first)]]) })
print({ stranger: await refused('vote', [request, members, GRANT]) })

await mined(as(submitter).write.castSignedVotes([request, members, GRANT, 0b100n, [compact(third)]], send))
print({ votes: 3, granted: await read.isGranted([requestId]), actionable: await read.isActionable([request]) })

await mined(as(anchorer).write.revoke([commitment, 0], send))
const now = (await chain.getBlock()).timestamp
print({
  status: await read.statusOf([consentKey]),
  valid: await read.isValid([consentKey, FAMILY_INTERACTION, now]),
  actionable: await read.isActionable([request]),
})

/** The error's name, or for votes that were all skipped the bitmap of those that counted. */
async function refused(functionName, args) {
  const call = chain.simulateContract({ abi, address: values.contract, functionName, args, account: submitter.account })
  return call.then(({ result }) => ({ counted: result }), (error) => error.walk((e) => e.data?.errorName)?.data.errorName)
}
