// The steps of messages on the `eventsource` package, as a browser would hear them: it comes back by itself.
//
//   node relay-events.mjs --url http://…/relay/v1/events?address=0x… --until STATUS=COUNT…
//
// Prints {"subscribed": …}, then {"id": …, "update": …} for every step, and {"lost": true} when the connection breaks. Ends
// when every `--until` is fulfilled.
import { parseArgs } from 'node:util'
import { EventSource } from 'eventsource'

import { FOLLOW_TIMEOUT_MS, Until } from './events.mjs'
import { print } from './json-rpc.mjs'

/** Prints the steps at `url` until `until` is fulfilled; false when that took too long, or the server refused. */
export function follow(url, until) {
  const source = new EventSource(url)
  return new Promise((done) => {
    const end = (well) => {
      source.close()
      clearTimeout(late)
      done(well)
    }
    const late = setTimeout(() => {
      print({ error: { message: 'gave up waiting' } })
      end(false)
    }, FOLLOW_TIMEOUT_MS)
    source.addEventListener('subscribed', (event) => print({ subscribed: JSON.parse(event.data) }))
    source.addEventListener('relay.update', (event) => {
      const update = JSON.parse(event.data)
      print({ id: event.lastEventId, update })
      if (until.seen(update.status)) end(true)
    })
    source.addEventListener('error', (event) => {
      if (event.code === undefined) return print({ lost: true })
      print({ error: { code: event.code, message: event.message } })
      end(false)
    })
  })
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: { url: { type: 'string' }, until: { type: 'string', multiple: true, default: [] } },
  })
  if (!(await follow(values.url, new Until(values.until)))) process.exitCode = 1
}
