import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** What was read last of each file. */
const lastRead = new Map<string, string>()

/**
 * The contents of a PEM file. Read for each connection, so that a renewed certificate needs no restart; while it is being
 * replaced, what it had before.
 * @throws when it was never readable
 */
export function readPem(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    lastRead.set(file, readFileSync(file, 'utf8'))
  } catch (error) {
    if (!lastRead.has(file)) throw error
  }
  return lastRead.get(file)
}

/** TLS options with the contents of PEM files. */
export function tlsOptions(
  rejectUnauthorized: boolean,
  files: Readonly<Partial<Record<'ca' | 'cert' | 'key', string | undefined>>>,
) {
  return {
    rejectUnauthorized,
    get ca() {
      return readPem(files.ca)
    },
    get cert() {
      return readPem(files.cert)
    },
    get key() {
      return readPem(files.key)
    },
  }
}

const headers = {
  certificate: /^-----BEGIN (TRUSTED )?CERTIFICATE-----/m,
  // An encrypted one needs a passphrase, for which there is no setting.
  key: /^-----BEGIN (RSA |EC )?PRIVATE KEY-----(?!\r?\nProc-Type: 4,ENCRYPTED)/m,
}

/** Whether a file can be read and holds a certificate, or a key that is not encrypted, in PEM. */
export function isPemFile(file: string, content: keyof typeof headers): boolean {
  try {
    return headers[content].test(readFileSync(file, 'utf8'))
  } catch {
    return false
  }
}

/** Whether a private key is that of a certificate; both are PEM files. */
export function isPair(certificate: string, key: string): boolean {
  try {
    createSecureContext({ cert: readPem(certificate), key: readPem(key) })
    return true
  } catch {
    return false
  }
}

/**
 * What is wrong with a server's certificate: its authority is unknown, it is for other host names, or it is not valid at this
 * time.
 * @param code of Node's error
 */
export function certificateFault(code: string | undefined): 'authority' | 'name' | 'dates' | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'name'
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'dates'
  return /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|CERT_(SIGNATURE_FAILURE|UNTRUSTED|REJECTED)|INVALID_CA/.test(
    code ?? '',
  )
    ? 'authority'
    : undefined
}

/** Node's message about a certificate without its advice, which names options of Node. */
export function withoutAdvice(message: string): string {
  return message.replace(/;.*|[.:\s]+$/s, '')
}
