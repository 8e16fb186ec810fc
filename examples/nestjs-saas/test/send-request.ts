import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'

/** An answer: the parsed body, or undefined without JSON. */
export interface Answer {
  readonly status: number
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

export interface RequestToSend {
  readonly port: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** Over a connection of its own. Not fetch, which lets nobody choose the Host. */
export async function sendRequest({ body, ...options }: RequestToSend): Promise<Answer> {
  const outgoing = request({ ...options, host: '127.0.0.1', agent: false })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const text = await readText(response)
  const isJson = response.headers['content-type']?.includes('application/json') === true
  return { status: response.statusCode ?? 0, text, body: isJson ? JSON.parse(text) : undefined }
}
