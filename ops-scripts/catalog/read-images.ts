// A product's pictures, in the order that the file gives them, each once.
import type { FileRow, RowFault } from './product-file.ts';

interface PlacedImage {
  url: string;
  alt: string;
  place: number;
}

export function readImages(
  rows: FileRow[],
  title: string,
  onFault: (fault: RowFault) => void,
): { url: string; alt: string }[] {
  const images = new Map<string, PlacedImage>();
  for (const row of rows) {
    for (const column of ['Image Src', 'Variant Image'] as const) {
      const url = row.get(column);
      if (url === '' || images.has(url)) continue;
      if (!isPicture(url)) {
        onFault({ line: row.line, reason: `has an ${column} that is no https address` });
        continue;
      }
      const own = column === 'Image Src';
      const place = (own && Number.parseInt(row.get('Image Position'), 10)) || Number.MAX_SAFE_INTEGER;
      images.set(url, { url, alt: (own && row.get('Image Alt Text')) || title, place });
    }
  }
  return [...images.values()].sort((a, b) => a.place - b.place).map(({ url, alt }) => ({ url, alt }));
}

/** The shop's pages show pictures by https, or the shop's own. */
export function isPicture(url: string): boolean {
  if (/^\/images\/[\w.-]+$/.test(url)) return true;
  return URL.canParse(url) && new URL(url).protocol === 'https:';
}
