// The staff pages of promotion codes: the list with the number of uses, and the form of each code.
import { type Context, Hono } from 'hono';
import {
  type Promotion,
  PromotionPatchSchema,
  PromotionToWriteSchema,
  promotionKinds,
} from '../checkout/promotion.ts';
import { listPromotions, readPromotion } from '../checkout/promotions.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor, requireStaff } from '../identity/visitor.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultsOf,
  readForm,
  readIdempotencyKey,
  toCents,
  toTime,
} from '../web/page/form.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { promotionPage, promotionsPage } from './views/promotions.ts';
import { type PromotionChange, writePromotion } from './write-promotion.ts';

/** Mount this behind the guard of the staff's pages. */
export function promotionPages(deps: Deps): Hono<AppEnv> {
  const write = async (c: Context<AppEnv>, values: FormValues, change: PromotionChange) => {
    const { id: accountId, scope } = await requireStaff(deps, c);
    const idempotencyKey = readIdempotencyKey(values);
    return writePromotion(deps, { accountId, scope, idempotencyKey, path: c.req.path }, change);
  };
  return new Hono<AppEnv>()
    .get('/staff/promotions', (c) => showAll(deps, c))
    .post('/staff/promotions', async (c) => {
      const values = await readForm(c);
      const parsed = PromotionToWriteSchema.safeParse(readPromotionForm(values));
      if (!parsed.success) return showAll(deps, c, { values, faults: faultsOf(parsed.error, values) });
      try {
        const { code } = await write(c, values, { create: parsed.data });
        return seeOther(`/staff/promotions?${new URLSearchParams({ saved: code })}`);
      } catch (error) {
        return showAll(deps, c, { values, faults: faultsOfRefusal(error) });
      }
    })
    .get('/staff/promotions/:id', async (c) =>
      showOne(deps, c, await readPromotion(deps.db, c.req.param('id'))),
    )
    .post('/staff/promotions/:id', async (c) => {
      const values = await readForm(c);
      const id = c.req.param('id');
      if (values['deed'] === 'delete') {
        const { code } = await write(c, values, { id });
        return seeOther(`/staff/promotions?${new URLSearchParams({ deleted: code })}`);
      }
      const promotion = await readPromotion(deps.db, id);
      const parsed = PromotionPatchSchema.safeParse(readPromotionForm(values));
      if (!parsed.success)
        return showOne(deps, c, promotion, { values, faults: faultsOf(parsed.error, values) });
      try {
        const { code } = await write(c, values, { id, patch: parsed.data });
        return seeOther(`/staff/promotions?${new URLSearchParams({ saved: code })}`);
      } catch (error) {
        return showOne(deps, c, promotion, { values, faults: faultsOfRefusal(error) });
      }
    });
}

interface Entered {
  values: FormValues;
  faults: FormFaults;
}

async function showAll(deps: Deps, c: Context<AppEnv>, entered?: Entered): Promise<Response> {
  const [{ account }, promotions] = await Promise.all([readVisitor(deps, c), listPromotions(deps.db)]);
  const { saved, deleted } = c.req.query();
  const page = promotionsPage({
    visitor: { name: account?.name },
    promotions,
    now: new Date(deps.now()),
    saved,
    deleted,
    ...entered,
  });
  return respondPage(c, page, { status: entered === undefined ? 200 : 422 });
}

async function showOne(
  deps: Deps,
  c: Context<AppEnv>,
  promotion: Promotion,
  entered?: Entered,
): Promise<Response> {
  const { account } = await readVisitor(deps, c);
  const page = promotionPage({ visitor: { name: account?.name }, promotion, ...entered });
  return respondPage(c, page, { status: entered === undefined ? 200 : 422 });
}

/** Builds the body of an API request. Empty fields limit nothing. The schema refuses values that cannot be read. */
function readPromotionForm(values: FormValues): unknown {
  const text = (name: string) => (values[name] ?? '').trim();
  const number = (name: string) => (text(name) === '' ? null : Number(text(name)));
  const time = (name: string) => (text(name) === '' ? null : toTime(text(name)));
  const names = (name: string) =>
    text(name)
      .split(/[\s,]+/)
      .filter(Boolean);
  const kind = promotionKinds.find((one) => one === values['kind']);
  const value =
    kind === 'free-shipping' ? 0 : kind === 'amount' ? toCents(text('value')) : Number(text('value'));
  return {
    code: text('code'),
    kind,
    value,
    minTotal: text('minTotal') === '' ? null : toCents(text('minTotal')),
    startsAt: time('startsAt'),
    endsAt: time('endsAt'),
    uses: number('uses'),
    usesPerCustomer: number('usesPerCustomer'),
    categories: names('categories'),
    products: names('products'),
  };
}

/** @throws errors that are no fault of a field */
function faultsOfRefusal(error: unknown): FormFaults {
  if (!(error instanceof Refusal)) throw error;
  if (error.code === 'code-taken') return { code: `${error.message}.` };
  const faults = error.details['faults'] as { field: string; message: string }[] | undefined;
  if (faults === undefined) throw error;
  return Object.fromEntries(faults.map(({ field, message }) => [field, `This ${message}.`]));
}
