// Changes the contents of a cart by each operation, within 99 pieces a line and 200 lines.
// Pure: writer, views, tests and the model run the same code.
import { createHash } from 'node:crypto';

export interface CartLine {
  variantId: string;
  quantity: number;
}

/**
 * By variant: the newest version at which a direct `set` wrote the line, and a mark of that operation. Lines that
 * were set to 0 are included. A journalled `set` made on an earlier version is ignored.
 */
export type DirectSets = Record<string, [version: number, opMark: string]>;

export interface CartContents {
  /** 0 where the cart does not exist yet. */
  version: number;
  generation: number;
  /** In the order in which they were added. */
  lines: CartLine[];
  directSets: DirectSets;
}

export interface LineChange {
  kind: 'add' | 'set';
  variantId: string;
  quantity: number;
}

export type LimitCode = 'line-limit' | 'cart-limit';

export const maxLineQuantity = 99;
export const maxLines = 200;

export const emptyCart: CartContents = { version: 0, generation: 1, lines: [], directSets: {} };

/**
 * @returns the lines after the change. The caller checks limits: replay and merge may exceed them, so that nothing is
 * cut.
 */
export function changeLines(lines: CartLine[], change: LineChange): CartLine[] {
  const index = lines.findIndex((line) => line.variantId === change.variantId);
  const present = lines[index]?.quantity ?? 0;
  const quantity = change.kind === 'add' ? present + change.quantity : change.quantity;
  if (index === -1) return quantity === 0 ? lines : [...lines, { variantId: change.variantId, quantity }];
  if (quantity === 0) return lines.toSpliced(index, 1);
  return lines.with(index, { variantId: change.variantId, quantity });
}

/** @returns why a shopper's change is refused. A change that makes an oversized cart smaller is never refused. */
export function limitBrokenBy(lines: CartLine[], change: LineChange): LimitCode | undefined {
  const present = lines.find((line) => line.variantId === change.variantId)?.quantity;
  const quantity = change.kind === 'add' ? (present ?? 0) + change.quantity : change.quantity;
  if (quantity > maxLineQuantity) return 'line-limit';
  if (present === undefined && quantity > 0 && lines.length >= maxLines) return 'cart-limit';
  return undefined;
}

export function exceedsLimits(lines: CartLine[]): boolean {
  return lines.length > maxLines || lines.some((line) => line.quantity > maxLineQuantity);
}

/** Adds another cart's pieces line by line. */
export function addAllLines(lines: CartLine[], added: CartLine[]): CartLine[] {
  return added.reduce((sum, line) => changeLines(sum, { kind: 'add', ...line }), lines);
}

/** Joins two versions of one cart, taking the larger quantity of each line. Nothing is lost or counted twice. */
export function keepMost(lines: CartLine[], others: CartLine[]): CartLine[] {
  const quantities = new Map(lines.map((line) => [line.variantId, line.quantity]));
  const more = others.filter(({ variantId, quantity }) => quantity > (quantities.get(variantId) ?? 0));
  return more.reduce((kept, line) => changeLines(kept, { kind: 'set', ...line }), lines);
}

/** Removes another cart's pieces line by line, as far as they are there. */
export function subtractLines(lines: CartLine[], taken: CartLine[]): CartLine[] {
  const quantities = new Map(taken.map((line) => [line.variantId, line.quantity]));
  return lines
    .map((line) => ({ ...line, quantity: line.quantity - (quantities.get(line.variantId) ?? 0) }))
    .filter((line) => line.quantity > 0);
}

/** A short mark, because it is stored with the cart. It only needs to differ among the operations of one line. */
export function opMarkOf(opId: string): string {
  return createHash('sha256').update(opId).digest('base64url').slice(0, 6);
}
