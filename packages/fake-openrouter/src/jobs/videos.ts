import { findModel } from '../models/model-catalog.ts';
import { badRequest, newId, notFound } from '../objects/objects.ts';
import { ERROR_FAMILIES } from '../errors/error-families.ts';
import { charge } from '../accounts/key.ts';
import type { JobEnd, Video } from '../objects/job.ts';
import { refusedMedia } from '../media/media-cost.ts';
import { publicRoutes, routesFor, type KeyedCall, type Reply } from '../routes/route.ts';

/** US dollars that a video costs. */
const COST = 0.5;
const VIDEO = Buffer.alloc(256 * 1024, 'fake video ');

function documentOf({ id, generationId, status, cost }: Video, { state }: KeyedCall): object {
  const url = `${state.namedOrigin}/api/v1/videos/${id}`;
  const isDone = status === 'completed';
  return {
    ...{ id, generation_id: generationId, polling_url: url, status },
    ...(isDone ? { unsigned_urls: [`${url}/content?index=0`] } : {}),
    ...(isDone ? { usage: { cost, is_byok: false } } : {}),
    ...(status === 'failed' ? { error: 'The provider could not make the video' } : {}),
  };
}

/** Ends a job: a completed one is charged to the key that made it. */
export function endVideo(video: Video, status: JobEnd, now: number): void {
  if (video.status !== 'pending' && video.status !== 'in_progress') return;
  video.status = status;
  if (status === 'completed') charge(video.key, video.cost, now);
}

function submit(call: KeyedCall): Reply {
  const { exchange, state, key } = call;
  const { json, record } = exchange;
  if (typeof json['prompt'] !== 'string') return badRequest('Input required: specify "prompt"');
  const model = record.model ?? '';
  if (findModel(model) === undefined)
    return { error: ERROR_FAMILIES.invalid_model({ key, model, now: call.now }) };
  const refused = refusedMedia(call);
  if (refused !== undefined) return { error: refused };
  const id = newId('video');
  const video: Video = {
    ...{ id, generationId: newId('gen-vid'), status: 'pending', key },
    ...{ cost: COST, polls: 0 },
  };
  state.videos.add(id, key.account, video);
  state.creations.add('video', id, call);
  return { json: documentOf(video, call), status: 202 };
}

function poll(call: KeyedCall): Reply {
  const { state, key, parameters, now } = call;
  const video = state.videos.get(parameters['jobId'], key.account);
  if (video === undefined) return notFound(`Video ${parameters['jobId']}`);
  video.polls += 1;
  if (video.polls >= state.pollsUntilDone) endVideo(video, 'completed', now);
  else if (video.status === 'pending') video.status = 'in_progress';
  return { json: documentOf(video, call) };
}

function content({ exchange, state, key, parameters }: KeyedCall): Reply {
  const video = state.videos.get(parameters['jobId'], key.account);
  const isThere = video?.status === 'completed' && (exchange.query.get('index') ?? '0') === '0';
  return isThere
    ? { bytes: VIDEO, type: 'video/mp4' }
    : notFound(`Content of video ${parameters['jobId']}`);
}

const MODEL = {
  id: 'google/veo-fake',
  canonical_slug: 'google/veo-fake',
  name: 'Veo Fake',
  created: 1_780_000_000,
  allowed_passthrough_parameters: [],
  creativity: null,
  generate_audio: true,
  seed: true,
  supported_aspect_ratios: ['16:9'],
  supported_durations: [4, 8],
  supported_frame_images: null,
  supported_resolutions: ['720p'],
  supported_sizes: null,
  upscale_factor: null,
};

export const VIDEO_ROUTES = [
  ...publicRoutes({ 'GET /videos/models': () => ({ json: { data: [MODEL] } }) }),
  ...routesFor('key', {
    'POST /videos': submit,
    'GET /videos/{jobId}': poll,
    'GET /videos/{jobId}/content': content,
  }),
];
