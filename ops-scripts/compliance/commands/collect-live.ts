// Collects a snapshot of the account that the given credentials belong to.
import type { AccessOptions } from './options.ts';

/** The SDK is loaded only here: it takes longer to load than other commands to run. */
export async function collectLive(options: AccessOptions) {
  const { collectSnapshot } = await import('../collect/collect.ts');
  return collectSnapshot(accessOf(options));
}

function accessOf({ profile, region, endpointUrl }: AccessOptions) {
  return {
    ...(profile ? { profile } : {}),
    ...(region ? { region } : {}),
    ...(endpointUrl ? { endpointUrl } : {}),
  };
}
