// A subscriber of the indexer on `@grpc/grpc-js`, from the .proto file alone.
//
//   node events-grpc.mjs --url http://HOST:PORT --proto FILE [--request JSON] [--until TYPE=COUNT]… [--status]
//
// Messages are printed in the form of the other doors, as far as they are told alike. --status prints GetStatus instead.
import { parseArgs } from 'node:util'
import grpc from '@grpc/grpc-js'
import loader from '@grpc/proto-loader'

import { FOLLOW_TIMEOUT_MS, Until } from './events.mjs'
import { main, print } from './json-rpc.mjs'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    proto: { type: 'string' },
    request: { type: 'string', default: '{}' },
    until: { type: 'string', multiple: true, default: [] },
    status: { type: 'boolean', default: false },
  },
})
const definition = loader.loadSync(values.proto, { longs: Number, enums: String, defaults: true, arrays: true })
const { Indexer } = grpc.loadPackageDefinition(definition).wia.indexer.v1
// Requests are compressed, answers may be (C-089).
const gzip = { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip }
const client = new Indexer(new URL(values.url).host, grpc.credentials.createInsecure(), gzip)

await main(values.status ? status : follow)
client.close()

async function status() {
  const answer = await new Promise((done, fail) => {
    client.GetStatus({}, (error, answer) => (error ? fail(error) : done(answer)))
  })
  print(answer)
}

async function follow() {
  const until = new Until(values.until)
  const call = client.Subscribe(JSON.parse(values.request), { deadline: Date.now() + FOLLOW_TIMEOUT_MS })
  try {
    for await (const event of call) {
      const type = event.type.replace('TYPE_', '').toLowerCase()
      if (type === 'subscribed') {
        print({ subscribed: { cursor: event.cursor, recovered: event.recovered } })
        continue
      }
      print({ ...message(event), type })
      if (until.seen(type)) {
        call.cancel()
        break
      }
    }
  } catch (error) {
    if (error.code !== grpc.status.CANCELLED) throw error
  }
}

function message(event) {
  const { recovered, contractName, event: name, signature, topics, data, notification, ...same } = event
  const hex = (bytes) => `0x${bytes.toString('hex')}`
  return {
    ...same,
    ...(contractName && { contractName }),
    ...(name && { event: name, signature }),
    topics: topics.map(hex),
    data: hex(data),
    ...(notification && { notification: JSON.parse(notification) }),
  }
}
