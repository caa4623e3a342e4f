// A subscriber of the indexer on `ws`.
//
//   node events-ws.mjs --url ws://…/indexer/v1/events [--params JSON] [--until TYPE=COUNT]…
import { parseArgs } from 'node:util'

import { FOLLOW_TIMEOUT_MS, Until } from './events.mjs'
import { connected, main, print } from './json-rpc.mjs'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    params: { type: 'string', default: '{}' },
    until: { type: 'string', multiple: true, default: [] },
  },
})

await main(() => connected(values.url, {}, async (session) => {
  const until = new Until(values.until)
  const { subscription, ...subscribed } = await session.call('indexer.subscribe', JSON.parse(values.params))
  print({ subscribed })
  for await (const push of session.pushes(FOLLOW_TIMEOUT_MS)) {
    const { subscription: of, ...message } = push.params
    if (push.method !== 'indexer.event' || of !== subscription) throw new Error(`unexpected: ${JSON.stringify(push)}`)
    print(message)
    if (until.seen(message.type)) break
  }
}))
