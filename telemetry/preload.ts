import { register } from 'node:module'
import { exportsTraces } from '../pipeline/config.ts'

// The instrumentation can only wrap an ES module's import of kafkajs and pg when this hook is there before it.
if (exportsTraces()) register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)
