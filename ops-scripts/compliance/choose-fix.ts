// What closes a finding: a command on a live account, a change of the template where there is only one; logical ids are no names of AWS.
import type { World } from './world/world.ts';

export function chooseFix(
  { mode, region }: Pick<World, 'mode' | 'region'>,
  fix: { command: string; template: string },
): string {
  return mode === 'template' ? `In the template: ${fix.template}` : `${fix.command} --region ${region}`;
}
