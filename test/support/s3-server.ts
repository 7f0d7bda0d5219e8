import { createHash, createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type S3Keys = Readonly<{ accessKeyId: string; secretAccessKey: string }>

export const S3_KEYS: S3Keys = { accessKeyId: 'TESTACCESSKEY', secretAccessKey: 'test-secret-key-of-nobody' }

/** Every part but the last has at least so many bytes, as S3 wants it. */
const LEAST_PART_BYTES = 5 * 1024 * 1024

type Upload = { key: string; parts: Map<number, { etag: string; bytes: Buffer }> }

/**
 * A small S3 server over HTTP with buckets in its path: single and multipart uploads, ranges, HEAD, DELETE. It refuses what
 * S3 refuses (unsigned or wrongly signed requests, parts that are too small, out of order or unknown) in S3's own words.
 */
export class S3Server implements AsyncDisposable {
  readonly objects = new Map<string, Buffer>()
  /** Method and path of every request that was let in. */
  readonly requests: string[] = []
  /** While true, connections are cut off. */
  isDown = false
  readonly #uploads = new Map<string, Upload>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  readonly #keys: S3Keys

  private constructor(server: Server, keys: S3Keys) {
    this.#server = server
    this.#keys = keys
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (request, response) => {
      if (this.isDown) return void request.socket.destroy()
      void this.#serve(request, response).catch(err => {
        if (err instanceof S3Refusal) return refuse(response, err)
        response.destroy(err as Error)
      })
    })
  }

  /** `keys` are the only ones that it knows. */
  static async start(keys = S3_KEYS): Promise<S3Server> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new S3Server(server, keys)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get openUploads(): number {
    return this.#uploads.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    checkSignature(request, url, body, this.#keys)
    const key = decodeURIComponent(url.pathname.slice(1))
    const query = url.searchParams
    this.requests.push(`${request.method} ${key}${query.has('partNumber') ? ` part ${query.get('partNumber')}` : ''}`)
    switch (request.method) {
      case 'POST':
        if (query.has('uploads')) return this.#begin(key, response)
        return this.#complete(key, query.get('uploadId') ?? '', body, response)
      case 'PUT':
        if (query.has('uploadId')) return this.#part(query, body, response)
        this.objects.set(key, body)
        response.writeHead(200, { etag: etagOf(body) }).end()
        return
      case 'HEAD':
      case 'GET':
        return this.#read(key, request, response)
      case 'DELETE':
        if (query.has('uploadId')) this.#uploads.delete(query.get('uploadId') ?? '')
        else this.objects.delete(key)
        response.writeHead(204).end()
        return
      default:
        throw new S3Refusal(405, 'MethodNotAllowed')
    }
  }

  #begin(key: string, response: ServerResponse): void {
    const id = randomBytes(8).toString('hex')
    this.#uploads.set(id, { key, parts: new Map() })
    xml(response, 200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
  }

  #part(query: URLSearchParams, bytes: Buffer, response: ServerResponse): void {
    const upload = this.#uploads.get(query.get('uploadId') ?? '')
    const number = Number(query.get('partNumber'))
    if (upload === undefined) throw new S3Refusal(404, 'NoSuchUpload')
    if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new S3Refusal(400, 'InvalidArgument')
    upload.parts.set(number, { etag: etagOf(bytes), bytes })
    response.writeHead(200, { etag: etagOf(bytes) }).end()
  }

  #complete(key: string, uploadId: string, body: Buffer, response: ServerResponse): void {
    const upload = this.#uploads.get(uploadId)
    if (upload?.key !== key) throw new S3Refusal(404, 'NoSuchUpload')
    const listed = [...body.toString().matchAll(/<Part>([\s\S]*?)<\/Part>/g)].map(([, part = '']) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll('&quot;', '"') ?? ''
    }))
    const parts = listed.map(({ number, etag }, index) => {
      if (index > 0 && number <= (listed[index - 1]?.number ?? 0)) throw new S3Refusal(400, 'InvalidPartOrder')
      const part = upload.parts.get(number)
      if (part?.etag !== etag) throw new S3Refusal(400, 'InvalidPart')
      if (index < listed.length - 1 && part.bytes.length < LEAST_PART_BYTES) throw new S3Refusal(400, 'EntityTooSmall')
      return part.bytes
    })
    if (parts.length === 0) throw new S3Refusal(400, 'MalformedXML')
    this.objects.set(key, Buffer.concat(parts))
    this.#uploads.delete(uploadId)
    xml(
      response,
      200,
      `<CompleteMultipartUploadResult><ETag>"${uploadId}-${parts.length}"</ETag></CompleteMultipartUploadResult>`
    )
  }

  #read(key: string, request: IncomingMessage, response: ServerResponse): void {
    const object = this.objects.get(key)
    if (object === undefined) throw new S3Refusal(404, 'NoSuchKey')
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    if (request.method === 'HEAD') {
      response.writeHead(200, { 'content-length': object.length, etag: etagOf(object) }).end()
      return
    }
    if (range === null) {
      response.writeHead(200, { 'content-length': object.length }).end(object)
      return
    }
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), object.length - 1)]
    if (first > last) throw new S3Refusal(416, 'InvalidRange')
    response
      .writeHead(206, {
        'content-length': last - first + 1,
        'content-range': `bytes ${first}-${last}/${object.length}`
      })
      .end(object.subarray(first, last + 1))
  }
}

class S3Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

function refuse(response: ServerResponse, { status, code }: S3Refusal): void {
  xml(response, status, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`)
}

function xml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`)
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}

/** Signature Version 4: computes it as the server does and compares. */
function checkSignature(request: IncomingMessage, url: URL, body: Buffer, keys: S3Keys): void {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? ''
    )
  if (match === null) throw new S3Refusal(403, 'AccessDenied')
  const [, accessKey = '', day = '', region = '', signedHeaders = '', signature] = match
  if (accessKey !== keys.accessKeyId) throw new S3Refusal(403, 'InvalidAccessKeyId')
  const given = String(request.headers['x-amz-content-sha256'] ?? '')
  if (given !== 'UNSIGNED-PAYLOAD' && given !== sha256(body)) throw new S3Refusal(400, 'XAmzContentSHA256Mismatch')
  const at = String(request.headers['x-amz-date'] ?? '')
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&')
  const headers = signedHeaders
    .split(';')
    .map(name => `${name}:${String(request.headers[name] ?? '').trim()}\n`)
    .join('')
  const canonical = [request.method, url.pathname, query, headers, signedHeaders, given].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', at, `${day}/${region}/s3/aws4_request`, sha256(Buffer.from(canonical))].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, word) => createHmac('sha256', secret).update(word).digest(),
    `AWS4${keys.secretAccessKey}`
  )
  if (createHmac('sha256', key).update(toSign).digest('hex') !== signature)
    throw new S3Refusal(403, 'SignatureDoesNotMatch')
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, one => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
