import { register } from 'import-in-the-middle/register-hooks.mjs'
import { exportsTraces } from '../pipeline/config.ts'

// The instrumentation can only wrap an ES module's import of kafkajs when this hook is there before it. It works
// in our own thread: the hook that the SDK's guides name starts a second one, of 80 MB.
if (exportsTraces()) register({ include: ['kafkajs'] })
