// What every check ends with: its options, the report on standard output or in a file, and the exit code.
import { Command } from 'commander';
import { exitCodeOf } from '../exit-code.ts';
import { type Judged, writeReport } from '../report/write-report.ts';
import { applyWaivers, parseWaivers } from '../waivers.ts';
import { readText, save } from './files.ts';
import { addReportOptions, addSelectionOptions, type CheckOptions } from './options.ts';

/** A check with the options that all kinds of it have. */
export function checking(name: string, description: string): Command {
  return addReportOptions(addSelectionOptions(new Command(name).description(description)));
}

/** Applies waivers, writes the report in the form that is asked for, and sets the exit code. */
export function present(judged: Judged, options: CheckOptions): void {
  const waivers =
    options.waivers === undefined ? [] : parseWaivers(readText(options.waivers), options.waivers);
  const result = applyWaivers(judged.report, waivers, new Date());
  const columns = process.stdout.columns || Number(process.env['COLUMNS']);
  const terminal = {
    color: process.stdout.isTTY === true && !process.env['NO_COLOR'] && options.outputFile === undefined,
    width: columns || 120,
    isTerminal: columns > 0 && options.outputFile === undefined,
  };
  const text = writeReport({ ...judged, report: result }, options.output, terminal);
  if (options.outputFile === undefined) console.log(text);
  else save(options.outputFile, text);
  process.exitCode = exitCodeOf(result, options.failOn);
}
