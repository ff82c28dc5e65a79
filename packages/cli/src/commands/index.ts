import type { Command } from './command.ts';
import { completion } from './completion.ts';
import { configCheck, configShow } from './config.ts';
import { explain } from './explain.ts';
import { importCommand } from './import.ts';
import { key } from './key.ts';
import { keys } from './keys.ts';
import { leases } from './leases.ts';
import { reload } from './reload.ts';
import { requests } from './requests.ts';
import { cool, disable, enable, uncool } from './set-aside.ts';
import { status } from './status.ts';
import { usage } from './usage.ts';
import { whyNot } from './why-not.ts';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...[status, keys, key, whyNot, requests, explain, leases, usage],
  ...[cool, uncool, disable, enable],
  ...[reload, configCheck, configShow, importCommand, completion],
];
