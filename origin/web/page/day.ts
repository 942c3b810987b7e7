// Formats times as days for people, in UTC.
const format = new Intl.DateTimeFormat('en-IE', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
});

/** @param time ISO 8601. @returns such as `25 November 2026`. */
export function formatDay(time: string): string {
  return format.format(new Date(time));
}
