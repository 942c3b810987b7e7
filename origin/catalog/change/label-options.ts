// Maps up to three options of a product file onto the shop's two labels, size and colour.

const isSize = /size|größe|taille/i;
const isColor = /colou?r|farbe|couleur/i;
/** What people choose together with the size. */
const goesWithSize = /length|fit|waist|width|inseam|inches|cup|leg|age/i;

/**
 * Whatever is neither size nor colour takes the place that is free, and else joins the label that it belongs to:
 * `M / Long`, `Navy / Linen`.
 */
export function labelOptions(names: string[], values: string[]): { size: string; color: string } {
  const size: string[] = [];
  const color: string[] = [];
  const others: { name: string; value: string }[] = [];
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? '';
    if (value === '' || (name === 'Title' && value === 'Default Title')) continue;
    if (isColor.test(name)) color.push(value);
    else if (isSize.test(name)) size.push(value);
    else others.push({ name, value });
  }
  for (const { name, value } of others) {
    if (size.length === 0) size.push(value);
    else if (goesWithSize.test(name)) size.push(value);
    else color.push(value);
  }
  return { size: size.join(' / '), color: color.join(' / ') };
}
