// `snapshot` saves AWS's answers in a file, to be judged later; `compare` lists findings that differ between two.
import { Command } from 'commander';
import { guard, readText, save } from '../config-fault.ts';
import { exitCodeOf, type Finding, type Report } from '../findings.ts';
import { judge } from '../judge.ts';
import { parseSnapshot } from '../snapshot.ts';
import {
  type AccessOptions,
  addAccessOptions,
  addSelectionOptions,
  type CheckOptions,
  readSelection,
} from './options.ts';

export function snapshotCommand(): Command {
  return addAccessOptions(new Command('snapshot'))
    .description('Save what AWS answers, for judging later or elsewhere')
    .requiredOption('-o, --output-file <file>', 'where to write it')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance snapshot -o account.json --region eu-west-1',
    )
    .action(
      guard(async (options: AccessOptions & { outputFile: string }) => {
        save(options.outputFile, JSON.stringify(await collectLive(options), null, 2));
      }),
    );
}

/** The SDK is loaded only here: it takes longer to load than other commands to run. */
export async function collectLive(options: AccessOptions) {
  const { collectSnapshot } = await import('../collect/collect.ts');
  return collectSnapshot(accessOf(options));
}

function accessOf({ profile, region, endpointUrl }: AccessOptions) {
  return {
    ...(profile ? { profile } : {}),
    ...(region ? { region } : {}),
    ...(endpointUrl ? { endpointUrl } : {}),
  };
}

/** `compare`: lists findings that differ between two snapshots; exits as a check of the second does. */
export function compareCommand(): Command {
  return addSelectionOptions(new Command('compare'))
    .description('Say which verdicts differ between two snapshots, and why; exit code of the second')
    .argument('<before>')
    .argument('<after>')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance compare monday.json friday.json --stack shop',
    )
    .action(
      guard((before: string, after: string, options: CheckOptions & { json?: boolean }) => {
        const [was, is] = [before, after].map((file) =>
          judge(parseSnapshot(readText(file), file), {
            mode: 'snapshot',
            selection: readSelection(options),
            minZones: options.minZones,
            policy: options.policy ?? 'chain',
          }),
        );
        const changes = compareReports(was!, is!);
        if (options.json) console.log(JSON.stringify(changes, null, 2));
        else if (changes.length === 0) console.log('No verdict differs');
        else
          for (const { control, resource, before: old, after: now, why } of changes)
            console.log(`${control}  ${resource}: ${old} → ${now}\n  ${why}`);
        process.exitCode = exitCodeOf(is!, 'fail');
      }),
    );
}

export interface Change {
  control: string;
  resource: string;
  before: Finding['status'] | 'absent';
  after: Finding['status'] | 'absent';
  why: string;
}

/** Compares the findings of two snapshots, with the reasons before and after. */
export function compareReports(before: Report, after: Report): Change[] {
  const key = ({ control, resource }: Finding) => `${control}|${resource}`;
  const old = new Map(before.findings.map((finding) => [key(finding), finding]));
  const fresh = new Map(after.findings.map((finding) => [key(finding), finding]));
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((id) => {
    const [was, is] = [old.get(id), fresh.get(id)];
    if (was?.status === is?.status && (was?.status === 'pass' || was?.reason === is?.reason)) return [];
    const { control, resource } = (is ?? was)!;
    const why =
      is === undefined
        ? 'the part is gone'
        : was === undefined
          ? `new: ${is.reason}`
          : `${is.reason} (before: ${was.reason})`;
    return [{ control, resource, before: was?.status ?? 'absent', after: is?.status ?? 'absent', why }];
  });
}
