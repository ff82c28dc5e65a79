import type { ConfigInputs } from './config-source.ts';
import type { Replacement } from './override.ts';

const DIGITS = /^\d{1,15}$/;

/** A port in digits is a number, as it would be in the file; anything else is left for the schema to refuse. */
const portValue = (text: string) => (DIGITS.test(text) ? Number(text) : text);

type ListenOverride = Replacement<'option' | 'environment'>;

/** Where to listen, as the command line says, else the variable PORT. Both come before the file. */
export function findListenOverrides({ env, listen }: ConfigInputs): ListenOverride[] {
  const option = (name: 'host' | 'port', value: string | number): ListenOverride => ({
    path: ['server', name],
    ...{ value, origin: 'option', place: `--${name}`, rival: `--${name}`, what: `the ${name}` },
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
      ...{ value: portValue(text), origin: 'environment', place: 'PORT', rival: 'PORT' },
      what: 'the port',
    },
  ];
}
