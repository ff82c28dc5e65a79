import { GENERATION_ROUTES } from '../records/generations.ts';
import { PRESET_ROUTES } from '../records/presets.ts';
import { STATISTICS_ROUTES } from '../administration/statistics.ts';
import { COLLECTION_ROUTES } from '../administration/collections.ts';
import { KEY_ROUTES } from '../administration/keys.ts';
import { PART_ROUTES } from '../administration/parts.ts';
import { CONTAINER_ROUTES } from '../files/containers.ts';
import { FILE_ROUTES } from '../files/files.ts';
import { BATCH_ROUTES } from '../jobs/batches.ts';
import { VIDEO_ROUTES } from '../jobs/videos.ts';
import { AUDIO_ROUTES } from '../media/audio.ts';
import { IMAGE_ROUTES } from '../media/images.ts';
import { RANKING_ROUTES } from '../media/rankings.ts';
import { Routing } from '../routes/routing.ts';

/** Every endpoint beside those for text and the catalogue. */
export const ROUTING = new Routing([
  ...[...VIDEO_ROUTES, ...BATCH_ROUTES, ...FILE_ROUTES, ...CONTAINER_ROUTES],
  ...[...IMAGE_ROUTES, ...AUDIO_ROUTES, ...RANKING_ROUTES],
  ...[...GENERATION_ROUTES, ...PRESET_ROUTES, ...STATISTICS_ROUTES],
  ...[...KEY_ROUTES, ...COLLECTION_ROUTES, ...PART_ROUTES],
]);
