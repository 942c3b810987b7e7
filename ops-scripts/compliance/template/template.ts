// Turns CloudFormation templates into the snapshot that AWS would give after deployment.
import { emptySnapshot, type Snapshot, unknownInTemplate } from '../snapshot.ts';
import { answerAutoScaling } from './auto-scaling.ts';
import { answerBalancers } from './balancers.ts';
import { answerCaches } from './caches.ts';
import { answerDatabases } from './databases.ts';
import { answerDns } from './dns.ts';
import { Draft } from './draft.ts';
import { answerNetwork } from './network.ts';
import { isRecord, type Template } from './parse-template.ts';
import { answerProxies } from './proxies.ts';
import { outputsOf, resourcesOf } from './resources.ts';
import type { Scope, TemplateOptions } from './scope.ts';
import { answerSecurityGroups } from './security-groups.ts';
import { openSystem } from './system.ts';

/** One account of all templates: exports of one are imports of another, and nested stacks are followed. */
export function snapshotFromParsed(templates: Template[], options: TemplateOptions): Snapshot {
  const snapshot = emptySnapshot(options.account, options.region, new Date());
  const stacks = openSystem(templates, options);
  const draft = new Draft(snapshot, resourcesOf(stacks), outputsOf(stacks));
  answerAll(draft);
  markAllUnknown(draft, whyIncomplete(templates, stacks));
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

/** Transforms of AWS whose doings are read here, or touch nothing that a control looks at. */
const readTransforms = /^AWS::(Serverless-|LanguageExtensions$|CodeDeployBlueGreen$|SecretsManager-)/;

/** Why there may be other resources than those that are read, or others than they are read. */
function whyIncomplete(templates: Template[], stacks: Scope[]): string | undefined {
  const made = stacks
    .flatMap(({ resources }) => Object.entries(resources))
    .find(([id, resource]) => id.startsWith('Fn::') || 'Fn::Transform' in resource);
  if (made !== undefined) return `the resources of ${made[0]} are not read`;
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
