// Builds the snapshot from template resources: one answer for each call, as AWS would give after deployment.
import { callKey, type Snapshot } from '../snapshot.ts';
import type { ClientName, CommandOf } from '../snapshot-calls.ts';
import type { Properties, Resource } from './resources.ts';

export class Draft {
  readonly snapshot: Snapshot;
  readonly resources: Resource[];
  /** The values of all outputs, which other stacks may get. */
  readonly outputs: unknown[];

  constructor(snapshot: Snapshot, resources: Resource[], outputs: unknown[]) {
    this.snapshot = snapshot;
    this.resources = resources;
    this.outputs = outputs;
  }

  /** Resources of a type that exist for certain. */
  of(type: string): Resource[] {
    return this.resources.filter(
      (resource) => resource.type === type && resource.unknownReason === undefined,
    );
  }

  /** Also those that may not exist. */
  perhaps(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** An item of each resource of a type; one that may not exist is an unknown item. */
  items(type: string, describe: (resource: Resource) => unknown): unknown[] {
    return this.perhaps(type).map((resource) => resource.unknownReason ?? describe(resource));
  }

  find(type: string, id: unknown): Properties | undefined {
    return this.of(type).find((resource) => resource.id === id)?.properties;
  }

  answer<C extends ClientName>(
    client: C,
    command: CommandOf<C>,
    result: Record<string, unknown>,
    input?: object,
  ): void {
    this.snapshot.calls[callKey(client, command, input)] = { ok: true, result };
  }
}
