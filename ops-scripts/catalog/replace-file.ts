// Replaces a file atomically: writes beside it, syncs to disk, then renames.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

type Text = AsyncIterable<string>;

/** @param file a device or a pipe is written straight; a link's target is replaced, with the rights that it had */
export async function replaceFile(file: string, read: () => Text): Promise<void> {
  const present = await stat(file).catch(ignoreAbsent);
  if (present?.isDirectory())
    throw Object.assign(new Error('It is a folder'), { code: 'EISDIR', syscall: 'open' });
  if (present !== undefined && !present.isFile()) return writeStraight(file, read());
  const target = present === undefined ? file : await realpath(file);
  await writeBeside(target, present?.mode, read);
}

async function writeBeside(target: string, mode: number | undefined, read: () => Text): Promise<void> {
  const beside = `${target}.${randomBytes(4).toString('hex')}.part`;
  const handle = await open(beside, 'wx');
  const remove = () => rmSync(beside, { force: true });
  const forget = removeWhenStopped(remove);
  try {
    await handle.writeFile(read());
    await handle.sync();
    await handle.close();
    if (mode !== undefined) await chmod(beside, mode & 0o777);
    await rename(beside, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(beside, { force: true });
    throw error;
  } finally {
    forget();
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A command that is stopped leaves nothing behind. */
function removeWhenStopped(remove: () => void): () => void {
  const stop = (signal: NodeJS.Signals) => {
    remove();
    forget();
    process.kill(process.pid, signal);
  };
  const forget = () => {
    for (const signal of signals) process.off(signal, stop);
  };
  for (const signal of signals) process.on(signal, stop);
  return forget;
}

async function writeStraight(file: string, source: Text): Promise<void> {
  await using handle = await open(file, 'w');
  await handle.writeFile(source);
}

/** So that a power cut cannot undo the rename. Some systems do not let folders be opened. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // The file itself is on the disk.
  } finally {
    await handle?.close();
  }
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
