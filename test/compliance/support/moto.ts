// Starts moto's server if it is installed: an AWS of another project, for trying the collection.
import { execFileSync, spawn } from 'node:child_process';
import { findFreePort } from '../../../ops-scripts/local/ports.ts';

/** Whether `moto_server` can run on this machine. */
export function hasMoto(): boolean {
  try {
    execFileSync('moto_server', ['--help'], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

/** Starts a server, which ends when it is disposed of. */
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
    // The connection is refused until moto listens, so this pauses between attempts.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return false;
  }
}
