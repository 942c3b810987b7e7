// Reads a product's pictures, in the file's order, each once.
import type { ImageDraft } from '../../origin/catalog/change/product-draft.ts';
import type { FileRow, RowListener } from './product-file.ts';

interface PlacedImage extends ImageDraft {
  place: number;
  line: number;
}

/** @returns undefined where the file has no column for them, so that they stay */
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

/** The shop's pages show pictures by https, or the shop's own. */
export function isPicture(url: string): boolean {
  if (/^\/images\/[\w.-]+$/.test(url)) return true;
  return URL.canParse(url) && new URL(url).protocol === 'https:';
}
