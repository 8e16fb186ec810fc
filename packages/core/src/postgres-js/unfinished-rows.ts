import type { Execution } from './execution.ts'
import { commandComplete, SERVER } from './messages.ts'

/*
 * postgres.js puts the rows of a result behind those of a statement that failed before its end, on the same connection:
 * the next result, whoever asks for it, would begin with as many holes. It counts anew once it is told of an end.
 */

/** Whether the driver has rows of a statement that may yet fail, after this message of the server's. */
export function rowsAfter(message: Buffer, before: boolean | undefined): boolean | undefined {
  switch (message[0]) {
    case SERVER.dataRow:
      return true
    case SERVER.commandComplete:
    case SERVER.closeComplete:
      return false
    default:
      return before
  }
}

/** The end of a statement that has failed, for the driver. Its cursor is taken away, or it would ask for more. */
export function endOfRows(execution: Execution | undefined): Buffer {
  if (execution !== undefined) {
    void Object.defineProperty(execution.query, 'cursorFn', {
      configurable: true,
      value: undefined,
      writable: true,
    })
  }
  return commandComplete('ERROR')
}
