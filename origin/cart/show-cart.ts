// Builds the cart that a shopper sees: names, prices and availability come from the catalog, never from the cart.
import { readVariants, type VariantInfo } from '../catalog/read-variants.ts';
import type { Deps } from '../deps.ts';
import { money } from '../web/money.ts';
import type { Cart, Durability, ShownCartLine } from './cart.ts';
import type { CartLine } from './cart-contents.ts';

export interface CartToShow {
  version: number;
  lines: CartLine[];
  durability: Durability;
  incomplete?: boolean;
}

/** @throws Refusal 503 where the catalog cannot tell of one of the variants. */
export async function showCart(deps: Pick<Deps, 'cache'>, cart: CartToShow): Promise<Cart> {
  const variants = await readVariants(
    deps,
    cart.lines.map((line) => line.variantId),
  );
  const lines = cart.lines.map((line) => showLine(line, variants.get(line.variantId)));
  return {
    version: cart.version,
    lines,
    count: lines.reduce((sum, line) => sum + line.quantity, 0),
    total: money(lines.reduce((sum, line) => sum + line.lineTotal.amount, 0)),
    durability: cart.durability,
    ...(cart.incomplete ? { incomplete: true as const } : {}),
  };
}

function showLine({ variantId, quantity }: CartLine, variant: VariantInfo | undefined): ShownCartLine {
  if (variant === undefined) return goneLine(variantId, quantity);
  return {
    variantId,
    productSlug: variant.productSlug,
    name: variant.productName,
    size: variant.size,
    color: variant.color,
    quantity,
    unitPrice: variant.price,
    lineTotal: money(variant.price.amount * quantity),
    available: variant.available,
  };
}

/** The variant went away: the line stays visible, costs nothing and cannot be bought. */
function goneLine(variantId: string, quantity: number): ShownCartLine {
  return {
    variantId,
    productSlug: '',
    name: 'No longer sold',
    size: '',
    color: '',
    quantity,
    unitPrice: money(0),
    lineTotal: money(0),
    available: 0,
  };
}
