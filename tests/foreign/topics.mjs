// Publishing and subscribing with the JavaScript clients. A client has
// `subscribe(topic, match)`, which comes to a subscription: its id, `next()` for its events, `unsubscribe()`;
// `publish(topic, {args, kwargs}, options)`, which comes to `{publication}` or `{error}` where it is acknowledged.

import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { outcome } from './cases.mjs'

const MANY = Array.from({ length: 200 }, (_, number) => number)
const PREFIXED = ['open.prefix', 'open.pr', 'open.pre.a']
const DOTTED = ['open.dots', 'open.dot.a']
const WILD = ['open.w.a.c', 'open.w.c', 'open.w.b.c']
const PAYLOADS = JSON.parse(readFileSync(new URL('events.json', import.meta.url), 'utf8')).map(payloadOf)

function payloadOf({ args, kwargs }) {
  return { args: args ?? [], kwargs: kwargs ?? {} }
}

/** What was subscribed to: events as they come, in one form for each client's ways to tell them. */
export class Subscription {
  #events = []
  #waiting = null

  push({ args, kwargs, ...details }) {
    this.#events.push({ ...payloadOf(outcome({ args, kwargs })), ...details })
    this.#waiting?.()
  }

  async next() {
    while (this.#events.length === 0) await new Promise((resolve) => (this.#waiting = resolve))
    return this.#events.shift()
  }

  async payloads(count) {
    const payloads = []
    while (payloads.length < count) payloads.push(payloadOf(await this.next()))
    return payloads
  }

  /** The first arguments of the events that have come. */
  rest() {
    return this.#events.splice(0).map(({ args }) => args[0])
  }
}

/** The cases that all JavaScript clients share; `open` opens another client. */
export function topicCases(open) {
  return [
    ['two hundred acknowledged events in order', inOrder(open, 'open.acknowledged', { acknowledge: true }), MANY],
    ['every shape of payload', shapes, PAYLOADS],
    ['a publisher does not get its own events', ownEvents, ['of another']],
    ['a prefix', pattern(open, 'open.pre', 'prefix', PREFIXED), ['open.prefix', 'open.pre.a']],
    ['a wildcard', pattern(open, 'open.w..c', 'wildcard', WILD), ['open.w.a.c', 'open.w.b.c']],
    ['one event for each subscription', overlapping, ['open.over.a', 'open.over.a']],
    ['only the eligible', targeted('open.eligible', ({ id }) => ({ eligible: [id] })), [['one', 'both'], ['both']]],
    ['not the excluded', targeted('open.excluded', (_, { id }) => ({ exclude: [id] })), [['one', 'both'], ['both']]],
    ['no event after the subscription', unsubscribed, [['before'], []]],
    ['a topic that nobody opened', refused('closed.topic'), 'wamp.error.not_authorized'],
    ['a topic that is only to be read', refused('readable.topic'), 'wamp.error.not_authorized'],
    ['a subscription that no topic is for', notSubscribed('closed.topic'), 'wamp.error.invalid_uri'],
    ['a prefix of more than is open', notSubscribed('op', 'prefix'), 'wamp.error.invalid_uri'],
    ['a wildcard that no topic is for', notSubscribed('closed..topic', 'wildcard'), 'wamp.error.invalid_uri'],
    ['a subscription to what is only to be read', readable, true],
  ]

  async function shapes(client) {
    const subscription = await (await open()).subscribe('open.shapes')
    for (const payload of PAYLOADS) await client.publish('open.shapes', payload, { acknowledge: true })
    return subscription.payloads(PAYLOADS.length)
  }

  async function ownEvents(client) {
    const subscription = await client.subscribe('open.own')
    await client.publish('open.own', { args: ['of its own'] }, { acknowledge: true })
    await (await open()).publish('open.own', { args: ['of another'] }, { acknowledge: true })
    return (await subscription.next()).args
  }

  async function overlapping(client) {
    const other = await open()
    const subscriptions = [await other.subscribe('open.over.a'), await other.subscribe('open.over', 'prefix')]
    await client.publish('open.over.a', {}, { acknowledge: true })
    const events = await Promise.all(subscriptions.map((subscription) => subscription.next()))
    return events.map(({ topic }) => topic)
  }

  /** What each of two gets when an event for the first alone is followed by one for both. */
  function targeted(topic, optionsFor) {
    return async (client) => {
      const [one, other] = [await open(), await open()]
      const subscriptions = [await one.subscribe(topic), await other.subscribe(topic)]
      await client.publish(topic, { args: ['one'] }, { acknowledge: true, ...optionsFor(one, other) })
      await client.publish(topic, { args: ['both'] }, { acknowledge: true })
      const last = async (subscription) => {
        const got = []
        while (got.at(-1) !== 'both') got.push(...(await subscription.next()).args)
        return got
      }
      return Promise.all(subscriptions.map(last))
    }
  }

  async function unsubscribed(client) {
    const other = await open()
    const [subscription, marker] = [await other.subscribe('open.ending'), await other.subscribe('open.marker')]
    await client.publish('open.ending', { args: ['before'] }, { acknowledge: true })
    const { args } = await subscription.next()
    await subscription.unsubscribe()
    await client.publish('open.ending', { args: ['after'] }, { acknowledge: true })
    await client.publish('open.marker', {}, { acknowledge: true })
    await marker.next()
    return [args, subscription.rest()]
  }
}

/** For clients that may publish without an acknowledgement, set every option, and tell all that an event tells. */
export function moreTopicCases(open) {
  return [
    ['two hundred events in order', inOrder(open, 'open.unacknowledged', {}), MANY],
    ['one publication id for all', publicationIds, [true, true, false]],
    ['an event of its own', ownEvent, ['of its own']],
    // Wampy takes no pattern that begins or ends with a dot.
    ['a prefix that ends with a dot', pattern(open, 'open.dot.', 'prefix', DOTTED), ['open.dot.a']],
    ['every topic', notSubscribed('', 'prefix'), 'wamp.error.invalid_uri'],
    ['a wildcard of more than is open', notSubscribed('.topic', 'wildcard'), 'wamp.error.invalid_uri'],
    ['nobody is eligible', nobody, ['for all']],
    ['who published', disclosed, [true, false]],
    ['a refusal that nobody is told of', untold, outcome({ args: [3] })],
  ]

  async function publicationIds(client) {
    const subscriptions = [await (await open()).subscribe('open.ids'), await (await open()).subscribe('open.ids')]
    const { publication } = await client.publish('open.ids', {}, { acknowledge: true })
    const events = await Promise.all(subscriptions.map((subscription) => subscription.next()))
    const next = await client.publish('open.ids', {}, { acknowledge: true })
    return [...events, next].map((other) => String(other.publication) === String(publication))
  }

  async function ownEvent(client) {
    const subscription = await client.subscribe('open.own_too')
    await client.publish('open.own_too', { args: ['of its own'] }, { acknowledge: true, exclude_me: false })
    return (await subscription.next()).args
  }

  async function nobody(client) {
    const subscription = await (await open()).subscribe('open.nobody')
    await client.publish('open.nobody', { args: ['for nobody'] }, { acknowledge: true, eligible: [] })
    await client.publish('open.nobody', { args: ['for all'] }, { acknowledge: true })
    return (await subscription.next()).args
  }

  async function disclosed(client) {
    const subscription = await (await open()).subscribe('open.disclosed')
    for (const disclose_me of [true, false]) {
      await client.publish('open.disclosed', {}, { acknowledge: true, disclose_me })
    }
    const events = [await subscription.next(), await subscription.next()]
    return events.map(({ publisher }) => String(publisher) === String(client.id))
  }

  async function untold(client) {
    client.publish('closed.topic', { args: [1] })
    return client.call('math.add', { args: [1, 2] })
  }
}

function inOrder(open, topic, options) {
  return async (client) => {
    const subscription = await (await open()).subscribe(topic)
    for (const number of MANY) client.publish(topic, { args: [number] }, options)
    return (await subscription.payloads(MANY.length)).map(({ args }) => args[0])
  }
}

/** Which of the topics match; one that does comes last. */
function pattern(open, subscribed, match, topics) {
  return async (client) => {
    const subscription = await (await open()).subscribe(subscribed, match)
    for (const topic of topics) await client.publish(topic, {}, { acknowledge: true })
    const matching = []
    while (matching.at(-1) !== topics.at(-1)) matching.push((await subscription.next()).topic)
    return matching
  }
}

function refused(topic) {
  return async (client) => (await client.publish(topic, {}, { acknowledge: true })).error
}

function notSubscribed(topic, match) {
  return async (client) => (await client.subscribe(topic, match)).error
}

async function readable(client) {
  return (await client.subscribe('readable.topic')).id > 0
}

/** One half of a test with another client: `listen` or `speak`. */
export async function converse(client, role) {
  if (role === 'speak') {
    for (const payload of PAYLOADS) await client.publish('open.conversation', payload, { acknowledge: true })
    process.exit(0)
  }
  const subscription = await client.subscribe('open.conversation')
  console.log('listening')
  const got = await subscription.payloads(PAYLOADS.length)
  if (!isDeepStrictEqual(got, PAYLOADS)) console.log('got', JSON.stringify(got))
  process.exit(isDeepStrictEqual(got, PAYLOADS) ? 0 : 1)
}
