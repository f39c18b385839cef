// Logs in with wampy.js: with_wampy.mjs URL CODEC TABLE.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { known, run } from './run.mjs'

// A require looks in NODE_PATH, which an import does not.
const require = createRequire(import.meta.url)
const { Wampy } = require('wampy')
const { JsonSerializer } = require('wampy/JsonSerializer.js')
const { MsgpackSerializer } = require('wampy/MsgpackSerializer.js')
const { CborSerializer } = require('wampy/CborSerializer.js')
const cryptosign = require('wampy/cryptosign.js')
// What it gives to a require is a module that only an import can load.
const cra = await import(pathToFileURL(require.resolve('wampy/wampcra.js')))
const nacl = require('tweetnacl')
const WebSocket = require('ws')

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer }

const [url, codec] = process.argv.slice(2)

const PLUGINS = {
  ticket: (ticket) => () => ticket,
  wampcra: cra.sign,
  cryptosign: cryptosign.sign,
}

function credentials(authid, offers) {
  if ('anonymous' in offers) return {}
  const authPlugins = Object.fromEntries(Object.entries(offers).map(([method, secret]) => [method, PLUGINS[method](secret)]))
  const authextra = offers.cryptosign ? { pubkey: publicKey(offers.cryptosign) } : {}
  return { authid, authmethods: Object.keys(offers), authextra, authPlugins, authMode: 'auto' }
}

function publicKey(seed) {
  return Buffer.from(nacl.sign.keyPair.fromSeed(Buffer.from(seed, 'hex')).publicKey).toString('hex')
}

async function logIn(realm, authid, offers) {
  const serializer = new SERIALIZERS[codec]()
  const client = new Wampy(url, { realm, ws: WebSocket, serializer, autoReconnect: false, ...credentials(authid, offers) })
  try {
    const welcome = await client.connect()
    const { argsList: [user] } = await client.call('whoami')
    await client.disconnect()
    return { joins: known(welcome), user }
  } catch ({ errorUri, details }) {
    return { aborts: [errorUri, details?.message] }
  }
}

// Wampy authenticates nobody who has no authid.
const canOffer = ({ authid, offers }) => authid || 'anonymous' in offers

await run(logIn, ['anonymous', ...Object.keys(PLUGINS)], canOffer)
