import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Everything that `/metrics` shows (Prometheus text format). Names end in their unit. */
export type Metrics = ReturnType<typeof createMetrics>

export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'parley_' })
  const registers = [registry]
  return {
    registry,
    callsStarted: new Counter({
      name: 'parley_calls_started_total',
      help: 'Calls begun',
      labelNames: ['direction'],
      registers
    }),
    callsEnded: new Counter({
      name: 'parley_calls_ended_total',
      help: 'Calls ended, by reason and whose fault it was',
      labelNames: ['direction', 'reason', 'fault'],
      registers
    }),
    callsRunning: new Gauge({ name: 'parley_calls_running', help: 'Calls of this control plane now', registers }),
    setupSeconds: new Histogram({
      name: 'parley_call_setup_seconds',
      help: 'INVITE received to 200 sent',
      buckets: [0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2, 5],
      registers
    }),
    releaseSeconds: new Histogram({
      name: 'parley_call_release_seconds',
      help: 'Hang-up to everything released',
      buckets: [0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers
    }),
    promptsMade: new Counter({
      name: 'parley_prompts_total',
      help: 'Prompts asked for',
      labelNames: ['source'],
      registers
    }),
    speechFallOvers: new Counter({
      name: 'parley_speech_fall_overs_total',
      help: 'A provider of speech was left for the next one, and why',
      labelNames: ['from', 'to', 'code'],
      registers
    }),
    speechCheckOk: new Gauge({
      name: 'parley_speech_check_ok',
      help: 'Whether a provider of speech passed its last check with known words, 1 or 0',
      labelNames: ['kind', 'provider', 'language'],
      registers
    }),
    speechCheckSeconds: new Gauge({
      name: 'parley_speech_check_seconds',
      help: 'Time that the last check of a provider of speech took',
      labelNames: ['kind', 'provider', 'language'],
      registers
    }),
    promptSeconds: new Histogram({
      name: 'parley_prompt_synthesis_seconds',
      help: 'Time to make a prompt that was not in the cache',
      buckets: [0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers
    }),
    requests: new Counter({
      name: 'parley_flow_requests_total',
      help: 'Requests that flows made',
      labelNames: ['outcome'],
      registers
    }),
    storyBacklog: new Gauge({
      name: 'parley_call_events_waiting',
      help: 'Call events not yet in the database',
      registers
    }),
    recordingsWaiting: new Gauge({
      name: 'parley_recordings_waiting',
      help: 'Recordings on this machine that their store does not have yet',
      registers
    }),
    recordingAlarms: new Counter({
      name: 'parley_recording_alarms_total',
      help: 'What went wrong with recordings, by code; each is in the log as an error',
      labelNames: ['code'],
      registers
    }),
    httpSeconds: new Histogram({
      name: 'parley_http_request_seconds',
      help: 'Time to answer an HTTP request',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers
    }),
    logins: new Counter({ name: 'parley_logins_total', help: 'Tries to sign in', labelNames: ['outcome'], registers }),
    engineUp: new Gauge({
      name: 'parley_engine_up',
      help: '1 while the engine is reachable',
      labelNames: ['engine'],
      registers
    })
  }
}
