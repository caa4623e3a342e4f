// JSON-RPC 2.0 over `ws`, as a wallet author would write it: calls by id, pushes as an async stream, and no wait
// without an end.
import WebSocket from 'ws'

const CALL_TIMEOUT_MS = 20_000

/** Runs `use` on a session that is closed afterwards; with `token` it authenticates first (carbon stream). */
export async function connected(url, { token, protocols = [] }, use) {
  const socket = new WebSocket(url, protocols)
  await within(CALL_TIMEOUT_MS, `a connection to ${url}`, new Promise((open, fail) => {
    socket.once('open', open)
    socket.once('error', fail)
  }))
  const session = new Session(socket)
  try {
    if (token) await session.call('authenticate', { token })
    await use(session)
  } finally {
    socket.close(1000, 'Client disconnect')
  }
}

/** One open socket. */
class Session {
  #socket
  #lastId = 0
  #waiting = new Map()
  #pushes = []
  #wake = () => {}

  constructor(socket) {
    this.#socket = socket
    socket.on('message', (data) => this.#receive(JSON.parse(data)))
    socket.on('error', () => {})
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      const error = new Error(`closed with ${code} ${reason}`)
      for (const { fail } of this.#waiting.values()) fail(error)
      this.#wake()
    })
  }

  /** The result of `method`; throws an `RpcError` when the server refuses. */
  call(method, params) {
    const id = ++this.#lastId
    const answer = new Promise((done, fail) => this.#waiting.set(id, { done, fail }))
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return within(CALL_TIMEOUT_MS, `the answer to ${method}`, answer)
  }

  /** The pushes in order of arrival, until `timeoutMs` from now or until the server closes; both throw. */
  async *pushes(timeoutMs) {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      while (this.#pushes.length > 0) yield this.#pushes.shift()
      if (this.closed) throw new Error(`closed with ${this.closed.code} ${this.closed.reason}`)
      const more = new Promise((wake) => (this.#wake = wake))
      await within(deadline - Date.now(), 'the next push', more)
    }
  }

  #receive(message) {
    if (message.id === undefined || message.id === null) {
      this.#pushes.push(message)
      this.#wake()
      return
    }
    const { done, fail } = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.error) fail(new RpcError(message.error))
    else done(message.result)
  }
}

/** A refusal: `code`, `message`, and `data` with the field and the reason. */
export class RpcError extends Error {
  constructor({ code, message, data }) {
    super(`${message} (${code}): ${JSON.stringify(data)}`)
    Object.assign(this, { code, data })
  }
}

/** One JSON line on standard output. */
export function print(value) {
  process.stdout.write(JSON.stringify(value) + '\n')
}

/** Runs a client to its end; a failure is printed as JSON too, and the exit code is 1. */
export async function main(run) {
  try {
    await run()
  } catch (error) {
    print({ error: { code: error.code, message: error.message, data: error.data } })
    process.exitCode = 1
  }
}

function within(timeoutMs, what, promise) {
  let timer
  const timeout = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`gave up waiting for ${what}`)), Math.max(timeoutMs, 0))
  })
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer))
}
