import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { callbackify } from 'node:util'
import { SMTPServer, type SMTPServerAddress } from 'smtp-server'

export interface MailReceiver extends AsyncDisposable {
  /** "127.0.0.1:23456" */
  readonly address: string
  /** Each mail in order of arrival: its recipients, and its headers and body. */
  readonly mails: readonly { readonly to: readonly string[]; readonly text: string }[]
}

/** Starts a mail server that accepts every mail and delivers none. */
export async function startMailReceiver(): Promise<MailReceiver> {
  const mails: { to: string[]; text: string }[] = []
  const receive = async (stream: Readable, to: readonly SMTPServerAddress[]) => {
    // Quoted-printable breaks long lines.
    mails.push({ to: to.map(({ address }) => address), text: (await text(stream)).replaceAll('=\r\n', '') })
  }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, { envelope }, done) {
      callbackify(receive)(stream, envelope.rcptTo, done)
    },
  })
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  return {
    address: `127.0.0.1:${(listening.address() as AddressInfo).port}`,
    mails,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)),
  }
}
