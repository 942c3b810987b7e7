// How every JSON route is made: input parsed by schemas, unknown fields refused, faults told by name, answers private unless said.
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { Refusal } from '../../errors.ts';
import type { AppEnv } from '../env.ts';

export { createRoute, z };

/** A router whose validation faults are problem documents: `400 bad-request` for queries and paths, `422 invalid-body` for bodies. */
export function createApi(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const faults = result.error.issues.map((issue) => ({
        field: issue.path.join('.'),
        message: issue.message,
      }));
      const inBody = result.target === 'json' || result.target === 'form';
      throw new Refusal(
        inBody ? 422 : 400,
        inBody ? 'invalid-body' : 'bad-request',
        faults.map(describeFault).join('; '),
        {
          details: { faults },
        },
      );
    },
  });
}

export const ProblemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: 'Stable; made for programs' }),
    detail: z.string(),
  })
  .openapi('Problem');

/** The `default` answer of every operation. */
export const problemAnswer = {
  description: 'A problem document (RFC 9457)',
  content: { 'application/problem+json': { schema: ProblemSchema } },
};

export function jsonAnswer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } };
}

export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } };
}

/** An id of a row, `bigint` in the database; anything else cannot exist and is the same 404 as an id that does not. */
export const idPattern = /^[1-9]\d{0,17}$/;

export const IdempotencyKeyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, { error: 'must be 1 to 200 printable characters without spaces' })
    .optional()
    .openapi({
      description:
        'The same key and body again gives the same result and no second effect; made where absent',
    }),
});

function describeFault(fault: { field: string; message: string }): string {
  return fault.field === '' ? fault.message : `${fault.field}: ${fault.message}`;
}
