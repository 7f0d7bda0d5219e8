export { type ClockDoubt, type Clocks, ClockWatch } from '../calls/clock-watch.ts'
