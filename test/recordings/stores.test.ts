import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseStoreKeys } from '../../config/secrets.ts'
import { KeyService } from '../support/key-service.ts'
import { S3_KEYS, S3Server } from '../support/s3-server.ts'
import { ringFromService } from '../../server/recordings/key-service.ts'
import { Storage } from '../../server/recordings/storage.ts'
import { TestParley } from '../support/parley.ts'
import { CALLERS, hear, RECORDED, recordingsOf, talk } from './support.ts'

const NUMBER = '+12025550100'
const GERMAN_NUMBER = '+493023125100'

/** Of another provider than the European bucket. */
const US_KEYS = { accessKeyId: 'OTHERACCESSKEY', secretAccessKey: 'another-secret-key/of+nobody=' }

async function storageFile(t: Test, s3: S3Server, american: S3Server): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-storage-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'storage.yaml')
  await writeFile(
    path,
    `
stores:
  eu: { kind: s3, bucket: calls-eu, region: eu-central-1, endpoint: '${s3.url}', prefix: parley/ }
  us: { kind: s3, bucket: calls-us, region: us-east-1, endpoint: '${american.url}' }
  rest: { kind: folder, folder: '${join(folder, 'rest')}' }
zones:
  - { id: europe, countries: [EEA], store: eu, reason: test }
  - { id: america, countries: [US], store: us, reason: test }
`
  )
  return path
}

/** A caller agrees where asked to, talks for a while and hangs up. */
async function recordedCall(server: TestParley, user: string, number: string, isAsked: boolean) {
  await using caller = await server.phone({ user })
  const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  if (isAsked) {
    await caller.audio.hears(440)
    caller.audio.sendDigits('1').sendTone(1000)
  }
  await caller.audio.hears(880)
  await talk(server, 1_000)
  await call.bye()
  return await server.story(call.callId)
}

t.test(
  'recordings go to the region of the people in the call, and wait when it cannot be reached',
  { timeout: 280_000 },
  async t => {
    await using s3 = await S3Server.start()
    await using american = await S3Server.start(US_KEYS)
    await using server = await TestParley.start({
      env: { PARLEY_STORAGE_FILE: await storageFile(t, s3, american) },
      secrets: { store: S3_KEYS, storeKeys: parseStoreKeys(`us:${US_KEYS.accessKeyId}:${US_KEYS.secretAccessKey}`) }
    })
    await server.publish(RECORDED)
    await server.addNumber(NUMBER, 'recorded')
    await server.addNumber(GERMAN_NUMBER, 'recorded')

    await t.test('a German caller’s recording goes to the European bucket, sealed', async t => {
      const story = await recordedCall(server, CALLERS.berlin, GERMAN_NUMBER, true)
      const [recording] = await recordingsOf(server, story.id)
      t.match(recording, { state: 'stored', store: 'eu' })
      const [key = '', bytes = Buffer.alloc(0)] = [...s3.objects][0] ?? []
      t.match(key, /^calls-eu\/parley\/eu\/\d{4}-\d\d-\d\d\/[0-9a-f-]+\.sealed$/)
      t.equal(bytes.length, recording?.bytes)
      t.notOk(bytes.includes('fLaC'))
      const { left } = await hear(server, recording?.id ?? '')
      t.ok(left.some(sample => sample !== 0))
    })

    await t.test('an American caller’s goes to the bucket of another provider, with keys of its own', async t => {
      const story = await recordedCall(server, CALLERS.washington, NUMBER, false)
      t.match(await recordingsOf(server, story.id), [{ state: 'stored', store: 'us' }])
      t.equal(s3.objects.size, 1)
      t.match([...american.objects.keys()], [/^calls-us\/us\//])
      t.equal(american.objects.size, 1)
    })

    await t.test('a call between two regions is not recorded at all', async t => {
      await using caller = await server.phone({ user: CALLERS.berlin })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendTone(1000)
      await caller.audio.hears(880)
      await call.bye()
      const story = await server.story(call.callId)
      t.match(story.events.find(event => event.kind === 'recordingConsent')?.data, {
        result: 'never',
        policy: 'noStore'
      })
      t.same(await recordingsOf(server, story.id), [])
    })

    await t.test(
      'while the store is away the recording waits, sealed, can be heard here, and is delivered later',
      async t => {
        s3.isDown = true
        const story = await recordedCall(server, CALLERS.berlin, GERMAN_NUMBER, true)
        const [waiting] = await recordingsOf(server, story.id)
        t.match(waiting, { state: 'spooled', store: 'eu' })
        const { left } = await hear(server, waiting?.id ?? '')
        t.ok(left.some(sample => sample !== 0))
        const spool = join(server.dataDir, 'spool', 'recordings')
        t.same((await readdir(spool)).toSorted(), [`${waiting?.id}.json`, `${waiting?.id}.sealed`])
        s3.isDown = false
        const limit = AbortSignal.timeout(30_000)
        for (;;) {
          const [now] = await recordingsOf(server, story.id)
          if (now?.state === 'stored') break
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 100))
        }
        t.same(await readdir(spool), [], 'nothing is left here')
        t.equal(s3.objects.size, 2)
      }
    )

    await t.test('the audit finds what is missing or changed, and says which part', async t => {
      const { parley } = server
      const later = new Date(Date.now() + 40 * 86_400_000)
      t.same(await parley.recordings.check(later), { checked: 3, problems: 0 })
      const [[first = '', bytes = Buffer.alloc(0)] = [], [second = ''] = []] = [...s3.objects]
      const hurt = Buffer.from(bytes)
      hurt[200] = (hurt[200] ?? 0) ^ 0xff
      s3.objects.set(first, hurt)
      s3.objects.delete(second)
      t.same(await parley.recordings.check(new Date(later.getTime() + 40 * 86_400_000)), { checked: 3, problems: 2 })
      const problems = (await parley.recordings.library.list({}, null, 10)).map(one => one.problem?.kind ?? null)
      t.same(problems.toSorted(), ['damaged', 'missing', null])
      const logged = server.logs.filter(line => line.includes('a recording is not what was stored'))
      t.equal(logged.length, 2)
      const [missing] = (await parley.recordings.library.list({}, null, 10)).filter(
        one => one.problem?.kind === 'missing'
      )
      t.match(await server.api('GET', `/recordings/${missing?.id}/audio`), {
        status: 502,
        body: { code: 'RECORDING_UNREADABLE' }
      })
    })
  }
)

t.test('a server with other keys opens nothing and says so', { timeout: 280_000 }, async t => {
  const hex = (one: Buffer) => one.toString('hex')
  const [old, other] = [hex(randomBytes(32)), hex(randomBytes(32))]
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-keys-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const start = (keys: string) =>
    TestParley.start({ database: 'pglite', env: { PARLEY_DATA_DIR: dataDir }, secrets: { recordingKeys: keys } })
  let id = ''
  {
    await using server = await start(`1:${old}`)
    await server.publish(RECORDED)
    await server.addNumber(NUMBER, 'recorded')
    const story = await recordedCall(server, CALLERS.washington, NUMBER, false)
    id = (await recordingsOf(server, story.id))[0]?.id ?? ''
    t.match(await server.api('POST', '/recordings/key-rotation'), { status: 409 })
  }
  {
    await using server = await start(`2:${other}`)
    t.match(await server.api('GET', `/recordings/${id}/audio`), { status: 502, body: { code: 'RECORDING_UNREADABLE' } })
  }
  {
    await using server = await start(`2:${other},1:${old}`)
    const limit = AbortSignal.timeout(30_000)
    for (;;) {
      const row = await server.parley.db
        .selectFrom('recordings')
        .select('key_version')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      if (row.key_version === '2') break
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    const { left } = await hear(server, id)
    t.ok(
      left.some(sample => sample !== 0),
      'the new first key has wrapped it'
    )
  }
})

t.test('keys that stand wrongly in the settings stop the start', async t => {
  t.throws(() => parseStoreKeys('eu:key'), { message: /store:access key:secret/ })
  t.throws(() => parseStoreKeys('eu:key:secret,eu:key:secret'), { message: /each store once/ })
  const folder = await mkdtemp(join(tmpdir(), 'parley-storage-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'one.yaml'), 'stores: { rest: { kind: folder } }\nzones: []\nunknown: rest\n')
  await t.rejects(
    Storage.open(join(folder, 'one.yaml'), folder, { all: null, byStore: parseStoreKeys('rest:key:secret') }),
    { code: 'STORAGE_INVALID', message: /rest, which is no store of kind s3/ }
  )
})

t.test('wrapping keys may stand in a service that never gives them out', { timeout: 280_000 }, async t => {
  await using service = await KeyService.start()
  await using server = await TestParley.start({
    database: 'pglite',
    env: { PARLEY_KEY_SERVICE: service.url },
    secrets: { keyServiceToken: service.token }
  })
  await server.publish(RECORDED)
  await server.addNumber(NUMBER, 'recorded')
  const story = await recordedCall(server, CALLERS.washington, NUMBER, false)
  const id = (await recordingsOf(server, story.id))[0]?.id ?? ''
  const row = async () =>
    await server.parley.db
      .selectFrom('recordings')
      .select(['key_version', 'wrapped_key'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
  t.match(await row(), { key_version: 'v1', wrapped_key: /^vault:v1:/ })
  t.notOk((await readdir(server.dataDir)).includes('recording-keys.json'), 'no key is kept here')
  const sealed = await readFile(join(server.dataDir, 'recordings', await sealedPath(server)))

  t.match(await server.api('POST', '/recordings/key-rotation'), { status: 202, body: { version: 'v2' } })
  const limit = AbortSignal.timeout(30_000)
  while ((await row()).key_version !== 'v2') {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  t.ok(sealed.equals(await readFile(join(server.dataDir, 'recordings', await sealedPath(server)))), 'the audio stays')

  service.isDown = true
  t.match(await server.api('GET', `/recordings/${id}/audio`), { status: 503, body: { code: 'RECORDING_AWAY' } })
  service.isDown = false
  const { left } = await hear(server, id)
  t.ok(
    left.some(sample => sample !== 0),
    'and is heard again when the service is back'
  )
  const ring = await ringFromService({ url: service.url, token: service.token })
  const { key_version, wrapped_key } = await row()
  const wrapped = { version: key_version ?? '', wrapped: wrapped_key ?? '' }
  t.equal((await ring.unwrap(wrapped, id)).length, 32)
  await t.rejects(ring.unwrap(wrapped, 'another'), { code: 'KEY_UNKNOWN' }, 'it opens no other recording')
  await t.rejects(ringFromService({ url: service.url, token: 'wrong' }), { code: 'KEY_SERVICE_UNAVAILABLE' })
})

/** The one recording below the folder of recordings. */
async function sealedPath(server: TestParley): Promise<string> {
  const names = await readdir(join(server.dataDir, 'recordings'), { recursive: true })
  return names.find(name => name.endsWith('.sealed')) ?? ''
}
