// Shared by all command lines: --help, exit code 2 for wrong usage, terminal width, one sentence for an error.
import type { Command, CommanderError } from 'commander';

export { reasonOf } from '../http/system-faults.ts';

const usageCode = 2;
const usualWidth = 80;

/** Of the terminal, or as COLUMNS says; 80 in a pipe. */
export function terminalWidth(stream: { columns?: number } = process.stdout): number {
  return stream.columns || Number(process.env['COLUMNS']) || usualWidth;
}

/** For a command whose parts are all there, and for those below it unless it is alone. */
export function makeAlike(command: Command, { alone = false } = {}): Command {
  command
    .showHelpAfterError('(add --help for the options)')
    .exitOverride(endUsage)
    .configureOutput({
      getOutHelpWidth: () => terminalWidth(process.stdout),
      getErrHelpWidth: () => terminalWidth(process.stderr),
    });
  if (!alone) for (const below of command.commands) makeAlike(below);
  return command;
}

/** Commander ends a wrong use with 1, which here means that something failed. */
function endUsage(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : usageCode);
}

/** Words that do not fit are continued below the column in which the text begins. */
export function wrapText(text: string, indent = 0, width = terminalWidth()): string {
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

/** Lines that fit the terminal, or what COLUMNS says; in a pipe they stay as they are, for programs that read them. */
export function fitTerminal(text: string): string {
  const width = process.stdout.columns || Number(process.env['COLUMNS']);
  if (!width) return text;
  const fit = (line: string) => {
    // Below the second column, or below the first letter.
    const indent = /^(?:\S+ {2,}| +)/.exec(line)?.[0].length ?? 0;
    return line.slice(0, indent) + wrapText(line.slice(indent), indent, width);
  };
  return text.split('\n').map(fit).join('\n');
}
