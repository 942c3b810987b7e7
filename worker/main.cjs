// Starts the worker, or says that this Node is too old.
// `main.ts` is a link to this file, because an old Node runs a `.cjs` file but no TypeScript.
if (Number.parseInt(process.versions.node, 10) >= 24) {
  import('./start.ts');
} else {
  console.error(`Cannot start: this needs Node 24 or newer, and this is Node ${process.versions.node}`);
  process.exitCode = 1;
}
