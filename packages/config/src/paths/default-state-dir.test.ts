import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { chosenStateDir, defaultStateDirs } from './default-state-dir.ts';

async function places() {
  const root = await mkdtemp(join(tmpdir(), 'state-dir-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const { beside, home } = defaultStateDirs(join(root, 'checkout'), { HOME: join(root, 'home') });
  return { beside, home: home ?? '' };
}
const makePrivate = (path: string) => mkdir(path, { recursive: true, mode: 0o700 });

it('names the folder in the home after the folder of the configuration', () => {
  const { home } = defaultStateDirs('/srv/my proxy', { HOME: '/home/ann' });
  expect(home).toMatch(/^\/home\/ann\/\.local\/state\/openrouter-proxy\/my_proxy-[0-9a-f]{8}$/);
});

it('gives configurations in folders of the same name different folders in the home', () => {
  const of = (folder: string) => defaultStateDirs(folder, { HOME: '/home/ann' }).home;
  expect(of('/a/proxy')).not.toBe(of('/b/proxy'));
});

it('prefers XDG_STATE_HOME, unless it is relative', () => {
  const of = (XDG_STATE_HOME: string) =>
    defaultStateDirs('/a', { HOME: '/h', XDG_STATE_HOME }).home;
  expect(of('/xdg')).toMatch(/^\/xdg\/openrouter-proxy\/a-/);
  expect(of('xdg')).toMatch(/^\/h\/\.local\/state\//);
});

it('chooses the folder beside the configuration while there is neither', async () => {
  const { beside, home } = await places();
  expect(chosenStateDir({ beside, home })).toBe(beside);
});

it('keeps to the folder in the home once a start has made it', async () => {
  const { beside, home } = await places();
  await makePrivate(home);
  expect(chosenStateDir({ beside, home })).toBe(home);
});

it('prefers a private folder beside the configuration to one in the home', async () => {
  const { beside, home } = await places();
  await makePrivate(home);
  await makePrivate(beside);
  expect(chosenStateDir({ beside, home })).toBe(beside);
});

it('takes a folder that others may enter for none', async () => {
  const { beside, home } = await places();
  await makePrivate(home);
  await makePrivate(beside);
  await chmod(beside, 0o777);
  expect(chosenStateDir({ beside, home })).toBe(home);
});

it('chooses the home where the path of a socket beside the configuration is too long', () => {
  const beside = `/${'long/'.repeat(30)}.openrouter-proxy`;
  expect(chosenStateDir({ beside, home: '/home/ann/state' })).toBe('/home/ann/state');
  expect(chosenStateDir({ beside, home: null })).toBe(beside);
});
