// How a program speaks to the test that has started it: settings come in the first line, then it asks or reports.

import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function next() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test is gone')
  return JSON.parse(value)
}

const say = (line) => console.log(JSON.stringify(line))

export const settings = await next()

export async function ask(what, more = {}) {
  say({ ask: what, ...more })
  return await next()
}

// The person goes to a URL; where she is sent from there.
export async function person(url) {
  return new URL((await ask('open', { url: url.href })).url)
}

export function report(found) {
  say(found)
  process.exit(0)
}

// Fetches, and counts the answers that only ask for a nonce.
export function counting() {
  const counted = { nonces: 0 }
  counted.fetch = async (url, options) => {
    const response = await fetch(url, options)
    const challenge = response.headers.get('www-authenticate') ?? ''
    const body = response.status === 400 ? await response.clone().text() : challenge
    if (body.includes('use_dpop_nonce')) counted.nonces += 1
    return response
  }
  return counted
}

// The `error` of what was refused, by the token endpoint or by an API.
export async function refusal(promise) {
  try {
    await promise
  } catch (error) {
    return error.error ?? error.cause?.[0]?.parameters?.error ?? String(error)
  }
  return 'not refused'
}
