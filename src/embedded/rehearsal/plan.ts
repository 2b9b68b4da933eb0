import { choosePalette, type Palette } from './palette.js';
import { Random } from './random.js';
import type { Scene } from './scene.js';
import { type DayTime, type Impression, readPrompt, type Setting, type Subject } from './words.js';

/** What a scene will show, before a size is known. */
export interface Plan {
  readonly impression: Impression;
  readonly setting: Setting;
  /** A second setting that shows through, such as a city before mountains. */
  readonly backdrop: Setting | null;
  readonly subject: Subject | null;
  readonly time: DayTime;
  readonly palette: Palette;
  /** Chance of the composition: the same for every model, so that one seed keeps its layout. */
  readonly random: Random;
  /** Chance of the nuances: model, LoRAs, steps and the like. */
  readonly manner: Random;
  /** 0..1, from cfg: how hard the tones part. */
  readonly contrast: number;
  /** Octaves of fine detail, from the number of steps. */
  readonly detail: number;
}

const FREE_SETTINGS: readonly Setting[] = ['abstract', 'mountains', 'abstract', 'sea', 'abstract'];
const FREE_TIMES: readonly DayTime[] = ['day', 'dawn', 'sunset', 'evening', 'night'];

export function planScene(scene: Scene): Plan {
  const impression = readPrompt(scene.prompt);
  const random = new Random('composition', scene.seed, scene.index);
  const wording = new Random('wording', scene.seed, scene.index, impression.words.join(' '));
  const manner = new Random(
    'manner',
    scene.model,
    scene.negative,
    scene.steps,
    scene.cfg,
    impression.words.join(' '),
    ...scene.loras.flatMap((lora) => [lora.name, lora.strength]),
    ...scene.manner,
  );
  const subject = impression.subjects[0] ?? null;
  const setting = chooseSetting(impression, subject, wording);
  const backdrop = impression.settings.find((other) => other !== setting) ?? null;
  const time = impression.time ?? chooseTime(impression, setting, wording);
  return {
    impression,
    setting,
    backdrop,
    subject,
    time,
    palette: choosePalette(impression, time, wording, manner),
    random,
    manner,
    contrast: Math.min(1, Math.max(0, scene.cfg / 12)),
    detail: Math.min(6, 3 + Math.floor(scene.steps / 8)),
  };
}

function chooseSetting(impression: Impression, subject: Subject | null, random: Random): Setting {
  const chance = random.pick(FREE_SETTINGS);
  const named = impression.settings[0];
  if (named) return named;
  switch (subject) {
    case 'person':
    case 'bottle':
      return 'studio';
    case 'boat':
    case 'lighthouse':
      return 'sea';
    case 'cat':
    case 'fox':
    case 'flower':
    case 'house':
    case 'tree':
      return 'meadow';
    case 'bird':
    case 'castle':
      return 'mountains';
    case 'planet':
      return 'space';
    case null:
      break;
  }
  if (impression.time || impression.weather) return 'mountains';
  return chance;
}

function chooseTime(impression: Impression, setting: Setting, random: Random): DayTime {
  const chance = random.pick(FREE_TIMES);
  if (setting === 'space' || impression.neon) return 'night';
  if (impression.weather === 'snow') return random.chance(0.5) ? 'day' : 'dawn';
  if (impression.weather === 'storm' || impression.lightness < 0) return 'evening';
  if (impression.lightness > 0) return random.chance(0.5) ? 'day' : 'dawn';
  return chance;
}
