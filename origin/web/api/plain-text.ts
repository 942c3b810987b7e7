// Defines the schemas of typed text, including e-mail addresses.
// They refuse control characters and lone surrogates, which Postgres cannot store.
import { z } from '@hono/zod-openapi';

/** One trimmed line that is not empty. @param most characters */
export function plainText(most: number) {
  return line(1, most);
}

/** One optional line; empty text and `null` count as absent. @param most characters */
export function optionalText(most: number) {
  return line(0, most)
    .nullish()
    .transform((text) => text || undefined);
}

function line(least: number, most: number) {
  return z
    .string()
    .trim()
    .min(least, { error: 'must not be empty' })
    .max(most, { error: `must have at most ${most} characters` })
    .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), { error: 'must be plain text' });
}

/** Words to look for: what stands in no text, and what Postgres cannot take, becomes a space. */
export function toPlainWords(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, ' ').trim();
}

/** Several lines; may be empty. @param most characters */
export function plainLines(most: number) {
  return z
    .string()
    .max(most, { error: `must have at most ${most} characters` })
    .refine((text) => text.isWellFormed() && !/[^\P{Cc}\t\n\r]/u.test(text), { error: 'must be plain text' });
}

/** Converted to upper case. */
export const CountryCode = z
  .string()
  .regex(/^[A-Za-z]{2}$/, { error: 'must be a country’s two letters (ISO 3166)' })
  .transform((code) => code.toUpperCase());

/** An e-mail address as it may be entered, for accounts and for orders of guests. */
export const EmailField = z
  .email({ error: 'must be an e-mail address, such as name@example.com' })
  .max(254, { error: 'must have at most 254 characters' });
