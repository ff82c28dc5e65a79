import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 700;
const MODELS = ['deepseek/deepseek-r1:free', 'openai/gpt-4o', 'deepseek/deepseek-r1:free'];

/** Where the traffic goes. */
export interface TrafficOptions {
  url: string;
  accessKey: string;
  signal: AbortSignal;
}

/** Sends one request after the other, every second streamed, and prints a line for each. */
export async function sendTraffic({ url, accessKey, signal }: TrafficOptions): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    const model = MODELS[turn % MODELS.length] ?? '';
    const stream = turn % 2 === 1;
    const response = await fetch(`${url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessKey}` },
      body: JSON.stringify({
        model,
        stream,
        messages: [{ role: 'user', content: `turn ${turn}` }],
      }),
    }).catch(() => undefined); // the gateway is stopping: the signal says so next
    if (response !== undefined) {
      const length = (await response.text()).length;
      const attempts = Number(response.headers.get('x-proxy-attempts'));
      const how = stream ? 'streamed' : 'plain';
      const note = attempts > 1 ? `   served by key no. ${attempts} that was tried` : '';
      const time = new Date().toTimeString().slice(0, 8);
      console.log(
        `${time}  ${response.status}  ${model.padEnd(26)} ${how.padEnd(9)} ${length} bytes${note}`,
      );
    }
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined); // ends with the loop
  }
}
