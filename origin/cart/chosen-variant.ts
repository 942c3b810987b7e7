// Finds the variant that a form means. Without JavaScript, a size of another colour may stay selected: then the same
// size in the shown colour is meant.
import type { ProductDetail } from '../catalog/product.ts';
import { readProduct } from '../catalog/read-product.ts';
import { readVariants } from '../catalog/read-variants.ts';
import { isSlug } from '../catalog/tags.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { FormValues } from '../web/page/form.ts';

/** @throws Refusal 422 `choose-size` */
export async function readChosenVariant(deps: Pick<Deps, 'cache'>, values: FormValues): Promise<string> {
  const { variantId = '', color } = values;
  if (variantId === '') throw new Refusal(422, 'choose-size', 'Please choose a size');
  if (color === undefined) return variantId;
  const chosen = (await readVariants(deps, [variantId])).get(variantId);
  if (chosen === undefined || chosen.color === color) return variantId;
  const product = await readProductOfForm(deps, chosen.productSlug);
  const meant = product?.variants.find((variant) => variant.color === color && variant.size === chosen.size);
  if (meant !== undefined) return meant.id;
  throw new Refusal(422, 'choose-size', `Please choose a size in ${color}`);
}

/** The product that a form came from. @returns undefined where there is none, whatever the form says */
export async function readProductOfForm(
  deps: Pick<Deps, 'cache'>,
  slug: string,
): Promise<ProductDetail | undefined> {
  if (!isSlug(slug)) return undefined;
  const { value } = await deps.cache.read<ProductDetail | null>({
    key: `product-of-form:${slug}`,
    fill: async (db) => {
      const { value: product, tags } = await readProduct(db, slug);
      return { value: product ?? null, tags };
    },
  });
  return value ?? undefined;
}
