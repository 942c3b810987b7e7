// Which encoding a client gets: br before gzip before none, unless it weighs one with `q=0`.
import { LRUCache } from 'lru-cache';

export type Encoding = 'br' | 'gzip' | 'identity';

/** The same few values come with almost every request. */
const preferred = new LRUCache<string, Encoding[]>({ max: 200 });
const longestKept = 200;

export function chooseEncoding(
  accepted: string | undefined,
  bodies: { br?: unknown; gzip?: unknown },
): Encoding {
  if (accepted === undefined) return 'identity';
  for (const encoding of preferencesOf(accepted)) {
    if (bodies[encoding as 'br' | 'gzip'] !== undefined) return encoding;
  }
  return 'identity';
}

function preferencesOf(accepted: string): Encoding[] {
  const known = preferred.get(accepted);
  if (known !== undefined) return known;
  const parsed = parse(accepted);
  if (accepted.length <= longestKept) preferred.set(accepted, parsed);
  return parsed;
}

function parse(accepted: string): Encoding[] {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((item) => item.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    weights.set(name, quality === undefined ? 1 : Number(quality.slice(2)));
  }
  const wants = (name: string) => (weights.get(name) ?? weights.get('*') ?? 0) > 0;
  return (['br', 'gzip'] as const).filter(wants);
}
