// Derives department and category of a product from the Tags and Type of its file.
import { createHash } from 'node:crypto';
import type { CategoryPath } from '../../origin/catalog/change/product-draft.ts';
import { slugify } from '../../origin/catalog/slugify.ts';

const departments: Record<string, { slug: string; name: string }> = Object.fromEntries(
  [
    { slug: 'women', name: 'Women', also: ['womens', 'woman', 'ladies', 'female'] },
    { slug: 'men', name: 'Men', also: ['mens', 'man', 'male'] },
    { slug: 'kids', name: 'Kids', also: ['children', 'boys', 'girls', 'baby'] },
    { slug: 'accessories', name: 'Accessories', also: ['accessory'] },
  ].flatMap(({ slug, name, also }) => [slug, ...also].map((tag) => [tag, { slug, name }])),
);

export function chooseCategory(type: string, tags: string[]): CategoryPath {
  const department = tags.map((tag) => departments[slugify(tag)]).find((found) => found !== undefined);
  const typeSlug = slugOfType(type);
  if (department === undefined)
    return [typeSlug === '' ? { slug: 'more', name: 'More' } : { slug: typeSlug, name: type }];
  if (typeSlug === '' || typeSlug === department.slug) return [department];
  return [department, { slug: `${department.slug}-${typeSlug}`, name: type }];
}

const longestSlug = 80;

/** Different types have different addresses, also where a slug says nothing of them or is long. */
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
