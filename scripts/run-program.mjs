import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** @type {NodeJS.Signals[]} */
const forwardedSignals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Runs a program in this terminal and waits for it. A signal that reaches this process reaches the program too, so that
 * none is left behind.
 *
 * @param {string} command A program in PATH, or its path.
 * @param {readonly string[]} programArguments
 * @param {Pick<import('node:child_process').SpawnOptions, 'cwd' | 'env' | 'shell'>} [settings]
 * @returns {Promise<number>} The exit code; 128 and more when a signal ended the program, as shells say it.
 */
export function runProgram(command, programArguments, settings = {}) {
  return new Promise((resolve, reject) => {
    const program = spawn(command, programArguments, { ...settings, stdio: 'inherit' })

    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      // A terminal sends Ctrl-C to every program in it; a second one would cut the program's clean-up short.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) program.kill(signal)
    }
    // npm hands a signal to the shell between itself and us, and the shell ends without handing it on.
    const parent = process.ppid
    const parentWatch = setInterval(() => process.ppid === parent || program.kill('SIGTERM'), 500)
    const stopForwarding = () => {
      clearInterval(parentWatch)
      forwardedSignals.forEach((signal) => process.off(signal, forward))
    }
    forwardedSignals.forEach((signal) => process.on(signal, forward))

    program.on('error', (error) => {
      stopForwarding()
      reject(error)
    })
    program.on('exit', (code, signal) => {
      stopForwarding()
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal])
    })
  })
}
