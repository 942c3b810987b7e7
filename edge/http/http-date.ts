// Reads the three date formats of RFC 9110, 5.6.7, and nothing else: a date that is nearly right is no date.
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const imf = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const rfc850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** @returns unix milliseconds. */
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
