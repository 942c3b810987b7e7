// Reads the assets at start-up: each file of the folder, and the parts in `styles/` joined as one `shop.css`.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { compressBody, type Encoded } from './shared/compress.ts';

export interface Asset {
  /** Such as `shop.Zk3…q.css`. */
  hashedName: string;
  contentType: string;
  content: string;
  /** Compressed at the first call. */
  bodies(): Promise<Encoded>;
}

const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** @returns assets by their plain names. */
export function loadAssets(folder: URL): Map<string, Asset> {
  const texts = readTexts(folder);
  const styles = [...readTexts(new URL('styles/', folder)).values()].join('\n');
  if (styles !== '') texts.set('shop.css', styles);
  const assets = new Map<string, Asset>();
  for (const [name, text] of texts) {
    const hash = createHash('sha256').update(text).digest('base64url').slice(0, 10);
    const extension = extname(name);
    assets.set(name, toAsset(`${name.slice(0, -extension.length)}.${hash}${extension}`, text));
  }
  return assets;
}

export function toAsset(hashedName: string, content: string): Asset {
  let compressed: Promise<Encoded> | undefined;
  return {
    hashedName,
    contentType: contentTypes[extname(hashedName)]!,
    content,
    bodies: () => {
      compressed ??= compressBody(content).then(({ bodies }) => bodies);
      return compressed;
    },
  };
}

const hashedName = /^([\w-]{1,40})\.[\w-]{10}(\.\w{1,12})$/;

/** @returns `shop.css` of `shop.Zk3…q.css`; undefined where it is no name that we give. */
export function plainNameOf(name: string): string | undefined {
  const [, base, extension] = hashedName.exec(name) ?? [];
  return base !== undefined && extension! in contentTypes ? base + extension : undefined;
}

function readTexts(folder: URL): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).filter((name) => extname(name) in contentTypes);
  return new Map(names.sort().map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
}
