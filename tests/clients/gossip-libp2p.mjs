// A wallet that tells everyone: publishes submissions on the relayers' gossip topic, anonymously.
//
//   node gossip-libp2p.mjs --addr /ip4/…/tcp/…/p2p/… --topic wia/relay/1/31337 --submission '{"chainId":…}'
//
// `--submission` may be repeated. Prints {"published": <how many>} once they are on their way to a relayer, and stays
// in the mesh until it is killed.
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { main, print } from './json-rpc.mjs'
import { canonical, withNode } from './libp2p.mjs'

const TIMEOUT_MS = 20_000

const killed = new Promise(() => {})

const { values } = parseArgs({
  options: {
    addr: { type: 'string' },
    topic: { type: 'string' },
    submission: { type: 'string', multiple: true },
  },
})

const services = { identify: identify(), pubsub: gossipsub({ globalSignaturePolicy: 'StrictNoSign' }) }

await main(() => withNode(services, publish))

async function publish(node) {
  const { pubsub } = node.services
  pubsub.subscribe(values.topic)
  await node.dial(multiaddr(values.addr), { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const deadline = Date.now() + TIMEOUT_MS
  while (pubsub.getMeshPeers(values.topic).length === 0) {
    if (Date.now() > deadline) throw new Error('no relayer joined the mesh')
    await setTimeout(50)
  }
  for (const submission of values.submission) {
    const { recipients } = await pubsub.publish(values.topic, canonical(submission))
    if (recipients.length === 0) throw new Error('nobody took it')
  }
  print({ published: values.submission.length })
  await killed
}
