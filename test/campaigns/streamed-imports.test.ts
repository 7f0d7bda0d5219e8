import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { Uploads } from '../../server/contacts/uploads.ts'
import { ADMIN_PASSWORD, oneDatabase, TestParley, testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { Program } from '../support/programs.ts'
import { Plane } from './planes.ts'

const MIB = 1024 ** 2
const HEADER = 'name,phone,notes\n'
const MAPPING = { hasHeader: true, columns: [{ role: 'name' }, { role: 'number' }, { role: 'ignore' }] }

/** Lines of people whose last column, which nobody keeps, makes them as long as the test wants. */
function* lines(count: number, lineBytes: number): Generator<string> {
  const start = 'Person 000000,+4930200000000,'
  const notes = 'x'.repeat(lineBytes - start.length - 1)
  for (let at = 0; at < count; at += 1) {
    const no = String(at).padStart(6, '0')
    yield `Person ${no},+4930${23_000_000 + at},${notes}\n`
  }
}

for (const database of testDatabases())
  t.test(`files of contacts are taken in as they come, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database })
    const newList = async (name: string) => (await server.api('POST', '/contact-lists', { name })).body['id'] as string
    const listed = async (id: string) =>
      (
        (await server.api('GET', '/contact-lists')).body.items as { id: string; contacts: number; imports: number }[]
      ).find(one => one.id === id)
    const open = async (list: string, bytes?: number) => openUpload(server.url, await server.adminToken(), list, bytes)

    await t.test('what has come lies encrypted on the disk while the rest is under way', async t => {
      const list = await newList('Under way')
      const upload = await open(list)
      await send(upload, HEADER)
      let sent = HEADER.length
      for (const line of lines(8 * 1024, 1024)) {
        await send(upload, line)
        sent += line.length
      }
      const path = await until(async () => {
        const [file] = await uploadsOf(server.dataDir)
        return file !== undefined && file.bytes >= sent - MIB ? file.path : null
      }, 'the disk holds what was sent')
      const stored = await readFile(path)
      for (const word of ['Person', '+4930', 'xxxxxxxx']) t.notOk(stored.includes(word), `no “${word}” on the disk`)
      t.match(
        await listed(list),
        { contacts: 0, imports: 0 },
        'nothing is imported before somebody has seen the columns'
      )
      upload.end()
      const { status, body } = await answerOf(upload)
      t.equal(status, 201)
      t.match(body, {
        bytes: sent,
        rows: [
          ['name', 'phone', 'notes'],
          ['Person 000000', '+493023000000']
        ]
      })
    })

    await t.test('an upload that breaks off leaves nothing behind, and the log says so', async t => {
      const list = await newList('Broken off')
      for (const how of ['cable', 'half'] as const) {
        const before = await uploadsOf(server.dataDir)
        const logged = server.logs.length
        const upload = await open(list, how === 'half' ? 100 * MIB : undefined)
        await send(upload, HEADER)
        for (const line of lines(2 * 1024, 1024)) await send(upload, line)
        await until(async () => (await uploadsOf(server.dataDir)).length === before.length + 1, 'it has begun')
        if (how === 'cable') upload.destroy()
        else upload.socket?.end()
        if (how === 'half') t.equal((await answerOf(upload)).status, 400, 'who still listens is told')
        await until(async () => (await uploadsOf(server.dataDir)).length === before.length, 'its file is gone')
        const said = await until(
          () => server.logs.slice(logged).find(line => line.includes('a request broke off before its end')),
          'the log tells of it'
        )
        t.match(JSON.parse(said), { level: 'info', route: '/api/v1/contact-lists/:id/uploads' })
        t.notOk(
          server.logs.slice(logged).some(line => /"level":"error"/.test(line)),
          'nobody has to act'
        )
        t.match(await listed(list), { contacts: 0, imports: 0 })
      }
    })

    await t.test('an import holds a few batches of a file, however long it is', async t => {
      const count = 40_000
      const lineBytes = 1024
      const list = await newList('Long')
      const upload = await open(list)
      await send(upload, HEADER)
      for (const line of lines(count, lineBytes)) await send(upload, line)
      upload.end()
      const { uploadId } = (await answerOf(upload)).body as { uploadId: string }
      const begun = await server.api('POST', `/contact-lists/${list}/imports`, { uploadId, mapping: MAPPING })
      const id = begun.body['id'] as string
      const looks: { read: number; stored: number; lines: number }[] = []
      for (;;) {
        const { body } = await server.api('GET', `/contact-imports/${id}`)
        if (body['state'] !== 'running') {
          t.match(body, { state: 'done', lines: count, imported: count })
          break
        }
        const stored = (await listed(list))?.contacts ?? 0
        looks.push({ read: Math.floor(Number(body['bytes']) / lineBytes), stored, lines: Number(body['lines']) })
      }
      const most = Math.max(...looks.map(one => one.read - one.stored))
      // Two batches of 4,000 are stored, a third is gathered, and the reader of lines is 2,000 and a block ahead.
      t.ok(most <= 16_000, `${most} of ${count} rows were read and not stored`)
      const between = looks.filter(one => one.lines > 0 && one.lines < count).length
      t.ok(between >= 1, `${between} looks found the import between its first and its last line`)
      const sorted = looks.toSorted((one, other) => one.read - other.read || one.lines - other.lines)
      t.same(looks, sorted, 'it never goes back')
      t.same(await uploadsOf(server.dataDir).then(all => all.length), 1, 'its file is thrown away')
    })
  })

t.test('a file is taken no faster than the disk takes it', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-uploads-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  await using uploads = await Uploads.open(dataDir)
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const [folder] = await readdir(join(dataDir, 'uploads'))
  let given = 0
  let ahead = 0
  // Nothing in here waits: whoever wants to have it all at once gets it before the disk has its turn.
  const body = Readable.from(
    (function* () {
      for (; given < 64 * MIB; given += chunk.length) {
        const [name] = readdirSync(join(dataDir, 'uploads', folder ?? ''))
        const onDisk = name === undefined ? 0 : statSync(join(dataDir, 'uploads', folder ?? '', name)).size
        ahead = Math.max(ahead, given - onDisk)
        yield chunk
      }
    })()
  )
  const upload = await uploads.add(body, 'long.csv', 4 * 1024 * MIB)
  t.equal(upload.bytes, 64 * MIB)
  t.ok(ahead <= 4 * MIB, `at most ${ahead} bytes were in memory`)
})

t.test('a file of 60 MB goes through a server that has no room for it', { timeout: 280_000 }, async t => {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-small-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const isPostgres = oneDatabase().includes('postgres')
  const program = stack.use(
    await Program.start('test/campaigns/control-plane.ts', [], /control plane at \S+\n/, {
      NODE_OPTIONS: '--max-old-space-size=128',
      PARLEY_DATA_DIR: dataDir,
      PARLEY_SECRET_KEY: randomBytes(32).toString('hex'),
      PARLEY_ADMIN_PASSWORD: ADMIN_PASSWORD,
      PARLEY_HTTP_PORT: '0',
      PARLEY_SIP_PORT: '0',
      PARLEY_WEBRTC_PORT: '0',
      PARLEY_POCKETSPHINX: 'off',
      ...(isPostgres && { PARLEY_DATABASE_URL: await freshDatabase(stack) })
    })
  )
  const plane = new Plane(program)
  const token = (await plane.signIn('admin', ADMIN_PASSWORD)).body['token'] as string
  const list = (await plane.api('POST', '/contact-lists', { name: 'Large' })).body['id'] as string
  const upload = openUpload(plane.url, token, list)
  await send(upload, HEADER)
  for (const line of lines(15_000, 4096)) await send(upload, line)
  upload.end()
  const { status, body } = await answerOf(upload)
  t.equal(status, 201)
  const { uploadId } = body as { uploadId: string }
  const begun = await plane.api('POST', `/contact-lists/${list}/imports`, { uploadId, mapping: MAPPING })
  const done = await until(async () => {
    const { body } = await plane.api('GET', `/contact-imports/${begun.body['id']}`)
    return body['state'] === 'running' ? null : body
  }, 'the import ends')
  t.match(done, { state: 'done', lines: 15_000, imported: 15_000, failure: null })
})

function openUpload(url: string, token: string, list: string, bytes?: number): ClientRequest {
  const upload = request(`${url}/api/v1/contact-lists/${list}/uploads?name=list.csv`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'text/csv',
      ...(bytes !== undefined && { 'content-length': bytes })
    }
  })
  // A test that breaks it off hears of that as an error.
  upload.on('error', () => {})
  return upload
}

/** Sends a piece, and waits while the server takes no more. */
async function send(upload: ClientRequest, piece: string): Promise<void> {
  if (!upload.write(piece)) await once(upload, 'drain', { signal: AbortSignal.timeout(60_000) })
}

async function answerOf(upload: ClientRequest): Promise<{ status: number; body: Record<string, unknown> }> {
  const [response] = await once(upload, 'response', { signal: AbortSignal.timeout(60_000) })
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, body: JSON.parse(text) }
}

async function uploadsOf(dataDir: string): Promise<readonly { path: string; bytes: number }[]> {
  const folder = join(dataDir, 'uploads')
  const found: { path: string; bytes: number }[] = []
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name)
    const { isFile, size } = await stat(path).then(
      one => ({ isFile: one.isFile(), size: one.size }),
      () => ({ isFile: false, size: 0 })
    )
    if (isFile) found.push({ path, bytes: size })
  }
  return found
}

async function until<T>(look: () => T | Promise<T>, what: string): Promise<NonNullable<Exclude<T, false>>> {
  const limit = AbortSignal.timeout(60_000)
  for (;;) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found as NonNullable<Exclude<T, false>>
    if (limit.aborted) throw new Error(`never: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
