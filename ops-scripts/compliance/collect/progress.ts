// Shows progress as one line that is redrawn on a terminal, and nothing elsewhere.
export interface Progress {
  /** `made` of at least `known` calls have ended; `last` is the one that ended now. */
  step(made: number, known: number, last: string): void;
  end(): void;
}

interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export function progressOn(stream: Terminal): Progress {
  if (!stream.isTTY) return { step() {}, end() {} };
  const eraseLine = '\r\x1b[2K';
  return {
    step(made, known, last) {
      const line = `asking AWS: ${made} of ${known} calls (${last})`;
      stream.write(eraseLine + line.slice(0, (stream.columns ?? 80) - 1));
    },
    end() {
      stream.write(eraseLine);
    },
  };
}
