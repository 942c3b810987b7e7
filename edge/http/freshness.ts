// Computes how long an answer is fresh and how old it is, for a shared cache (RFC 9111, 4.2); parses Cache-Control.

export interface Freshness {
  directives: Directives;
  /** Whether the origin said how long, rather than we guessed. */
  explicit: boolean;
  lifetimeS: number;
  /** Age when the answer arrived. */
  initialAgeS: number;
  staleWhileRevalidateS: number;
  staleIfErrorS: number;
  /**
   * The same where the origin gave no answer at all; an answer without tags may then be shown for a while unasked
   * (RFC 9111, 4.2.4).
   */
  staleIfAwayS: number;
  /** Must be asked about before each use. */
  noCache: boolean;
}

const heuristicShare = 0.1;
const disconnectedS = 600;
const maxHeuristicS = 86_400;
const heuristicStatuses = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

export function readFreshness(
  status: number,
  headers: Headers,
  requestedAtMs: number,
  receivedAtMs: number,
): Freshness {
  const cdn = parseCdnCacheControl(headers.get('cdn-cache-control'));
  const directives = cdn ?? parseCacheControl(headers.get('cache-control'));
  const dateMs = parseHttpDate(headers.get('date')) ?? receivedAtMs;
  const explicitS = explicitLifetimeS(directives, cdn !== undefined, headers, dateMs);
  const strict = ['must-revalidate', 'proxy-revalidate', 's-maxage', 'no-cache'].some((name) =>
    directives.has(name),
  );
  return {
    directives,
    explicit: explicitS !== undefined,
    lifetimeS: explicitS ?? heuristicLifetimeS(status, directives, headers, dateMs),
    initialAgeS: initialAgeS(headers, dateMs, requestedAtMs, receivedAtMs),
    staleWhileRevalidateS: strict ? 0 : (secondsOf(directives, 'stale-while-revalidate') ?? 0),
    staleIfErrorS: strict ? 0 : (secondsOf(directives, 'stale-if-error') ?? 0),
    staleIfAwayS: strict
      ? 0
      : (secondsOf(directives, 'stale-if-error') ??
        (explicitS === undefined || headers.has('cache-tag') ? 0 : disconnectedS)),
    noCache: directives.get('no-cache') === true,
  };
}

function explicitLifetimeS(
  directives: Directives,
  cdn: boolean,
  headers: Headers,
  dateMs: number,
): number | undefined {
  const seconds = secondsOf(directives, 's-maxage') ?? secondsOf(directives, 'max-age');
  if (seconds !== undefined || cdn || !headers.has('expires')) return seconds;
  const expiresMs = parseHttpDate(headers.get('expires'));
  return expiresMs === undefined ? 0 : Math.max(0, (expiresMs - dateMs) / 1_000);
}

function heuristicLifetimeS(
  status: number,
  directives: Directives,
  headers: Headers,
  dateMs: number,
): number {
  const modifiedMs = parseHttpDate(headers.get('last-modified'));
  if (modifiedMs === undefined || !(heuristicStatuses.has(status) || directives.has('public'))) return 0;
  return Math.min(maxHeuristicS, Math.max(0, ((dateMs - modifiedMs) / 1_000) * heuristicShare));
}

/** The first of several Age values counts; one that is no number counts as none. */
function initialAgeS(headers: Headers, dateMs: number, requestedAtMs: number, receivedAtMs: number): number {
  const first = (headers.get('age') ?? '').split(',', 1).join().trim();
  const ageS = /^\d+$/.test(first) ? Number(first) : /^\d+;/.test(first) ? Number.parseInt(first, 10) : 0;
  const delayS = (receivedAtMs - requestedAtMs) / 1_000;
  return Math.max(0, (receivedAtMs - dateMs) / 1_000 - 1, ageS + delayS);
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const imf = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const rfc850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/**
 * Reads the three date formats of RFC 9110, 5.6.7, and nothing else: a date that is nearly right is no date.
 * @returns unix milliseconds.
 */
export function parseHttpDate(field: string | null): number | undefined {
  if (field === null) return undefined;
  const long = imf.exec(field) ?? rfc850.exec(field);
  if (long !== null) return toMs(long[3]!, long[2]!, long[1]!, long.slice(4));
  const short = asctime.exec(field);
  return short === null ? undefined : toMs(short[6]!, short[1]!, short[2]!, short.slice(3, 6));
}

function toMs(year: string, month: string, day: string, time: string[]): number | undefined {
  const index = months.indexOf(month.toLowerCase());
  if (index < 0) return undefined;
  const [hour, minute, second] = time.map(Number) as [number, number, number];
  return Date.UTC(fullYear(year), index, Number(day), hour, minute, second);
}

/** Two digits that would lie more than 50 years ahead mean the century before. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  const thisYear = new Date().getUTCFullYear();
  const guess = Math.floor(thisYear / 100) * 100 + Number(year);
  return guess > thisYear + 50 ? guess - 100 : guess;
}

type Directives = ReadonlyMap<string, string | true>;

/** Parses Cache-Control (RFC 9111, 5.2). Of two equal directives the first counts. */
export function parseCacheControl(field: string | null): Directives {
  const directives = new Map<string, string | true>();
  const pattern = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^,]*))?[^,]*(?:,|$)/y;
  const text = field ?? '';
  while (pattern.lastIndex < text.length) {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) {
      const comma = text.indexOf(',', from);
      if (comma < 0) break;
      pattern.lastIndex = comma + 1;
      continue;
    }
    const name = match[1]!.toLowerCase();
    const value = match[2] === undefined ? true : unquote(match[2].trim());
    // Where one of two is about the whole answer, that is the one to heed (5.2.2.4 and 5.2.2.7).
    const isWhole = value === true && (name === 'no-cache' || name === 'private');
    if (!directives.has(name) || isWhole) directives.set(name, value);
  }
  return directives;
}

/** CDN-Cache-Control (RFC 9213). @returns undefined where it is absent or no valid dictionary: Cache-Control counts. */
function parseCdnCacheControl(field: string | null): Directives | undefined {
  if (field === null || field.trim() === '') return undefined;
  const directives = new Map<string, string | true>();
  for (const member of field.split(',')) {
    const match =
      /^\s*([A-Za-z*][\w.*-]*)(?:=(-?\d{1,15}(?:\.\d{1,3})?|\?[01]|"[^"]*"|[A-Za-z*][^\s,;="]*))?(?:;[^,]*)?\s*$/.exec(
        member,
      );
    if (match === null) return undefined;
    const name = match[1]!.toLowerCase();
    const value = match[2];
    if (/^(max-age|s-maxage|stale-)/.test(name) && !/^\d+$/.test(value ?? '')) return undefined;
    directives.set(name, value ?? true);
  }
  return directives;
}

/**
 * @returns the fields, in small letters, that `no-cache="…"` and `private="…"` keep from being served again
 * (5.2.2.4, 5.2.2.7).
 */
export function fieldsNotStored(directives: Directives): string[] {
  return ['no-cache', 'private']
    .map((name) => directives.get(name))
    .flatMap((names) => (typeof names === 'string' ? names.toLowerCase().split(',') : []))
    .map((name) => name.trim())
    .filter(Boolean);
}

/** @returns whole seconds, or undefined where the directive is absent; a value that is no number counts as 0: stale. */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return typeof value === 'string' && /^\d+$/.test(value) ? Math.min(Number(value), 2 ** 31) : 0;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
}
