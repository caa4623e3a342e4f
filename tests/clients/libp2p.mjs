// A js-libp2p node (TCP, noise, yamux) and the bytes that relayers read: canonical CBOR, which is what cborg writes by
// default.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { encode } from 'cborg'
import { createLibp2p } from 'libp2p'

// js-libp2p asks for Node 22; this is all that it misses in 20.
Promise.withResolvers ??= () => {
  const parts = {}
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }))
  return parts
}

/** Runs `use` on a node that is stopped afterwards. */
export async function withNode(services, use) {
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services,
  })
  try {
    await use(node)
  } finally {
    await node.stop()
  }
}

/** The canonical bytes of a JSON text. */
export function canonical(json) {
  return encode(JSON.parse(json))
}
