// Explains a control as text: the requirement, why, how it is judged, its limits, and how to fix a failure.
import { ConfigFault } from './config-fault.ts';
import { allControls } from './rules/all-controls.ts';

/** One that asks something of several kinds of part stands among all controls once for each. */
const told = [...new Map(allControls.map((control) => [control.id as string, control])).values()];

export function explainControl(id: string): string {
  const control = told.find((each) => each.id === id);
  if (control === undefined) {
    throw new ConfigFault(`There is no control '${id}'; there are ${told.map((each) => each.id).join(', ')}`);
  }
  const calls = allControls
    .filter((each) => each.id === id)
    .flatMap(({ needs, consults }) => [...needs, ...consults]);
  return [
    `${control.id}: ${control.title}`,
    `Why: ${control.why}`,
    `How it is judged: ${control.how}`,
    `What it does not see: ${control.blind}`,
    `How to fix: ${control.remedy}`,
    `Rests on: ${[...new Set(calls)].join(', ')}`,
    `References: ${control.references.join(' · ')}`,
  ].join('\n\n');
}

export function listControls(): string {
  const width = Math.max(...told.map(({ id }) => id.length));
  return told.map(({ id, title }) => `${id.padEnd(width)}  ${title}`).join('\n');
}
