// Options that several subcommands share, and the config file that can replace the selection options.
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigFault, readText } from '../config-fault.ts';
import { type Policy, policies } from '../findings.ts';
import type { JudgeOptions } from '../judge.ts';
import { type Output, outputs } from '../report/write-report.ts';
import type { SelectionOptions } from '../selection/select-stack.ts';

export interface AccessOptions {
  profile?: string;
  region?: string;
  endpointUrl?: string;
}

export interface CheckOptions extends SelectionOptions, AccessOptions {
  /** The file with the roles that `check live` assumes, one for each account. */
  accounts?: string;
  config?: string;
  selection?: string;
  output: Output;
  outputFile?: string;
  minZones: number;
  failOn: 'fail' | 'unknown';
  waivers?: string;
  policy?: Policy;
}

export function addAccessOptions(command: Command): Command {
  return command
    .option('--profile <name>', 'profile of the AWS configuration')
    .option('--region <region>', 'AWS region')
    .option('--endpoint-url <url>', 'send every call there (also AWS_ENDPOINT_URL)');
}

/**
 * Accepts the options of AWS access in a check that calls nobody, so that one line of a script fits every kind of
 * check.
 */
export function addIdleAccessOptions(command: Command): Command {
  for (const { flags, long } of addAccessOptions(new Command()).options) {
    if (!command.options.some((option) => option.long === long))
      command.option(flags, 'taken and not used: nothing is called');
  }
  return command;
}

export function addSelectionOptions(command: Command): Command {
  const many = (value: string, before: string[] = []) => [...before, value];
  return command
    .option('--stack <name>', 'the parts that bear the tag Stack=<name>')
    .option('--load-balancer <name>', 'name or ARN, repeatable', many)
    .option('--auto-scaling-group <name>', 'name or ARN, repeatable', many)
    .option('--cache <name>', 'name or ARN, repeatable', many)
    .option('--database <name>', 'name or ARN, repeatable', many)
    .option('--config <file>', 'JSON file with selections by name: {"shop": {"stack": "…"}}')
    .option('--selection <name>', "which of the config file's selections; may be left out where there is one")
    .option('--min-zones <count>', 'Availability Zones that each part must span', wholeNumber, 2)
    .addOption(
      new Option('--policy <name>', 'the nine controls of the chain, the eight of hardening, or all')
        .choices(policies)
        .default('chain'),
    );
}

export function addReportOptions(command: Command): Command {
  return command
    .addOption(new Option('--output <form>', 'form of the report').choices(outputs).default('table'))
    .option('--output-file <file>', 'write the report there')
    .addOption(
      new Option('--fail-on <status>', 'what makes exit code 1').choices(['fail', 'unknown']).default('fail'),
    )
    .option('--waivers <file>', 'JSON file of waivers');
}

/** The options of judging, which are the same for every kind of input. */
export function howToJudge(options: CheckOptions): Omit<JudgeOptions, 'mode'> {
  const { minZones, policy = 'chain' } = options;
  return { selection: readSelection(options), minZones, policy };
}

/** Reads the selection from the command line, or from the config file if the command line has none. */
export function readSelection(options: CheckOptions): SelectionOptions {
  const { stack, loadBalancer, autoScalingGroup, cache, database } = options;
  const given = { stack, loadBalancer, autoScalingGroup, cache, database };
  if (options.config === undefined || Object.values(given).some((value) => value !== undefined)) {
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  }
  const file = options.config;
  let parsed: unknown;
  try {
    parsed = JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof ConfigFault) throw error;
    throw new ConfigFault(`Cannot read the config file '${file}' as it is not JSON`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw new ConfigFault(`Cannot use '${file}' as it is not an object`);
  const selections = parsed as Record<string, unknown>;
  const names = Object.keys(selections);
  const name = options.selection ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined || typeof selections[name] !== 'object' || selections[name] === null) {
    throw new ConfigFault(
      `Cannot choose a selection of '${file}' as ${name === undefined ? 'there are several' : `'${name}' is not in it`}: ${names.join(', ')}`,
    );
  }
  return checkSelection(selections[name] as Record<string, unknown>, file);
}

function checkSelection(given: Record<string, unknown>, file: string): SelectionOptions {
  const lists = ['loadBalancer', 'autoScalingGroup', 'cache', 'database'];
  for (const [key, value] of Object.entries(given)) {
    const good =
      key === 'stack'
        ? typeof value === 'string'
        : lists.includes(key) && Array.isArray(value) && value.every((each) => typeof each === 'string');
    if (!good)
      throw new ConfigFault(
        `Cannot use '${key}' of '${file}': a selection has 'stack' (text) or ${lists.join(', ')} (lists of text)`,
      );
  }
  return given as SelectionOptions;
}

function wholeNumber(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It is a whole number of at least 1.');
  return count;
}
