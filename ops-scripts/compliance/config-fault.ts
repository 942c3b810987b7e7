// ConfigFault: a fault of usage, files, configuration or credentials, as one sentence and with exit code 3.
import { readFileSync, writeFileSync } from 'node:fs';

export class ConfigFault extends Error {
  override name = 'ConfigFault';
}

/** Reads a file's text. Throws a ConfigFault if the file can't be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigFault(`Cannot read '${file}': ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Writes the text with a line break at its end. Throws a ConfigFault if the file can't be written. */
export function save(file: string, text: string): void {
  try {
    writeFileSync(file, `${text}\n`);
  } catch (error) {
    throw new ConfigFault(`Cannot write '${file}': ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** The reason in the same words as in the other commands. */
function reasonOf(error: unknown): string {
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  return reasons[code] ?? message;
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'it lies on a disk that is read-only',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
};

/**
 * Runs a command. A fault of usage, files or credentials becomes one sentence and exit code 3. So does an unexpected
 * error: Node would exit with 1, which here means that a control failed.
 */
export function guard<A extends unknown[]>(
  action: (...args: A) => void | Promise<void>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      console.error(
        error instanceof ConfigFault
          ? message
          : `Cannot go on for an unforeseen fault: ${firstLine(message)}`,
      );
      process.exitCode = 3;
    }
  };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
