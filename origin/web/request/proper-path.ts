// Each page has one address: no slash at its end, no empty parts, the first part in lower case. Other spellings lead there.

/** @param path as the client wrote it. @returns one leading slash, so that it names no other host. */
export function properPath(path: string): string {
  const [first = '', ...rest] = path.split('/').filter((part) => part !== '');
  return `/${[first.toLowerCase(), ...rest].join('/')}`;
}
