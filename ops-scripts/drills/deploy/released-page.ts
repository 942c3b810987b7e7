// What an open page of one release needs from another: its style sheet, its scripts and its form.
import type { StockedVariant } from '../variants.ts';

export interface ReleasedPage {
  /** Paths such as `/assets/shop.Zk3…q.css`. */
  assets: string[];
  form: AddForm;
}

export interface AddForm {
  action: string;
  fields: Record<string, string>;
}

const requestMs = 10_000;

/** @throws where the page is not one that a piece can be bought on. */
export async function openProductPage(url: string, { slug, id }: StockedVariant): Promise<ReleasedPage> {
  const read = async (path: string) => {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(requestMs) });
    return { status: response.status, page: await response.text() };
  };
  let { status, page } = await read(`/p/${slug}`);
  // A page offers the sizes of one colour, and leads to the others.
  for (const [, path = ''] of page.matchAll(/href="(\/p\/[^"]+\?color=[^"]*)"/g)) {
    if (page.includes(`value="${id}"`)) break;
    ({ status, page } = await read(path));
  }
  const [form = '', action] = /<form [^>]*action="([^"]+)"[^>]*data-add>.*?<\/form>/s.exec(page) ?? [];
  const assets = assetsOf(page);
  if (action === undefined || !form.includes(`value="${id}"`) || assets.length === 0)
    throw new Error(`Cannot buy ${id} on the page of ${slug}: it answered ${status}`);
  const hidden = form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  const fields = Object.fromEntries([...hidden].map(([, name, value]) => [name!, value!]));
  return { assets, form: { action, fields: { ...fields, variantId: id, quantity: '1' } } };
}

/** The style sheet and the script of a page. */
export function assetsOf(page: string): string[] {
  return [...new Set(page.match(/\/assets\/[\w-]+\.[\w-]+\.(?:css|js)/g))];
}
