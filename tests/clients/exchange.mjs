// A buyer, a seller and an operator of CreditExchange on viem: two signed orders, one settlement (C-046, C-069).
//
//   node exchange.mjs --url http://… --credit 0x… --exchange 0x… --payment 0x… --artifacts FOLDER
//
// Keys come as SELLER_KEY, BUYER_KEY and OPERATOR_KEY. The seller offers 1.5 credits at 25.00 a tonne; the buyer would
// pay 26.00 for one credit, and gets it at the earlier order's price. Prints one JSON line per step.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { createPublicClient, createWalletClient, getContract, http, parseEventLogs } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    credit: { type: 'string' },
    exchange: { type: 'string' },
    payment: { type: 'string' },
    artifacts: { type: 'string' },
  },
})
const print = (value) => console.log(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)))
const abi = (name) => JSON.parse(readFileSync(join(values.artifacts, `${name}.json`), 'utf8')).abi

const transport = http(values.url)
const chain = createPublicClient({ transport, pollingInterval: 100 })
const chainId = await chain.getChainId()
const [seller, buyer, operator] = ['SELLER_KEY', 'BUYER_KEY', 'OPERATOR_KEY'].map((name) =>
  createWalletClient({ account: privateKeyToAccount(process.env[name]), transport }),
)
const at = (name, address, client) => getContract({ abi: abi(name), address, client: { public: chain, wallet: client } })
const mined = async (hash) => chain.waitForTransactionReceipt({ hash: await hash })
const send = { chain: null }

const LOTS_PER_CREDIT = 1000n
const CREDIT_PER_LOT = 10n ** 15n
const CENT = 10n // price units per lot of a token of 6 decimals: 0.01 a tonne

const types = {
  Order: [
    { name: 'maker', type: 'address' },
    { name: 'side', type: 'uint8' },
    { name: 'lots', type: 'uint64' },
    { name: 'price', type: 'uint128' },
    { name: 'paymentToken', type: 'address' },
    { name: 'feeCapBps', type: 'uint16' },
    { name: 'expiry', type: 'uint64' },
    { name: 'counter', type: 'uint256' },
    { name: 'salt', type: 'uint256' },
  ],
}
const domain = { name: 'WIA Credit Exchange', version: '1', chainId, verifyingContract: values.exchange }

async function order(client, side, lots, price) {
  const { timestamp } = await chain.getBlock()
  const message = {
    maker: client.account.address, side, lots, price, paymentToken: values.payment,
    feeCapBps: 30, expiry: timestamp + 3600n, counter: 0n, salt: 1n,
  }
  return { order: message, signature: await client.signTypedData({ domain, types, primaryType: 'Order', message }) }
}

// Allowances and money, each by the one it belongs to.
await mined(at('CarbonCredit', values.credit, seller).write.approve([values.exchange, 10n ** 24n], send))
await mined(at('TestUSD', values.payment, buyer).write.faucet([buyer.account.address, 100_000_000n], send))
await mined(at('TestUSD', values.payment, buyer).write.approve([values.exchange, 10n ** 12n], send))

const offer = await order(seller, 1, (LOTS_PER_CREDIT * 3n) / 2n, 2500n * CENT)
const bid = await order(buyer, 0, LOTS_PER_CREDIT, 2600n * CENT)
const terms = { lots: LOTS_PER_CREDIT, makerFeeBps: 0, takerFeeBps: 20 }

const exchange = at('CreditExchange', values.exchange, operator)
print({ unauthorized: await refused(buyer, offer, bid, terms) })
print({ tooDear: await refused(operator, offer, { ...bid, order: { ...bid.order, price: 2700n * CENT } }, terms) })

const before = await balances()
const receipt = await mined(exchange.write.settle([offer, bid, terms], send))
const after = await balances()
const [trade] = parseEventLogs({ abi: exchange.abi, logs: receipt.logs, eventName: 'Trade' })
print({ trade: trade.args, blockchainTx: receipt.transactionHash })
print({ moved: Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]])) })
print({ overfilled: await refused(operator, offer, bid, terms) })

await mined(at('CreditExchange', values.exchange, seller).write.cancelOrder([1n], send))
print({ remainingLots: await exchange.read.remainingLots([offer.order]) })

async function refused(caller, maker, taker, settleTerms) {
  const call = exchange.simulate.settle([maker, taker, settleTerms], { account: caller.account })
  return call.then(() => null, (error) => error.walk((e) => e.data?.errorName)?.data.errorName ?? error.message)
}

async function balances() {
  const credit = at('CarbonCredit', values.credit, operator).read
  const payment = at('TestUSD', values.payment, operator).read
  const [s, b] = [seller.account.address, buyer.account.address]
  return {
    sellerCredit: await credit.balanceOf([s]), buyerCredit: await credit.balanceOf([b]),
    sellerPayment: await payment.balanceOf([s]), buyerPayment: await payment.balanceOf([b]),
  }
}
