// A drill's result for people: one line, its timeline, and where it failed the wronged cart's history with the command that repeats it.
import type { DrillResult } from './drill.ts';

export function describeResult(result: DrillResult, short: boolean): string {
  const { drill, state, seed, verdict, acknowledged, lost, duplicated, errors, expectLoss } = result;
  const lines = [
    `${verdict === 'pass' ? '✓' : '✗'} ${drill} (${state}${expectLoss ? ', loss expected' : ''}): ` +
      `${acknowledged} acknowledged, ${lost} lost, ${duplicated} doubled, ${errors} errors; ` +
      `longest gap ${result.unavailableSeconds} s, recovered in ${result.recoverySeconds} s`,
    ...(result.picture ? [result.picture] : []),
    ...result.notes.map((note) => `  ${note}`),
  ];
  if (verdict === 'fail') {
    lines.push(...(result.history ?? []).map((line) => `    ${line}`));
    lines.push(
      `  repeat: npm run drill -- ${drill} --state ${state} --seed ${seed}${short ? ' --short' : ''}`,
    );
  }
  return lines.join('\n');
}

export function describeTotals(results: DrillResult[]): string {
  const sum = (pick: (result: DrillResult) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  const unexpected = results.filter(({ expectLoss }) => expectLoss !== true);
  const lost = unexpected.reduce((total, result) => total + result.lost, 0);
  const passed = results.filter(({ verdict }) => verdict === 'pass').length;
  return (
    `${passed} of ${results.length} drills passed; ${sum(({ acknowledged }) => acknowledged)} writes acknowledged, ` +
    `${lost} lost where none may be, ${sum(({ duplicated }) => duplicated)} doubled`
  );
}
