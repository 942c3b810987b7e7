// `npm start`: the code that was compiled at an earlier start is taken up before any other is loaded.
import { enableCompileCache } from 'node:module';
import { compileCacheFolder } from './compile-cache.ts';

enableCompileCache(compileCacheFolder);
const [{ runShop }, { sayWhatToDo }] = await Promise.all([
  import('./run-shop.ts'),
  import('./say-what-to-do.ts'),
]);
process.exitCode = await runShop().catch((error) => {
  console.error(sayWhatToDo(error));
  return 1;
});
