// Changes the catalog for staff, and writes the audit.
// Change, audit row and invalidation are one transaction, done once for each idempotency key.
import type { TagVersions } from '../../http/cache-tag.ts';
import { changeProduct, checkPrecondition, type ProductPatch } from '../catalog/change/change-product.ts';
import { setStock } from '../catalog/change/stock.ts';
import type { Product } from '../catalog/product.ts';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { awaitInvalidation, beginInvalidation, type Invalidation } from '../invalidation/invalidations.ts';
import type { Db, Tx } from '../schema.ts';
import { writeOnce } from '../web/api/idempotency.ts';

export interface StaffWrite {
  /** Null for a program. */
  accountId: string | null;
  /** Scope of the idempotency key. */
  scope: string;
  idempotencyKey: string | undefined;
  path: string;
  /** Value of `If-Match`, if the change names the version of the product that it is based on. */
  ifMatch?: string | undefined;
  /** Milliseconds that the answer may wait for the invalidation. */
  waitMs: number;
}

interface StaffAnswer {
  product: Product;
  invalidation: Invalidation;
}

/** One row of the audit. */
interface Audited {
  subject: string;
  before: unknown;
  after: unknown;
}

interface Change {
  product: Product;
  /** Tags that the change raised; empty where nothing changed. */
  tags: TagVersions;
  audited: Audited[];
}

/** @throws Refusal 404; 412 as `checkPrecondition` does; 422 for another currency or a reused idempotency key */
export async function patchProduct(
  deps: Deps,
  write: StaffWrite,
  id: string,
  patch: ProductPatch,
): Promise<StaffAnswer> {
  return change(deps, write, { method: 'PATCH', body: patch }, async (tx) => {
    await checkPrecondition(tx, { productId: id }, write.ifMatch);
    const { product, tags, before } = await changeProduct(tx, id, patch);
    return { product, tags, audited: [{ subject: `product:${id}`, before, after: patch }] };
  });
}

/** @throws Refusal 404; 412 as `checkPrecondition` does */
export async function putStock(
  deps: Deps,
  write: StaffWrite,
  variantId: string,
  stock: number,
): Promise<StaffAnswer> {
  return change(deps, write, { method: 'PUT', body: { stock } }, async (tx) => {
    await checkPrecondition(tx, { variantId }, write.ifMatch);
    const { product, tags, before } = await setStock(tx, variantId, stock);
    return { product, tags, audited: [{ subject: `variant:${variantId}`, before, after: { stock } }] };
  });
}

/**
 * Saves the whole form of a product, or nothing of it.
 * @param stocks by variant
 * @throws Refusal 404, also for a variant of another product
 */
export async function saveProductForm(
  deps: Deps,
  write: StaffWrite,
  id: string,
  { patch, stocks }: { patch: ProductPatch; stocks: Record<string, number> },
): Promise<StaffAnswer> {
  return change(deps, write, { method: 'POST', body: { patch, stocks } }, async (tx) => {
    const tags: TagVersions = {};
    const audited: Audited[] = [];
    // Variants are locked in order of id, before the product, as all writers do.
    for (const [variantId, stock] of Object.entries(stocks).sort(([a], [b]) => Number(a) - Number(b))) {
      const set = await setStock(tx, variantId, stock);
      if (set.product.id !== id) throw notFound('This variant');
      Object.assign(tags, set.tags);
      audited.push({ subject: `variant:${variantId}`, before: set.before, after: { stock } });
    }
    const made = await changeProduct(tx, id, patch);
    Object.assign(tags, made.tags);
    if (Object.keys(patch).length > 0)
      audited.push({ subject: `product:${id}`, before: made.before, after: patch });
    return { product: made.product, tags, audited };
  });
}

async function change(
  deps: Deps,
  write: StaffWrite,
  request: { method: string; body: unknown },
  apply: (tx: Tx) => Promise<Change>,
): Promise<StaffAnswer> {
  const cause = { what: `${request.method} ${write.path}`, at: new Date(deps.now()) };
  const key = { scope: write.scope, key: write.idempotencyKey, path: write.path, ...request };
  const { product, invalidationId } = await writeOnce(deps.db, key, async (tx) => {
    const made = await apply(tx);
    const id = await beginInvalidation(tx, made.tags, cause);
    await audit(tx, write.accountId, made.audited, id);
    return { product: made.product, invalidationId: id };
  });
  deps.wakeWorker();
  return { product, invalidation: await awaitInvalidation(deps.db, invalidationId, write.waitMs) };
}

/** The audit row is written in the transaction of its change, so that neither exists without the other. */
export async function audit(
  tx: Tx,
  accountId: string | null,
  audited: Audited[],
  invalidationId?: string,
): Promise<void> {
  if (audited.length === 0) return;
  await tx
    .insertInto('staff_changes')
    .values(
      audited.map(({ subject, before, after }) => ({
        account_id: accountId,
        subject,
        before: JSON.stringify(before),
        after: JSON.stringify(after),
        invalidation_id: invalidationId ?? null,
      })),
    )
    .execute();
}

/** An audited change by staff. */
export interface StaffChange {
  /** E-mail address, or name of an API key, also after either is deleted; null in rows of older releases. */
  who: string | null;
  subject: string;
  before: unknown;
  after: unknown;
  changedAt: Date;
}

/**
 * Reads the newest changes first. @param subjects such as `product:42`, `variant:7`; index: staff_changes_by_subject
 */
export function readChanges(db: Db, subjects: string[], limit = 10): Promise<StaffChange[]> {
  return db
    .selectFrom('staff_changes')
    .select(['who', 'subject', 'before', 'after', 'changed_at as changedAt'])
    .where('subject', 'in', subjects)
    .orderBy('staff_changes.id', 'desc')
    .limit(limit)
    .execute();
}
