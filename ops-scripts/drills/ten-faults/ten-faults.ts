// Drill `ten-faults`: prepares ten faults one by one, and finds and mends each by the commands of the runbook.
// The report shows what was typed and answered.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillResult } from '../drill.ts';
import { startRegion } from '../region.ts';
import { faults, type TenthFault } from './faults.ts';
import {
  ask,
  openScene,
  readRule,
  type Scene,
  type Typed,
  type,
  waitForAlert,
  waitUntilOver,
} from './scene.ts';

interface TenFaultsRun {
  seed: number;
  stopping: AbortSignal;
  progress(sentence: string): void;
  report?: string;
}

/** The speed of somebody who types commands that are new to them. */
const lettersASecond = 3.5;
const mostSeconds = 120;
const shownLines = 9;
const shownLetters = 150;

interface Told {
  title: string;
  noticed: string;
  symptom: string;
  page: string;
  steps: (Typed & { line: string })[];
  typingSeconds: number;
  /** Undefined if it was found and mended. */
  fault?: string;
  skipped?: string;
}

export async function runTenFaults({ seed, stopping, progress, report }: TenFaultsRun): Promise<DrillResult> {
  const told: Told[] = [];
  try {
    await using scene = await openScene(stopping);
    for (const fault of faults) {
      if (stopping.aborted) break;
      progress(fault.title);
      told.push(await tryFault(fault, scene));
      progress(told.at(-1)!.fault ?? told.at(-1)!.skipped ?? 'found and mended');
    }
  } catch (error) {
    told.push(blank('The shop', error instanceof Error ? error.message : String(error)));
  }
  if (!stopping.aborted) {
    progress('A replica is behind');
    told.push(await tryReplica().catch((error: Error) => blank('A replica is behind', error.message)));
  }
  if (report !== undefined) await writeFile(report, describe(told));
  return conclude(told, seed);
}

function blank(title: string, fault: string): Told {
  return { title, noticed: '', symptom: '', page: '', steps: [], typingSeconds: 0, fault };
}

async function tryFault(fault: TenthFault, scene: Scene): Promise<Told> {
  const { title, noticed, alert } = fault;
  const skipped = fault.impossible?.();
  if (skipped !== undefined) return { ...blank(title, ''), noticed, fault: undefined as never, skipped };
  const prepared = await fault.prepare(scene);
  const figures = prepared.figures ?? scene.figures;
  const page = alert === undefined ? fault.page! : readRule(alert).page;
  const told: Told = { ...blank(title, ''), noticed, page };
  delete told.fault;
  try {
    told.symptom = alert === undefined ? '' : tellAlert(alert, await waitForAlert(alert, figures));
    const environment = { ...scene.environment, ...prepared.environment };
    for (const [at, { line, shows, mayFail }] of fault.typed.entries()) {
      await prepared.before?.[at]?.();
      const words = line(told.steps.map(({ output }) => output));
      const typed = await type(words, environment);
      told.steps.push({ ...typed, line: words });
      if (!shows.test(typed.output) || (typed.code !== 0 && !mayFail)) {
        told.fault = `'${words}' said (${typed.code}): ${typed.output.slice(0, 300)}`;
        return told;
      }
    }
    if (alert !== undefined) await waitUntilOver(alert, figures);
  } catch (error) {
    told.fault = error instanceof Error ? error.message : String(error);
  } finally {
    await prepared.clean?.();
  }
  told.typingSeconds = secondsOf(told);
  if (told.fault === undefined && told.typingSeconds > mostSeconds)
    told.fault = `it took ${told.typingSeconds.toFixed(0)} s of typing`;
  return told;
}

const secondsOf = ({ steps }: Told) => steps.reduce((sum, { line }) => sum + line.length / lettersASecond, 0);

function tellAlert(alert: string, symptom: string): string {
  const { severity, holds, summary } = readRule(alert);
  return `${alert} (${severity}, after ${holds}): ${summary}\n${symptom}`;
}

/** Runs on a region, because the parts of `npm start` include no replica. */
async function tryReplica(): Promise<Told> {
  await using region = await startRegion(process.env, { state: 'server' });
  await region.rebuilt();
  const { databaseUrl, replicaUrl } = await region.endpoints();
  const folder = await mkdtemp(join(tmpdir(), 'ten-faults-region-'));
  await ask(replicaUrl, 'select pg_wal_replay_pause()');
  const told: Told = {
    ...blank('A replica is behind', ''),
    noticed: 'Somebody paused the replay of a replica, to look at old rows, and forgot it.',
    page: 'a-replica-is-behind',
  };
  delete told.fault;
  const lag = async () => {
    await ask(databaseUrl, 'update products set version = version where id = (select min(id) from products)');
    const answer = await fetch(`${region.control.url}/targets`, {
      headers: { authorization: `Bearer ${region.control.token}` },
    });
    const targets = (await answer.json()) as { targets: [string]; labels: { job: string } }[];
    const {
      targets: [host],
    } = targets.find(({ labels }) => labels.job === 'origin')!;
    const figures = await (await fetch(`http://${host}/metrics`)).text();
    return /^replica_lag_seconds\{[^}]*\} \S+$/m.exec(figures)?.[0] ?? '';
  };
  const until = performance.now() + 60_000;
  for (;;) {
    const seen = await lag();
    if (secondsIn(seen) > 5) {
      told.symptom = `ReplicaBehind (ticket, above 30 s for 2m): A replica is behind and is not read\n${seen}`;
      break;
    }
    if (performance.now() > until) return { ...told, fault: 'the replica was never behind' };
    await delay(500);
  }
  const environment = {
    ...(process.env as Record<string, string>),
    DATABASE_URL: databaseUrl,
    DATABASE_REPLICA_URL: replicaUrl,
  };
  const lines: [string, RegExp][] = [
    [
      'psql "$DATABASE_URL" -Atc "select application_name, state, replay_lag from pg_stat_replication"',
      /streaming/,
    ],
    [
      'psql "$DATABASE_REPLICA_URL" -Atc "select pg_is_wal_replay_paused(), now() - pg_last_xact_replay_timestamp()"',
      /^t\|/,
    ],
    ['psql "$DATABASE_REPLICA_URL" -Atc "select pg_wal_replay_resume()"', /^$/],
    ['psql "$DATABASE_REPLICA_URL" -Atc "select pg_is_wal_replay_paused()"', /^f$/],
  ];
  for (const [line, shows] of lines) {
    const typed = await type(line, environment);
    told.steps.push({ ...typed, line });
    if (!shows.test(typed.output)) return { ...told, fault: `'${line}' said: ${typed.output}` };
  }
  await rm(folder, { recursive: true, force: true });
  for (const end = performance.now() + 90_000; secondsIn(await lag()) > 5; await delay(500))
    if (performance.now() > end) return { ...told, fault: 'the replica stayed behind' };
  told.typingSeconds = secondsOf(told);
  return told;
}

/** If the last position of a replica is no longer known, its delay is infinite. */
function secondsIn(figure: string): number {
  const value = figure.split(' ').at(-1);
  return value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
}

function describe(told: Told[]): string {
  return `# Ten faults, found and mended

\`npm run drill -- ten-faults --report docs/ten-faults.md\` prepares each fault on a shop of its own, waits until its alert is due, types what the
[runbook](runbook.md) says, and waits until the alert is over. Answers are real; long ones are cut. An alert is sent once its condition has held for the
time named; the drill does not wait for that. Typing is counted at ${lettersASecond} letters a second.

| fault | alert | lines typed | typing | commands ran for |
| --- | --- | ---: | ---: | ---: |
${told
  .map(
    ({ title, symptom, steps, typingSeconds, fault, skipped }) =>
      `| ${title} | ${symptom.split(' ')[0] || 'people'} | ${steps.length} | ${typingSeconds.toFixed(0)} s | ${steps
        .reduce((sum, { seconds }) => sum + seconds, 0)
        .toFixed(
          0,
        )} s${fault === undefined ? '' : ' (**not mended**)'}${skipped === undefined ? '' : ' (skipped)'} |`,
  )
  .join('\n')}
${told.map(describeOne).join('')}`;
}

function describeOne({ title, noticed, symptom, page, steps, fault, skipped }: Told): string {
  const lines = steps.flatMap(({ line, output, code }) => [
    `$ ${line}`,
    ...cut(output),
    ...(code === 0 ? [] : [`[exit code ${code}]`]),
  ]);
  return `
## ${title}

${noticed}${page === '' ? '' : ` Page: [${page.replaceAll('-', ' ')}](runbook.md#${page}).`}
${skipped === undefined ? '' : `\nSkipped: ${skipped}.\n`}${fault === undefined ? '' : `\n**Not mended:** ${fault}\n`}
\`\`\`
${[...(symptom === '' ? [] : [symptom, '']), ...lines].join('\n')}
\`\`\`
`;
}

/** Removes details of this machine. */
function cut(output: string): string[] {
  const lines = output
    .replaceAll(/\/tmp\/[\w./-]*life-\w+/g, '/srv/shop')
    .replaceAll(/:\d{5}\b/g, ':PORT')
    .split('\n');
  const shown = lines
    .slice(0, shownLines)
    .map((line) => (line.length > shownLetters ? `${line.slice(0, shownLetters)}…` : line));
  return lines.length > shownLines ? [...shown, `… ${lines.length - shownLines} more lines`] : shown;
}

function conclude(told: Told[], seed: number): DrillResult {
  const wrong = told.flatMap(({ title, fault }) => (fault === undefined ? [] : [`${title}: ${fault}`]));
  const done = told.filter(({ fault, skipped }) => fault === undefined && skipped === undefined);
  return {
    drill: 'ten-faults',
    state: 'server',
    seed,
    acknowledged: done.length,
    lost: 0,
    duplicated: 0,
    errors: wrong.length,
    unavailableSeconds: 0,
    recoverySeconds: Math.round(Math.max(0, ...done.map(({ typingSeconds }) => typingSeconds))),
    verdict: wrong.length === 0 ? 'pass' : 'fail',
    notes: [
      `${done.length} faults found and mended, the longest in ${Math.max(0, ...done.map(({ typingSeconds }) => typingSeconds)).toFixed(0)} s of typing`,
      ...told.flatMap(({ title, skipped }) =>
        skipped === undefined ? [] : [`${title}: skipped, ${skipped}`],
      ),
      ...wrong,
    ],
  };
}
