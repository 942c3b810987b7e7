// What an edge that asks for its floors and the origin say to each other: JSON, signed in both directions.
import type { TagVersions } from './cache-tag.ts';
import { signPurge, verifyPurge } from './purge-signature.ts';

/** Below the path that every edge answers by itself: no edge passes one edge's question on for another. */
export const floorsPath = '/.edge/floors';
export const signatureHeader = 'Purge-Signature';
/** An older question is refused, so that one which was overheard is of no use later. */
export const maxSignedAgeMs = 60_000;
export const maxLeaseMs = 60_000;

export interface FloorsQuestion {
  /** Names the process or isolate that asks; made at random when it starts. */
  edge: string;
  /** For operators, such as `zone/instance`. */
  name: string;
  /** Counts the questions of this edge. */
  ask: number;
  leaseMs: number;
  /** Up to where it has raised its floors; undefined at its start. */
  cursor: string | undefined;
  /** How long the origin may wait for a change before it answers. */
  waitMs: number;
}

export interface FloorsAnswer {
  /** Those of the question: an answer to another one renews no lease. */
  edge: string;
  ask: number;
  cursor: string;
  /** Whether all that has tags must be forgotten first, as floors between the cursors are not known any more. */
  forget: boolean;
  tags: TagVersions;
  /** Whether there are more floors after the cursor: then the lease may not be renewed yet. */
  more: boolean;
}

/** A question, an answer and a purge are signed differently, so that none can be taken for another. */
type Role = 'question' | 'answer';

export function signFloors(key: string, role: Role, body: string, t: number): Promise<string> {
  return signPurge(key, `${role}:${body}`, t);
}

/** @returns the signed time in unix milliseconds, undefined where the signature is not ours. */
export function verifyFloors(
  key: string,
  role: Role,
  body: string,
  header: string | null,
): Promise<number | undefined> {
  return verifyPurge(key, new TextEncoder().encode(`${role}:${body}`), header);
}

/** The lineage of the database, and a position in its log of floors. */
interface Cursor {
  lineage: string;
  position: number;
}

export function formatCursor({ lineage, position }: Cursor): string {
  return `${lineage}.${position}`;
}

export function parseCursor(text: string | undefined): Cursor | undefined {
  const [, lineage, digits] = /^([\w-]{0,64})\.(\d{1,15})$/.exec(text ?? '') ?? [];
  return lineage === undefined ? undefined : { lineage, position: Number(digits) };
}

/** @returns undefined where it is no question. */
export function readQuestion(body: string): FloorsQuestion | undefined {
  const { edge, name, ask, leaseMs, cursor, waitMs } = readObject(body);
  if (!isEdgeName(edge) || typeof name !== 'string' || name.length > 200 || !isCount(ask)) return undefined;
  if (!isCount(leaseMs) || leaseMs < 1 || leaseMs > maxLeaseMs || !isCount(waitMs)) return undefined;
  if (cursor !== undefined && (typeof cursor !== 'string' || parseCursor(cursor) === undefined))
    return undefined;
  return { edge, name, ask, leaseMs, cursor, waitMs };
}

/** @returns undefined where it is no answer. */
export function readAnswer(body: string): FloorsAnswer | undefined {
  const { edge, ask, cursor, forget, tags, more } = readObject(body);
  if (!isEdgeName(edge) || !isCount(ask) || typeof forget !== 'boolean' || typeof more !== 'boolean')
    return undefined;
  if (typeof cursor !== 'string' || parseCursor(cursor) === undefined) return undefined;
  if (typeof tags !== 'object' || tags === null || !Object.values(tags).every(isCount)) return undefined;
  return { edge, ask, cursor, forget, tags: tags as TagVersions, more };
}

function readObject(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function isEdgeName(value: unknown): value is string {
  return typeof value === 'string' && /^[\da-f-]{36}$/.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
