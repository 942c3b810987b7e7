// Creates the log: one JSON line for each entry, without secrets or personal data.
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import type { Settings } from './config.ts';
import { isStoreFault } from './watch-stores.ts';

const warnLevel = 40;

export function createLog(
  settings: Pick<Settings, 'logLevel' | 'zone' | 'instance'>,
  service: string,
  /** Standard output where it is left out. */
  stream?: DestinationStream,
): Logger {
  const options: LoggerOptions = {
    hooks: {
      /**
       * The watch of the stores reports an unreachable store once. Entries of work that failed for it get level
       * debug.
       */
      logMethod(args, method, level) {
        const [first] = args as unknown[];
        const error = typeof first === 'object' && first !== null && 'err' in first ? first.err : undefined;
        if (level >= warnLevel && isStoreFault(error)) this.debug(...args);
        else method.apply(this, args);
      },
    },
    level: settings.logLevel,
    base: { service, zone: settings.zone, instance: settings.instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        '*.password',
        '*.token',
        '*.email',
        '*.authorization',
        '*.cookie',
        'err.config',
        'err.parameters',
        'err.detail',
        'err.where',
      ],
      censor: '[hidden]',
    },
  };
  return stream === undefined ? pino(options) : pino(options, stream);
}
