const http = process.getBuiltinModule('node:http')

// It has these for the sake of browsers' programs, made when they are first looked at, which every import of it does, also
// that of OpenTelemetry's exporter: 14 MB in each process, for nothing.
for (const name of ['CloseEvent', 'MessageEvent', 'WebSocket']) Reflect.deleteProperty(http, name)

export const { createServer } = http
