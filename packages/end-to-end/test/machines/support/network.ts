import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** An address that no host has: what is sent to it gets lost on the way. */
const NOWHERE = '02:00:00:00:00:01';

/** A host of a test's own: a network namespace (network_namespaces(7)) with one address. */
export interface Host {
  readonly address: string;
  /** What stands before a command that is to run there. */
  readonly within: readonly string[];
  /** Pulls its cable, and with `up` plugs it in again. Nobody is told. */
  setLink(state: 'up' | 'down'): Promise<void>;
  /** Whatever it sends to another gets lost without a word. */
  lose(other: Host): Promise<void>;
  /** Its way to the other is back. */
  find(other: Host): Promise<void>;
  /** No more than so many kilobits a second get through to it, the others wait; null: as many as there are. */
  setSpeed(kilobits: number | null): Promise<void>;
}

/** A network of hosts, each with a cable to one switch, to which this process has one too. */
export interface Network {
  addHost(name: string): Promise<Host>;
}

const ip = (...args: readonly string[]) => execa('ip', args);

/** Makes a network; it is gone when the test is over. */
export async function makeNetwork(): Promise<Network> {
  const id = `o${process.pid}`;
  const subnet = `10.91.${process.pid % 256}`;
  const hub = `${id}-switch`;
  const made: string[] = [];
  let hosts = 1;
  onTestFinished(async () => {
    await execa('ip', ['link', 'del', id], { reject: false });
    for (const space of made) await ip('netns', 'del', space);
  });
  const addSpace = async (space: string) => {
    await ip('netns', 'add', space);
    made.push(space);
    await ip('-n', space, 'link', 'set', 'lo', 'up');
  };
  await addSpace(hub);
  await ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge', 'stp_state', '0');
  await ip('-n', hub, 'link', 'set', 'switch', 'up');
  const plugIn = async (port: string) => {
    await ip('-n', hub, 'link', 'set', port, 'master', 'switch', 'up');
  };
  await ip('link', 'add', id, 'type', 'veth', 'peer', 'name', 'here', 'netns', hub);
  await ip('addr', 'add', `${subnet}.1/24`, 'dev', id);
  await ip('link', 'set', id, 'up');
  await plugIn('here');
  return {
    async addHost(name) {
      const space = `${id}-${name}`;
      await addSpace(space);
      hosts += 1;
      const address = `${subnet}.${hosts}`;
      const eth = ['dev', 'eth0'];
      await ip(
        '-n',
        hub,
        'link',
        'add',
        name,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        space,
      );
      await ip('-n', space, 'addr', 'add', `${address}/24`, ...eth);
      await ip('-n', space, 'link', 'set', 'eth0', 'up');
      await plugIn(name);
      const shape = (...how: string[]) => execa('tc', ['-n', hub, 'qdisc', ...how]);
      return {
        address,
        within: ['ip', 'netns', 'exec', space],
        async setLink(state) {
          await ip('-n', hub, 'link', 'set', name, state);
        },
        async lose(other) {
          const way = ['to', other.address, 'lladdr', NOWHERE, 'nud', 'permanent'];
          await ip('-n', space, 'neigh', 'replace', ...way, ...eth);
        },
        async find(other) {
          await ip('-n', space, 'neigh', 'del', other.address, ...eth);
        },
        async setSpeed(kilobits) {
          if (kilobits === null) await shape('del', 'dev', name, 'root');
          else
            await shape(
              'add',
              'dev',
              name,
              'root',
              'tbf',
              'rate',
              `${kilobits}kbit`,
              'burst',
              '2kb',
              'latency',
              '3s',
            );
        },
      };
    },
  };
}
