// Lists the addresses whose answers are the same for everyone. Only these are asked for without the shopper's cookies.
const shared = new RegExp(
  `^/(?:$|${[
    '(?:c|p|assets|images|sitemaps)/[^/]+$',
    'search$',
    '(?:delivery|returns|contact|terms|privacy|imprint)$',
    'api/products(?:/[^/]+)?$',
    'api/categories$',
    'robots\\.txt$',
    'sitemap\\.xml$',
    'manifest\\.webmanifest$',
    'favicon\\.ico$',
  ].join('|')})`,
);

/** @param path with or without its query. */
export function isSharedPath(path: string): boolean {
  return shared.test(path.split('?', 1)[0]!);
}
