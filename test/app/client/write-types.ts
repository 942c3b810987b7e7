// Makes `api.d.ts` of an OpenAPI document: `node write-types.ts DOCUMENT INTO`.
import { writeFile } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

// The generator writes by the compiler's own interface, which TypeScript 7 no longer has; ts-morph brings along one
// that does.
registerHooks({
  resolve: (name, context, next) =>
    name === 'typescript' && context.parentURL?.includes('/openapi-typescript/')
      ? next('@ts-morph/common/dist/typescript.js', context)
      : next(name, context),
});

const [document = '', into = ''] = process.argv.slice(2);
const { default: readTypes, astToString } = await import('openapi-typescript');
await writeFile(into, astToString(await readTypes(pathToFileURL(document))));
