import * as channelApi from './api/channel-commands.ts'
import * as serverApi from './api/server-commands.ts'
import { conferenceCommand } from './api/conference-command.ts'
import { uuidAudioFork } from './apps/audio-fork.ts'
import * as basic from './apps/basic.ts'
import { conference } from './apps/conference.ts'
import * as detect from './apps/detect.ts'
import * as displace from './apps/displace.ts'
import { eavesdrop } from './apps/eavesdrop.ts'
import * as recording from './apps/record.ts'
import * as collect from './apps/collect-digits.ts'
import * as play from './apps/playback.ts'
import type { Engine } from './engine.ts'
import type { AppRun } from './executor.ts'

/** How far a command is implemented. Refused ones are answered as a server answers that never had them. */
export type CommandStatus = 'done' | 'partly' | 'refused'

/** A dial-plan application. */
export type Application = Readonly<{
  name: string
  status: CommandStatus
  note: string
  run(run: AppRun): void | Promise<void>
}>

/** An API command. */
export type ApiCommand = Readonly<{
  name: string
  status: CommandStatus
  note: string
  run(engine: Engine, args: string): string | Promise<string>
}>

const refusedApp = () => {}
const refusedApi = () => ''

type AppRow = readonly [name: string, status: CommandStatus, note: string, run: Application['run']]
type ApiRow = readonly [name: string, status: CommandStatus, note: string, run: ApiCommand['run']]

const APPLICATION_ROWS: readonly AppRow[] = [
  ['answer', 'done', 'the call is answered already', basic.answer],
  ['pre_answer', 'done', 'the call is answered already', basic.answer],
  ['ring_ready', 'done', 'the call is answered already', basic.answer],
  ['hangup', 'done', '', basic.hangup],
  ['set', 'done', '', basic.set],
  ['export', 'partly', 'sets the variable on this leg only', basic.set],
  ['multiset', 'done', '', basic.multiset],
  ['unset', 'done', '', basic.unset],
  ['multiunset', 'done', '', basic.multiunset],
  ['park', 'done', '', basic.park],
  ['sleep', 'done', '', basic.sleep],
  ['break', 'done', '', basic.breakApp],
  ['echo', 'done', '', basic.echo],
  ['delay_echo', 'done', '', basic.delayEcho],
  ['set_mute', 'done', '', basic.setMute],
  ['set_audio_level', 'done', '', basic.setAudioLevel],
  ['send_dtmf', 'done', 'telephone-events, or INFO where they were not agreed on', basic.sendDtmf],
  ['queue_dtmf', 'done', '', basic.queueDtmf],
  ['flush_dtmf', 'done', '', basic.flushDtmf],
  ['log', 'done', '', basic.logLine],
  ['info', 'partly', 'one line instead of a dump', basic.logLine],
  ['event', 'done', '', basic.fireEvent],
  ['transfer', 'partly', '`park` and inline applications; there is no other dial plan', basic.transfer],
  [
    'playback',
    'done',
    'WAV, raw .r8 … .r64, http(s), tone_stream, silence_stream, local_stream, file_string',
    play.playback
  ],
  ['endless_playback', 'done', '', play.endlessPlayback],
  ['loop_playback', 'done', '', play.loopPlayback],
  ['gentones', 'done', '', play.genTones],
  ['play_and_get_digits', 'partly', 'without transfer on failure', collect.playAndGetDigits],
  ['read', 'done', '', collect.read],
  ['conference', 'partly', 'without entry sounds, PIN prompts and key controls', conference],
  ['eavesdrop', 'partly', 'one channel by its uuid; whisper by variables or keys 0 to 3', eavesdrop],
  ['displace_session', 'partly', 'what is sent, not what is heard', displace.displaceSession],
  ['stop_displace_session', 'done', '', displace.stopDisplaceSession],
  ['record', 'partly', '16-bit WAV', recording.record],
  ['record_session', 'partly', '16-bit WAV, mixed or with RECORD_STEREO', recording.recordSession],
  ['stop_record_session', 'done', '', recording.stopRecordSession],
  ['tone_detect', 'partly', 'one report per start', detect.toneDetect],
  ['stop_tone_detect', 'done', '', detect.stopToneDetect],
  ['wait_for_silence', 'partly', 'level measured against the noise floor', detect.waitForSilence],
  ['say', 'refused', 'no spoken numbers', refusedApp],
  ['speak', 'refused', 'no text-to-speech', refusedApp],
  ['bridge', 'refused', 'no outgoing calls; use uuid_bridge', refusedApp],
  ['detect_speech', 'refused', 'no recognition', refusedApp]
]

const API_ROWS: readonly ApiRow[] = [
  ['version', 'done', '', serverApi.version],
  ['sofia', 'partly', '`sofia status` only', serverApi.sofia],
  ['status', 'done', '', serverApi.status],
  ['uptime', 'done', '', serverApi.uptime],
  ['show', 'partly', 'channels and calls', serverApi.show],
  ['create_uuid', 'done', '', serverApi.createUuid],
  ['global_getvar', 'done', '', serverApi.globalGetvar],
  ['global_setvar', 'done', '', serverApi.globalSetvar],
  ['echo', 'done', '', serverApi.echoText],
  ['hostname', 'done', '', serverApi.hostName],
  ['switchname', 'done', '', serverApi.hostName],
  ['url_encode', 'done', '', serverApi.urlEncodeText],
  ['module_exists', 'done', '', serverApi.moduleExists],
  ['hupall', 'done', '', channelApi.hupall],
  ['uuid_exists', 'done', '', channelApi.uuidExists],
  ['uuid_kill', 'done', '', channelApi.uuidKill],
  ['uuid_dump', 'partly', 'txt, plain and json, not xml', channelApi.uuidDump],
  ['uuid_getvar', 'done', '', channelApi.uuidGetvar],
  ['uuid_setvar', 'done', '', channelApi.uuidSetvar],
  ['uuid_setvar_multi', 'done', '', channelApi.uuidSetvarMulti],
  ['uuid_bridge', 'done', '', channelApi.uuidBridge],
  ['uuid_transfer', 'partly', '`park` and inline applications', channelApi.uuidTransfer],
  ['uuid_park', 'done', '', channelApi.uuidPark],
  ['uuid_break', 'done', '', channelApi.uuidBreak],
  ['uuid_broadcast', 'done', '', channelApi.uuidBroadcast],
  ['uuid_hold', 'partly', 'music and state, without a re-INVITE', channelApi.uuidHold],
  ['uuid_audio', 'done', '', channelApi.uuidAudio],
  ['uuid_send_dtmf', 'done', '', channelApi.uuidSendDtmf],
  ['uuid_recv_dtmf', 'done', '', channelApi.uuidRecvDtmf],
  ['uuid_drop_dtmf', 'partly', '`mask_digits`', channelApi.uuidDropDtmf],
  ['uuid_flush_dtmf', 'done', '', channelApi.uuidFlushDtmf],
  ['uuid_set_media_stats', 'partly', 'packet, byte, loss and jitter counters', channelApi.uuidSetMediaStats],
  ['uuid_answer', 'done', '', channelApi.uuidAnswer],
  ['uuid_pre_answer', 'done', '', channelApi.uuidAnswer],
  ['uuid_buglist', 'done', '', channelApi.uuidBuglist],
  ['uuid_record', 'partly', 'start and stop; 16-bit WAV', recording.uuidRecord],
  ['uuid_displace', 'partly', 'what is sent, not what is heard', displace.uuidDisplace],
  ['uuid_audio_fork', 'done', 'also the newer arguments for streaming audio back', uuidAudioFork],
  ['uuid_vad_detect', 'partly', 'by energy over the noise floor; the mode is not used', detect.uuidVadDetect],
  ['tone_detect', 'partly', 'one report per start', detect.toneDetectApi],
  ['conference', 'partly', 'audio orders; no video, no outgoing calls', conferenceCommand],
  ['uuid_vad_silero', 'refused', 'no such model', refusedApi],
  ['uuid_dub', 'refused', 'use uuid_displace', refusedApi],
  ['originate', 'refused', 'no outgoing calls', refusedApi]
]

/** Every application by name. */
export const APPLICATIONS: ReadonlyMap<string, Application> = new Map(
  APPLICATION_ROWS.map(([name, status, note, run]) => [name, { name, status, note, run }])
)

/** Every API command by name. */
export const API_COMMANDS: ReadonlyMap<string, ApiCommand> = new Map(
  API_ROWS.map(([name, status, note, run]) => [name, { name, status, note, run }])
)

/** The application of that name. */
export function findApplication(name: string): Application | undefined {
  return APPLICATIONS.get(name.trim().toLowerCase())
}

/**
 * Runs an API command line; an unknown or refused command is refused in the real server's words. Commands that need
 * not wait answer at once.
 */
export function runApi(engine: Engine, line: string): string | Promise<string> {
  const text = line.trim()
  const space = text.search(/\s/)
  const name = space < 0 ? text : text.slice(0, space)
  const command = API_COMMANDS.get(name)
  if (command === undefined || command.status === 'refused') return `-ERR ${name} Command not found!\n`
  const failed = (err: unknown) => {
    engine.log.error({ err, command: name }, 'API command failed')
    return '-ERR Operation Failed\n'
  }
  try {
    const answer = command.run(engine, space < 0 ? '' : text.slice(space + 1).trim())
    return typeof answer === 'string' ? answer : answer.catch(failed)
  } catch (err) {
    return failed(err)
  }
}
