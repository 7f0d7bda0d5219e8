import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { placePgliteDatabase } from '../support/database-template.ts'
import { testDatabases } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'

/** The environment without settings of this run. */
const OWN = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')))
const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

for (const database of testDatabases())
  t.test(
    `whoever starts again after a start that failed can sign in, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const dataDir = t.testdir({})
      const location = database === 'postgres' ? { PARLEY_DATABASE_URL: await freshDatabase(stack) } : {}
      if (database === 'pglite') await placePgliteDatabase(join(dataDir, 'database'))
      const taken = createServer()
      taken.listen(0, '127.0.0.1')
      await once(taken, 'listening')
      stack.defer(() => void taken.close())
      const start = (httpPort: number) => {
        const child = spawn(process.execPath, [MAIN], {
          env: {
            ...OWN,
            ...location,
            PARLEY_DATA_DIR: dataDir,
            PARLEY_HTTP_PORT: String(httpPort),
            PARLEY_SIP_PORT: '0',
            PARLEY_WEBRTC_PORT: '0'
          },
          stdio: ['ignore', 'pipe', 'pipe']
        })
        let output = ''
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding('utf8').on('data', piece => {
            output += piece
          })
        return { child, output: () => output }
      }

      const failed = start((taken.address() as AddressInfo).port)
      const [code] = await once(failed.child, 'exit')
      t.equal(code, 1)
      t.match(failed.output(), /Another program has that port/)
      t.notMatch(failed.output(), /Sign in as/)

      const again = start(0)
      stack.defer(async () => {
        again.child.kill('SIGTERM')
        if (again.child.exitCode === null) await once(again.child, 'exit')
      })
      while (!/Ctrl-C/.test(again.output())) await Promise.race([once(again.child.stdout, 'data'), ended(again)])
      t.match(again.output(), /Sign in as\n {4}admin +\S+ +admin\n/)
      const { http, users, numbers } = JSON.parse(await readFile(join(dataDir, 'quickstart.json'), 'utf8'))
      t.ok(numbers.length > 0)
      for (const { username, password, role } of users) {
        const answer = await fetch(`${http}/api/v1/session`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username, password })
        })
        t.match(await answer.json(), { user: { username, role } }, username)
      }
    }
  )

async function ended({
  child,
  output
}: Readonly<{ child: ReturnType<typeof spawn>; output(): string }>): Promise<never> {
  await once(child, 'exit')
  throw new Error(`the server ended: ${output()}`)
}
