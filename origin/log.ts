// Structured logs, one JSON line each, without secrets or personal data.
import { type Logger, pino } from 'pino';
import type { Settings } from './config.ts';

export function createLog(
  settings: Pick<Settings, 'logLevel' | 'zone' | 'instance'>,
  service: string,
): Logger {
  return pino({
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
  });
}
