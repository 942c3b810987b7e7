// Which variant a form means. Without a script a size may stay chosen under a colour that is no longer in sight: then the same size in the shown colour is meant.
import { readProduct } from '../catalog/read-product.ts';
import { readVariants } from '../catalog/read-variants.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { FormValues } from '../web/form.ts';

/** @throws Refusal 422 `choose-size` */
export async function readChosenVariant(deps: Pick<Deps, 'cache'>, values: FormValues): Promise<string> {
  const { variantId = '', color } = values;
  if (variantId === '') throw new Refusal(422, 'choose-size', 'Please choose a size');
  if (color === undefined) return variantId;
  const chosen = (await readVariants(deps, [variantId])).get(variantId);
  if (chosen === undefined || chosen.color === color) return variantId;
  const { value: product } = await deps.cache.read({
    key: `product-of-form:${chosen.productSlug}`,
    fill: (db) => readProduct(db, chosen.productSlug),
  });
  const meant = product?.variants.find((variant) => variant.color === color && variant.size === chosen.size);
  if (meant !== undefined) return meant.id;
  throw new Refusal(422, 'choose-size', `Please choose a size in ${color}`);
}
