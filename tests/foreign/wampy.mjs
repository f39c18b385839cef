// Calls the server with wampy.js: wampy.mjs URL CODEC [ROLE].

import { createRequire } from 'node:module'
import {
  binary, dates, outcome, pause, refused, run, sessionCases, sharedCases, undefinedArgument, value,
} from './cases.mjs'
import { Subscription, converse, topicCases } from './topics.mjs'

// A require looks in NODE_PATH, which an import does not.
const require = createRequire(import.meta.url)
const { Wampy } = require('wampy')
const { JsonSerializer } = require('wampy/JsonSerializer.js')
const { MsgpackSerializer } = require('wampy/MsgpackSerializer.js')
const { CborSerializer } = require('wampy/CborSerializer.js')
const WebSocket = require('ws')

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer }

const [url, codec, role] = process.argv.slice(2)

/** Tells how the connection ended, which wampy keeps to itself. */
class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols)
    this.addEventListener('close', ({ wasClean }) => (Socket.closedCleanly = wasClean))
  }
}

class Client {
  async open() {
    const serializer = new SERIALIZERS[codec]()
    this.session = new Wampy(url, { realm: 'realm1', ws: Socket, serializer, autoReconnect: false })
    this.welcome = await this.session.connect()
    return this
  }

  get id() {
    return this.session.getSessionId()
  }

  async subscribe(topic, match) {
    const events = new Subscription()
    const push = ({ details, argsList, argsDict }) => {
      events.push({ args: argsList, kwargs: argsDict, topic: details.topic ?? topic })
    }
    try {
      const { subscriptionId } = await this.session.subscribe(topic, push, match && { match })
      return Object.assign(events, { id: subscriptionId, unsubscribe: () => this.session.unsubscribe(subscriptionId) })
    } catch ({ errorUri }) {
      return { error: errorUri }
    }
  }

  /** Wampy always asks for an acknowledgement, and can neither give a list without entries nor unset `exclude_me`. */
  async publish(topic, { args, kwargs }, { exclude, eligible }) {
    const payload = args || kwargs ? { argsList: args ?? [], argsDict: kwargs } : undefined
    try {
      const { publicationId } = await this.session.publish(topic, payload, { exclude, eligible })
      return { publication: publicationId }
    } catch ({ errorUri }) {
      return { error: errorUri }
    }
  }

  call(procedure, options) {
    return this.start(procedure, options).reply
  }

  /** Starts a call and gives its request id too, which wampy tells only afterwards. */
  start(procedure, { args, kwargs, timeout, progress } = {}) {
    const parts = []
    const payload = args || kwargs ? { argsList: args ?? [], argsDict: kwargs } : undefined
    const progress_callback = progress ? (part) => parts.push(payloadOf(part)) : undefined
    const promise = this.session.call(procedure, payload, { timeout, progress_callback })
    const request = this.session.getOpStatus().reqId
    const shown = progress ? parts : null
    const reply = promise.then(
      (result) => outcome({ ...payloadOf(result), progress: shown }),
      (error) => {
        if (!error.errorUri) throw error
        return outcome({ ...payloadOf(error), error: error.errorUri, progress: shown })
      },
    )
    return { reply, request }
  }
}

function payloadOf({ argsList, argsDict }) {
  return { args: argsList ?? [], kwargs: argsDict ?? {} }
}

function integers() {
  switch (codec) {
    // JSON.stringify refuses a BigInt, so text has to do; and JSON.parse rounds above 2^53.
    case 'json':
      return [
        value('2^53 - 1', 'value.signed', 2 ** 53 - 1),
        value('2^53', 'value.signed', 2 ** 53),
        value('2^53 + 1 as text', 'value.signed', '9007199254740993', 2 ** 53),
        value('the least i64 as text', 'value.signed', '-9223372036854775808', -(2 ** 63)),
        value('the greatest u64 as text', 'value.unsigned', '18446744073709551615', 2 ** 64),
        refused('2^63 as text for an i64', 'value.signed', '9223372036854775808'),
        refused('2^64 as text for a u64', 'value.unsigned', '18446744073709551616'),
      ]
    // Numbers above 2^32 are sent as floats, BigInts as 64-bit integers; every 64-bit integer is read as a BigInt.
    case 'msgpack':
      return [
        value('2^53 - 1', 'value.signed', 2 ** 53 - 1, 2n ** 53n - 1n),
        value('2^53 + 1', 'value.signed', 2n ** 53n + 1n),
        value('the greatest i64', 'value.signed', 2n ** 63n - 1n),
        value('the least i64', 'value.signed', -(2n ** 63n)),
        value('the greatest i64 as u64', 'value.unsigned', 2n ** 63n - 1n),
        value('2^63', 'value.unsigned', 2n ** 63n),
        value('the greatest u64', 'value.unsigned', 2n ** 64n - 1n),
        value('the greatest u64 in any parameter', 'call.echo', 2n ** 64n - 1n),
        refused('2^63 for an i64', 'value.signed', 2n ** 63n),
        // MessagePack has nothing above u64.
        ['2^64 as a result', async (client) => (await client.call('value.wide', { args: ['18446744073709551616'] })).error,
          'wamp.error.runtime_error'],
      ]
    // BigInts are sent as 64-bit integers, but wampy asks for numbers when it reads them, so they round above 2^53.
    case 'cbor':
      return [
        value('2^53 - 1', 'value.signed', 2 ** 53 - 1),
        value('2^53 + 1', 'value.signed', 2n ** 53n + 1n, 2 ** 53),
        value('2^53 + 1 in digits', 'value.digits', 2n ** 53n + 1n, '9007199254740993'),
        value('the greatest i64', 'value.signed', 2n ** 63n - 1n, 2 ** 63),
        // Not as a result: cbor-x reads negative integers below -2^31 with the operator ~, which has but 32 bits.
        value('the least i64 in digits', 'value.digits', -(2n ** 63n), '-9223372036854775808'),
        value('2^63', 'value.unsigned', 2n ** 63n, 2 ** 63),
        value('the greatest u64', 'value.unsigned', 2n ** 64n - 1n, 2 ** 64),
        value('the greatest u64 in digits', 'value.digits', 2n ** 64n - 1n, '18446744073709551615'),
        // Wampy sends larger ones as floats.
        value('2^65', 'value.digits', 2n ** 65n, '36893488147419103232'),
        refused('2^63 for an i64', 'value.signed', 2n ** 63n),
      ]
  }
}

function cancelling() {
  const cancel = (name, options, milliseconds) => async (client) => {
    const { reply, request } = client.start('call.linger', { args: [name, milliseconds] })
    await pause(50)
    client.session.cancel(request, options)
    const { error } = await reply
    const { args } = await client.call('call.ending', { args: [name] })
    return [error, ...args]
  }
  return [
    ['cancel', cancel('cancel', undefined, 30000), ['wamp.error.canceled', 'dropped']],
    ['cancel with kill', cancel('kill', { mode: 'kill' }, 30000), ['wamp.error.canceled', 'dropped']],
    ['cancel with killnowait', cancel('killnowait', { mode: 'killnowait' }, 30000), ['wamp.error.canceled', 'dropped']],
    ['cancel with skip', cancel('skip', { mode: 'skip' }, 300), ['wamp.error.canceled', 'finished']],
  ]
}

async function leave(client) {
  await client.session.disconnect()
  return Socket.closedCleanly
}

const open = () => new Client().open()

if (role) await converse(await open(), role)

await run(open(), (client) => [
  ...sharedCases(),
  ...integers(),
  ...binary(codec, (octets) => Uint8Array.from(octets)),
  ...dates(codec),
  undefinedArgument(),
  ...topicCases(open),
  ...cancelling(),
  ...sessionCases(codec, { id: client.session.getSessionId(), ...client.welcome }),
  ['leaving', leave, true],
])
