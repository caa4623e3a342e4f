// The battery document's own chain client (B-110…B-117, B-K26, B-K29) on ethers, by the ABI that the document prints
// and not by ours: registers a passport's hash, verifies it, notices tampering, reads the audit trail, hands it over.
//
//   WALLET_KEY=0x… node battery.mjs --url http://… --contract 0x… --battery BAT-2025-LI-001234 --to 0x…
//
// Prints one JSON line per step.
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'

import { Contract, JsonRpcProvider, Wallet } from 'ethers'

const DOCUMENT_ABI = [
  'function passports(string) view returns (string batteryId, bytes32 dataHash, address manufacturer, address currentOwner, uint256 createdAt, uint256 updatedAt)',
  'function auditTrail(string, uint256) view returns (bytes32)',
  'function registerBattery(string batteryId, bytes32 dataHash)',
  'function transferOwnership(string batteryId, address newOwner)',
  'function updateData(string batteryId, bytes32 newDataHash)',
  'function verifyData(string batteryId, bytes32 dataHash) view returns (bool)',
  'event BatteryRegistered(string batteryId, address manufacturer, bytes32 dataHash)',
  'event OwnershipTransferred(string batteryId, address from, address to)',
  'event DataUpdated(string batteryId, bytes32 newHash, uint256 timestamp)',
]

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    contract: { type: 'string' },
    battery: { type: 'string' },
    to: { type: 'string' },
  },
})
const print = (value) => console.log(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v)))
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

const provider = new JsonRpcProvider(values.url, undefined, { pollingInterval: 100 })
const wallet = new Wallet(process.env.WALLET_KEY, provider)
const contract = new Contract(values.contract, DOCUMENT_ABI, wallet)
const batteryData = { identity: { manufacturer: 'MFG-2025-001', serialNumber: 'SN-2025-001234' }, stateOfHealth: 100 }
const id = values.battery

// 8.3 Register battery
const firstHash = '0x' + sha256(JSON.stringify(batteryData))
const registered = await (await contract.registerBattery(id, firstHash)).wait()
print({ registered: registered.hash, events: events(registered) })
print({ refused: await reason(contract.registerBattery(id, firstHash)) })

// 8.3 Verify data integrity
print({ isValid: await contract.verifyData(id, '0x' + sha256(JSON.stringify(batteryData))) })
batteryData.stateOfHealth = 99
print({ isValid: await contract.verifyData(id, '0x' + sha256(JSON.stringify(batteryData))) })

const secondHash = '0x' + sha256(JSON.stringify(batteryData))
const updated = await (await contract.updateData(id, secondHash)).wait()
print({ updated: updated.hash, events: events(updated) })
print({ isValid: await contract.verifyData(id, secondHash) })

const handedOver = await (await contract.transferOwnership(id, values.to)).wait()
print({ handedOver: handedOver.hash, events: events(handedOver) })
print({ refused: await reason(contract.updateData(id, firstHash)) })
print({ refused: await reason(contract.transferOwnership(id, values.to)) })

const passport = (await contract.passports(id)).toObject()
print({ passport })
print({ auditTrail: [await contract.auditTrail(id, 0), await contract.auditTrail(id, 1)] })
print({ pastTheEnd: await contract.auditTrail(id, 2).then(() => false, () => true) })
process.exit(0)

/** What the contract told in this transaction, in the document's events alone. */
function events(receipt) {
  return receipt.logs
    .map((log) => contract.interface.parseLog(log))
    .filter((event) => event !== null)
    .map((event) => ({ [event.name]: event.args.toObject() }))
}

/** The revert string that an integrator sees. */
async function reason(call) {
  return call.then(() => null, (error) => error.reason)
}
