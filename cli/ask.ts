import type { z } from 'zod/v3'

/** Milliseconds. */
const ANSWER_TIMEOUT = 5000

/** What a server answered to a request. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Sends a request, POST with a body. Undefined when nothing answers.
 * @param address may have a login: http://USER:PASSWORD@HOST:3000
 */
export async function ask(address: string, path: string, body?: string): Promise<Answer | undefined> {
  const { username, password, ...url } = withoutLogin(address)
  const login = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  try {
    const response = await fetch(url.href + path, {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT),
      headers: { 'content-type': 'application/json', ...(username !== '' && { authorization: `Basic ${login}` }) },
      ...(body !== undefined && { method: 'POST', body }),
    })
    return { status: response.status, body: await response.text() }
  } catch {
    return undefined
  }
}

/** fetch accepts no URL with a login, and no message may show one. */
export function withoutLogin(address: string) {
  const url = new URL(address)
  const { username, password } = url
  url.username = ''
  url.password = ''
  return { username, password, href: url.href.replace(/\/$/, '') }
}

/** The content of an answer with status 200 that has this form. */
export function parse<T>({ status, body }: Answer, schema: z.ZodType<T, z.ZodTypeDef, unknown>): T | undefined {
  if (status !== 200) return undefined
  try {
    return schema.safeParse(JSON.parse(body)).data
  } catch {
    return undefined
  }
}
