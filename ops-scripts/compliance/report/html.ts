// The report as one self-contained HTML file: the drawing of the stack and every finding.
import type { Finding, Report } from '../findings.ts';
import type { Snapshot } from '../snapshot.ts';
import { attempt } from '../unknown.ts';
import { drawStack } from './draw-stack.ts';
import { escapeMarkup } from './xml.ts';

export function writeHtml(report: Report, snapshot: Snapshot): string {
  const { pass, fail, unknown, waived } = report.summary;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Compliance: ${fail} fail, ${unknown} unknown</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c1b1a; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .5rem; border-top: 1px solid #d9d6d1 }
.fail { color: #b3261e } .unknown { color: #7a5200 } .pass { color: #1b6e3c } .waived { color: #31566b }
@media (max-width: 40rem) {
  body { margin: 1rem auto } thead { display: none } tr { display: block; border-top: 1px solid #d9d6d1; padding: .5rem 0 }
  td { display: block; border: 0; padding: .15rem 0; overflow-wrap: anywhere } figure { overflow-x: auto } figure svg { max-width: none }
}
code { white-space: pre-wrap; overflow-wrap: anywhere } figure { margin: 1rem 0 } svg { max-width: 100%; height: auto } td.status { font-weight: 600 }
</style>
</head>
<body>
<h1>What the account lets in</h1>
<p>${escapeMarkup(report.account)} ${escapeMarkup(report.region)}, ${report.mode}, taken ${escapeMarkup(snapshot.takenAt)}: ${pass} pass, ${fail} fail, ${unknown} unknown, ${waived} waived.</p>
<figure>${
    attempt(
      () => drawStack(report, snapshot),
      () => undefined,
    ) ?? 'The stack can not be drawn.'
  }</figure>
<table>
<thead><tr><th>Status</th><th>Control</th><th>Part</th><th>Why, how one gets in, what to type</th></tr></thead>
<tbody>
${report.findings.map(writeRow).join('\n')}
</tbody>
</table>
</body>
</html>`;
}

function writeRow(finding: Finding): string {
  const path = finding.path
    ? `<ol>${finding.path.map((hop) => `<li>${escapeMarkup(hop)}</li>`).join('')}</ol>`
    : '';
  const fix = finding.fix ? `<p><code>${escapeMarkup(finding.fix)}</code></p>` : '';
  const notes = finding.warnings.map((warning) => `<p>Note: ${escapeMarkup(warning)}</p>`).join('');
  return `<tr><td class="status ${finding.status}">${finding.status}</td><td>${finding.control}</td><td><code>${escapeMarkup(finding.resource)}</code></td><td>${escapeMarkup(finding.reason)}${path}${fix}${notes}</td></tr>`;
}
