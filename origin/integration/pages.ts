// The staff pages by which owners connect other systems: API keys and webhooks.
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor, requireOwner } from '../identity/visitor.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormValues,
  faultsOf,
  faultsOfRefusal,
  readForm,
  readIdempotencyKey,
  refusalToShow,
} from '../web/page/form.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { ApiKeyToWriteSchema, createApiKey, listApiKeys, type OwnerWrite, revokeApiKey } from './api-keys.ts';
import { sendTestMessage } from './deliver-webhooks.ts';
import { type IntegrationsPage, integrationsPage, readBoxes, webhookPage } from './views/integrations.ts';
import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  listDeliveries,
  listWebhooks,
  readWebhook,
  replayWebhook,
  rotateSecret,
  WebhookToWriteSchema,
} from './webhooks.ts';

const home = '/staff/integrations';
const shownDeliveries = 100;

/** Mount this behind the guard of the staff's pages. */
export function integrationPages(deps: Deps): Hono<AppEnv> {
  const writeOf = async (c: Context<AppEnv>, values: FormValues): Promise<OwnerWrite> => ({
    owner: await requireOwner(deps, c),
    idempotencyKey: readIdempotencyKey(values),
    path: c.req.path,
  });
  return new Hono<AppEnv>()
    .get(home, async (c) => {
      await requireOwner(deps, c);
      const said = sentences[c.req.query('done') ?? ''];
      return showAll(deps, c, { said });
    })
    .post(home, async (c) => {
      const values = await readForm(c);
      const write = await writeOf(c, values);
      try {
        return await perform(deps, c, write, values);
      } catch (error) {
        const refusal = refusalToShow(error);
        const faults = faultsOfRefusal(error);
        const wrong = faults === undefined ? { refused: `${refusal.message}.` } : { faults };
        return showAll(deps, c, { values, ...wrong }, refusal.status);
      }
    })
    .get(`${home}/webhooks/:id`, async (c) => {
      await requireOwner(deps, c);
      return showWebhook(deps, c, { said: sentences[c.req.query('done') ?? ''] });
    })
    .post(`${home}/webhooks/:id`, async (c) => {
      const values = await readForm(c);
      const write = await writeOf(c, values);
      const { deed = '' } = values;
      try {
        if (deed === 'rotate') {
          const { secret } = await rotateSecret(deps, write, c.req.param('id'), {});
          return showWebhook(deps, c, { secret });
        }
        if (deed === 'test') {
          const { status, error } = await sendTestMessage(deps, c.req.param('id'));
          const answer = error === undefined ? { said: `The test was taken: it answered ${status}.` } : {};
          const refused = error === undefined ? {} : { refused: `The test failed. ${error}.` };
          return showWebhook(deps, c, { ...answer, ...refused });
        }
        await performOnWebhook(deps, write, c.req.param('id'), values);
        if (deed === 'delete') return seeOther(`${home}?done=delete`);
        return seeOther(`${c.req.path}?${new URLSearchParams({ done: deed })}`);
      } catch (error) {
        const refusal = refusalToShow(error);
        if (refusal.status === 404 && deed !== 'replay') throw refusal;
        return showWebhook(deps, c, { refused: `${refusal.message}.` }, refusal.status);
      }
    });
}

/** The sentence after each deed. */
const sentences: Record<string, string> = {
  'revoke-key': 'The key is revoked; it ended at once.',
  pause: 'Paused. What happens meanwhile is kept for 30 days.',
  resume: 'It goes on, and is told what it missed.',
  delete: 'The webhook is deleted.',
  replay: 'The event will be sent again.',
  'replay-failed': 'All that failed will be sent again.',
};

async function perform(
  deps: Deps,
  c: Context<AppEnv>,
  write: OwnerWrite,
  values: FormValues,
): Promise<Response> {
  if (values['deed'] === 'revoke-key') {
    await revokeApiKey(deps, write, values['id'] ?? '');
    return seeOther(`${home}?done=revoke-key`);
  }
  if (values['deed'] === 'create-webhook') {
    const parsed = WebhookToWriteSchema.safeParse({ url: values['url'], types: readBoxes(values, 'types') });
    if (!parsed.success) return showAll(deps, c, { values, faults: faultsOf(parsed.error, values) }, 422);
    const { secret } = await createWebhook(deps, write, parsed.data);
    return showAll(deps, c, { made: { what: 'The secret that signs its messages', secret } });
  }
  const parsed = ApiKeyToWriteSchema.safeParse({ name: values['name'], scopes: readBoxes(values, 'scopes') });
  if (!parsed.success) {
    const faults = faultsOf(parsed.error, values);
    if (faults['scopes'] !== undefined) faults['scopes'] = 'Choose at least one.';
    return showAll(deps, c, { values, faults }, 422);
  }
  const { name, key } = await createApiKey(deps, write, parsed.data);
  return showAll(deps, c, { made: { what: `The API key ${name}`, secret: key } });
}

async function performOnWebhook(
  deps: Deps,
  write: OwnerWrite,
  id: string,
  values: FormValues,
): Promise<void> {
  switch (values['deed']) {
    case 'pause':
      await changeWebhook(deps, write, id, { state: 'paused' });
      return;
    case 'resume':
      await changeWebhook(deps, write, id, { state: 'active' });
      return;
    case 'delete':
      return deleteWebhook(deps, write, id);
    case 'replay':
      await replayWebhook(deps, write, id, /^\d{1,18}$/.test(values['event'] ?? '') ? values['event'] : '0');
      return;
    case 'replay-failed':
      await replayWebhook(deps, write, id, undefined);
      return;
    default:
      throw new Refusal(422, 'invalid-body', 'This form says nothing that can be done');
  }
}

async function showAll(
  deps: Deps,
  c: Context<AppEnv>,
  extra: Partial<IntegrationsPage>,
  status = 200,
): Promise<Response> {
  const [{ account }, keys, webhooks] = await Promise.all([
    readVisitor(deps, c),
    listApiKeys(deps.db),
    listWebhooks(deps.db),
  ]);
  return respondPage(c, integrationsPage({ visitor: { name: account?.name }, keys, webhooks, ...extra }), {
    status,
  });
}

async function showWebhook(
  deps: Deps,
  c: Context<AppEnv>,
  extra: { said?: string | undefined; refused?: string; secret?: string },
  status = 200,
): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const [{ account }, webhook] = await Promise.all([readVisitor(deps, c), readWebhook(deps.db, id)]);
  const deliveries = await listDeliveries(deps.db, id, { limit: shownDeliveries });
  const page = webhookPage({ visitor: { name: account?.name }, webhook, deliveries, ...extra });
  return respondPage(c, page, { status });
}
