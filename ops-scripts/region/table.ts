// The region's parts as a table, redrawn in place on a terminal, with the latest events below it.
import type { RegionPart } from './region-part.ts';

const columns = ['name', 'kind', 'zone', 'pid', 'url'] as const;

/** One line a part, under a heading. */
export function renderTable(parts: RegionPart[]): string[] {
  const rows = parts.map((part) => columns.map((column) => String(part[column])));
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]!.length)));
  return [[...columns], ...rows].map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
}

export interface LiveTable {
  /** Shown with its time, the newest ten. */
  tell(sentence: string): void;
  close(): void;
}

const drawEveryMs = 500;
const eventsShown = 10;

export function showLiveTable(
  terminal: NodeJS.WriteStream,
  heading: string,
  parts: () => RegionPart[],
): LiveTable {
  const events: string[] = [];
  let lines = 0;
  const draw = () => {
    const text = [heading, '', ...renderTable(parts()), '', ...events];
    const width = terminal.columns || 120;
    const cut = text.map((line) => line.slice(0, width - 1));
    // Up to where the last picture began, and clear from there.
    terminal.write(`${lines > 0 ? `\x1b[${lines}A` : ''}\x1b[0J${cut.join('\n')}\n`);
    lines = cut.length;
  };
  draw();
  const timer = setInterval(draw, drawEveryMs).unref();
  return {
    tell: (sentence) => {
      events.push(`${new Date().toISOString().slice(11, 19)}  ${sentence}`);
      if (events.length > eventsShown) events.shift();
    },
    close: () => clearInterval(timer),
  };
}
