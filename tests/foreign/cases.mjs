// Runs tables of cases for the JavaScript clients. A case is a name, a function of the client, and what it should come
// to; a client has `call(procedure, {args, kwargs, timeout, progress})`, which comes to an outcome.

import { readFileSync } from 'node:fs'
import { inspect, isDeepStrictEqual } from 'node:util'

const CASE_MS = 5000

/** What came of a call, in one form for each client's ways to tell it. */
export function outcome({ args, kwargs, error, progress } = {}) {
  return plain({ args: args ?? [], kwargs: kwargs ?? {}, error: error ?? null, progress: progress ?? null })
}

/** One type for binary, whichever the codec's library uses, and no prototypes. */
function plain(value) {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return value.map(plain)
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

/** The cases that all clients share. */
export function sharedCases() {
  const table = readFileSync(new URL('cases.json', import.meta.url), 'utf8')
  return JSON.parse(table).map((entry) => [entry.name, (client) => callShared(client, entry), expectation(entry)])
}

async function callShared(client, { call, args, kwargs, timeout, progress, error }) {
  const got = await client.call(call, { args, kwargs, timeout, progress: progress !== undefined })
  if (error?.message) {
    // The wording of a message is the server's, but for the parts that the case names.
    const { message = '', ...others } = got.kwargs
    const missing = error.message.filter((part) => !message.includes(part))
    if (message && missing.length === 0) got.kwargs = others
    else got.kwargs.message = `${inspect(message)} without ${inspect(missing)}`
  }
  return got
}

function expectation({ result, error, progress }) {
  const { args, kwargs, uri } = result ?? error
  const parts = progress?.map(({ args, kwargs }) => ({ args: args ?? [], kwargs: kwargs ?? {} }))
  return outcome({ args, kwargs, error: uri, progress: parts })
}

/** A call with one argument, and what should come back. */
export function value(name, procedure, argument, expected = argument) {
  return [name, (client) => client.call(procedure, { args: [argument] }), outcome({ args: [expected] })]
}

/** A call without arguments, and what it comes to. */
function result(name, procedure, expected) {
  return [name, (client) => client.call(procedure), outcome(expected)]
}

/** A call with one argument that the server refuses. */
export function refused(name, procedure, argument) {
  const run = async (client) => (await client.call(procedure, { args: [argument] })).error
  return [name, run, 'wamp.error.invalid_argument']
}

/** `pack` makes what the client takes for binary. */
export function binary(codec, pack) {
  const octets = Uint8Array.from({ length: 256 }, (_, octet) => octet)
  const few = Uint8Array.of(0, 1, 127, 128, 255)
  if (codec === 'json') {
    // The clients leave WAMP's form of binary in JSON to the application.
    const text = '\0' + Buffer.from(octets).toString('base64')
    return [
      value('binary both ways', 'value.bytes', text),
      value('binary in any parameter', 'call.echo', text),
      value('binary to the server', 'value.length', text, octets.length),
      result('binary from the server', 'result.bytes', { args: ['\0' + Buffer.from(few).toString('base64')] }),
    ]
  }
  const parcel = { label: 'Päckchen', content: octets, weights: [1, 2.5], tags: { ä: 1 }, inner: null }
  return [
    value('binary both ways', 'value.bytes', pack(octets), octets),
    value('no octets', 'value.bytes', pack([]), Uint8Array.of()),
    value('binary in any parameter', 'call.echo', pack(octets), octets),
    value('binary within a record', 'value.parcel', { ...parcel, content: pack(octets) }, parcel),
    value('binary to the server', 'value.length', pack(octets), octets.length),
    result('binary from the server', 'result.bytes', { args: [few] }),
  ]
}

export function dates(codec) {
  const moment = new Date('2024-02-29T12:34:56.000Z')
  return [
    value('a date', 'value.moment', moment, '2024-02-29T12:34:56+00:00'),
    value('a date both ways', 'value.any', moment, codec === 'json' ? moment.toISOString() : moment),
  ]
}

export function undefinedArgument() {
  const order = { item: 'tea', count: 2, note: null, express: false }
  const run = (client) => client.call('call.order', { args: ['tea', 2, undefined] })
  return ['undefined for an optional parameter', run, outcome({ kwargs: order })]
}

/** What both sides know of the session, and how much it bears. */
export function sessionCases(codec, { id, authid, authrole, roles }) {
  const report = { id: String(id), realm: 'realm1', authid, authrole, serializer: codec }
  const reported = async (client) => {
    const { kwargs } = await client.call('call.session')
    return { ...kwargs, id: String(kwargs.id) }
  }
  const { progressive_call_results, call_canceling, call_timeout } = roles.dealer.features
  const features = async () => [progressive_call_results, call_canceling, call_timeout]
  const numbers = Array.from({ length: 500 }, (_, number) => number)
  const many = (client) => Promise.all(numbers.map((number) => client.call('math.add', { args: [number, number] })))
  const nested = (depth) => (depth === 0 ? [] : [nested(depth - 1)])
  const notANumber = codec === 'json' ? { error: 'wamp.error.runtime_error' } : { args: [NaN] }
  return [
    ['what the client and the server know of the session', reported, report],
    ['the features of the dealer', features, [true, true, true]],
    ['five hundred calls at once', many, numbers.map((number) => outcome({ args: [number * 2] }))],
    value('deep nesting', 'call.echo', nested(40)),
    refused('too deep a nesting', 'call.echo', nested(200)),
    value('half a megabyte', 'value.text', 'ä'.repeat(250_000)),
    result('NaN', 'result.not_a_number', notANumber),
  ]
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Waits for the client to be there, prints each case that came out otherwise than expected, and ends the process accordingly. */
export async function run(opening, casesOf) {
  const client = await within(opening)
  const cases = casesOf(client)
  let failures = 0
  for (const [name, call, expected] of cases) {
    const got = await within(call(client)).catch((error) => error)
    if (!isDeepStrictEqual(got, expected)) {
      failures += 1
      console.log(`FAILED ${name}\n  expected ${show(expected)}\n  got      ${show(got)}`)
    }
    // Who got no answer will hardly get another.
    if (got instanceof Late) break
  }
  console.log(`${cases.length - failures} of ${cases.length} cases passed`)
  process.exit(failures === 0 ? 0 : 1)
}

class Late extends Error {}

function within(promise) {
  const late = pause(CASE_MS).then(() => Promise.reject(new Late(`no answer within ${CASE_MS} ms`)))
  return Promise.race([promise, late])
}

function show(value) {
  return inspect(value, { depth: null, compact: true, breakLength: Infinity, maxStringLength: 200, maxArrayLength: 20 })
}
