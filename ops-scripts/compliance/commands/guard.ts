// Turns any error before the verdict into one sentence and exit code 3.
import { ConfigFault } from '../config-fault.ts';

/**
 * A fault of usage, files or credentials is one sentence and exit code 3. So is whatever nobody foresaw: Node would end
 * with 1 for it, which here means that a control failed.
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
