// A wallet without WebSocket: requests over libp2p (js-libp2p: TCP, noise, yamux), each on a stream of its own.
//
//   node request-libp2p.mjs --addr /ip4/…/tcp/…/p2p/… --request '{"method":"relay.submit","params":{…}}'
//
// `--request` may be repeated. Prints each answer as one JSON line. The bytes are canonical CBOR, which is what cborg writes by default.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import * as cbor from 'cborg'
import { createLibp2p } from 'libp2p'
import { parseArgs } from 'node:util'

import { main, print } from './json-rpc.mjs'

const PROTOCOL = '/wia/relay/1.0.0'
const TIMEOUT_MS = 20_000

const { values } = parseArgs({ options: { addr: { type: 'string' }, request: { type: 'string', multiple: true } } })

await main(async () => {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    for (const request of values.request) {
      const stream = await node.dialProtocol(multiaddr(values.addr), PROTOCOL, { signal })
      await stream.sink([cbor.encode(JSON.parse(request))])
      const parts = []
      for await (const part of stream.source) parts.push(part.subarray())
      print(cbor.decode(Buffer.concat(parts)))
    }
  } finally {
    await node.stop()
  }
})
