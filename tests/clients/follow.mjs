// A dashboard: authenticates on the carbon stream, subscribes, and prints every push as it came, one JSON line each.
//
//   node follow.mjs --url ws://… --token JWT [--cursor C] [--channel NAME]… [--until KIND=COUNT]…
//
// First line: {"subscribed": result}. It ends when every `--until` is fulfilled (KIND is a method's name); without one
// it goes on until it is killed or the server closes.
import { parseArgs } from 'node:util'

import { connected, main, print } from './json-rpc.mjs'

const FOLLOW_TIMEOUT_MS = 180_000

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    token: { type: 'string' },
    cursor: { type: 'string' },
    channel: { type: 'string', multiple: true, default: ['wallet.balance', 'blockchain.confirmations'] },
    until: { type: 'string', multiple: true, default: [] },
  },
})

await main(() => connected(values.url, { token: values.token, protocols: ['wccm-v1'] }, follow))

async function follow(session) {
  const missing = new Map(values.until.map((u) => u.split('=')).map(([kind, count]) => [kind, Number(count)]))
  const params = { channels: values.channel, ...(values.cursor && { cursor: values.cursor }) }
  print({ subscribed: await session.call('subscribe', params) })
  for await (const push of session.pushes(FOLLOW_TIMEOUT_MS)) {
    print(push)
    if (missing.has(push.method)) missing.set(push.method, missing.get(push.method) - 1)
    if (missing.size > 0 && [...missing.values()].every((left) => left <= 0)) break
  }
}
