// Part of `npm run check`: the recommended rules of Redocly and Spectral find nothing in the OpenAPI document. Needs
// no stores.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createApp } from '../../origin/app.ts';
import { createCarts } from '../../origin/cart/create-carts.ts';
import { readSettings } from '../../origin/config.ts';
import { createDeps } from '../../origin/deps.ts';
import { createLog } from '../../origin/log.ts';
import { versionReaders } from '../../origin/version-readers.ts';
import { Health } from '../../origin/web/serving/health.ts';

const root = new URL('../../', import.meta.url);
const require = createRequire(import.meta.url);

async function main(): Promise<void> {
  const text = await writeDocument();
  const seen = new URL(`node_modules/.cache/linted-api/${hashOf(text)}`, root);
  // The document was checked before by the same rules. The two linters take seconds.
  if (existsSync(seen)) return;
  const findings = [...(await lintByRedocly(text)), ...(await lintBySpectral(text))];
  for (const finding of findings) console.error(finding);
  if (findings.length > 0) {
    console.error(`The OpenAPI document has ${findings.length} faults`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(new URL('.', seen), { recursive: true });
  writeFileSync(seen, '');
}

/** The document that `/api/openapi.json` answers, from an origin without stores. */
async function writeDocument(): Promise<string> {
  const settings = readSettings({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    REDIS_URL: 'redis://127.0.0.1:1',
    COOKIE_KEYS: 'a-key-of-the-check-with-32-letters',
    OPERATOR_PASSWORD: 'a-password-of-operators',
    LOG_LEVEL: 'silent',
  });
  await using deps = createDeps(settings, createLog(settings, 'check'), { versionReaders });
  const carts = createCarts(deps);
  const answer = await createApp(deps, carts, new Health()).request('/api/openapi.json');
  await carts.close();
  return answer.text();
}

/** A hash of the document, the linters' versions and this script. */
function hashOf(text: string): string {
  const lock = readFileSync(new URL('package-lock.json', root));
  const script = readFileSync(new URL(import.meta.url));
  return createHash('sha256').update(text).update(lock).update(script).digest('hex');
}

async function lintByRedocly(text: string): Promise<string[]> {
  const { createConfig, lintFromString } = await import('@redocly/openapi-core');
  const config = await createConfig({ extends: ['recommended'] });
  const found = await lintFromString({ source: text, absoluteRef: '/openapi.json', config });
  return found.map(({ severity, ruleId, message, location: [place] }) =>
    [`redocly ${severity}`, ruleId, place?.pointer, message].join('  '),
  );
}

async function lintBySpectral(text: string): Promise<string[]> {
  // Both packages are CommonJS, but their types state ES modules.
  const { Spectral } = require('@stoplight/spectral-core') as typeof import('@stoplight/spectral-core');
  const { oas } = require('@stoplight/spectral-rulesets') as { oas: never };
  const spectral = new Spectral();
  spectral.setRuleset({ extends: [[oas, 'recommended']], rules: {} });
  const found = await spectral.run(JSON.parse(text) as Record<string, unknown>);
  return found.map(({ severity, code, path, message }) =>
    [`spectral ${severity}`, code, path.join('/'), message].join('  '),
  );
}

await main();
