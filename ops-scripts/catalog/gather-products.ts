// Groups the rows of a product file into products, with their pictures and their category.

import { createHash } from 'node:crypto';
import type { CategoryPath, ImageDraft } from '../../origin/catalog/change/product-draft.ts';
import { slugify } from '../../origin/catalog/product-text.ts';
import type { FileRow, RowListener } from './product-file.ts';

/** Consecutive rows with one handle. They are one product. */
export interface ProductRows {
  handle: string;
  /** At least one row. The first describes the product. */
  rows: FileRow[];
}

/** Shopify allows 2,048 variants. With pictures of its own, such a product has fewer rows than this. */
const maxRows = 2_500;

/**
 * Groups consecutive rows by handle and reports stray rows.
 * @param seen handles and the lines on which they begin, filled on the way
 */
export async function* gatherProducts(
  rows: AsyncIterable<FileRow>,
  seen: Map<string, number>,
  listener: Pick<RowListener, 'onFault' | 'onNote'>,
): AsyncGenerator<ProductRows> {
  let current: ProductRows | undefined;
  for await (const row of rows) {
    const handle = handleOf(row, current, listener);
    if (handle === undefined) continue;
    if (handle === current?.handle) {
      if (current.rows.length < maxRows) current.rows.push(row);
      else listener.onFault({ line: row.line, reason: `is one of more than ${maxRows} rows of a product` });
    } else if (seen.has(handle)) {
      const reason = `stands apart from the other rows of '${handle}', which begin on line ${seen.get(handle)}`;
      listener.onFault({ line: row.line, reason });
    } else {
      if (current !== undefined) yield current;
      current = { handle, rows: [row] };
      seen.set(handle, row.line);
    }
  }
  if (current !== undefined) yield current;
}

/**
 * Returns the row's handle, which is made from the title if it is missing. @returns undefined if the row belongs to no
 * product, after reporting that
 */
function handleOf(
  row: FileRow,
  current: ProductRows | undefined,
  { onFault, onNote }: Pick<RowListener, 'onFault' | 'onNote'>,
): string | undefined {
  const handle = row.get('Handle').toLowerCase().normalize('NFC');
  if (handle !== '') return handle;
  const title = row.get('Title');
  // A file without handles has the product's title once, or on each of its rows.
  if (!row.heading.has('Handle') && current !== undefined) {
    if (title === '' || title === current.rows[0]!.get('Title')) return current.handle;
  }
  const made = slugify(title);
  if (made !== '') {
    onNote({ line: row.line, reason: `has no Handle; '${made}' was made of its Title` });
    return made;
  }
  const what = title === '' ? 'no Title' : `a Title of which none can be made: '${title.slice(0, 30)}'`;
  onFault({ line: row.line, reason: `has no Handle and ${what}` });
  return undefined;
}

interface PlacedImage extends ImageDraft {
  place: number;
  line: number;
}

/**
 * Reads a product's pictures in the order of their positions, without repeats.
 * @returns undefined if the file has no column for them, so that they stay
 */
export function readImages(
  rows: FileRow[],
  { onFault, onNote }: Pick<RowListener, 'onFault' | 'onNote'>,
): ImageDraft[] | undefined {
  const { heading } = rows[0]!;
  if (!heading.has('Image Src')) return undefined;
  const images = new Map<string, PlacedImage>();
  for (const row of rows) {
    const url = row.get('Image Src');
    if (url === '') continue;
    if (!isPicture(url)) {
      onFault({ line: row.line, reason: 'has an Image Src that is no https address' });
      continue;
    }
    const alt = heading.has('Image Alt Text') ? row.get('Image Alt Text') : undefined;
    const known = images.get(url);
    if (known !== undefined) {
      if (alt !== known.alt)
        onNote({
          line: row.line,
          reason: `has the picture of line ${known.line} again; its alt text is left out`,
        });
      continue;
    }
    const place = Number.parseInt(row.get('Image Position'), 10) || Number.MAX_SAFE_INTEGER;
    images.set(url, { url, alt, place, line: row.line });
  }
  return [...images.values()].sort((a, b) => a.place - b.place).map(({ url, alt }) => ({ url, alt }));
}

/** The shop's pages show pictures by https, and the shop's own pictures. */
export function isPicture(url: string): boolean {
  if (/^\/images\/[\w.-]+$/.test(url)) return true;
  return URL.canParse(url) && new URL(url).protocol === 'https:';
}

const departments: Record<string, { slug: string; name: string }> = Object.fromEntries(
  [
    { slug: 'women', name: 'Women', also: ['womens', 'woman', 'ladies', 'female'] },
    { slug: 'men', name: 'Men', also: ['mens', 'man', 'male'] },
    { slug: 'kids', name: 'Kids', also: ['children', 'boys', 'girls', 'baby'] },
    { slug: 'accessories', name: 'Accessories', also: ['accessory'] },
  ].flatMap(({ slug, name, also }) => [slug, ...also].map((tag) => [tag, { slug, name }])),
);

const more = { slug: 'more', name: 'More' };

/**
 * Derives the department and category of a product from its Tags and Type. Types without a department go below "More",
 * so that a file with many types does not fill the shop's navigation.
 */
export function chooseCategory(type: string, tags: string[]): CategoryPath {
  const typeSlug = slugOfType(type);
  const isDepartment = [...Object.values(departments), more].find(({ slug }) => slug === typeSlug);
  const department = tags.map((tag) => departments[slugify(tag)]).find((found) => found !== undefined);
  if (department === undefined) {
    if (typeSlug === '') return [more];
    return isDepartment === undefined ? [more, { slug: typeSlug, name: type }] : [isDepartment];
  }
  if (typeSlug === '' || typeSlug === department.slug) return [department];
  return [department, { slug: `${department.slug}-${typeSlug}`, name: type }];
}

const longestSlug = 80;

/** Different types must have different addresses, even if their slug is empty or too long. */
function slugOfType(type: string): string {
  const slug = slugify(type);
  if (slug.length <= longestSlug && (slug !== '' || type === '')) return slug;
  const mark = createHash('sha256').update(type).digest('hex').slice(0, 8);
  const beginning = [...slug]
    .slice(0, longestSlug - 20)
    .join('')
    .replace(/-+$/, '');
  return `${beginning || 'type'}-${mark}`;
}
