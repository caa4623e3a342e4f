// A wallet on viem: see relay.mjs for its command line.
import { hashTypedData } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

import { submitting, types } from './relay.mjs'

await submitting((key) => {
  const account = privateKeyToAccount(key)
  return {
    address: account.address,
    async sign(domain, message) {
      const typedData = { domain, types, primaryType: 'TransferWithAuthorization', message }
      return { digest: hashTypedData(typedData), signature: await account.signTypedData(typedData) }
    },
  }
})
