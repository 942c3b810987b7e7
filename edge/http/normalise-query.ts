// Gives equivalent queries one spelling: parameters sorted by name, tracking parameters removed.
const following = /^(?:utm_\w+|gclid|dclid|fbclid|msclkid|mc_[ce]id)(?:=|$)/i;

/**
 * The same path is the cache key and is sent to the origin, so that no page holds another's tracking parameters.
 * @param path with its query.
 */
export function normaliseQuery(path: string): string {
  const at = path.indexOf('?');
  if (at < 0) return path;
  const members = path
    .slice(at + 1)
    .split('&')
    .filter((member) => member !== '' && !following.test(member));
  // Equal names keep their order, which may mean something.
  const sorted = members
    .map((member) => ({ member, name: member.split('=', 1)[0]! }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ member }) => member);
  return sorted.length === 0 ? path.slice(0, at) : `${path.slice(0, at)}?${sorted.join('&')}`;
}
