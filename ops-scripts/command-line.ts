// Code of all command lines: --help, exit code 2 for wrong usage, terminal width, one sentence for an error.
import type { Command, CommanderError } from 'commander';

export { reasonOf } from '../http/system-faults.ts';

const usageCode = 2;
const usualWidth = 80;

/** The width of the terminal, or COLUMNS; 80 in a pipe. */
export function terminalWidth(stream: { columns?: number } = process.stdout): number {
  return stream.columns || Number(process.env['COLUMNS']) || usualWidth;
}

/** Gives a complete command and its subcommands the same behaviour. With `alone`, only the command itself. */
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

/** Commander exits with 1 for wrong usage, but 1 means here that something failed. */
function endUsage(error: CommanderError): never {
  process.exit(error.exitCode === 0 ? 0 : usageCode);
}

/** Continues words that do not fit below the column in which the text begins. */
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

/** Wraps lines to the terminal's width or COLUMNS. In a pipe they stay as they are, for programs that read them. */
export function fitTerminal(text: string): string {
  const width = process.stdout.columns || Number(process.env['COLUMNS']);
  if (!width) return text;
  const fit = (line: string) => {
    // Continued lines begin below the second column, or below the first letter.
    const indent = /^(?:\S+ {2,}| +)/.exec(line)?.[0].length ?? 0;
    return line.slice(0, indent) + wrapText(line.slice(indent), indent, width);
  };
  return text.split('\n').map(fit).join('\n');
}
