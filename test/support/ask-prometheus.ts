/** What Prometheus answers to a question of its HTTP API: the data of /api/v1/... */
export async function askPrometheus(
  port: number,
  path: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const url = new URL(`http://127.0.0.1:${port}/api/v1/${path}`)
  url.search = String(new URLSearchParams(parameters))
  const answer = await fetch(url)
  const { data, error } = (await answer.json()) as { data?: unknown; error?: string }
  if (error !== undefined) throw new Error(`Prometheus: ${error}`)
  return data
}
