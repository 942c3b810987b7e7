// A file's Type and Tags say where in the shop a product stands: the department by a tag, the category by the type.
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
  const typeSlug = slugify(type).slice(0, 80);
  if (department === undefined)
    return [typeSlug === '' ? { slug: 'more', name: 'More' } : { slug: typeSlug, name: type }];
  if (typeSlug === '' || typeSlug === department.slug) return [department];
  return [department, { slug: `${department.slug}-${typeSlug}`, name: type }];
}
