// Calls the server with autobahn-js: autobahn_js.mjs URL CODEC [ROLE].

import { createRequire } from 'node:module'
import {
  binary, dates, outcome, pause, refused, run, sessionCases, sharedCases, undefinedArgument, value,
} from './cases.mjs'
import { Subscription, converse, moreTopicCases, topicCases } from './topics.mjs'

// A require looks in NODE_PATH, which an import does not.
const require = createRequire(import.meta.url)
// Without it autobahn takes a path that needs an old version of ws.
globalThis.WebSocket = require('ws')
const autobahn = require('autobahn')

const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer
const SERIALIZERS = { json: JSONSerializer, msgpack: MsgpackSerializer, cbor: CBORSerializer }

const [url, codec, role] = process.argv.slice(2)

class Client {
  open() {
    const options = { url, realm: 'realm1', serializers: [new SERIALIZERS[codec]()], max_retries: 0 }
    this.connection = new autobahn.Connection(options)
    this.closed = new Promise((resolve) => {
      this.connection.onclose = (reason, details) => resolve([reason, details.reason])
    })
    return new Promise((resolve, reject) => {
      this.connection.onopen = (session, details) => resolve(Object.assign(this, { session, details }))
      this.closed.then(([reason]) => reject(new Error(`connection ${reason}`)))
      this.connection.open()
    })
  }

  get id() {
    return this.session.id
  }

  async subscribe(topic, match) {
    const events = new Subscription()
    const push = (args, kwargs, { publication, topic, publisher }) => {
      events.push({ args, kwargs, publication, topic, publisher })
    }
    try {
      const subscription = await this.session.subscribe(topic, push, match && { match })
      const unsubscribe = () => this.session.unsubscribe(subscription)
      return Object.assign(events, { id: subscription.id, unsubscribe })
    } catch ({ error }) {
      return { error }
    }
  }

  async publish(topic, { args, kwargs }, options) {
    try {
      return { publication: (await this.session.publish(topic, args, kwargs, options))?.id }
    } catch ({ error }) {
      return { error }
    }
  }

  call(procedure, options) {
    return this.start(procedure, options).reply
  }

  /** Starts a call and gives autobahn's own promise too, by which a call is canceled. */
  start(procedure, { args, kwargs, timeout, progress } = {}) {
    const parts = []
    const options = { ...(timeout && { timeout }), ...(progress && { receive_progress: true }) }
    const promise = this.session.call(procedure, args, kwargs, options)
    const shown = progress ? parts : null
    const reply = promise.then(
      (result) => outcome({ ...payloadOf(result), progress: shown }),
      ({ error, args, kwargs }) => outcome({ args, kwargs, error, progress: shown }),
      (part) => parts.push(payloadOf(part)),
    )
    return { reply, promise }
  }
}

/** Autobahn gives null both for no result and for a single null. */
function payloadOf(result) {
  if (result instanceof autobahn.Result) return { args: result.args, kwargs: result.kwargs }
  return { args: result === null ? [] : [result], kwargs: {} }
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
      ]
    // msgpack5 knows no BigInt and reads 64-bit integers as numbers, so they round above 2^53.
    case 'msgpack':
      return [
        value('2^53 - 1', 'value.signed', 2 ** 53 - 1),
        value('2^53', 'value.signed', 2 ** 53),
        value('the least i64', 'value.signed', -(2 ** 63)),
        value('2^53 + 1 as text', 'value.signed', '9007199254740993', 2 ** 53),
        value('the greatest u64 as text', 'value.unsigned', '18446744073709551615', 2 ** 64),
        refused('2^63 for an i64', 'value.signed', 2 ** 63),
      ]
    // BigInts go both ways; they are sent as bignums, whatever their size.
    case 'cbor':
      return [
        value('2^53 - 1', 'value.signed', 2 ** 53 - 1),
        value('2^53 + 1', 'value.signed', 2n ** 53n + 1n),
        value('the greatest i64', 'value.signed', 2n ** 63n - 1n),
        value('the least i64', 'value.signed', -(2n ** 63n)),
        value('2^63', 'value.unsigned', 2n ** 63n),
        value('the greatest u64', 'value.unsigned', 2n ** 64n - 1n),
        value('2^64', 'value.wide', 2n ** 64n),
        value('the greatest i128', 'value.wide', 2n ** 127n - 1n),
        value('the least i128 in digits', 'value.digits', -(2n ** 127n), '-170141183460469231731687303715884105728'),
        refused('2^63 for an i64', 'value.signed', 2n ** 63n),
        refused('2^64 for a u64', 'value.unsigned', 2n ** 64n),
      ]
  }
}

function cancelling() {
  const cancel = (name, options) => async (client) => {
    const { reply, promise } = client.start('call.linger', { args: [name, 30000] })
    await pause(50)
    promise.cancel(options)
    const { error } = await reply
    // In all modes but kill, autobahn forgets the call, takes the server's ERROR for a violation of the protocol, and
    // closes its connection: only another client can ask what became of the call.
    const observer = options?.mode === 'kill' ? client : await new Client().open()
    const { args } = await observer.call('call.ending', { args: [name] })
    return [error, ...args]
  }
  const canceledByAnother = (name, options) => [
    options?.mode ?? 'cancel',
    async () => cancel(name, options)(await new Client().open()),
    ['Cancelled', 'dropped'],
  ]
  return [
    ['cancel with kill', cancel('kill', { mode: 'kill' }), ['wamp.error.canceled', 'dropped']],
    canceledByAnother('no mode'),
    canceledByAnother('killnowait', { mode: 'killnowait' }),
  ]
}

async function leave(client) {
  client.connection.close()
  return client.closed
}

const open = () => new Client().open()

if (role) await converse(await open(), role)

await run(open(), (client) => [
  ...sharedCases(),
  ...integers(),
  ...binary(codec, (octets) => Buffer.from(octets)),
  ...dates(codec),
  // msgpack5 refuses to send undefined.
  ...(codec === 'msgpack' ? [] : [undefinedArgument()]),
  ...topicCases(open),
  ...moreTopicCases(open),
  ...cancelling(),
  ...sessionCases(codec, { id: client.session.id, ...client.details }),
  ['leaving', leave, ['closed', 'wamp.close.goodbye_and_out']],
])
