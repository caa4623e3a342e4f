// A wallet on viem: see relay.mjs for its command line.
import { hashTypedData } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

import { submitting } from './relay.mjs'

await submitting((key) => {
  const account = privateKeyToAccount(key)
  return {
    address: account.address,
    async sign(domain, types, message) {
      const [primaryType] = Object.keys(types)
      const typedData = { domain, types, primaryType, message }
      return { digest: hashTypedData(typedData), signature: await account.signTypedData(typedData) }
    },
  }
})
