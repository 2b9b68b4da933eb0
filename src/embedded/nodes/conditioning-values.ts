import type { ImageBatch } from '../node.js';
import { Picture } from '../rehearsal/picture.js';
import type { Guide } from '../rehearsal/sample.js';
import { withChannels } from './pixels.js';
import type { ConditioningEntry, ConditioningValue, LatentValue } from './values.js';

/** Helpers on conditioning, the record of what a sampler is told. */
export function conditioning(entries: readonly ConditioningEntry[]): ConditioningValue {
  return { type: 'CONDITIONING', entries };
}

/** A prompt for the whole picture and the whole run. Several texts for several encoders count once each. */
export function promptEntry(
  texts: readonly string[],
  extra: { readonly guides?: readonly Guide[]; readonly notes?: readonly string[] } = {},
): ConditioningEntry {
  const distinct = [...new Set(texts.map((text) => text.trim()).filter((text) => text !== ''))];
  return {
    text: distinct.join(', '),
    strength: 1,
    area: null,
    mask: null,
    range: [0, 1],
    guides: extra.guides ?? [],
    notes: extra.notes ?? [],
  };
}

export function mapEntries(
  value: ConditioningValue,
  change: (entry: ConditioningEntry) => Partial<ConditioningEntry>,
): ConditioningValue {
  return conditioning(value.entries.map((entry) => ({ ...entry, ...change(entry) })));
}

export function withNote(value: ConditioningValue, note: string): ConditioningValue {
  return mapEntries(value, (entry) => ({ notes: [...entry.notes, note] }));
}

export function withGuides(value: ConditioningValue, guides: readonly Guide[]): ConditioningValue {
  if (guides.length === 0) return value;
  return mapEntries(value, (entry) => ({ guides: [...entry.guides, ...guides] }));
}

export function guideOf(image: ImageBatch, kind: Guide['kind'], weight: number): Guide {
  return { picture: firstPicture(image), kind, weight };
}

/** The first frame as a picture; null where a latent is empty. */
export function guidesOf(latent: LatentValue, weight: number): Guide[] {
  const picture = latent.items[0]?.picture;
  return picture ? [{ picture, kind: 'look', weight }] : [];
}

export function firstPicture(image: ImageBatch): Picture {
  const frame = image.frames[0];
  return frame
    ? Picture.of(image.width, image.height, withChannels(frame, image.channels, 3))
    : Picture.flat(image.width, image.height, 127);
}
