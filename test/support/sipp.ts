import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeG711 } from '../../media/audio/g711.ts'

export type SippResult = Readonly<{ code: number; log: string; callIds: readonly string[] }>

/**
 * Runs SIPp with a scenario against `target` and waits for its end. SIPp does the signalling; the voice of the call goes
 * where the scenario's SDP says.
 */
export async function runSipp(
  options: Readonly<{
    scenario: string
    target: string
    service: string
    calls: number
    rate: number
    limitMs: number
    keys?: Readonly<Record<string, string>>
    /** Audio that the scenario streams, by file name: samples at 8 kHz. */
    audio?: Readonly<Record<string, Int16Array>>
  }>
): Promise<SippResult> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-sipp-'))
  try {
    const file = join(folder, 'scenario.xml')
    const log = join(folder, 'messages.log')
    await writeFile(file, options.scenario)
    await writeAudio(folder, options.audio ?? {})
    const keys = Object.entries(options.keys ?? {}).flatMap(([name, value]) => ['-key', name, value])
    const child = spawn(
      'sipp',
      // prettier-ignore
      [
        options.target,
        '-sf',
        file,
        '-s',
        options.service,
        '-i',
        '127.0.0.1',
        '-m',
        String(options.calls),
        '-r',
        String(options.rate),
        '-l',
        '1000',
        '-nostdin',
        '-trace_msg',
        '-message_file',
        log,
        '-timeout',
        `${Math.ceil(options.limitMs / 1000)}s`,
        '-timeout_error',
        '-recv_timeout',
        String(options.limitMs),
        ...keys
      ],
      { cwd: folder, stdio: 'ignore', env: { ...process.env, TERM: 'xterm' } }
    )
    const limit = setTimeout(() => child.kill('SIGKILL'), options.limitMs + 5_000)
    const [code] = (await once(child, 'exit')) as [number | null]
    clearTimeout(limit)
    const text = await readFile(log, 'utf8').catch(() => '')
    return {
      code: code ?? -1,
      log: text,
      callIds: [...new Set([...text.matchAll(/^Call-ID:\s*(\S+)/gim)].map(match => match[1] as string))]
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** SIPp streams the payload of PCMU as it stands, without a header. */
export async function writeAudio(folder: string, audio: Readonly<Record<string, Int16Array>>): Promise<void> {
  for (const [name, samples] of Object.entries(audio)) {
    const bytes = new Uint8Array(samples.length)
    encodeG711('PCMU', samples, bytes)
    await writeFile(join(folder, name), bytes)
  }
}

/** A caller whose voice is this file of `runSipp`'s, over and over, until the other side hangs up. */
export function streamingCallerScenario(file: string): string {
  return callerScenario({ host: '[media_ip]', port: '[rtpstream_audio_port]' }).replace(
    '<recv request="BYE" />',
    `<nop><action><exec rtp_stream="${file},-1,0" /></action></nop>
  <recv request="BYE" />`
  )
}

/** A caller who sends INVITE with this media address, then waits for BYE (or sends it after `byeAfterMs`). */
export function callerScenario(media: Readonly<{ host: string; port: number | string }>, byeAfterMs?: number): string {
  const sdp = [
    'v=0',
    'o=sipp 1 1 IN IP4 [local_ip]',
    's=-',
    `c=IN IP4 ${media.host}`,
    't=0 0',
    `m=audio ${media.port} RTP/AVP 0 8 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-15'
  ].join('\n      ')
  const common = (method: string, cseq: number, to: string) => `
      ${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      Max-Forwards: 70
      From: <sip:+12025550123@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>${to}
      Call-ID: [call_id]
      CSeq: ${cseq} ${method === 'ACK' ? 'ACK' : method}
      Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>`
  const end =
    byeAfterMs === undefined
      ? `
  <recv request="BYE" />
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>`
      : `
  <pause milliseconds="${byeAfterMs}" />
  <send retrans="500"><![CDATA[${common('BYE', 2, '[peer_tag_param]')}
      Content-Length: 0

  ]]></send>
  <recv response="200" />`
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
  <send retrans="500"><![CDATA[${common('INVITE', 1, '')}
      Content-Type: application/sdp
      Content-Length: [len]

      ${sdp}

  ]]></send>
  <recv response="100" optional="true" />
  <recv response="180" optional="true" />
  <recv response="200" rtd="true" />
  <send><![CDATA[${common('ACK', 1, '[peer_tag_param]')}
      Content-Length: 0

  ]]></send>${end}
</scenario>
`
}
