// Starts the origin, or says that this Node is too old for it. main.ts leads here: an old Node runs a file of this name, but no TypeScript.
if (Number.parseInt(process.versions.node, 10) >= 24) {
  import('./start.ts');
} else {
  console.error(`Cannot start: this needs Node 24 or newer, and this is Node ${process.versions.node}`);
  process.exitCode = 1;
}
