// A subscriber of the indexer on the `eventsource` package, as a browser would be: it comes back by itself.
//
//   node events-sse.mjs --url http://…/indexer/v1/events?… [--last-event-id ID] [--until TYPE=COUNT]…
//
// A connection that was lost is printed as {"lost": true}; then comes {"subscribed": …} again.
import { parseArgs } from 'node:util'
import { EventSource } from 'eventsource'

import { FOLLOW_TIMEOUT_MS, Until } from './events.mjs'
import { print } from './json-rpc.mjs'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'last-event-id': { type: 'string' },
    until: { type: 'string', multiple: true, default: [] },
  },
})
const until = new Until(values.until)
// A browser sends this header when it comes back; here the first time, too.
const first = values['last-event-id']
const withId = (url, init) => {
  const headers = { ...(first && { 'Last-Event-ID': first }), ...init.headers }
  return fetch(url, { ...init, headers })
}
const source = new EventSource(values.url, { fetch: withId })
const end = (code) => {
  source.close()
  process.exitCode = code
  clearTimeout(late)
}
const late = setTimeout(() => {
  print({ error: { message: 'gave up waiting' } })
  end(1)
}, FOLLOW_TIMEOUT_MS)

source.addEventListener('subscribed', (event) => print({ subscribed: JSON.parse(event.data) }))
for (const type of ['event', 'retracted', 'finalized']) {
  source.addEventListener(type, (event) => {
    const message = JSON.parse(event.data)
    if (event.lastEventId !== message.cursor || message.type !== type) throw new Error(`wrong frame: ${event.data}`)
    print(message)
    if (until.seen(type)) end(0)
  })
}
source.addEventListener('error', (event) => {
  if (event.code !== undefined) {
    print({ error: { code: event.code, message: event.message } })
    end(1)
  } else {
    print({ lost: true })
  }
})
