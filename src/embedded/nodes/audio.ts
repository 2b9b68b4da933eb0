import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '../../core/json.js';
import { type NodeContext, NodeException, type NodeResult } from '../node.js';
import { embeddedTexts } from '../png-text.js';
import { MELODY_SAMPLE_RATE, playMelody } from '../rehearsal/melody.js';
import { saveNames } from '../save-names.js';
import { conditioning, promptEntry, withNote } from './conditioning-values.js';
import { encodeFlac } from './flac.js';
import { emptyLatent } from './latent-values.js';
import type { NodeFamily, NodeSetup, Run } from './library.js';
import type { AudioValue, LatentValue } from './values.js';

/** Sound: nodes that change it for real, FLAC files, and a rehearsal that plays a small melody. */
const interfaces = `
= audio v1>v3 audio
EmptyAudio
  duration:FLOAT=60[0..18446744073709551615/0.01] sample_rate:INT=44100[1..192000] channels:INT=2[1..2] -> AUDIO
SaveAudio! +graph  audio:AUDIO filename_prefix:LINE=audio/ComfyUI
PreviewAudio! +graph  audio:AUDIO
TrimAudioDuration
  audio:AUDIO start_index:FLOAT=0[-18446744073709551615..18446744073709551615/0.01] duration:FLOAT=60[0../0.01]
  -> AUDIO
AudioConcat  audio1,audio2:AUDIO direction:(after|before)=after -> AUDIO
AudioMerge  audio1,audio2:AUDIO merge_method:(add|mean|subtract|multiply) -> AUDIO
AudioAdjustVolume  audio:AUDIO volume:INT=1[-100..100] -> AUDIO
SplitAudioChannels  audio:AUDIO -> left,right:AUDIO
= audio v1>v3 latent/audio
EmptyLatentAudio  seconds:FLOAT=47.6[1..1000/0.1] batch_size:BATCH -> LATENT
VAEDecodeAudio  samples:LATENT vae:VAE -> AUDIO
= audio v1>v3 conditioning
ConditioningStableAudio
  positive,negative:CONDITIONING seconds_start:FLOAT=0[0..1000/0.1] seconds_total:FLOAT=47[0..1000/0.1]
  -> positive,negative:CONDITIONING
= ace v3 latent/audio
EmptyAceStepLatentAudio  seconds:FLOAT=120[1..1000/0.1] batch_size:BATCH -> LATENT
= ace v3 conditioning
TextEncodeAceStepAudio  clip:CLIP tags,lyrics:PROMPT lyrics_strength:GAIN -> CONDITIONING
`;

/** Samples that one sound may hold over its channels: about 200 MB. */
const MAX_SAMPLES = 50_000_000;
/** A rehearsed sound latent is a small picture, whose bytes choose the melody. */
const LATENT_SIDE = 32;
/** A file cannot carry a caption that is heard, so this tag says what it is. */
const MARK = ['comment', 'EASEL REHEARSAL: no model made this sound'] as const;

function audioOf(sampleRate: number, clips: AudioValue['clips'], isRehearsed = false): AudioValue {
  return { type: 'AUDIO', sampleRate, clips, isRehearsed };
}

function requireRoom(seconds: number, sampleRate: number, channels: number): void {
  if (seconds * sampleRate * channels <= MAX_SAMPLES) return;
  throw new NodeException('MemoryError', `${seconds} s of sound are more than this engine holds.`);
}

const emptyLatentAudio: Run = (inputs) => {
  const latent = emptyLatent(LATENT_SIDE, LATENT_SIDE, inputs.integer('batch_size'));
  return [{ ...latent, seconds: inputs.number('seconds') }];
};

async function decodeSound(latent: LatentValue): Promise<AudioValue> {
  if (latent.seconds <= 0) throw new NodeException('RuntimeError', 'VAEDecodeAudio: this latent holds pictures');
  requireRoom(latent.seconds * latent.items.length, MELODY_SAMPLE_RATE, 2);
  const clips: (readonly Float32Array[])[] = [];
  for (const { picture } of latent.items) {
    const length = Math.round(latent.seconds * MELODY_SAMPLE_RATE);
    if (!picture) clips.push([new Float32Array(length), new Float32Array(length)]);
    else
      clips.push(
        await playMelody(
          createHash('sha256')
            .update(await picture.bytes())
            .digest('hex'),
          latent.seconds,
        ),
      );
  }
  return audioOf(MELODY_SAMPLE_RATE, clips, true);
}

function mapClips(audio: AudioValue, change: (channel: Float32Array) => Float32Array): AudioValue {
  return { ...audio, clips: audio.clips.map((clip) => clip.map(change)) };
}

/** The second sound with the rate of the first, by taking the nearest sample. */
function matched(audio: AudioValue, sampleRate: number): AudioValue {
  if (audio.sampleRate === sampleRate) return audio;
  const step = audio.sampleRate / sampleRate;
  const changed = mapClips(audio, (channel) =>
    Float32Array.from({ length: Math.floor(channel.length / step) }, (_, i) => channel[Math.floor(i * step)]!),
  );
  return { ...changed, sampleRate };
}

/** Pairs the channels of two sounds; a missing one repeats the last. */
function pairClips(
  first: AudioValue,
  second: AudioValue,
  join: (a: Float32Array, b: Float32Array) => Float32Array,
): AudioValue {
  const other = matched(second, first.sampleRate);
  const clips = first.clips.map((clip, i) => {
    const partner = other.clips[Math.min(i, other.clips.length - 1)] ?? [];
    return clip.map((channel, c) => join(channel, partner[Math.min(c, partner.length - 1)] ?? new Float32Array(0)));
  });
  return audioOf(first.sampleRate, clips, first.isRehearsed || second.isRehearsed);
}

const MERGES: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  mean: (a, b) => (a + b) / 2,
};

export const audioFamily: NodeFamily = {
  interfaces,
  behaviours: {
    EmptyAudio: (inputs) => {
      const [seconds, rate, channels] = [
        inputs.number('duration'),
        inputs.integer('sample_rate'),
        inputs.integer('channels'),
      ];
      requireRoom(seconds, rate, channels);
      const clip = Array.from({ length: channels }, () => new Float32Array(Math.round(seconds * rate)));
      return [audioOf(rate, [clip])];
    },
    SaveAudio: (inputs, context, setup) =>
      saveFlac(inputs.get('audio', 'AUDIO'), context, setup, 'output', inputs.text('filename_prefix')),
    PreviewAudio: (inputs, context, setup) =>
      saveFlac(inputs.get('audio', 'AUDIO'), context, setup, 'temp', `ComfyUI_temp_${setup.temporaryToken()}`),
    TrimAudioDuration: (inputs) => {
      const audio = inputs.get('audio', 'AUDIO');
      const start = Math.trunc(inputs.number('start_index') * audio.sampleRate);
      const length = Math.trunc(inputs.number('duration') * audio.sampleRate);
      const trimmed = mapClips(audio, (channel) => {
        const from = start < 0 ? Math.max(0, channel.length + start) : start;
        return channel.slice(from, from + length);
      });
      return [trimmed];
    },
    AudioConcat: (inputs) => {
      const [first, second] = [inputs.get('audio1', 'AUDIO'), inputs.get('audio2', 'AUDIO')];
      const isAfter = inputs.text('direction') === 'after';
      return [
        pairClips(first, second, (a, b) => {
          const joined = new Float32Array(a.length + b.length);
          joined.set(isAfter ? a : b, 0);
          joined.set(isAfter ? b : a, isAfter ? a.length : b.length);
          return joined;
        }),
      ];
    },
    AudioMerge: (inputs) => {
      const merge = MERGES[inputs.text('merge_method')] ?? MERGES['add']!;
      return [
        pairClips(inputs.get('audio1', 'AUDIO'), inputs.get('audio2', 'AUDIO'), (a, b) =>
          a.map((value, i) => Math.min(1, Math.max(-1, merge(value, b[i] ?? 0)))),
        ),
      ];
    },
    AudioAdjustVolume: (inputs) => {
      const gain = 10 ** (inputs.number('volume') / 20);
      return [mapClips(inputs.get('audio', 'AUDIO'), (channel) => channel.map((value) => value * gain))];
    },
    SplitAudioChannels: (inputs) => {
      const audio = inputs.get('audio', 'AUDIO');
      return [0, 1].map((side) => ({ ...audio, clips: audio.clips.map((clip) => [clip[side] ?? clip[0]!]) }));
    },
    EmptyLatentAudio: emptyLatentAudio,
    EmptyAceStepLatentAudio: emptyLatentAudio,
    VAEDecodeAudio: async (inputs) => [await decodeSound(inputs.get('samples', 'LATENT'))],
    ConditioningStableAudio: (inputs) => {
      const note = `${inputs.number('seconds_start')}-${inputs.number('seconds_total')} s`;
      return (['positive', 'negative'] as const).map((name) => withNote(inputs.get(name, 'CONDITIONING'), note));
    },
    TextEncodeAceStepAudio: (inputs) => [
      conditioning([
        promptEntry([inputs.text('tags'), inputs.text('lyrics')], {
          notes: [`lyrics_strength=${inputs.number('lyrics_strength')}`],
        }),
      ]),
    ],
  },
};

async function saveFlac(
  audio: AudioValue,
  context: NodeContext,
  setup: NodeSetup,
  type: 'output' | 'temp',
  prefix: string,
): Promise<NodeResult> {
  const names = await saveNames({ baseFolder: context.folders[type], prefix, now: setup.now() });
  const tags = [...embeddedTexts(context.prompt, context.extraPngInfo), ...(audio.isRehearsed ? [MARK] : [])];
  const files: JsonValue[] = [];
  for (const [index, clip] of audio.clips.entries()) {
    const filename = await names.claim(index, 'flac');
    const flac = await encodeFlac(clip, { sampleRate: audio.sampleRate, tags });
    await writeFile(join(names.folder, filename), flac);
    files.push({ filename, subfolder: names.subfolder, type });
  }
  return { outputs: [], ui: { audio: files } };
}
