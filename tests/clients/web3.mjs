// The carbon document's own chain client (C-090…C-098, C-121), on web3.js 1 and on its current major: a
// WebSocket provider that reconnects, the token's events, a mint, a receipt that is polled for, confirmations counted
// from block headers.
//
//   WALLET_KEY=0x… node web3.mjs --major 1|4 --url ws://… --contract 0x… --abi FILE --credit-id ID --amount 1.5
//       [--until-reconnected]
//
// The key must be a minter's. Prints {"listening":true}, then one line per event as the document logs it, then
// {"confirmed":…}, {"failed":…} for a transaction that reverts, and {"confirmations":12}. With --until-reconnected it
// waits in between until its provider has lost its endpoint and found it again (major 1).
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'

const CONFIRMATIONS = 12
const RECEIPT_POLL_MS = 3000

const { values } = parseArgs({
  options: {
    major: { type: 'string' },
    url: { type: 'string' },
    contract: { type: 'string' },
    abi: { type: 'string' },
    'credit-id': { type: 'string' },
    amount: { type: 'string' },
    'until-reconnected': { type: 'boolean', default: false },
  },
})

const print = (value) => console.log(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)))

const require = createRequire(import.meta.url)
const web3 = values.major === '1' ? version1() : version4()

const account = web3.eth.accounts.wallet.add(process.env.WALLET_KEY)
const user = account.address ?? account[0].address
const { abi } = JSON.parse(readFileSync(values.abi, 'utf8'))
const carbonContract = new web3.eth.Contract(abi, values.contract)
const pending = new Map()

// 7.2 Event listening
const transfers = carbonContract.events.Transfer({ filter: { to: user }, fromBlock: 'latest' })
transfers.on('data', (event) =>
  print({
    Transfer: {
      from: event.returnValues.from,
      to: event.returnValues.to,
      amount: event.returnValues.value,
      txHash: event.transactionHash,
    },
  }),
)
const minted = carbonContract.events.CreditMinted({ fromBlock: 'latest' })
minted.on('data', (event) =>
  print({
    CreditMinted: {
      recipient: event.returnValues.recipient,
      amount: event.returnValues.amount,
      creditId: event.returnValues.creditId,
    },
  }),
)

// 7.4 Block confirmation stream
const headers = await web3.eth.subscribe('newBlockHeaders')
const reached = new Promise((resolve) => {
  headers.on('data', ({ number }) => {
    for (const [hash, minedIn] of pending) {
      const confirmations = Number(number) - Number(minedIn) + 1
      if (confirmations >= CONFIRMATIONS) resolve({ confirmations, txHash: hash })
    }
  })
})
await Promise.all([subscribed(transfers), subscribed(minted)])
print({ listening: true })

if (values['until-reconnected']) await reconnected()

// 7.3 Transaction submission and monitoring
const txHash = await mintCarbonCredit(values.amount, values['credit-id'])
print({ confirmed: { ...(await monitorTransaction(txHash)), txHash } })
pending.set(txHash, (await web3.eth.getTransactionReceipt(txHash)).blockNumber)

// The same credit again, with the gas given so that no estimate stands in the way: mined, and failed.
const again = carbonContract.methods.mint(user, web3.utils.toWei(values.amount, 'ether'), values['credit-id'])
const gasPrice = String(await web3.eth.getGasPrice())
const failing = await new Promise((resolve) => {
  const sent = again.send({ from: user, gas: 300_000, gasPrice })
  sent.on('transactionHash', resolve)
  sent.catch(() => {}) // web3 says so too; the document's own monitor is what is tried here
})
print({ failed: await monitorTransaction(failing).then(() => null, (error) => error.message) })

print(await reached)
process.exit(0)

async function mintCarbonCredit(amount, creditId) {
  const gasPrice = await web3.eth.getGasPrice()
  const tx = carbonContract.methods.mint(user, web3.utils.toWei(amount.toString(), 'ether'), creditId)
  const gas = await tx.estimateGas({ from: user })
  const receipt = await tx.send({ from: user, gas: String(gas), gasPrice: String(gasPrice) })
  return receipt.transactionHash
}

function monitorTransaction(hash) {
  return new Promise((resolve, reject) => {
    const interval = setInterval(async () => {
      const receipt = await web3.eth.getTransactionReceipt(hash).catch(() => null)
      if (!receipt) return
      clearInterval(interval)
      if (receipt.status) resolve({ confirmed: true, blockNumber: receipt.blockNumber, gasUsed: receipt.gasUsed })
      else reject(new Error('Transaction failed'))
    }, RECEIPT_POLL_MS)
  })
}

function version1() {
  const Web3 = require('web3-1')
  return new Web3(
    new Web3.providers.WebsocketProvider(values.url, {
      reconnect: { auto: true, delay: 5000, maxAttempts: 10, onTimeout: false },
    }),
  )
}

function version4() {
  const { Web3, WebSocketProvider } = require('web3')
  return new Web3(new WebSocketProvider(values.url, {}, { autoReconnect: true, delay: 5000, maxAttempts: 10 }))
}

/** Resolves once the node has taken the subscription. */
function subscribed(subscription) {
  if (subscription.id) return undefined
  return new Promise((resolve) => subscription.once('connected', resolve))
}

/** Resolves once the provider has lost its connection and has another one. */
function reconnected() {
  const provider = web3.currentProvider
  provider.once('reconnect', () => console.error('lost the endpoint'))
  return new Promise((resolve) => provider.once('connect', resolve))
}
