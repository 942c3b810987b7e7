// moto's server where it is installed: an AWS that others wrote, against which the collection is tried.
import { execFileSync, spawn } from 'node:child_process';
import { findFreePort } from '../../../ops-scripts/local/ports.ts';

/** Whether `moto_server` runs on this machine. */
export function hasMoto(): boolean {
  try {
    execFileSync('moto_server', ['--help'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/** A server of its own, ended when disposed of. */
export async function startMoto() {
  const port = await findFreePort();
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const deadline = AbortSignal.timeout(60_000);
  while (!(await answers(url))) deadline.throwIfAborted();
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/moto-api/`)).ok;
  } catch {
    // Refused until it listens; a breath between attempts.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return false;
  }
}
