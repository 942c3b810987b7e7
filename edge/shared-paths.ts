// The pages that are the same for everyone whatever the cookies; all others are asked for with the shopper's own.
const shared = /^\/(?:$|c\/|p\/|search$|assets\/|pictures\/|api\/products(?:\/|$)|api\/categories$)/;

export function isSharedPath(path: string): boolean {
  return shared.test(path.split('?', 1)[0]!);
}
