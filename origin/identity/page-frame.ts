// Reads what surrounds a personal page: the departments, and who is signed in.
import type { Context } from 'hono';
import { readNavigation } from '../catalog/views/navigation.ts';
import type { Deps } from '../deps.ts';
import type { AppEnv } from '../web/env.ts';
import type { LayoutOptions } from '../web/page/layout.ts';
import { readVisitor } from './visitor.ts';

export type Frame = Pick<LayoutOptions, 'navigation' | 'visitor' | 'unlisted'>;

/** @param count pieces in the bag, where the page knows them; else the small script asks */
export async function readFrame(deps: Deps, c: Context<AppEnv>, count?: number): Promise<Frame> {
  const [navigation, { account }] = await Promise.all([readNavigation(deps), readVisitor(deps, c)]);
  return { navigation, visitor: { name: account?.name, count }, unlisted: true };
}
