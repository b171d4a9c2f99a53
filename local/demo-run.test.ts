import { expect, test } from 'vitest'
import { unlessAborted } from './demo-run.ts'

test('work that hangs is not awaited after an abort', async () => {
  const ending = new AbortController()
  const hanging = unlessAborted(new Promise(() => {}), ending.signal)
  const reason = new Error('enough')
  ending.abort(reason)
  await expect(hanging).rejects.toBe(reason)
})
