// Reads from an origin's metrics how often it has read from Postgres.
/** @returns reads since it began, by the server that answered: "primary", or a replica's name. */
export async function readReads(metricsUrl: string): Promise<Record<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const counts = text.matchAll(/^reads_total\{source="([^"]*)"\} (\d+)/gm);
  return Object.fromEntries([...counts].map(([, source = '', count]) => [source, Number(count)]));
}
