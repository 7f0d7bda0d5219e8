import { Device } from 'mediasoup-client'

/**
 * What the page of a softphone does with mediasoup-client, and nothing else. The test calls `window.softphone`; the page
 * asks the SFU through `window.sfu(method, ...parameters)`, which the test answers.
 */

let device
let sendTransport
let receiveTransport
let producer
let microphone

const PCMU = 'audio/pcmu'

async function join() {
  const { rtpCapabilities, offers } = await window.sfu('open')
  device = new Device()
  await device.load({ routerRtpCapabilities: rtpCapabilities })
  sendTransport = device.createSendTransport(structuredClone(offers.send))
  receiveTransport = device.createRecvTransport(structuredClone(offers.receive))
  for (const [way, transport] of Object.entries({ send: sendTransport, receive: receiveTransport })) {
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      window.sfu('connect', way, dtlsParameters).then(done, failed)
    })
  }
  sendTransport.on('produce', ({ rtpParameters }, done, failed) => {
    window.sfu('speak', rtpParameters).then(id => done({ id }), failed)
  })
}

async function speak(codecMimeType = PCMU) {
  microphone = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  })
  const codec = device.rtpCapabilities.codecs.find(one => one.mimeType.toLowerCase() === codecMimeType)
  producer = await sendTransport.produce({ track: microphone.getAudioTracks()[0], codec, stopTracks: false })
  return producer.rtpParameters.codecs
}

/** Hears one source; resolves with how long it took from asking to the first sound above silence, in milliseconds. */
async function hear(sourceName) {
  const startedAt = performance.now()
  const offer = await window.sfu('hear', sourceName, device.rtpCapabilities)
  const consumer = await receiveTransport.consume(structuredClone(offer))
  const stream = new MediaStream([consumer.track])
  // Chromium feeds WebAudio from a remote track only while some element plays it.
  const element = new Audio()
  element.srcObject = stream
  await element.play()
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 8192
  context.createMediaStreamSource(stream).connect(analyser)
  window.heard ??= {}
  window.heard[sourceName] = { analyser, context, element, consumer }
  await window.sfu('resume', sourceName)
  while (peak(sourceName) === 0) await new Promise(requestAnimationFrame)
  return performance.now() - startedAt
}

/** The loudest frequency now, in Hz; 0 for silence. */
function peak(sourceName) {
  const { analyser, context } = window.heard[sourceName]
  const bins = new Float32Array(analyser.frequencyBinCount)
  analyser.getFloatFrequencyData(bins)
  let best = 0
  for (let bin = 1; bin < bins.length; bin++) if (bins[bin] > bins[best]) best = bin
  return bins[best] < -60 ? 0 : (best * context.sampleRate) / analyser.fftSize
}

async function restartIce() {
  for (const [way, transport] of Object.entries({ send: sendTransport, receive: receiveTransport })) {
    await transport.restartIce({ iceParameters: await window.sfu('restartIce', way) })
  }
}

/** How long a round trip of the ICE checks takes, in milliseconds, as the browser measures it; null before any. */
async function roundTripMs() {
  for (const report of (await sendTransport.getStats()).values()) {
    if (report.type === 'candidate-pair' && report.nominated) return (report.currentRoundTripTime ?? null) * 1000
  }
  return null
}

/** What was negotiated: the suite that protects the audio. */
async function srtpCipher() {
  for (const report of (await sendTransport.getStats()).values()) {
    if (report.type === 'transport') return report.srtpCipher
  }
  return null
}

window.softphone = { join, speak, hear, peak, restartIce, roundTripMs, srtpCipher }
