// `ops infra`: the AWS stack as a CloudFormation template, made offline, and what it costs.
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { reasonOf } from '../../http/system-faults.ts';
import { type SizeName, sizeNames } from './stack-options.ts';

interface SynthFlags {
  size: SizeName;
  replicas?: number;
  aurora?: boolean;
  spot: number;
  out?: string;
}

export function infraCommand(): Command {
  return new Command('infra').addCommand(costCommand()).addCommand(
    new Command('synth')
      .description('Print the CloudFormation template; needs neither an account nor a network')
      .addOption(
        new Option('--size <size>', 'machines and stores, see docs/deploy.md')
          .choices([...sizeNames])
          .default('small'),
      )
      .option(
        '--replicas <count>',
        'read replicas of the database; default: what the size has',
        within(0, 15),
      )
      .option('--aurora', 'Aurora PostgreSQL instead of an instance with a standby')
      .option(
        '--spot <percent>',
        'how many of the origins above the smallest number may be Spot',
        within(0, 100),
        0,
      )
      .option('--out <file>', 'write it there')
      .addHelpText('after', examples)
      .action(synth),
  );
}

function costCommand(): Command {
  return new Command('cost')
    .description('Tell what a size costs a month in us-east-1, on demand and without traffic')
    .addOption(new Option('--size <size>', 'machines and stores').choices([...sizeNames]).default('small'))
    .option('--json', 'print one JSON object')
    .action(async ({ size, json }: { size: SizeName; json?: boolean }) => {
      const { synthesize } = await import('./synthesize.ts');
      const { costOf, prices } = await import('./synthesize.ts');
      const lines = costOf(size, synthesize({ size }));
      const total = lines.reduce((sum, { dollars }) => sum + dollars, 0);
      if (json) return console.log(JSON.stringify({ size, pricesOf: prices.date, lines, total }));
      for (const { what, dollars } of lines) console.log(`${dollars.toFixed(0).padStart(6)}  ${what}`);
      console.log(`${total.toFixed(0).padStart(6)}  together; prices of ${prices.date}`);
    });
}

const examples = `
Examples:
  $ npm run ops -- infra synth --size medium --out shop.json
  $ npm run ops -- compliance check template shop.json`;

async function synth({ size, replicas, aurora, spot, out }: SynthFlags): Promise<void> {
  // Loaded only here: the CDK takes longer to load than other commands to run.
  const { synthesize } = await import('./synthesize.ts');
  const template = JSON.stringify(synthesize({ size, replicas, aurora, spotPercent: spot }), null, 1);
  if (out === undefined) console.log(template);
  else {
    try {
      writeFileSync(out, `${template}\n`);
    } catch (cause) {
      throw new Error(`Cannot write '${out}': ${reasonOf(cause)}`, { cause });
    }
  }
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
    return value;
  };
}
