// Two people chat in a browser: browser.mjs URL SCREENSHOT. Fails where something is not as they expect.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

// A require looks in NODE_PATH, which an import does not.
const { chromium } = createRequire(import.meta.url)('playwright-core')

const [url, screenshot] = process.argv.slice(2)
const PATIENCE_MS = 15_000

// Launched like this the browser gets a new, empty folder for its data.
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
})
const complaints = []

async function enter(name) {
  const page = await (await browser.newContext({ viewport: { width: 760, height: 560 } })).newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  page.on('console', (message) => message.type() === 'error' && complaints.push(`${name}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`))
  await page.goto(url)
  await page.fill('[name=name]', name)
  await page.fill('[name=room]', 'kitchen')
  await page.click('#door button')
  await page.waitForSelector('#room:not([hidden])')
  return page
}

async function say(page, text) {
  await page.fill('[name=text]', text)
  await page.press('[name=text]', 'Enter')
}

/** Waits until the texts of the elements are these. */
async function see(page, selector, expected) {
  const seen = () => page.locator(selector).allTextContents()
  const end = Date.now() + PATIENCE_MS
  while (JSON.stringify(await seen()) !== JSON.stringify(expected) && Date.now() < end) await page.waitForTimeout(50)
  assert.deepEqual(await seen(), expected)
}

try {
  const ada = await enter('Ada')
  const grace = await enter('Grace <i>')
  for (const page of [ada, grace]) await see(page, '#people li', ['Ada', 'Grace <i>'])
  const said = ['Tea is ready.', '<img src=x onerror="document.title=1"> & thanks ☕', 'You are welcome.']
  await say(ada, said[0])
  await see(grace, '#messages span', said.slice(0, 1))
  await say(grace, said[1])
  await see(ada, '#messages span', said.slice(0, 2))
  await say(ada, said[2])
  for (const page of [ada, grace]) await see(page, '#messages span', said)
  await see(grace, '#messages b', ['Ada', 'Grace <i>', 'Ada'])
  assert.equal(await ada.title(), 'Chat')
  await ada.screenshot({ path: screenshot })
  await grace.close()
  await see(ada, '#people li', ['Ada'])
  assert.deepEqual(complaints, [])
} finally {
  await browser.close()
}
