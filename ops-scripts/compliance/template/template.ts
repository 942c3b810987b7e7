// Turns CloudFormation templates into the snapshot that AWS would give after deployment.
import { readFile } from 'node:fs/promises';
import { ConfigFault } from '../config-fault.ts';
import { emptySnapshot, type Snapshot, unknownInTemplate } from '../snapshot.ts';
import { answerAutoScaling } from './auto-scaling.ts';
import { answerBalancers } from './balancers.ts';
import { answerCaches } from './caches.ts';
import { answerDatabases } from './databases.ts';
import { answerDns } from './dns.ts';
import { Draft } from './draft.ts';
import { answerNetwork } from './network.ts';
import { isRecord, parseTemplate, type Template } from './parse-template.ts';
import { answerProxies } from './proxies.ts';
import { readOutputs, readResources } from './resources.ts';
import type { TemplateOptions } from './scope.ts';
import { answerSecurityGroups } from './security-groups.ts';

/**
 * Reads JSON or YAML templates as one account: exports of one are imports of another.
 * Throws a ConfigFault where a file can't be read as a template.
 */
export async function snapshotFromTemplates(files: string[], options: TemplateOptions): Promise<Snapshot> {
  // A file that is named twice is one stack.
  const templates = await Promise.all([...new Set(files)].map(readTemplate));
  return snapshotFromParsed(templates, options);
}

/** The same, of templates already parsed. */
export function snapshotFromParsed(templates: Template[], options: TemplateOptions): Snapshot {
  const snapshot = emptySnapshot(options.account, options.region, new Date());
  const draft = new Draft(snapshot, readResources(templates, options), readOutputs(templates, options));
  answerAll(draft);
  markAllUnknown(draft, whyIncomplete(templates));
  return snapshot;
}

/** Every call that a set of declared resources can answer. */
export function answerAll(draft: Draft): void {
  answerNetwork(draft);
  answerSecurityGroups(draft);
  answerBalancers(draft);
  answerAutoScaling(draft);
  answerCaches(draft);
  answerDatabases(draft);
  answerProxies(draft);
  answerDns(draft);
}

async function readTemplate(file: string): Promise<Template> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigFault(`Cannot read the template '${file}': ${(error as Error).message}`, {
      cause: error,
    });
  }
  return parseTemplate(text, file);
}

/** Transforms of AWS whose doings are read here, or touch nothing that a control looks at. */
const readTransforms = /^AWS::(Serverless-|LanguageExtensions$|CodeDeployBlueGreen$|SecretsManager-)/;

/** Why there may be other resources than those that are read, or others than they are read. */
function whyIncomplete(templates: Template[]): string | undefined {
  const loop = templates
    .flatMap(({ Resources }) => Object.keys(Resources))
    .find((id) => id.startsWith('Fn::'));
  if (loop !== undefined) return `the resources of ${loop} are not read`;
  const macro = templates
    .flatMap(({ Transform }) => Transform)
    .map((transform) => (isRecord(transform) ? transform['Name'] : transform))
    .find((name) => typeof name !== 'string' || !readTransforms.test(name));
  return macro === undefined ? undefined : `the macro ${String(macro)} in Transform may rewrite the template`;
}

/** No list of the snapshot is whole then. */
export function markAllUnknown(draft: Draft, why: string | undefined): void {
  if (why === undefined) return;
  const error = { name: unknownInTemplate, message: why };
  for (const key of Object.keys(draft.snapshot.calls)) draft.snapshot.calls[key] = { ok: false, error };
}
