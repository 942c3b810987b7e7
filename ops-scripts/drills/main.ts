// `npm run drill`: starts a region, injects faults under load, and reports lost or wrong carts.
import { Command, InvalidArgumentError, Option } from 'commander';
import { makeAlike, reasonOf, wrapText } from '../command-line.ts';
import { leaveNothing } from '../local/run-until-stopped.ts';
import { seededRandom } from '../traffic/seeded-random.ts';
import type { DrillResult, DrillSize } from './drill.ts';
import { type CartStateName, type DrillRegion, Impossible, startRegion } from './region.ts';
import { drillsWithOwnParts, type PlannedRun, plannedRuns, registry } from './registry.ts';
import { describeFailure, describeResult, describeTotals, writeHtmlReport } from './report.ts';

interface Options extends DrillSize {
  json?: boolean;
  short?: boolean;
  state?: CartStateName;
  seed?: number;
  html?: string;
  days?: number;
  pace?: 'usual' | 'quiet';
  region?: boolean;
  report?: string;
}

const interruptedCode = 130;

const program = new Command('npm run drill --')
  .description('Hurt a region under load, part by part, and count what was lost')
  .argument('[names...]', "drills to run, or 'all'; without any, they are listed")
  .option('--json', 'print one JSON object a drill, a line each')
  .option('--short', 'fewer shoppers and shorter faults')
  .addOption(new Option('--state <state>', 'how carts are kept').choices(['server', 'cookie', 'sticky']))
  .addOption(new Option('--seed <number>', 'repeat the choices of an earlier run').argParser(numberFrom))
  .addOption(new Option('--minutes <number>', "how long 'random' goes on").argParser(numberFrom).default(5))
  .addOption(
    new Option('--faults <number>', "how many faults 'random' brings at least")
      .argParser(numberFrom)
      .default(1),
  )
  .addOption(new Option('--shoppers <number>', 'how many shop at once').argParser(numberFrom))
  .addOption(
    new Option('--seconds <number>', 'how long they shop, the fault in the middle').argParser(numberFrom),
  )
  .addOption(
    new Option('--think-ms <number>', 'between two things that a shopper does, at most').argParser(
      numberFrom,
    ),
  )
  .option('--html <file>', 'also write a report with charts')
  .addOption(new Option('--days <number>', "how many days 'shop-life' lasts").argParser(numberFrom))
  .addOption(
    new Option('--pace <pace>', "a 'quiet' 'shop-life' has a third of the deeds a day").choices([
      'usual',
      'quiet',
    ]),
  )
  .option('--region', "'shop-life' on a whole region, not on what npm start runs")
  .option('--report <file>', "also write what 'shop-life' did and found, as Markdown")
  .action(run);

async function run(names: string[], options: Options): Promise<void> {
  if (names.length === 0) return listDrills();
  const unknown = names.find(
    (name) => name !== 'all' && !(name in registry) && !(name in drillsWithOwnParts),
  );
  if (unknown !== undefined)
    program.error(`There is no drill '${unknown}'; without a name they are listed`, { exitCode: 2 });
  const seed = options.seed ?? Math.floor(Math.random() * 1_000_000);
  const results: DrillResult[] = [];
  if (options.html) await writeHtmlReport(options.html, results).catch(refuseReport);
  await using _traces = leaveNothing('myclothes-drill-', { onSignal: 'pass' });
  const stopping = listenForStop((sentence) => console.error(sentence));
  const report = async (result: DrillResult) => {
    results.push(result);
    print(result, options);
    // Written after each drill, so that an interrupted long run leaves its results.
    if (options.html) await writeHtmlReport(options.html, results);
  };
  const onRegions = names.filter((name) => !(name in drillsWithOwnParts));
  const byRegion = Map.groupBy(plannedRuns(onRegions, options.state), ({ state, smallDisks }) =>
    [state, ...(smallDisks ? ['small disks'] : [])].join(' with '),
  );
  for (const [description, runs] of byRegion) {
    if (stopping.aborted) break;
    console.error(`Starting a region that keeps carts in state ${description}`);
    for await (const result of runOnOneRegion(runs, seed, options, stopping)) await report(result);
  }
  for (const [name, drill] of Object.entries(drillsWithOwnParts)) {
    if (stopping.aborted) break;
    if (!names.includes(name) && !names.includes('all')) continue;
    const progress = (sentence: string) => console.error(`${name}: ${sentence}`);
    await report(await drill.run({ ...options, seed, progress, stopping }));
  }
  if (!options.json) console.log(describeTotals(results));
  const failed = results.some(({ verdict }) => verdict === 'fail');
  // An interrupted run has not passed.
  process.exitCode = failed ? 1 : stopping.aborted ? interruptedCode : 0;
}

async function* runOnOneRegion(
  runs: PlannedRun[],
  seed: number,
  options: Options,
  stopping: AbortSignal,
): AsyncGenerator<DrillResult> {
  const { state, smallDisks } = runs[0]!;
  let started: DrillRegion;
  try {
    started = await startRegion(process.env, { state, smallDisks });
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    for (const { name } of runs)
      yield { ...blank(name, state, seed), verdict: 'skipped', notes: [`Skipped: ${error.message}`] };
    return;
  }
  await using region = started;
  for (const planned of runs) {
    if (stopping.aborted) return;
    yield await runOne(planned, region, seed, { options, stopping });
  }
}

async function runOne(
  { name, state }: PlannedRun,
  region: DrillRegion,
  seed: number,
  { options, stopping }: { options: Options; stopping: AbortSignal },
): Promise<DrillResult> {
  const random = seededRandom(seed).fork(name);
  const progress = (sentence: string) => console.error(`${name}: ${sentence}`);
  try {
    // Waits until a store that the previous drill lost is rebuilt, so that this drill's fault is the only one.
    await region.rebuilt();
    await region.healed();
    const short = options.short === true;
    return await registry[name]!.run({
      region,
      state,
      seed,
      random,
      short,
      size: options,
      progress,
      stopping,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...blank(name, state, seed), errors: 1, verdict: 'fail', notes: [reason] };
  }
}

function blank(drill: string, state: CartStateName, seed: number): Omit<DrillResult, 'verdict' | 'notes'> {
  return {
    drill,
    state,
    seed,
    acknowledged: 0,
    lost: 0,
    duplicated: 0,
    errors: 0,
    unavailableSeconds: 0,
    recoverySeconds: 0,
  };
}

function print(result: DrillResult, options: Options): void {
  const { picture: _picture, history: _history, ...line } = result;
  console.log(options.json ? JSON.stringify(line) : describeResult(result));
  if (result.verdict === 'fail') for (const told of describeFailure(result, options)) console.error(told);
}

function listDrills(): void {
  const drills = Object.entries({ ...registry, ...drillsWithOwnParts });
  const width = Math.max(...drills.map(([name]) => name.length)) + 2;
  for (const [name, { summary }] of drills) console.log(`${name.padEnd(width)}${wrapText(summary, width)}`);
}

/** Refuses a report file that can't be written before a drill takes its minutes. */
function refuseReport(error: Error): never {
  console.error(`Cannot write '${program.opts<Options>().html}': ${reasonOf(error)}`);
  process.exit(1);
}

function numberFrom(text: string): number {
  if (!/^\d{1,9}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It is a number from 0 up.');
  return Number(text);
}

await makeAlike(program).parseAsync();

// Ctrl-C ends a long drill after the present fault, with its report. A second one ends it at once.
// npm repeats each signal, so a second signal within 2 s does not count.

const repetitionMs = 2_000;

/** @param report gets one sentence about what will happen */
function listenForStop(report: (sentence: string) => void): AbortSignal {
  const stopping = new AbortController();
  let firstAt: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (firstAt === undefined) report('Ending after this fault; once more ends at once');
    else if (now - firstAt > repetitionMs) process.exit(130);
    firstAt ??= now;
    stopping.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return stopping.signal;
}
