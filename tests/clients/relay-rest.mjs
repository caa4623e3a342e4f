// A wallet with nothing but `fetch` and `eventsource`: viem signs, REST takes the message, server-sent events tell its way.
//
//   WALLET_KEY=0x… node relay-rest.mjs --url http://… --to 0x… --value-wei N [--events http://…]
//
// Prints {"answer": {status, location, body}} twice, because it hands the message in twice, then what relay-events.mjs
// prints until the message is final. With --events that address is asked for the events.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { privateKeyToAccount } from 'viem/accounts'

import { Until } from './events.mjs'
import { main, print } from './json-rpc.mjs'
import { follow } from './relay-events.mjs'
import { TRANSFER } from './relay.mjs'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    to: { type: 'string' },
    'value-wei': { type: 'string' },
    events: { type: 'string' },
  },
})
const relay = `${values.url}/relay/v1`

await main(async () => {
  const account = privateKeyToAccount(process.env.WALLET_KEY)
  const info = await (await fetch(`${relay}/info`)).json()
  const contract = info.contracts.CarbonCredit
  const message = {
    from: account.address,
    to: values.to,
    value: values['value-wei'],
    validAfter: '0',
    validBefore: String(Math.floor(Date.now() / 1000) + 3600),
    nonce: '0x' + randomBytes(32).toString('hex'),
  }
  const action = 'TransferWithAuthorization'
  const domain = { ...TRANSFER.domain, chainId: info.chainId, verifyingContract: contract }
  const types = { [action]: TRANSFER.type }
  const signature = await account.signTypedData({ domain, types, primaryType: action, message })
  const submission = { chainId: String(info.chainId), contract, action, message, signature }
  const submit = async () => {
    const answer = await fetch(`${relay}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(submission),
    })
    const told = { status: answer.status, location: answer.headers.get('location'), body: await answer.json() }
    print({ answer: told })
    return told
  }
  const { location } = await submit()
  await submit()
  const events = `${values.events ?? values.url}${location}/events`
  if (!(await follow(events, new Until(['final=1'])))) process.exitCode = 1
})
