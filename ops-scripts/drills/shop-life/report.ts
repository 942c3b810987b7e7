// The report of `shop-life` as text: how often each deed was done, and what each law found.
import { laws } from './laws/all.ts';
import type { Breach } from './laws/law.ts';
import type { Life } from './life.ts';

export interface Lived {
  life: Life;
  breaches: Breach[];
  seconds: number;
  /** Not interrupted before its last day. */
  isWhole: boolean;
}

/** Markdown. */
export function describeLife(
  lived: Lived,
  { days, seed, region }: { days: number; seed: number; region: boolean },
): string {
  const { life, breaches } = lived;
  const deeds = [...life.record.deeds].sort(([a], [b]) => a.localeCompare(b));
  const total = deeds.reduce((sum, [, count]) => sum + count, 0);
  const command = `npm run drill -- shop-life --days ${days} --seed ${seed}${region ? ' --region' : ''}`;
  return `# A life of ${life.day} days

\`${command}\`: ${breaches.length === 0 ? 'every law held' : `${breaches.length} breaches`}. ${describeScale(lived)}.${lived.isWhole ? '' : ' Broken off in the midst of the next day.'}

## Deeds

${total} in all.

| deed | times |
| --- | ---: |
${deeds.map(([name, count]) => `| ${name} | ${count} |`).join('\n')}

## Laws

| law | breaches |
| --- | ---: |
${laws.map(({ name }) => `| \`${name}\` | ${breaches.filter(({ law }) => law === name).length} |`).join('\n')}
${breaches.map(({ law, day, sentence }) => `\n- ${law}, day ${day}: ${sentence}`).join('')}
`;
}

export function describeScale({ life, seconds }: Lived): string {
  const { record, mailServer, day } = life;
  const answers = Object.values(record.answers.counts).reduce((sum, count) => sum + count, 0);
  return (
    `${day} days in ${Math.round(seconds)} s: ${record.orders.length} orders, ${answers} answers ` +
    `(${record.answers.askedAgain} asked again while a part was away), ${mailServer.copies.length} mails`
  );
}
