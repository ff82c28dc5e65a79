import type { ConfigInputs } from './config-source.ts';
import type { Override } from './override.ts';

const DIGITS = /^\d{1,15}$/;

/** Digits become a number, as in the file; the schema refuses anything else. */
const portValue = (text: string) => (DIGITS.test(text) ? Number(text) : text);

type ListenOverride = Override<'option' | 'environment'>;

/** Host and port from the command line, else the port from PORT. Both override the file. */
export function findListenOverrides({ env, listen }: ConfigInputs): ListenOverride[] {
  const option = (name: 'host' | 'port', value: string | number): ListenOverride => ({
    path: ['server', name],
    ...{ value, origin: 'option', place: `--${name}`, conflict: `--${name}`, what: `the ${name}` },
  });
  const { host, port } = listen ?? {};
  const variable = env['PORT']?.trim() ?? '';
  return [
    ...(host === undefined ? [] : [option('host', host)]),
    ...(port === undefined ? portVariable(variable) : [option('port', portValue(port))]),
  ];
}

function portVariable(text: string): ListenOverride[] {
  if (text === '') return [];
  return [
    {
      path: ['server', 'port'],
      ...{ value: portValue(text), origin: 'environment', place: 'PORT', conflict: 'PORT' },
      what: 'the port',
    },
  ];
}
