// Collects a snapshot from live AWS. A failed call is recorded in the snapshot and never ends the collection.

import { emptySnapshot, type Snapshot, sortedJson } from '../snapshot.ts';
import { boundedMap } from './bounded-map.ts';
import { callRounds, type TableCall } from './call-table.ts';
import { type AwsAccess, type AwsClients, makeClients } from './clients.ts';
import { CollectedAnswers } from './collected-answers.ts';
import { askAccount, checkAccess } from './identify-caller.ts';
import { pageThrough } from './page-through.ts';
import type { Progress } from './progress.ts';
import { progressOn } from './progress.ts';
import { withinDeadline } from './within-deadline.ts';

export interface CollectOptions extends AwsAccess {
  /** How long one page of one call may take, its retries included; default 10,000. */
  callDeadlineMs?: number;
  /** How long all of it may take; default 300,000. Calls not ended by then are kept as timed out. */
  totalDeadlineMs?: number;
  /** Calls at a time; default 12. */
  concurrency?: number;
  /** Attempts a request, with adaptive back-off between them; default 6. */
  maxAttempts?: number;
  /** Default: a line on standard error when that is a terminal. */
  progress?: Progress;
  now?: () => Date;
}

interface PlannedCall {
  call: TableCall;
  input: object;
  key: string;
}

/**
 * Asks AWS for all that the rules read.
 * Throws a ConfigFault without region or usable credentials; every other fault is kept in the snapshot.
 */
export async function collectSnapshot(options: CollectOptions = {}): Promise<Snapshot> {
  const { callDeadlineMs = 10_000, totalDeadlineMs = 300_000, concurrency = 12, maxAttempts = 6 } = options;
  const { progress = progressOn(process.stderr), now = () => new Date() } = options;
  using clients = makeClients(options, concurrency, maxAttempts);
  const refused = new AbortController();
  const stop = AbortSignal.any([AbortSignal.timeout(totalDeadlineMs), refused.signal]);
  const region = await checkAccess(clients, options, callDeadlineMs, stop);
  const snapshot = emptySnapshot('', region, now());
  // Beside the other calls: a service that is silent must not hold them up.
  const account = askAccount(clients, callDeadlineMs, stop);
  account.catch(() => refused.abort());
  let known = 0;
  let made = 0;
  for (const round of callRounds) {
    const planned = planRound(round, new CollectedAnswers(snapshot.calls));
    known += planned.length;
    await boundedMap(planned, concurrency, async ({ call, input, key }) => {
      snapshot.calls[key] = await pageThrough(call, input, (page) =>
        withinDeadline(callDeadlineMs, stop, (signal) => send(clients, call, page, signal)),
      );
      made += 1;
      progress.step(made, known, `${call.client}.${call.command}`);
    });
  }
  progress.end();
  return { ...snapshot, account: await account };
}

function planRound(round: TableCall[], answers: CollectedAnswers): PlannedCall[] {
  return round.flatMap((call) => {
    const name = `${call.client}.${call.command}`;
    if (call.inputs === undefined) return [{ call, input: {}, key: name }];
    return call.inputs(answers).map((input) => ({ call, input, key: `${name}(${sortedJson(input)})` }));
  });
}

/** The table pairs each command with its client, which the compiler can't see. */
function send(clients: AwsClients, call: TableCall, input: object, abortSignal: AbortSignal) {
  const client = clients[call.client] as unknown as {
    send(command: object, options: { abortSignal: AbortSignal }): Promise<Record<string, unknown>>;
  };
  return client.send(new call.Command(input as never), { abortSignal });
}
