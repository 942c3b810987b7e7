// Writes the difference of two texts as a unified diff, which `patch` and `git apply` accept.

const context = 3;

type Line = [mark: ' ' | '-' | '+', text: string];

/** Returns '' if the texts are the same. */
export function unifiedDiff(file: string, before: string, after: string): string {
  const lines = compare(before.split('\n'), after.split('\n'));
  const changed = lines.flatMap(([mark], index) => (mark === ' ' ? [] : [index]));
  if (changed.length === 0) return '';
  const hunks: [start: number, end: number][] = [];
  for (const index of changed) {
    const [start, end] = [Math.max(0, index - context), Math.min(lines.length, index + context + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = end;
    else hunks.push([start, end]);
  }
  const path = file.replace(/^\/+/, '');
  return [
    `--- a/${path}`,
    `+++ b/${path}`,
    ...hunks.flatMap(([start, end]) => writeHunk(lines, start, end)),
  ].join('\n');
}

function writeHunk(lines: Line[], start: number, end: number): string[] {
  const count = (to: number, mark: '-' | '+', from = 0) =>
    lines.slice(from, to).filter(([each]) => each === ' ' || each === mark).length;
  const at = (mark: '-' | '+') => `${count(start, mark) + 1},${count(end, mark, start)}`;
  return [`@@ -${at('-')} +${at('+')} @@`, ...lines.slice(start, end).map(([mark, text]) => mark + text)];
}

/** Cuts off the lines that both texts have at either end, and keeps the longest common sequence between them. */
function compare(before: string[], after: string[]): Line[] {
  let head = 0;
  while (head < Math.min(before.length, after.length) && before[head] === after[head]) head += 1;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const same = (text: string): Line => [' ', text];
  return [
    ...before.slice(0, head).map(same),
    ...align(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function align(before: string[], after: string[]): Line[] {
  const width = after.length + 1;
  const longest = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      longest[i * width + j] =
        before[i] === after[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push([' ', before[i]!]);
      i += 1;
      j += 1;
    } else if (
      i < before.length &&
      (j === after.length || longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)
    ) {
      lines.push(['-', before[i]!]);
      i += 1;
    } else {
      lines.push(['+', after[j]!]);
      j += 1;
    }
  }
  return lines;
}
