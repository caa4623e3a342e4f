// What the three clients of the indexer's stream share: when to end, and how a message is printed.
//
// Each prints {"subscribed": {cursor, recovered}} and then every message as it came, one JSON line each. It ends when every
// `--until TYPE=COUNT` is fulfilled; without one it goes on until it is killed or the server ends the stream, which is
// printed as {"ended": …}.

export const FOLLOW_TIMEOUT_MS = 180_000

/** Counts messages by type. */
export class Until {
  #missing

  constructor(counts) {
    this.#missing = new Map(counts.map((u) => u.split('=')).map(([type, count]) => [type, Number(count)]))
  }

  /** Notes a message; true when nothing more is waited for. */
  seen(type) {
    if (this.#missing.has(type)) this.#missing.set(type, this.#missing.get(type) - 1)
    return this.#missing.size > 0 && [...this.#missing.values()].every((left) => left <= 0)
  }
}
