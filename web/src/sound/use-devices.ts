import { useEffect, useState } from 'react'

/** Microphones and outputs of this machine, followed while they change. Outputs are empty where none can be chosen. */
export function useDevices(): Readonly<{ inputs: readonly MediaDeviceInfo[]; outputs: readonly MediaDeviceInfo[] }> {
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([])
  useEffect(() => {
    const { mediaDevices } = navigator
    if (mediaDevices === undefined) return
    let isGone = false
    const look = () =>
      void mediaDevices.enumerateDevices().then(found => {
        if (!isGone) setDevices(found)
      })
    look()
    mediaDevices.addEventListener('devicechange', look)
    return () => {
      isGone = true
      mediaDevices.removeEventListener('devicechange', look)
    }
  }, [])
  const canChooseOutput = 'setSinkId' in HTMLMediaElement.prototype
  return {
    inputs: devices.filter(device => device.kind === 'audioinput' && device.deviceId !== ''),
    outputs: canChooseOutput ? devices.filter(device => device.kind === 'audiooutput' && device.deviceId !== '') : []
  }
}
