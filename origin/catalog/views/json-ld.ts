// Renders a product as schema.org JSON-LD, for search engines.
import type { ProductDetail } from '../product.ts';

export function productJsonLd(product: ProductDetail, siteUrl: string): object {
  const amounts = product.variants.map((variant) => variant.price.amount);
  const lowest = Math.min(...(amounts.length > 0 ? amounts : [product.price.amount]));
  const highest = Math.max(product.price.amount, ...amounts);
  const isAvailable = product.variants.some((variant) => variant.available > 0);
  return {
    '@context': 'https://schema.org',
    '@type': 'Product',
    name: product.name,
    description: product.description.slice(0, 1_000),
    sku: product.variants[0]?.sku || product.id,
    brand: { '@type': 'Brand', name: product.brand },
    image: product.images.map((image) => absolute(image.url, siteUrl)),
    offers: {
      '@type': 'AggregateOffer',
      url: `${siteUrl}/p/${product.slug}`,
      lowPrice: decimal(lowest),
      highPrice: decimal(highest),
      priceCurrency: product.price.currency,
      offerCount: product.variants.length,
      availability: `https://schema.org/${isAvailable ? 'InStock' : 'OutOfStock'}`,
    },
  };
}

export function absolute(url: string, siteUrl: string): string {
  return URL.canParse(url) ? url : `${siteUrl}${url}`;
}

function decimal(minorUnits: number): string {
  return (minorUnits / 100).toFixed(2);
}
