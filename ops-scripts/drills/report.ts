// A drill's report as text: one line, the timeline, and for a failure the cart's history and the command to repeat it.
import type { DrillResult, DrillSize } from './drill.ts';

const signs = { pass: '✓', fail: '✗', skipped: '–' };

export function describeResult(result: DrillResult): string {
  const { drill, state, verdict, acknowledged, lost, duplicated, errors, expectLoss } = result;
  const lines = [
    `${signs[verdict]} ${drill} (${state}${expectLoss ? ', loss expected' : ''}): ` +
      `${acknowledged} acknowledged, ${lost} lost, ${duplicated} doubled, ${errors} errors; ` +
      `longest gap ${result.unavailableSeconds} s, recovered in ${result.recoverySeconds} s`,
    ...(result.picture ? [result.picture] : []),
    ...result.notes.map((note) => `  ${note}`),
  ];
  return lines.join('\n');
}

export interface HowItWasRun extends Partial<DrillSize> {
  short?: boolean;
  /** Of `shop-life`. */
  days?: number;
  region?: boolean;
}

/** The history of the cart that was wronged, and the command that repeats the drill. */
export function describeFailure(
  { drill, state, seed, history = [] }: DrillResult,
  how: HowItWasRun,
): string[] {
  const options = [
    `--state ${state} --seed ${seed}`,
    ...(how.short ? ['--short'] : []),
    ...(how.shoppers ? [`--shoppers ${how.shoppers}`] : []),
    ...(how.seconds ? [`--seconds ${how.seconds}`] : []),
    ...(how.thinkMs !== undefined ? [`--think-ms ${how.thinkMs}`] : []),
    ...(how.days ? [`--days ${how.days}`] : []),
    ...(how.region ? ['--region'] : []),
    ...(drill === 'random' ? [`--minutes ${how.minutes} --faults ${how.faults}`] : []),
  ];
  return [
    ...(history.length > 0 ? ['The history of the cart that was wronged:'] : []),
    ...history.map((line) => `    ${line}`),
    `Repeat: npm run drill -- ${drill} ${options.join(' ')}`,
  ];
}

export function describeTotals(results: DrillResult[]): string {
  const sum = (pick: (result: DrillResult) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  const unexpected = results.filter(({ expectLoss }) => expectLoss !== true);
  const lost = unexpected.reduce((total, result) => total + result.lost, 0);
  const count = (wanted: DrillResult['verdict']) =>
    results.filter(({ verdict }) => verdict === wanted).length;
  const skipped = count('skipped') > 0 ? ` (${count('skipped')} skipped)` : '';
  return (
    `${count('pass')} of ${results.length} drills passed${skipped}; ${sum(({ acknowledged }) => acknowledged)} writes acknowledged, ` +
    `${lost} lost where none may be, ${sum(({ duplicated }) => duplicated)} doubled`
  );
}
