// A promotion code: its schemas, which goods it is for, and whether it is valid for an order. Pure.
import { z } from '@hono/zod-openapi';
import type { VariantInfo } from '../catalog/read-variants.ts';
import { Refusal } from '../errors.ts';
import { growingEnum } from '../web/api/api.ts';
import { plainText, toPlainWords } from '../web/api/plain-text.ts';
import { formatMoney, type Money, MoneySchema, MoneyToWriteSchema } from '../web/money.ts';
import type { PromotionKind } from './price-order.ts';

export const promotionKinds = ['percent', 'amount', 'free-shipping'] as const satisfies PromotionKind[];

const example = {
  code: 'SPRING',
  kind: 'percent' as const,
  value: 10,
  minTotal: { amount: 5_000, currency: 'EUR' as const },
  endsAt: '2027-03-31T22:00:00.000Z',
  uses: 200,
};
const valueFacts = { description: 'Percent, or an amount in minor units; 0 where delivery is free' };
const listFacts = (what: string) => ({ description: `${what} that it is for; all where it is absent` });

export const PromotionSchema = z
  .object({
    id: z.string(),
    code: z.string().openapi({ description: 'In capitals; shoppers may write it as they like' }),
    kind: growingEnum([...promotionKinds]),
    value: z.int().min(0).openapi(valueFacts),
    minTotal: MoneySchema.optional().openapi({ description: 'Of all goods, before the discount' }),
    startsAt: z.iso.datetime().optional(),
    endsAt: z.iso.datetime().optional(),
    uses: z.int().min(1).optional().openapi({ description: 'How often it can be used in all' }),
    usesPerCustomer: z.int().min(1).optional(),
    categories: z.array(z.string()).optional().openapi(listFacts('Slugs of the categories')),
    products: z.array(z.string()).optional().openapi(listFacts('Slugs or ids of the products')),
    used: z.int().min(0).openapi({ description: 'Orders that were refused or cancelled do not count' }),
  })
  .openapi('Promotion', { example: { id: '3', ...example, used: 12 } });

export type Promotion = z.infer<typeof PromotionSchema>;

const Code = z
  .string()
  .trim()
  .max(40)
  .refine((text) => /^[\p{L}\p{N}._-]+$/u.test(text), {
    error: 'must be letters, digits, points, hyphens or underscores',
  });
const amountOf = (found: number | Money) => (typeof found === 'number' ? found : found.amount);
const WholeAmount = z.int().min(0).max(2_147_483_647);
/** Minor units, given as a number or as money. */
const Amount = z.union([WholeAmount, MoneyToWriteSchema]).transform(amountOf);
const Time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const Count = z.int().min(1).max(2_147_483_647);
const Names = z
  .array(plainText(200))
  .max(500)
  .transform((names) => (names.length === 0 ? null : names));

const members = {
  code: Code.transform(normaliseCode),
  kind: z.enum(promotionKinds),
  value: Amount.openapi(valueFacts),
  minTotal: Amount.nullable(),
  startsAt: Time.nullable(),
  endsAt: Time.nullable(),
  uses: Count.nullable(),
  usesPerCustomer: Count.nullable(),
  categories: Names.nullable(),
  products: Names.nullable(),
};
const { code, kind, value, ...limits } = members;

/** A limit that is absent or null does not limit. */
export const PromotionToWriteSchema = z
  .strictObject({ code, kind, value: value.default(0), ...z.object(limits).partial().shape })
  .superRefine((promotion, context) => addFaults(promotion, context.addIssue.bind(context)))
  .openapi('PromotionToWrite', { example });

/** An absent member stays as it is; null removes a limit. */
export const PromotionPatchSchema = z
  .strictObject(z.object(members).partial().shape)
  .openapi('PromotionPatch', { example: { uses: 500, endsAt: null } });

export type PromotionToWrite = z.infer<typeof PromotionToWriteSchema>;
export type PromotionPatch = z.infer<typeof PromotionPatchSchema>;

/** Normalises a code, because shoppers write it in any case and width. */
export function normaliseCode(text: string): string {
  return toPlainWords(text).normalize('NFKC').toUpperCase();
}

type AddIssue = (issue: { code: 'custom'; path: string[]; message: string }) => void;

interface Fitting {
  kind: PromotionKind;
  value: number;
  startsAt?: Date | null | undefined;
  endsAt?: Date | null | undefined;
}

/** Checks what no single member can tell. */
export function addFaults({ kind, value, startsAt, endsAt }: Fitting, add: AddIssue): void {
  const wrong = (member: string, message: string) => add({ code: 'custom', path: [member], message });
  if (kind === 'percent' && !(value >= 1 && value <= 100)) wrong('value', 'must be 1 to 100 percent');
  if (kind === 'amount' && value < 1) wrong('value', 'must be at least 1');
  if (startsAt && endsAt && startsAt >= endsAt) wrong('endsAt', 'must be after startsAt');
}

export type RefusalReason =
  | 'unknown-code'
  | 'not-yet'
  | 'ended'
  | 'used-up'
  | 'used-by-you'
  | 'below-minimum'
  | 'not-for-these';

export interface JudgedPromotion {
  lines: { info: VariantInfo; amount: number }[];
  now: Date;
  /** How often this customer has used it, as far as is known. */
  usedByCustomer: number;
}

/** @throws Refusal 422 `promotion-refused` with the `reason` */
export function requireHolding(promotion: Promotion | undefined, judged: JudgedPromotion): Promotion {
  if (promotion === undefined) throw refuse('unknown-code', 'We do not know this code');
  const { startsAt, endsAt, minTotal, uses, usesPerCustomer, used } = promotion;
  const { lines, now, usedByCustomer } = judged;
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  if (startsAt !== undefined && now < new Date(startsAt))
    throw refuse('not-yet', 'This code does not hold yet');
  if (endsAt !== undefined && now >= new Date(endsAt)) throw refuse('ended', 'This code has ended');
  if (uses !== undefined && used >= uses) throw refuse('used-up', 'This code was used up');
  if (usesPerCustomer !== undefined && usedByCustomer >= usesPerCustomer)
    throw refuse('used-by-you', 'You have used this code before');
  if (minTotal !== undefined && subtotal < minTotal.amount)
    throw refuse('below-minimum', `This code holds from ${formatMoney(minTotal.amount)} on`, { minTotal });
  if (!lines.some(({ info }) => isFor(promotion, info)))
    throw refuse('not-for-these', 'This code is for other products than these');
  return promotion;
}

/** A promotion that names products or categories is for goods that match either. */
export function isFor({ categories, products }: Promotion, info: VariantInfo): boolean {
  if (categories === undefined && products === undefined) return true;
  const isNamed = products?.some((name) => name === info.productId || name === info.productSlug);
  return isNamed || categories?.some((slug) => info.categories.includes(slug)) || false;
}

function refuse(reason: RefusalReason, message: string, more: Record<string, unknown> = {}): Refusal {
  return new Refusal(422, 'promotion-refused', message, { details: { reason, ...more } });
}
