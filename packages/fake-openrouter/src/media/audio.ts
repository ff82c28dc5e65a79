import { badRequest } from '../objects/objects.ts';
import { routesFor, type KeyedCall, type Reply } from '../routes/route.ts';
import { bill, refusedMedia } from './media-cost.ts';

const SPEECH = Buffer.alloc(64 * 1024, 'fake sound ');
const TYPES: Readonly<Record<string, string>> = { mp3: 'audio/mpeg', pcm: 'audio/pcm' };

/** OpenRouter looks at the body before it looks at the key's limits. */
function speech(call: KeyedCall): Reply {
  const { json } = call.exchange;
  const input = json['input'];
  if (typeof input !== 'string') {
    const error = { name: 'ZodError', message: '[{"path":["input"],"message":"Required"}]' };
    return { json: { success: false, error }, status: 400 };
  }
  const refused = refusedMedia(call);
  if (refused !== undefined) return { error: refused };
  const { id } = bill(call, { cost: 0.015, sent: input.length, received: 0, type: 'tts' });
  const format = json['response_format'];
  const type = TYPES[typeof format === 'string' ? format : 'pcm'] ?? 'application/octet-stream';
  return { bytes: SPEECH, type, headers: { 'X-Generation-Id': id } };
}

function transcription(call: KeyedCall): Reply {
  const { json, upload } = call.exchange;
  const hasSound = upload === null ? json['input_audio'] !== undefined : upload.file !== null;
  if (!hasSound) return badRequest('input_audio: Required');
  const refused = refusedMedia(call);
  if (refused !== undefined) return { error: refused };
  const { id, cost } = bill(call, { cost: 0.006, sent: 60, received: 4, type: 'stt' });
  const bytes = upload?.file?.size ?? 0;
  const usage = { cost, input_tokens: 60, output_tokens: 4, total_tokens: 64, seconds: 1.5 };
  return {
    json: { text: upload === null ? 'Fake speech.' : `Fake speech of ${bytes} bytes.`, usage },
    headers: { 'X-Generation-Id': id },
  };
}

export const AUDIO_ROUTES = routesFor('key', {
  'POST /audio/speech': speech,
  'POST /audio/transcriptions': transcription,
});
