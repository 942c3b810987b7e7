// Checks that every style sheet and script named on any page stays available, always with the same bytes.
export interface AssetsSeen {
  /** @returns what is wrong with the answer; undefined where nothing is. */
  ask(url: string, path: string): Promise<string | undefined>;
}

const requestMs = 10_000;

export function watchAssets(): AssetsSeen {
  const contents = new Map<string, string>();
  return {
    async ask(url, path) {
      const response = await fetch(url + path, { signal: AbortSignal.timeout(requestMs) });
      const content = await response.text();
      if (response.status !== 200) return `${response.status}`;
      // A file of that plain name from another release would do for the moment, and says that nobody may keep it.
      const kept = response.headers.get('cache-control') ?? '';
      if (!kept.includes('immutable')) return `another release's file, ${kept}`;
      const first = contents.get(path) ?? content;
      contents.set(path, first);
      return content === first ? undefined : 'other content than before';
    },
  };
}
