// Chooses the fix of a finding: an AWS CLI command for a live account, a change of the template for a template.
import type { Inventory } from './inventory/inventory.ts';

export function chooseFix(
  { mode, region }: Pick<Inventory, 'mode' | 'region'>,
  fix: { command: string; template: string },
): string {
  return mode === 'template' ? `In the template: ${fix.template}` : `${fix.command} --region ${region}`;
}
