// A wallet without WebSocket: requests over libp2p, each on a stream of its own.
//
//   node request-libp2p.mjs --addr /ip4/…/tcp/…/p2p/… --request '{"method":"relay.submit","params":{…}}'
//
// `--request` may be repeated. Prints each answer as one JSON line.
import { multiaddr } from '@multiformats/multiaddr'
import { decode } from 'cborg'
import { parseArgs } from 'node:util'

import { main, print } from './json-rpc.mjs'
import { canonical, withNode } from './libp2p.mjs'

const PROTOCOL = '/wia/relay/1.0.0'
const TIMEOUT_MS = 60_000

const { values } = parseArgs({
  options: { addr: { type: 'string' }, request: { type: 'string', multiple: true } },
})

await main(() => withNode({}, ask))

async function ask(node) {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  for (const request of values.request) {
    const stream = await node.dialProtocol(multiaddr(values.addr), PROTOCOL, { signal })
    await stream.sink([canonical(request)])
    const parts = []
    for await (const part of stream.source) parts.push(part.subarray())
    print(decode(Buffer.concat(parts)))
  }
}
