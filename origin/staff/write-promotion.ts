// Creates, changes or deletes a promotion code for staff, with its audit row, once for each idempotency key.
import type { Promotion, PromotionPatch, PromotionToWrite } from '../checkout/promotion.ts';
import { changePromotion, createPromotion, deletePromotion, readPromotion } from '../checkout/promotions.ts';
import type { Deps } from '../deps.ts';
import type { Tx } from '../schema.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { audit } from './change-catalog.ts';

export interface PromotionWrite {
  /** Null for a program. */
  accountId: string | null;
  scope: string;
  idempotencyKey: string | undefined;
  path: string;
}

/** Without a patch, the code is deleted. */
export type PromotionChange = { create: PromotionToWrite } | { id: string; patch?: PromotionPatch };

/**
 * @returns the promotion after the change, or as it was before its deletion
 * @throws Refusal 404, 409 `code-taken`, 422 `invalid-body` where the members do not fit together
 */
export function writePromotion(
  deps: Deps,
  { accountId, scope, idempotencyKey, path }: PromotionWrite,
  change: PromotionChange,
): Promise<Promotion> {
  const isNew = 'create' in change;
  const method = isNew ? 'POST' : change.patch === undefined ? 'DELETE' : 'PATCH';
  const body = isNew ? change.create : change.patch;
  const write = { scope, key: idempotencyKey, method, path, body };
  return writeOnce(deps.db, write, async (tx) => {
    const before = isNew ? null : await readPromotion(tx, change.id);
    const promotion = await apply(tx, change);
    const after = method === 'DELETE' ? null : promotion;
    await audit(tx, accountId, [{ subject: `promotion:${promotion.id}`, before, after }]);
    return promotion;
  });
}

function apply(tx: Tx, change: PromotionChange): Promise<Promotion> {
  if ('create' in change) return createPromotion(tx, change.create);
  if (change.patch === undefined) return deletePromotion(tx, change.id);
  return changePromotion(tx, change.id, change.patch);
}
