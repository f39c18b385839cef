// Logs in with autobahn-js: with_autobahn.mjs URL CODEC TABLE.

import { createRequire } from 'node:module'
import { known, run } from './run.mjs'

// A require looks in NODE_PATH, which an import does not.
const require = createRequire(import.meta.url)
// Without it autobahn takes a path that needs an old version of ws.
globalThis.WebSocket = require('ws')
const autobahn = require('autobahn')
const nacl = require('tweetnacl')

const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer
const SERIALIZERS = { json: JSONSerializer, msgpack: MsgpackSerializer, cbor: CBORSerializer }

const [url, codec] = process.argv.slice(2)

const ANSWERS = {
  ticket: (ticket) => ticket,
  wampcra: (secret, { challenge, salt, iterations, keylen }) =>
    autobahn.auth_cra.sign(salt ? autobahn.auth_cra.derive_key(secret, salt, iterations, keylen) : secret, challenge),
}

function connection(realm, authid, offers) {
  const serializers = [new SERIALIZERS[codec]()]
  if (offers.cryptosign) {
    const pkey = nacl.sign.keyPair.fromSeed(Buffer.from(offers.cryptosign, 'hex'))
    return autobahn.auth_cryptosign.create_connection({ url, realm, authid, pkey, serializers })
  }
  const onchallenge = (session, method, extra) => ANSWERS[method](offers[method], extra)
  const authmethods = Object.keys(offers)
  return new autobahn.Connection({ url, realm, authid, authmethods, onchallenge, serializers, max_retries: 0 })
}

function logIn(realm, authid, offers) {
  const opening = connection(realm, authid, offers)
  return new Promise((resolve, reject) => {
    let joined
    opening.onopen = async (session, details) => {
      joined = { joins: known(details), user: await session.call('whoami') }
      opening.close()
    }
    opening.onclose = (_, { reason, message }) => resolve(joined ?? { aborts: [reason, message] })
    opening.open()
  })
}

await run(logIn, ['anonymous', 'cryptosign', ...Object.keys(ANSWERS)])
