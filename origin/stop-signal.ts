// Waits for a stop signal. Ctrl-C arrives twice, to the group and through npm; a second one within two seconds counts
// as the same.
export function onStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const stop = () => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt > 2_000) process.exit(1);
      firstAt ??= now;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
