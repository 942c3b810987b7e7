// Gives each Postgres server of a region a small file system in a mount namespace, which ends with its last process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface SmallDisks {
  /** The folder of the servers' folders, for the region's settings. */
  folder: string;
  /** The program and arguments that run the region's command inside the namespace. */
  wrapper: string[];
}

const names = ['postgres-a1', 'postgres-b1', 'postgres-c1'];
const sizeMb = 768;

/** @returns why this machine cannot have them, or undefined */
export async function whyNoSmallDisks(folder: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'small file systems are made by Linux only';
  if (process.getuid?.() !== 0) return 'only root may make a small file system';
  const place = join(folder, 'trial');
  await mkdir(place, { recursive: true });
  try {
    const [program = '', ...args] = inNamespace(mountCommand(place, 1));
    const trial = spawn(program, [...args, 'true'], { stdio: 'ignore' });
    const [code] = await Promise.race([
      once(trial, 'exit'),
      once(trial, 'error').then(() => [127]),
      delay(5_000, [1], { ref: false }),
    ]);
    return code === 0 ? undefined : 'this machine does not allow a small file system to be mounted';
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

export async function makeSmallDisks(folder: string): Promise<SmallDisks> {
  const places = names.map((name) => join(folder, name));
  for (const place of places) await mkdir(place, { recursive: true });
  const mounts = places.map((place) => mountCommand(place, sizeMb)).join(' && ');
  return { folder, wrapper: inNamespace(mounts) };
}

/** Fills the disk of that server to the last byte. @param pid of a process that sees the disk */
export async function fillDisk({ folder }: SmallDisks, name: string, pid: number): Promise<void> {
  const file = await open(ballastOf(folder, name, pid), 'w');
  // Pieces get smaller, because the last gap only takes a small one.
  let piece = Buffer.alloc(4 * 1024 * 1024);
  try {
    for (;;) {
      try {
        if ((await file.write(piece)).bytesWritten < piece.length) continue;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        if (piece.length === 1) return;
        piece = piece.subarray(0, Math.max(1, piece.length >> 4));
      }
    }
  } finally {
    await file.close();
  }
}

/** Frees the ballast, as if an operator enlarged the disk. @param pid of a process that sees the disk */
export async function freeDisk({ folder }: SmallDisks, name: string, pid: number): Promise<void> {
  await rm(ballastOf(folder, name, pid), { force: true });
}

/** The path as seen from outside of the namespace. */
function ballastOf(folder: string, name: string, pid: number): string {
  return join(`/proc/${pid}/root`, folder, name, 'ballast');
}

function inNamespace(command: string): string[] {
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', `${command} && exec "$@"`, 'sh'];
}

function mountCommand(place: string, mb: number): string {
  return `mount -t tmpfs -o size=${mb}m,mode=755 tmpfs '${place.replaceAll("'", "'\\''")}'`;
}
