import { SingleBar } from 'cli-progress'
import type { LoadProgress } from './load-data.ts'

/**
 * Draws the progress of a load on standard error, and nothing where that is not a terminal.
 *
 * @param size of the file, in bytes
 */
export function startProgressBar(size: number): {
  update: (progress: LoadProgress) => void
  stop: () => void
} {
  const bar = new SingleBar({
    format: 'Loading {bar} {percentage}% {step}',
    barsize: 40,
    clearOnComplete: true,
    // The demo itself handles Ctrl-C: it has a server to stop.
    gracefulExit: false,
  })
  bar.start(size, 0, { step: 'reading' })
  return {
    update: ({ step, bytes }) => bar.update(bytes, { step }),
    stop: () => bar.stop(),
  }
}
