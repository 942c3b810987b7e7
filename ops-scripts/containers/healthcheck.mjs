// Exits with 0 if the program in this container is alive. It is plain JavaScript, because it runs every few seconds.
const [port, path = '/livez'] = process.argv.slice(2);
fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1_500) }).then(
  ({ ok }) => process.exit(ok ? 0 : 1),
  () => process.exit(1),
);
