// Runs HAProxy as a supervised process. Restarted, it has the same ports and targets.
import { once } from 'node:events';
import { mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type RunningPart, startPart, supervise } from '../local/part.ts';
import { findOrInstallProgram } from '../local/system-package.ts';
import { waitUntil } from '../local/wait-until.ts';
import { adminSocket, type BalancerPlan, renderBalancerConfig } from './balancer-config.ts';
import type { WriterEndpoint } from './failover.ts';

export interface BalancerOptions {
  plan: BalancerPlan;
  folder: string;
  logFile: string;
  toolsFolder: string;
  signal: AbortSignal;
  onEvent: (sentence: string) => void;
  onStarted: (part: RunningPart) => void;
}

export interface RunningBalancer {
  part(): RunningPart;
  /**
   * No new requests for an origin, while those that it has come to their end: told by its health alone the balancer
   * would cut them. A
   * balancer that keeps shoppers on their origin goes by health all the same, as it would lead them there until the
   * end.
   */
  drain(origin: string): Promise<void>;
  /** Back in the round, as its health allows. */
  admit(origin: string): Promise<void>;
  /** @param url what clients of that store use. */
  endpoint(store: string, url: string): WriterEndpoint;
  stop(): Promise<void>;
}

/** @throws where HAProxy is neither here nor can be installed, in one sentence that says what to do. */
export async function startBalancer(options: BalancerOptions): Promise<RunningBalancer> {
  const { plan, logFile, onEvent } = options;
  const program = await findOrInstallProgram({
    program: 'haproxy',
    packageName: 'haproxy',
    toolsFolder: options.toolsFolder,
    onProgress: onEvent,
  });
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const folder = realpathSync(options.folder);
  const ask = createAdmin(folder);
  const process = await supervise({
    name: 'balancer',
    signal: options.signal,
    start: async (signal) => {
      writeFileSync(join(folder, 'haproxy.cfg'), renderBalancerConfig(plan), { mode: 0o600 });
      const part = await startPart({
        name: 'balancer',
        command: program,
        args: ['-db', '-f', 'haproxy.cfg'],
        cwd: folder,
        logFile,
        stopWithinMs: 1_000,
      });
      await waitUntil(() => ask('show info').then(() => true), {
        what: 'the balancer to answer',
        deadlineMs: 5_000,
        signal,
        hopeless: () => (part.hasExited() ? `Cannot start HAProxy, see ${logFile}` : undefined),
      });
      return part;
    },
    onStarted: options.onStarted,
    onEvent,
  });

  // One that is dead just now comes back with all origins in the round.
  const tell = (commands: string) =>
    ask(commands).then(
      () => {},
      () => {},
    );
  return {
    part: () => process.current(),
    drain: async (origin) => {
      if (!plan.sticky)
        await tell(`disable health origins/${origin}; set server origins/${origin} state drain`);
    },
    admit: (origin) => tell(`set server origins/${origin} state ready; enable health origins/${origin}`),
    endpoint: (name, url) => ({
      url,
      pointTo: async (member) => {
        const store = plan.stores.find((candidate) => candidate.name === name);
        if (store === undefined) throw new Error(`The balancer has no endpoint ${name}`);
        store.leadsTo = member;
        const commands = store.members.flatMap((target) => [
          ...(target.name === member ? [] : [`disable server ${name}/${target.name}`]),
          `shutdown sessions server ${name}/${target.name}`,
          ...(target.name === member ? [`enable server ${name}/${target.name}`] : []),
        ]);
        // If it is dead just now it comes back with the plan as it is now; asking again does no harm.
        await waitUntil(() => ask(commands.join('; ')).then(() => true), {
          what: 'the balancer to turn',
          deadlineMs: 10_000,
        });
      },
    }),
    stop: () => process.stop(),
  };
}

/** HAProxy's command line over its socket; several commands are separated by semicolons. */
function createAdmin(folder: string): (commands: string) => Promise<string> {
  const absolute = join(folder, adminSocket);
  // A socket's path may have about 100 letters; a descriptor of the folder makes any folder near.
  const path = absolute.length < 100 ? absolute : `/proc/self/fd/${openSync(folder, 'r')}/${adminSocket}`;
  return async (commands) => {
    const signal = AbortSignal.timeout(2_000);
    const socket = connect({ path, signal });
    try {
      await once(socket, 'connect');
      socket.end(`${commands}\n`);
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      return answer;
    } finally {
      socket.destroy();
    }
  };
}
