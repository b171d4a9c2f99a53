import type { z } from 'zod/v3'

/** What a server answered to a request. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Sends a request, POST with a body. Undefined when nothing answers in 5 s.
 * @param address may have a login: http://USER:PASSWORD@HOST:3000
 */
export async function ask(address: string, path: string, body?: string): Promise<Answer | undefined> {
  const { username, password, href } = withoutLogin(address)
  try {
    const login = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
    const response = await fetch(href + path, {
      signal: AbortSignal.timeout(5000),
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
  const { username, password, origin, pathname } = new URL(address)
  return { username, password, href: (origin + pathname).replace(/\/$/, '') }
}

/** The content of an answer that has this form; undefined for any other. */
export function parse<T>({ body }: Answer, schema: z.ZodType<T, z.ZodTypeDef, unknown>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(body)).data
  } catch {
    return undefined
  }
}
