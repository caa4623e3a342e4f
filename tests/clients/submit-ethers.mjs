// A wallet on ethers: see relay.mjs for its command line.
import { TypedDataEncoder, Wallet } from 'ethers'

import { submitting } from './relay.mjs'

await submitting((key) => {
  const wallet = new Wallet(key)
  return {
    address: wallet.address,
    async sign(domain, types, message) {
      return {
        digest: TypedDataEncoder.hash(domain, types, message),
        signature: await wallet.signTypedData(domain, types, message),
      }
    },
  }
})
