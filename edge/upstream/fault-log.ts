// Logs faults of the origin: the first of a kind at once, its repetitions as one counted line a second.
import type { UpstreamError } from './upstream.ts';

export type OnUpstreamFault = (error: UpstreamError, path: string) => void;

const quietMs = 1_000;

interface Log {
  warn(fields: Record<string, unknown>, message: string): void;
}

export function createFaultLog(log: Log, now = () => performance.now()): OnUpstreamFault {
  const kinds = new Map<string, { untilMs: number; more: number }>();
  return (error, path) => {
    const cause = error.cause as { code?: string; message?: string } | undefined;
    const why = cause?.code ?? cause?.message;
    const kind = `${error.status} ${error.message} ${why ?? ''}`;
    const said = kinds.get(kind);
    if (said !== undefined && now() < said.untilMs) {
      said.more++;
      return;
    }
    if (kinds.size > 100) kinds.clear();
    kinds.set(kind, { untilMs: now() + quietMs, more: 0 });
    const fields = { status: error.status, why, path: path.replace(/\?.*$/, '').slice(0, 200) };
    log.warn(
      said !== undefined && said.more > 0 ? { ...fields, sameSince: said.more } : fields,
      error.message,
    );
  };
}
