import { spawnSync } from 'node:child_process'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { TONE_MENU } from '../../support/flows.ts'
import { testDatabases, TestParley } from '../../support/parley.ts'
import { freshDatabase } from '../../support/postgres-database.ts'
import { Cable } from '../../support/programs.ts'

const NUMBER = '+12025550100'
const DISK_KB = 256

const MAILBOX = `
id: mailbox
name: Mailbox
languages: [en]
defaultLanguage: en
start: mail
onFailure: failed
nodes:
  mail: { kind: voicemail, prompt: { tone: "%(300,0,500)" }, mailbox: sales, maxMs: 20000, silenceMs: 1500, next: thanks, empty: thanks, failed: failed }
  thanks: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  bye: { kind: hangup }
`

/** A disk of its own for one folder, so that it can be filled without anybody else noticing. */
async function smallDisk(
  stack: AsyncDisposableStack,
  folder: string
): Promise<{ fill(): Promise<void>; empty(): Promise<void> }> {
  await mkdir(folder, { recursive: true })
  run('mount', '-t', 'tmpfs', '-o', `size=${DISK_KB}k,mode=700`, 'tmpfs', folder)
  stack.defer(() => run('umount', folder))
  const ballast = join(folder, 'ballast')
  return {
    async fill() {
      const file = await open(ballast, 'w')
      try {
        for (;;) await file.write(Buffer.alloc(4096))
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'ENOSPC') throw err
      } finally {
        await file.close()
      }
    },
    empty: () => rm(ballast)
  }
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
}

t.test('a full disk fails a voicemail, says so once, and the next one is kept', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await using stack = new AsyncDisposableStack()
  const disk = await smallDisk(stack, join(server.dataDir, 'spool', 'recordings'))
  await server.publish(MAILBOX)
  await server.addNumber(NUMBER, 'mailbox')
  const leave = async (answerHz: number) => {
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(1000)
    caller.audio.sendTone(440)
    await new Promise(resolve => setTimeout(resolve, 2_000))
    caller.audio.sendSilence()
    await caller.audio.hears(answerHz)
    await call.waitForBye()
    return await server.story(call.callId)
  }

  await disk.fill()
  const failed = await leave(300)
  t.match(failed, { endReason: 'flowHungUp' }, 'the call itself goes on')
  t.notOk(failed.events.some(one => one.kind === 'voicemailLeft'))
  t.ok(failed.events.some(one => one.kind === 'nodeLeft' && one.data['outcome'] === 'failed'))
  t.equal(server.logs.filter(line => line.includes('a voicemail could not be kept')).length, 1)
  t.equal((await server.parley.db.selectFrom('voicemails').select('id').execute()).length, 0)

  await disk.empty()
  const kept = await leave(1200)
  t.ok(kept.events.some(one => one.kind === 'voicemailLeft'))
  const { body } = await server.api('GET', '/voicemails')
  t.equal(body.items?.length, 1)
})

// Only a database that is somewhere else can go away.
for (const database of testDatabases().filter(one => one === 'postgres'))
  t.test(
    `with a full disk and ${database} away callers are served and no record is lost`,
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const real = new URL(await freshDatabase(stack))
      const cable = stack.use(await Cable.to(real.hostname, Number(real.port || 5432)))
      const url = new URL(real)
      url.hostname = '127.0.0.1'
      url.port = String(cable.port)
      const server = stack.use(await TestParley.start({ database, env: { PARLEY_DATABASE_URL: url.href } }))
      const spool = join(server.dataDir, 'spool')
      const disk = await smallDisk(stack, spool)
      await server.publish(TONE_MENU)
      await server.addNumber(NUMBER, 'tone-menu')
      const press2 = async () => {
        await using caller = await server.phone()
        const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
        caller.audio.connect((await call.answered(8_000)).sdp).sendSilence()
        await caller.audio.hears(440)
        caller.audio.sendDigits('2')
        await caller.audio.hears(1200)
        await call.waitForBye()
        return call.callId
      }
      // Answered once before, so that what a call needs is known without the database; and told to its end.
      await server.story(await press2())
      await disk.fill()
      cable.pull()
      const first = await press2()
      const isSaid = () => server.logs.filter(line => line.includes('the call spool cannot be written')).length
      const limit = AbortSignal.timeout(90_000)
      while (isSaid() === 0) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      const second = await press2()
      t.equal(isSaid(), 1, 'it is in the log once')
      await disk.empty()
      const third = await press2()
      const spooled = async () => (await readFile(join(spool, 'call-events.jsonl'), 'utf8').catch(() => '')).split('\n')
      for (;;) {
        const events = (await spooled()).flatMap(line => {
          try {
            return line === '' ? [] : [JSON.parse(line) as { kind: string; callId: string }]
          } catch {
            // What the full disk had cut off stands on a line of its own.
            return []
          }
        })
        // What fitted on the disk before it was full may stand there twice.
        const ended = new Set(events.filter(one => one.kind === 'ended').map(one => one.callId))
        if (ended.size === 3) break
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      cable.plugIn()
      while ((await fetch(`${server.url}/healthz`)).status !== 200)
        await new Promise(resolve => setTimeout(resolve, 50))
      for (const id of [first, second, third]) t.match(await server.story(id), { endReason: 'flowHungUp' })
    }
  )
