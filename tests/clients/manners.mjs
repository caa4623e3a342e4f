// How a server treats the WebSocket protocol itself, as the `ws` package sees it. Prints the code of the first ping's
// arrival and of the end: {"pinged": true}, {"closed": CODE}.
//
//   node manners.mjs --url ws://… [--origin ORIGIN] [--pings N]
//
// With --pings it waits for that many pings and then closes with 1000; without, it closes at once; a server that
// closes first is reported as it does.
import { parseArgs } from 'node:util'
import WebSocket from 'ws'

const PATIENCE_MS = 20_000

const { values } = parseArgs({
  options: { url: { type: 'string' }, origin: { type: 'string' }, pings: { type: 'string', default: '0' } },
})
let missing = Number(values.pings)
const socket = new WebSocket(values.url, values.origin ? { origin: values.origin } : {})
const done = () => missing <= 0 && values.origin === undefined && socket.close(1000, 'Client disconnect')
const late = setTimeout(() => process.exit(1), PATIENCE_MS)
socket.on('open', done)
socket.on('ping', () => {
  console.log(JSON.stringify({ pinged: true }))
  missing -= 1
  done()
})
socket.on('error', (error) => console.error(error.message))
socket.on('close', (code) => {
  clearTimeout(late)
  console.log(JSON.stringify({ closed: code }))
})
