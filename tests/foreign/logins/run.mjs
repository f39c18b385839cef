// Runs a table of logins, as far as a JavaScript client has their methods.

import { readFileSync } from 'node:fs'
import { run as runCases } from '../cases.mjs'

/**
 * Prints each login that came out otherwise than expected, and ends the process accordingly.
 *
 * `logIn(realm, authid, offers)` comes to `{joins, user}` or `{aborts}`. What a client cannot say is left out:
 * `canOffer` tells.
 */
export async function run(logIn, methods, canOffer = () => true) {
  const table = JSON.parse(readFileSync(process.argv[4], 'utf8'))
  const has = ({ offers }) => Object.keys(offers).every((method) => methods.includes(method))
  const logins = table.filter((login) => has(login) && canOffer(login))
  if (logins.length === 0) throw new Error('no login to try')
  const cases = logins.map((login) => [login.name, () => outcome(logIn, login), expectation(login)])
  await runCases(Promise.resolve(), () => cases)
}

async function outcome(logIn, { realm = 'members', authid, offers, joins }) {
  const got = await logIn(realm, authid, offers)
  // Where the server makes the authid up, any will do.
  if (joins?.authid === null && got.joins?.authid) got.joins.authid = null
  return got
}

function expectation({ joins, aborts }) {
  return aborts ? { aborts } : { joins, user: joins.authid ?? 'nobody' }
}

/** What WELCOME says of who the client is. */
export function known({ authid, authrole, authmethod, authprovider }) {
  return { authid, authrole, authmethod, authprovider }
}
