// A player in the scenario, with autobahn-js or wampy.js: player.mjs LIBRARY NAME URL CODEC.
//
// What it is to do comes as lines of JSON on standard input, and what came of it goes as such to standard output. What JSON
// cannot hold is `{"octets": HEX}` or `{"integer": DIGITS}`.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

// A require looks in NODE_PATH, which an import does not.
const require = createRequire(import.meta.url)
const WebSocket = require('ws')
const [library, name, url, codec] = process.argv.slice(2)

const PATIENCE_MS = 5000

function packed(value) {
  if (typeof value === 'bigint') {
    const isSafe = value > -(2n ** 53n) && value < 2n ** 53n
    return isSafe ? Number(value) : { integer: String(value) }
  }
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return { rounded: String(value) }
  }
  if (ArrayBuffer.isView(value)) {
    return { octets: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') }
  }
  if (Array.isArray(value)) return value.map(packed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, packed(item)]))
}

function unpacked(value) {
  // Wampy sends numbers above 2^32, such as ids of sessions, as floats, which Crossbar does not take for ids.
  if (library === 'wampy' && Number.isInteger(value) && Math.abs(value) > 0xffffffff) return BigInt(value)
  if (Array.isArray(value)) return value.map(unpacked)
  if (value === null || typeof value !== 'object') return value
  if ('octets' in value) return Buffer.from(value.octets, 'hex')
  if ('integer' in value) return BigInt(value.integer)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpacked(item)]))
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Waits for something that may never come. */
async function patience(condition) {
  for (let turn = 0; turn < PATIENCE_MS / 10 && !condition(); turn += 1) await pause(10)
}

/** What a procedure answers: results or an error. */
class Answer {
  constructor(args, kwargs = {}, error = null) {
    Object.assign(this, { args, kwargs, error })
  }
}

class Failure extends Error {
  constructor({ error, args, kwargs }) {
    super(error)
    Object.assign(this, { answer: { error, args: args ?? [], kwargs: kwargs ?? {} } })
  }
}

class Autobahn {
  static async open() {
    // Without it autobahn takes a path that needs an old version of ws.
    globalThis.WebSocket = WebSocket
    const autobahn = require('autobahn')
    const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer
    const serializer = new { json: JSONSerializer, msgpack: MsgpackSerializer, cbor: CBORSerializer }[codec]()
    const options = { url, realm: 'realm1', serializers: [serializer], max_retries: 0, on_user_error: () => {} }
    const connection = new autobahn.Connection(options)
    const session = await new Promise((resolve, reject) => {
      connection.onopen = resolve
      connection.onclose = reject
      connection.open()
    })
    return Object.assign(new Autobahn(), { autobahn, session, id: session.id })
  }

  async #told(promise) {
    try {
      return await promise
    } catch (error) {
      if (error?.error === undefined) throw error
      throw new Failure(error)
    }
  }

  async register(run, procedure, options) {
    const endpoint = async (args, kwargs, { procedure, progress, caller }) => {
      const answer = await run(procedure, progress && ((part) => progress([part])), caller, args, kwargs)
      if (answer.error) throw new this.autobahn.Error(answer.error, answer.args, answer.kwargs)
      return new this.autobahn.Result(answer.args, answer.kwargs)
    }
    const registration = await this.#told(this.session.register(procedure, endpoint, options))
    return { id: registration.id, end: () => this.session.unregister(registration) }
  }

  async subscribe(take, topic, options) {
    const push = (args, kwargs, details) => take(args, kwargs, details.topic, details.publisher, details.retained)
    const subscription = await this.#told(this.session.subscribe(topic, push, options))
    return { id: subscription.id, end: () => this.session.unsubscribe(subscription) }
  }

  async publish(topic, args, kwargs, options) {
    await this.#told(this.session.publish(topic, args, kwargs, { acknowledge: true, ...options }))
  }

  async call(procedure, args, kwargs, { timeout, progress, disclose_me, cancel }, onPart) {
    const options = { ...(timeout && { timeout }), ...(progress && { receive_progress: true }), disclose_me }
    const promise = this.session.call(procedure, args, kwargs, options)
    if (cancel) setTimeout(() => promise.cancel({ mode: cancel }), 300)
    const result = await this.#told(promise.then((result) => result, (error) => { throw error }, onPart))
    if (result instanceof this.autobahn.Result) return { args: result.args, kwargs: result.kwargs }
    // Autobahn gives null both for no result and for a single null.
    return { args: result === null ? [] : [result], kwargs: {} }
  }
}

class Wampy {
  static async open() {
    const { Wampy: Client } = require('wampy')
    const { JsonSerializer } = require('wampy/JsonSerializer.js')
    const { MsgpackSerializer } = require('wampy/MsgpackSerializer.js')
    const { CborSerializer } = require('wampy/CborSerializer.js')
    const serializer = new { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer }[codec]()
    const session = new Client(url, { realm: 'realm1', ws: WebSocket, serializer, autoReconnect: false })
    await session.connect()
    return Object.assign(new Wampy(), { session, id: session.getSessionId() })
  }

  async #told(promise) {
    try {
      return await promise
    } catch (error) {
      if (error?.errorUri === undefined) throw error
      throw new Failure({ error: error.errorUri, args: error.argsList, kwargs: error.argsDict })
    }
  }

  async register(run, procedure, options) {
    const endpoint = async ({ details, argsList, argsDict, result_handler }) => {
      const part = (part) => result_handler({ argsList: [part], options: { progress: true } })
      const progress = details.receive_progress ? part : null
      const answer = await run(details.procedure ?? procedure, progress, details.caller, argsList ?? [], argsDict ?? {})
      const payload = { argsList: answer.args, argsDict: answer.kwargs }
      if (answer.error) throw { error: answer.error, ...payload }
      return payload
    }
    const { registrationId } = await this.#told(this.session.register(procedure, endpoint, options))
    return { id: registrationId, end: () => this.session.unregister(procedure) }
  }

  async subscribe(take, topic, options) {
    const push = ({ details, argsList, argsDict }) => {
      take(argsList ?? [], argsDict ?? {}, details.topic ?? topic, details.publisher, details.retained)
    }
    // Else wampy sends `undefined`, which in MessagePack is a null, and Crossbar closes the connection.
    const defined = { match: 'exact', get_retained: false, ...options }
    const { subscriptionId } = await this.#told(this.session.subscribe(topic, push, defined))
    return { id: subscriptionId, end: () => this.session.unsubscribe(subscriptionId) }
  }

  async publish(topic, args, kwargs, options) {
    await this.#told(this.session.publish(topic, { argsList: args, argsDict: kwargs }, options))
  }

  async call(procedure, args, kwargs, { timeout, progress, disclose_me, cancel }, onPart) {
    const progress_callback = progress ? ({ argsList }) => onPart(argsList[0]) : undefined
    const payload = { argsList: args, argsDict: kwargs }
    const promise = this.session.call(procedure, payload, { timeout, progress_callback, disclose_me })
    // Wampy tells the request's id only afterwards.
    const request = this.session.getOpStatus().reqId
    if (cancel) setTimeout(() => this.session.cancel(request, { mode: cancel }), 300)
    const { argsList, argsDict } = await this.#told(promise)
    return { args: argsList ?? [], kwargs: argsDict ?? {} }
  }
}

const session = await { autobahn: Autobahn, wampy: Wampy }[library].open()
const registrations = new Map()
const subscriptions = new Map()
const events = new Map()
const seen = []

/** What the procedures do that are registered with it. */
function behaviour(kind) {
  return async (procedure, progress, caller, args, kwargs) => {
    switch (kind) {
      case 'echo': return new Answer(args, kwargs)
      case 'name': return new Answer([name])
      case 'told': return new Answer([procedure, caller ?? null])
      case 'fail': return new Answer(args, kwargs, 'scenario.error')
      case 'unavailable': return new Answer([], {}, 'wamp.error.unavailable')
      case 'parts':
        for (let number = 0; number < args[0]; number += 1) progress?.(number)
        return new Answer(['done'])
      case 'slow':
        await pause(1000 * args[0])
        seen.push('finished')
        return new Answer([name])
    }
  }
}

async function act({ do: what, uri, kind, args = [], kwargs = {}, options = {}, count, ...more }) {
  args = unpacked(args)
  kwargs = unpacked(kwargs)
  options = unpacked(options)
  switch (what) {
    case 'register':
      registrations.set(uri, await session.register(behaviour(kind), uri, options))
      return { id: registrations.get(uri).id }
    case 'unregister':
      await registrations.get(uri).end()
      return {}
    case 'subscribe': {
      const queue = events.get(uri) ?? []
      events.set(uri, queue)
      const take = (args, kwargs, topic, publisher, retained) => {
        queue.push({ args, kwargs, topic, publisher: publisher ?? null, retained: Boolean(retained) })
      }
      subscriptions.set(uri, await session.subscribe(take, uri, options))
      return { id: subscriptions.get(uri).id }
    }
    case 'unsubscribe':
      await subscriptions.get(uri).end()
      return {}
    case 'publish':
      await session.publish(uri, args, kwargs, options)
      return {}
    case 'events':
      await patience(() => events.get(uri).length >= count)
      return { events: events.get(uri).splice(0) }
    case 'seen':
      await patience(() => seen.length >= count)
      return { seen }
    case 'call': {
      const parts = []
      const calling = session.call(uri, args, kwargs, { ...more, ...options }, (part) => parts.push(part))
      const late = pause(PATIENCE_MS).then(() => { throw new Failure({ error: 'no answer' }) })
      const result = await Promise.race([calling, late])
      return { ...(more.progress && { progress: parts }), ...result }
    }
  }
  throw new Error(what)
}

async function answer({ number, ...request }) {
  const say = (answer) => console.log(JSON.stringify(packed({ number, ...answer })))
  try {
    say(await act(request))
  } catch (error) {
    say(error instanceof Failure ? error.answer : { failure: String(error?.message ?? error) })
  }
}

console.log(JSON.stringify({ session: Number(session.id) }))
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => answer(JSON.parse(line)))
lines.on('close', () => process.exit(0))
