// Computes how long an answer is fresh and how old it is, for a shared cache (RFC 9111, 4.2).
import { type Directives, parseCacheControl, parseCdnCacheControl, secondsOf } from './cache-control.ts';

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
