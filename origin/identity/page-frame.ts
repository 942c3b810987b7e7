// Reads the frame of a personal page, and answers a form whose session has ended.
import type { Context } from 'hono';
import { readNavigation } from '../catalog/categories.ts';
import type { Deps } from '../deps.ts';
import type { AppEnv } from '../web/env.ts';
import type { FormValues } from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import { type LayoutOptions, layout } from '../web/page/layout.ts';
import { respondPage } from '../web/page/page-response.ts';
import { readVisitor, type Visitor } from './visitor.ts';

type PageFrame = Pick<LayoutOptions, 'navigation' | 'visitor' | 'unlisted'>;

/** @param count pieces in the bag where the page knows them; otherwise the page's script asks */
export async function readFrame(deps: Deps, c: Context<AppEnv>, count?: number): Promise<PageFrame> {
  const [navigation, { account }] = await Promise.all([readNavigation(deps), readVisitor(deps, c)]);
  return { navigation, visitor: { name: account?.name, count }, unlisted: true };
}

/** A hidden field of each form that needs a session. It shows that the sender was signed in when the page was made. */
export function signedInField(): Html {
  return html`<input type="hidden" name="signed-in" value="yes">`;
}

export function wasSignedIn({ hasEndedSession }: Visitor, values: FormValues): boolean {
  return hasEndedSession || values['signed-in'] === 'yes';
}

/**
 * Answers a form whose session has ended with a page that sends the same form again after signing in. The form keeps
 * its idempotency key, so that it takes effect once. Passwords must be typed again.
 */
export async function respondSignedOut(
  deps: Deps,
  c: Context<AppEnv>,
  values: FormValues,
): Promise<Response> {
  const kept = Object.entries(values).filter(([name]) => !/password/i.test(name));
  const content = html`<div class="narrow"><h1>You were signed out</h1>
<p>What you typed is not lost. Sign in in a new tab, come back to this page, and send it again.</p>
<form class="fields" method="post" action="${c.req.path}">
${kept.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<p class="row"><a class="button" href="/sign-in" target="_blank">Sign in</a>
<button class="button quiet" type="submit">Send it again</button></p></form></div>`;
  const title = 'You were signed out';
  return respondPage(c, layout({ title, ...(await readFrame(deps, c)) }, content), { status: 401 });
}
