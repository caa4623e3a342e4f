// What an attacker does with tokens, with Node's own crypto.
//
//   node tokens.mjs --folder <where token-key.pem lies> --token JWT
//
// With `--claims JSON` it prints {"token"} with these claims changed, rightly signed. Without, one JSON object: name of
// the trick -> token. `fine` is signed anew and must be accepted: it shows that the
// others fail for what is wrong with them.
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { main, print } from './json-rpc.mjs'

const { values } = parseArgs({
  options: { folder: { type: 'string' }, token: { type: 'string' }, claims: { type: 'string' } },
})

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'))

await main(async () => {
  const privateKey = readFileSync(join(values.folder, 'token-key.pem'))
  const publicKey = readFileSync(join(values.folder, 'token-key.pub.pem'))
  const [header, claims] = values.token.split('.').slice(0, 2).map(decode)
  const now = Math.floor(Date.now() / 1000)

  const rs256 = (key) => (data) => createSign('RSA-SHA256').update(data).sign(key, 'base64url')
  const hs256 = (secret) => (data) => createHmac('sha256', secret).update(data).digest('base64url')
  const token = (changes, sign = rs256(privateKey), headerChanges = {}) => {
    const data = `${encode({ ...header, ...headerChanges })}.${encode({ ...claims, ...changes })}`
    return `${data}.${sign(data)}`
  }
  if (values.claims) return print({ token: token(JSON.parse(values.claims)) })

  const [head, , signature] = values.token.split('.')
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

  print({
    fine: token({}),
    'not a token': 'not.a.token',
    expired: token({ iat: now - 7200, exp: now - 3600 }),
    'not valid yet': token({ nbf: now + 3600 }),
    'HS256 with the public key as the secret': token({}, hs256(publicKey), { alg: 'HS256' }),
    'alg none': token({}, () => '', { alg: 'none' }),
    'other claims under the old signature': `${head}.${encode({ ...claims, sub: 'USER-2026-999' })}.${signature}`,
    "a stranger's key": token({}, rs256(stranger)),
    'an unknown kid': token({}, undefined, { kid: 'wia-key-999' }),
    'another issuer': token({ iss: 'https://auth.example' }),
    'another audience': token({ aud: 'battery-passport' }),
    'no expiry': token({ exp: undefined }),
  })
})
