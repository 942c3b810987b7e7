// Explains a control as text: the requirement, why, how it is judged, its limits, and how to fix a failure.
import { ConfigFault } from './config-fault.ts';
import { allControls } from './rules/all-controls.ts';

export function explainControl(id: string): string {
  const control = allControls.find((each) => each.id === id);
  if (control === undefined) {
    throw new ConfigFault(
      `There is no control '${id}'; there are ${allControls.map((each) => each.id).join(', ')}`,
    );
  }
  return [
    `${control.id}: ${control.title}`,
    `Why: ${control.why}`,
    `How it is judged: ${control.how}`,
    `What it does not see: ${control.blind}`,
    `How to fix: ${control.remedy}`,
    `Rests on: ${[...new Set([...control.needs, ...control.consults])].join(', ')}`,
    `References: ${control.references.join(' ')}`,
  ].join('\n\n');
}

export function listControls(): string {
  const width = Math.max(...allControls.map(({ id }) => id.length));
  return allControls.map(({ id, title }) => `${id.padEnd(width)}  ${title}`).join('\n');
}
