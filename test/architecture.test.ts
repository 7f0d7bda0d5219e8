import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = ['server', 'ivr-flows', 'media', 'sql', 'config', 'bench'] as const

type Source = Readonly<{ path: string; text: string; imports: readonly string[] }>

const sources = await readSources()

/** Which folders of the server may be imported by which: only downward. */
const SERVER_LAYERS: readonly (readonly string[])[] = [
  ['server/main.ts', 'server/simulate.ts'],
  ['server/context.ts', 'server/engines.ts', 'server/give-back-memory.ts', 'server/welcome.ts'],
  [
    'server/http',
    'server/demo-call.ts',
    'server/inbound-call.ts',
    'server/outbound-call.ts',
    'server/simulator',
    'server/run-campaign-flow.ts',
    'server/housekeeping.ts',
    'server/speech-checks.ts',
    'server/demo-data.ts',
    'server/warm-prompts.ts'
  ],
  ['server/privacy'],
  [
    'server/card-sources.ts',
    'server/run-call-flow.ts',
    'server/flow-host.ts',
    'server/flow-requests.ts',
    'server/flow-library.ts'
  ],
  ['server/campaigns'],
  ['server/agent-calls', 'server/webhooks'],
  ['server/bots'],
  ['server/quality'],
  ['server/softphone'],
  ['server/recordings'],
  ['server/queues'],
  ['server/planes'],
  ['server/agents'],
  ['server/calls', 'server/events.ts'],
  ['server/telephony', 'server/routing'],
  ['server/contacts'],
  ['server/compliance'],
  [
    'server/number-mask.ts',
    'server/errors.ts',
    'server/ids.ts',
    'server/key-object.ts',
    'server/random.ts',
    'server/life-signs.ts',
    'server/log.ts',
    'server/metrics.ts',
    'server/or-after.ts',
    'server/seal.ts'
  ]
]

/**
 * Imports that go up on purpose: a name of a type or of a table of constants, which a test of layers cannot tell from
 * a call. Each has a reason.
 */
const ALLOWED_UP: Readonly<Record<string, string>> = {
  'server/telephony/on-invite.ts → server/calls': 'hands a call over to the story that serves it',
  'server/telephony/sdp.ts → server/calls': 'names end reasons',
  'server/routing/route-inbound.ts → server/calls': 'names end reasons',
  'server/outbound-call.ts → server/http': 'takes the type of the request',
  'server/demo-data.ts → server/http': 'hashes passwords',
  'server/calls/call-events.ts → server/agents': 'names the reasons of missed offers',
  'server/engines.ts → server/context.ts': 'returns the type that context takes'
}

t.test('imports in the server point downward only', async t => {
  for (const { path, imports } of sources.filter(one => one.path.startsWith('server/'))) {
    const own = layerOf(path)
    t.not(own, -1, `${path} belongs to a layer`)
    for (const target of imports.filter(one => one.startsWith('server/'))) {
      const other = layerOf(target)
      if (other >= own) continue
      const rule = Object.keys(ALLOWED_UP).find(key => key === `${path} → ${folderOf(target)}`)
      t.ok(rule !== undefined, `${path} imports ${target}, which is above it`)
    }
  }
})

t.test('flows and media know nothing of the server, and flows import nothing of ours', async t => {
  for (const { path, imports } of sources) {
    if (path.startsWith('ivr-flows/'))
      for (const target of imports)
        t.notOk(isOurs(target) && !target.startsWith('ivr-flows/'), `${path} imports ${target}`)
    if (path.startsWith('media/'))
      for (const target of imports)
        t.notOk(/^(server|sql|ivr-flows|config)\//.test(target), `${path} imports ${target}`)
    if (path.startsWith('sql/'))
      for (const target of imports)
        t.notOk(/^(server|media|ivr-flows|config)\//.test(target), `${path} imports ${target}`)
    if (path.startsWith('media/audio/'))
      for (const target of imports)
        t.notOk(target.startsWith('media/') && !target.startsWith('media/audio/'), `${path} imports ${target}`)
    // Rules are data and pure functions, so that a decision can be replayed years later.
    if (/^server\/compliance\/(rules|packs|time|numbers|decide|facts|codes|recording-policy)/.test(path))
      for (const target of imports)
        t.notOk(
          isOurs(target) && !/^(server\/compliance|config\/rule-packs)\//.test(target),
          `${path} imports ${target}`
        )
  }
})

t.test('each vendor library comes in by one door', async t => {
  const doors: Readonly<Record<string, RegExp>> = {
    'drachtio-srf': /^server\/telephony\//,
    'drachtio-fsmrf': /^media\/freeswitch\.ts$/,
    mediasoup: /^media\/webrtc\//,
    werift: /^media\/webrtc\//,
    '@electric-sql/pglite': /^sql\//,
    pg: /^sql\//,
    'pg-boss': /^sql\//,
    koffi: /^media\/speech\/providers\//,
    '@google-cloud': /^media\/speech\/providers\//,
    'google-gax': /^media\/speech\/providers\//,
    'microsoft-cognitiveservices-speech-sdk': /^media\/speech\/providers\//,
    libflacjs: /^media\/recordings\/flac\.ts$/,
    '@aws-sdk': /^media\/recordings\/s3-store\.ts$/
  }
  for (const { path, imports } of sources.filter(one => !one.path.startsWith('bench/')))
    for (const [name, door] of Object.entries(doors))
      if (imports.some(target => target === name || target.startsWith(`${name}/`)))
        t.match(path, door, `${path} imports ${name}`)
})

t.test('calls are written to a disk by the recorder alone, which takes a grant', async t => {
  const writers = sources.filter(one => /\bRecordingFileWriter\.(create|resume)\(/.test(one.text)).map(one => one.path)
  t.same(
    writers.filter(path => !path.startsWith('bench/')),
    ['media/recordings/recording-worker.ts']
  )
  // The spool finishes what a recorder had begun when its program died.
  const openers = sources.filter(one => one.path.startsWith('server/') && /\bthread\.open\(/.test(one.text))
  t.same(openers.map(one => one.path).toSorted(), ['server/recordings/recorder.ts', 'server/recordings/spool.ts'])
  const text = (path: string) => sources.find(one => one.path === path)?.text ?? ''
  t.match(
    text('server/recordings/recorder.ts'),
    /private constructor\([\s\S]*static async start\(\s*grant: RecordingGrant,/
  )
  t.match(text('server/recordings/grant.ts'), /private constructor\(/)
})

t.test('only config reads the environment', async t => {
  for (const { path, text } of sources)
    if (/process\.env\b/.test(text)) t.match(path, /^(config\/|bench\/)/, `${path} reads process.env`)
})

t.test('the stand-ins never import each other, and nothing but the engine starter knows them', async t => {
  for (const { path, imports } of sources) {
    const engine = /^media\/embedded\/(drachtio|freeswitch)\//.exec(path)?.[1]
    for (const target of imports) {
      const other = /^media\/embedded\/(drachtio|freeswitch)\//.exec(target)?.[1]
      if (other === undefined || other === engine) continue
      t.match(path, /^(server\/engines\.ts|bench\/)/, `${path} imports ${target}`)
    }
  }
})

t.test('no file lists another one’s exports, and every relative import names its file', async t => {
  for (const { path, text } of sources)
    for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']*)'/g))
      t.match(target, /\.(ts|mjs|json)$/, `${path} imports ${target}`)
})

function layerOf(path: string): number {
  return SERVER_LAYERS.findIndex(layer => layer.some(entry => path === entry || path.startsWith(`${entry}/`)))
}

function folderOf(path: string): string {
  const entry = SERVER_LAYERS.flat().find(one => path === one || path.startsWith(`${one}/`))
  return entry ?? path
}

function isOurs(target: string): boolean {
  return FOLDERS.some(folder => target.startsWith(`${folder}/`))
}

async function readSources(): Promise<readonly Source[]> {
  const found: Source[] = []
  for (const folder of FOLDERS)
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.ts$/.test(entry.name) || entry.name.endsWith('.d.ts')) continue
      const file = join(entry.parentPath, entry.name)
      const text = await readFile(file, 'utf8')
      const path = relative(ROOT, file)
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target = '']) =>
        target.startsWith('.') ? relative(ROOT, join(dirname(file), target)) : target
      )
      found.push({ path, text, imports })
    }
  return found
}
