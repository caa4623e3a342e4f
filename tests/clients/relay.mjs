// What every wallet does with a relay, whichever library signs: learn chain and contract from `relay.info`, have the
// ERC-3009 message signed, submit it and follow it to its end. Prints one JSON line per step.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'

import { connected, main, print } from './json-rpc.mjs'

const FOLLOW_TIMEOUT_MS = 60_000
const ENDS = ['final', 'skipped', 'expired', 'rejected']

export const types = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
}

/**
 * The command line of a submitting wallet. `wallet` is `(privateKey) => ({ address, sign(domain, message) })`, where
 * `sign` gives `{ digest, signature }`.
 */
export function submitting(wallet) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' }, // the relay, or with --token the carbon stream
      token: { type: 'string' },
      to: { type: 'string' },
      'value-wei': { type: 'string' },
      'valid-for-s': { type: 'string', default: '3600' },
    },
  })
  const key = process.env.WALLET_KEY
  if (!values.url || !values.to || !values['value-wei'] || !key) {
    throw new Error('usage: WALLET_KEY=0x… node submit-*.mjs --url ws://… --to 0x… --value-wei N [--token JWT]')
  }
  const { url, token } = values
  return main(() => connected(url, { token }, (session) => submit(session, wallet(key), values)))
}

async function submit(session, wallet, options) {
  const info = await session.call('relay.info', {})
  const contract = info.contracts.CarbonCredit
  const domain = {
    name: 'WIA Carbon Credit Micro',
    version: '1',
    chainId: info.chainId,
    verifyingContract: contract,
  }
  const message = {
    from: wallet.address,
    to: options.to,
    value: options['value-wei'],
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + Number(options['valid-for-s'])),
    nonce: '0x' + randomBytes(32).toString('hex'),
  }
  const { digest, signature } = await wallet.sign(domain, message)
  // Before submitting, so that no step is missed.
  await session.call('relay.subscribe', { address: wallet.address })
  const submission = {
    chainId: String(info.chainId),
    contract,
    action: 'TransferWithAuthorization',
    message,
    signature,
  }
  const { relayId, status, receipt } = await session.call('relay.submit', submission)
  print({ submitted: { relayId, status, receipt, digest, submission } })
  for await (const { method, params } of session.pushes(FOLLOW_TIMEOUT_MS)) {
    if (method !== 'relay.update' || params.relayId !== relayId) continue
    print({ update: params })
    if (ENDS.includes(params.status)) break
  }
}
