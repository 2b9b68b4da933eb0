import { clamp, cosineOfTurns, mix, sineOfTurns } from './math.js';
import { Random } from './random.js';

/** What a rehearsed sound model plays: plucked notes over a slow bass, chosen by chance from one scale. */
export const MELODY_SAMPLE_RATE = 44_100;

/** Scales as steps of a twelfth of an octave. */
const SCALES = [
  [0, 2, 4, 7, 9],
  [0, 3, 5, 7, 10],
  [0, 2, 3, 7, 8],
  [0, 2, 5, 7, 9],
] as const;

/** The twelfth root of two, by which neighbouring notes differ. */
const SEMITONE = 1.0594630943592953;
const FADE_SECONDS = 0.6;

/** Left and right channel, samples in -1..1. The same key gives the same melody. Lets other work run in between. */
export async function playMelody(key: string, seconds: number): Promise<[Float32Array, Float32Array]> {
  const random = new Random('melody', key);
  const length = Math.round(seconds * MELODY_SAMPLE_RATE);
  const left = new Float32Array(length);
  const right = new Float32Array(length);
  const scale = random.pick(SCALES);
  const root = 110 * semitones(random.integer(-4, 7));
  const beat = 60 / random.integer(72, 118);
  const density = random.between(0.45, 0.8);
  let step = random.integer(3, 8);
  for (let i = 0; i * beat * 0.5 < seconds; i++) {
    const at = i * beat * 0.5;
    if (i % 8 === 0) {
      const bass = root * 0.5 * semitones(scale[random.integer(0, 2)]!);
      pluck(left, right, { at, pitch: bass, seconds: beat * 4, loudness: 0.3, pan: 0.5 });
    }
    if (random.chance(i % 2 === 0 ? density : density * 0.6)) {
      // Melodies mostly move to a neighbour.
      step = clamp(step + random.integer(-2, 2), 0, scale.length * 3 - 1);
      const octave = Math.floor(step / scale.length);
      const pitch = root * 2 * semitones(12 * octave) * semitones(scale[step % scale.length]!);
      const loudness = 0.2 * random.between(0.6, 1) * mix(1, 0.6, octave / 3);
      pluck(left, right, {
        at,
        pitch,
        seconds: beat * random.between(1.2, 3),
        loudness,
        pan: random.between(0.2, 0.8),
      });
    }
    if (i % 16 === 15) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < length; i++) {
    const fade = clamp(Math.min(i, length - i) / (FADE_SECONDS * MELODY_SAMPLE_RATE));
    left[i] = soft(left[i]! * fade);
    right[i] = soft(right[i]! * fade);
  }
  return [left, right];
}

function semitones(count: number): number {
  let factor = 1;
  for (let i = 0; i < Math.abs(count); i++) factor *= SEMITONE;
  return count < 0 ? 1 / factor : factor;
}

interface Note {
  readonly at: number;
  readonly pitch: number;
  readonly seconds: number;
  readonly loudness: number;
  readonly pan: number;
}

/** A string that fades: four partials, the higher ones sooner gone. */
function pluck(left: Float32Array, right: Float32Array, note: Note): void {
  const start = Math.round(note.at * MELODY_SAMPLE_RATE);
  const length = Math.min(left.length - start, Math.round(note.seconds * MELODY_SAMPLE_RATE));
  const toLeft = cosineOfTurns(note.pan / 4);
  const toRight = sineOfTurns(note.pan / 4);
  for (let i = 0; i < length; i++) {
    const t = i / MELODY_SAMPLE_RATE;
    const turns = note.pitch * t;
    const rest = 1 - i / length;
    const fade = rest * rest * Math.min(1, i / 120);
    const high = fade * rest * rest;
    const sound =
      sineOfTurns(turns) * fade +
      0.45 * sineOfTurns(turns * 2) * fade * rest +
      0.25 * sineOfTurns(turns * 3) * high +
      0.12 * sineOfTurns(turns * 4.01) * high * rest;
    left[start + i] = left[start + i]! + sound * note.loudness * toLeft;
    right[start + i] = right[start + i]! + sound * note.loudness * toRight;
  }
}

/** Keeps loud places below 1 without a hard edge. */
function soft(value: number): number {
  return value / (1 + 0.35 * Math.abs(value));
}
