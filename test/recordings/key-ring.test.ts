import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ringFromFile } from '../../server/recordings/key-ring.ts'
import { TestParley } from '../support/parley.ts'
import { CALLERS, hear, RECORDED, recordingsOf, talk } from './support.ts'

const NUMBER = '+12025550100'

t.test('two who rotate the wrapping key in one moment make two keys, and both open what they wrapped', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-keys-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'recording-keys.json')
  const ring = await ringFromFile(path)
  const key = randomBytes(32)
  const wrapped = [await ring.wrap(key, 'before')]
  const rotated = await Promise.all(
    [1, 2, 3].map(async number => {
      const version = await ring.rotate?.()
      wrapped.push(await ring.wrap(key, `after ${number}`))
      return version
    })
  )
  t.same(rotated.toSorted(), ['2', '3', '4'])
  const restarted = await ringFromFile(path)
  t.equal(restarted.current, '4')
  for (const [at, name] of ['before', 'after 1', 'after 2', 'after 3'].entries())
    t.same(await restarted.unwrap(wrapped[at]!, name), key, `what was wrapped ${name} opens after a restart`)
})

t.test('a call that goes on while the key is rotated is wrapped by the new one, too', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await server.addNumber(NUMBER, await server.publish(RECORDED))
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  await caller.audio.hears(880)
  await talk(server, 1_000)
  t.match(await server.api('POST', '/recordings/key-rotation'), { status: 202, body: { version: '2' } })
  await call.bye()
  const story = await server.story(call.callId)
  const [recording] = await recordingsOf(server, story.id)
  t.match(recording, { state: 'stored' })
  const id = recording?.id ?? ''
  const row = await server.parley.db
    .selectFrom('recordings')
    .select('key_version')
    .where('id', '=', id)
    .executeTakeFirst()
  t.equal(row?.key_version, '2')
  const { right } = await hear(server, id)
  t.ok(
    right.some(sample => sample !== 0),
    'and it is heard'
  )
})
