// Changes the stock of many variants by SKU in one call. Each row is validated, applied and answered separately.
import { changeStocks, mostPieces, type StockRow } from '../catalog/change/change-stocks.ts';
import type { Deps } from '../deps.ts';
import type { Staff } from '../identity/visitor.ts';
import {
  awaitInvalidation,
  beginInvalidation,
  exampleInvalidation,
  type Invalidation,
  InvalidationSchema,
} from '../invalidation/invalidations.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import { audit } from '../staff/change-catalog.ts';
import { growingEnum, z } from '../web/api/api.ts';
import { describeFault, readFaults } from '../web/api/describe-faults.ts';
import { writeOnce } from '../web/api/idempotency.ts';

const mostRows = 500;
const pieces = z.int().min(0).max(mostPieces);

const StockRowSchema = z
  .strictObject({
    sku: z.string().min(1).max(255),
    set: pieces.optional(),
    add: z.int().min(-mostPieces).max(mostPieces).optional(),
    expected: pieces.nullable().optional(),
  })
  .refine(({ set, add }) => (set === undefined) !== (add === undefined), {
    path: ['set'],
    error: 'or add is needed, and not both',
  });

const exampleRows = [
  { sku: 'LS-NAVY-M', set: 20, expected: 18 },
  { sku: 'LS-NAVY-L', add: 5 },
];

/** Rows are validated one by one, so that an invalid row does not fail the others. */
export const StockChangesSchema = z
  .strictObject({
    changes: z
      .array(
        z.unknown().openapi({
          type: 'object',
          required: ['sku'],
          additionalProperties: false,
          properties: {
            sku: { type: 'string', minLength: 1, maxLength: 255 },
            set: {
              type: 'integer',
              minimum: 0,
              maximum: mostPieces,
              description: 'So many there are; one of set and add',
            },
            add: {
              type: 'integer',
              minimum: -mostPieces,
              maximum: mostPieces,
              description: 'So many came, or went where it is below 0',
            },
            expected: {
              type: ['integer', 'null'],
              minimum: 0,
              maximum: mostPieces,
              description: 'Only where there are so many now; null: where it is not counted',
            },
          },
        }),
      )
      .max(mostRows, { error: `must have at most ${mostRows} rows` }),
  })
  .openapi('StockChanges', { example: { changes: exampleRows } });

const outcomes = [
  'ok',
  'not-found',
  'ambiguous',
  'conflict',
  'not-counted',
  'out-of-range',
  'invalid',
] as const;

const StockOutcomeSchema = z
  .object({
    sku: z.string().optional().openapi({ description: 'As it was sent; absent where it could not be read' }),
    outcome: growingEnum([...outcomes]).openapi({
      description:
        '`ambiguous`: several variants on sale have this SKU. `conflict`: there are not as many as `expected`. ' +
        '`not-counted`: nobody said how many there are, so nothing can be added; `set` it. ' +
        '`out-of-range`: there would be fewer than 0 or more than 10,000,000. `invalid`: the row cannot be read.',
    }),
    variantId: z.string().optional(),
    stock: z
      .union([z.int(), z.null()])
      .optional()
      .openapi({ description: 'As it is after this row; null where it is not counted' }),
    message: z.string().optional().openapi({ description: 'What is wrong with the row, for people' }),
  })
  .openapi('StockOutcome', { example: { sku: 'LS-NAVY-M', outcome: 'ok', variantId: '7', stock: 20 } });

export const StockOutcomesSchema = z
  .object({ items: z.array(StockOutcomeSchema), invalidation: InvalidationSchema })
  .openapi('StockOutcomes', {
    example: {
      items: [
        { sku: 'LS-NAVY-M', outcome: 'ok', variantId: '7', stock: 20 },
        { sku: 'LS-NAVY-L', outcome: 'not-found' },
      ],
      invalidation: exampleInvalidation,
    },
  });

type StockOutcome = z.infer<typeof StockOutcomeSchema>;

interface BulkWrite {
  staff: Staff;
  idempotencyKey: string | undefined;
  path: string;
  waitMs: number;
}

/** Applies all valid rows in one transaction with their audit and invalidation, in their order. */
export async function changeStockInBulk(
  deps: Deps,
  { staff, idempotencyKey, path, waitMs }: BulkWrite,
  rows: unknown[],
): Promise<{ items: StockOutcome[]; invalidation: Invalidation }> {
  const read = rows.map(readRow);
  const write = { scope: staff.scope, key: idempotencyKey, method: 'POST', path, body: rows };
  const cause = { what: `POST ${path}`, at: new Date(deps.now()) };
  const { items, invalidationId } = await retryOnConflict(() =>
    writeOnce(deps.db, write, async (tx) => {
      const {
        outcomes: done,
        tags,
        changed,
      } = await changeStocks(
        tx,
        read.flatMap(({ row }) => row ?? []),
      );
      const id = await beginInvalidation(tx, tags, cause);
      const audited = changed.map(({ variantId, before, after }) => ({
        subject: `variant:${variantId}`,
        before: { stock: before },
        after: { stock: after },
      }));
      await audit(tx, staff.id, audited, id);
      const rest = done.values();
      const all = read.map(({ row, fault }): StockOutcome => {
        if (row === undefined) return fault;
        return { sku: row.sku, ...rest.next().value! };
      });
      return { items: all, invalidationId: id };
    }),
  );
  deps.wakeWorker();
  return { items, invalidation: await awaitInvalidation(deps.db, invalidationId, waitMs) };
}

type ReadRow = { row: StockRow; fault?: undefined } | { row?: undefined; fault: StockOutcome };

function readRow(given: unknown): ReadRow {
  const parsed = StockRowSchema.safeParse(given);
  // Postgres cannot store NUL characters or lone surrogates.
  const isStorable = (sku: string) => sku.isWellFormed() && !sku.includes('\0');
  if (parsed.success && isStorable(parsed.data.sku)) return { row: parsed.data };
  const sku = (given as { sku?: unknown } | null)?.sku;
  const message = parsed.success
    ? 'sku must be plain text'
    : readFaults('json', parsed.error.issues).map(describeFault).join('; ');
  return {
    fault: {
      ...(typeof sku === 'string' && isStorable(sku) ? { sku: sku.slice(0, 255).toWellFormed() } : {}),
      outcome: 'invalid',
      message: message.replaceAll(/\p{Cc}/gu, ' ').toWellFormed(),
    },
  };
}
