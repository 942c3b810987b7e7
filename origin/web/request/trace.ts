// W3C trace context: continues the caller's trace or starts one; jobs carry it on.
import { randomUUID } from 'node:crypto';

const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** @returns a `traceparent` with the caller's trace id and a span id of our own. */
export function readTrace(received: string | undefined): string {
  const span = randomHex().slice(0, 16);
  if (received !== undefined && traceparentPattern.test(received)) {
    return `${received.slice(0, 36)}${span}${received.slice(52)}`;
  }
  return `00-${randomHex()}-${span}-01`;
}

/**
 * 32 digits, neither half of them all zero. Node makes such ids from random bytes that it keeps in store; other
 * bytes cost it a call each.
 */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}
