// Builds the cart as a shopper sees it, and has its schemas.
// Names, prices and availability come from the catalog.
import { z } from '@hono/zod-openapi';
import { readVariants, type VariantInfo } from '../catalog/read-variants.ts';
import type { Deps } from '../deps.ts';
import { growingEnum } from '../web/api/api.ts';
import { MoneySchema, money } from '../web/money.ts';
import type { CartLine } from './cart-contents.ts';

const exampleLine = {
  variantId: '7',
  productSlug: 'plain-tee',
  name: 'Plain Tee',
  size: 'M',
  color: 'Navy',
  quantity: 2,
  unitPrice: { amount: 1_999, currency: 'EUR' },
  lineTotal: { amount: 3_998, currency: 'EUR' },
  available: 20,
};

export const CartLineSchema = z
  .object({
    variantId: z.string(),
    productSlug: z.string(),
    name: z.string(),
    size: z.string(),
    color: z.string(),
    quantity: z.int().min(1),
    unitPrice: MoneySchema,
    lineTotal: MoneySchema,
    available: z
      .int()
      .min(0)
      .openapi({ description: 'Whole pieces; 0 where the variant is sold out or went away' }),
  })
  .openapi('CartLine', { example: exampleLine });

export const CartSchema = z
  .object({
    version: z.int().min(0),
    lines: z.array(CartLineSchema),
    count: z.int().min(0).openapi({ description: 'Pieces, not lines' }),
    total: MoneySchema,
    durability: growingEnum(['committed', 'journal', 'client', 'memory']).openapi({
      description: 'What holds the cart: Postgres, the journal on Redis nodes, the cookie, or one origin',
    }),
    incomplete: z.literal(true).optional().openapi({
      description: 'Present where the newest version that this browser has seen cannot be read now',
    }),
  })
  .openapi('Cart', {
    example: {
      version: 3,
      lines: [exampleLine],
      count: 2,
      total: { amount: 3_998, currency: 'EUR' },
      durability: 'committed',
    },
  });

export type Cart = z.infer<typeof CartSchema>;
export type ShownCartLine = z.infer<typeof CartLineSchema>;
type Durability = Cart['durability'];

export interface CartToShow {
  version: number;
  lines: CartLine[];
  durability: Durability;
  incomplete?: boolean;
}

/** @throws Refusal 503 where the catalog cannot be read */
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

/** Describes a variant that no longer exists: the line stays visible, costs nothing and cannot be bought. */
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
