// Responds with answers that are the same for everyone, from the fenced cache.
import type { Context } from 'hono';
import type { Fresh, ReadRequest } from '../../cache/entry.ts';
import type { Deps } from '../../deps.ts';
import type { DbOrTx } from '../../schema.ts';
import type { AppEnv, RuntimeBindings } from '../env.ts';
import { siteRelease } from './release.ts';
import { type Representation, represent, representationCodec, type SharedBody } from './representation.ts';
import { answerShared } from './shared-answer.ts';

export type { SharedBody } from './representation.ts';

export interface SharedRequest {
  /** Names the representation, from normalised input only; what differs in it must differ in the key. */
  key: string;
  produce: (db: DbOrTx) => Promise<Fresh<SharedBody>>;
  /** Whether the address alone decides on the key; default true. */
  isOfAddress?: boolean;
}

/** Where the address alone decides what `request` is, the runtime answers it by itself from then on. */
export async function respondShared(
  c: Context<AppEnv>,
  deps: Pick<Deps, 'cache'>,
  request: SharedRequest,
): Promise<Response> {
  const read = toRead(request);
  const result = await deps.cache.read(read);
  if (result.value.status === 200 && request.isOfAddress !== false)
    (c.env as RuntimeBindings | undefined)?.rememberWarmPage?.(read.key);
  const answer = answerShared(result, c.req.header('Accept-Encoding'), c.req.header('If-None-Match'));
  return new Response(answer.body ?? null, answer);
}

function toRead({ key, produce }: SharedRequest): ReadRequest<Representation> {
  return {
    // Another release would show it otherwise; each fills its own.
    key: `shared:${siteRelease}:${key}`,
    codec: representationCodec,
    fromReplicas: true,
    fill: async (db) => {
      const { value, tags } = await produce(db);
      return { value: await represent(value), tags };
    },
  };
}
