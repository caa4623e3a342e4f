// What every wallet does with a relay, whichever library signs: learn chain and contract from `relay.info`, have the
// message signed, submit it and follow it to its end. Prints one JSON line per step.
//
// Without --action it is an ERC-3009 transfer, whose type everybody knows. Types and domains of all other actions are
// read from abi/typed-data.json, which is published for wallets; --message has the members besides signer, window and
// nonce.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { connected, main, print } from './json-rpc.mjs'

const FOLLOW_TIMEOUT_MS = 60_000
const ENDS = ['final', 'skipped', 'expired', 'rejected']

export const TRANSFER = {
  domain: { name: 'WIA Carbon Credit Micro', version: '1' },
  type: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
}

/**
 * The command line of a submitting wallet. `wallet` is `(privateKey) => ({ address, sign(domain, types, message) })`,
 * where `types` has one entry, the primary type, and `sign` gives `{ digest, signature }`.
 */
export function submitting(wallet) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' }, // the relay, or with --token the carbon stream
      token: { type: 'string' },
      to: { type: 'string' },
      'value-wei': { type: 'string' },
      'valid-for-s': { type: 'string', default: '3600' },
      contract: { type: 'string', default: 'CarbonCredit' },
      action: { type: 'string', default: 'TransferWithAuthorization' },
      message: { type: 'string' }, // JSON
    },
  })
  const key = process.env.WALLET_KEY
  const { url, token, to, action, message } = values
  const members = message ? JSON.parse(message) : { to, value: values['value-wei'] }
  if (!url || !key || Object.values(members).includes(undefined)) {
    throw new Error(
      'usage: WALLET_KEY=0x… node submit-*.mjs --url ws://… [--token JWT] (--to 0x… --value-wei N | ' +
        '--contract NAME --action PRIMARY_TYPE --message JSON)',
    )
  }
  const signed = action === 'TransferWithAuthorization' ? TRANSFER : published(values.contract, action)
  return main(() => connected(url, { token }, (session) => submit(session, wallet(key), { ...values, members, signed })))
}

function published(contract, action) {
  const { [contract]: known } = JSON.parse(readFileSync(new URL('../../abi/typed-data.json', import.meta.url), 'utf8'))
  return { domain: known.domain, type: known.types[action] }
}

async function submit(session, wallet, { contract, action, members, signed, ...options }) {
  const info = await session.call('relay.info', {})
  if (!info.actions[contract]?.includes(action)) throw new Error(`${action} of ${contract} is not relayed here`)
  const verifyingContract = info.contracts[contract]
  const domain = { ...signed.domain, chainId: info.chainId, verifyingContract }
  const message = {
    [signed.type[0].name]: wallet.address,
    ...members,
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + Number(options['valid-for-s'])),
    nonce: '0x' + randomBytes(32).toString('hex'),
  }
  const { digest, signature } = await wallet.sign(domain, { [action]: signed.type }, message)
  // Before submitting, so that no step is missed.
  await session.call('relay.subscribe', { address: wallet.address })
  const submission = { chainId: String(info.chainId), contract: verifyingContract, action, message, signature }
  const { relayId, status, receipt } = await session.call('relay.submit', submission)
  print({ submitted: { relayId, status, receipt, digest, submission } })
  for await (const { method, params } of session.pushes(FOLLOW_TIMEOUT_MS)) {
    if (method !== 'relay.update' || params.relayId !== relayId) continue
    print({ update: params })
    if (ENDS.includes(params.status)) break
  }
}
