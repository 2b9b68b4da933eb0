/**
 * What a rehearsal understands of a prompt: a few hundred everyday words, found by their beginnings. Earlier words and
 * words with a higher weight, as in `(sunset:1.3)`, count more. Everything else only stirs the chance.
 */
export type Setting = 'abstract' | 'mountains' | 'sea' | 'forest' | 'city' | 'desert' | 'meadow' | 'space' | 'studio';
export type Subject =
  | 'person'
  | 'cat'
  | 'fox'
  | 'bird'
  | 'flower'
  | 'bottle'
  | 'boat'
  | 'house'
  | 'castle'
  | 'lighthouse'
  | 'planet'
  | 'tree';
export type DayTime = 'day' | 'dawn' | 'sunset' | 'evening' | 'night';
export type Weather = 'clear' | 'mist' | 'snow' | 'storm' | 'rain';

export interface Impression {
  readonly settings: readonly Setting[];
  readonly subjects: readonly Subject[];
  readonly time: DayTime | null;
  readonly weather: Weather | null;
  readonly season: 'spring' | 'autumn' | 'winter' | null;
  /** Hues in degrees, in order of mention. */
  readonly hues: readonly number[];
  /** -1 wants grey and quiet, +1 loud and bright. */
  readonly vividness: number;
  /** -1 dark, +1 bright. */
  readonly lightness: number;
  readonly neon: boolean;
  /** Ears on top of a person: fennec girls and the like. */
  readonly ears: boolean;
  /** Normalised words, for chance. */
  readonly words: readonly string[];
}

type Words = ReadonlySet<string>;

function list(words: string): Words {
  return new Set(words.split(' '));
}

const SETTINGS: Readonly<Record<Setting, Words>> = {
  abstract: list('abstract pattern texture fractal shapes geometric marble fluid swirl psychedelic gradient'),
  mountains: list('mountain alps alpine peak summit cliff canyon yosemite hills valley landscape scenery rocky'),
  sea: list(
    'sea ocean beach coast lake river water island harbor harbour underwater wave lagoon pier swimming boats shore seashore surf tide',
  ),
  forest: list('forest wood woods jungle pine trees rainforest grove swamp treehouse nature'),
  city: list('city cityscape street urban skyline skyscraper tokyo cyberpunk town downtown building alley york modern'),
  desert: list('desert dune sahara sand egypt pyramid mars'),
  meadow: list('meadow field grass prairie farm garden park countryside outdoors outdoor wilderness'),
  space: list('space galaxy galactic nebula cosmos cosmic stars starry universe astronaut orbit spaceship'),
  studio: list(
    'studio portrait closeup close-up headshot indoors indoor interior room kitchen cafe bedroom background',
  ),
};

const SUBJECTS: Readonly<Record<Subject, Words>> = {
  person: list(
    'person woman girl man boy lady guy portrait face people character child knight princess wizard witch dancer anime maid samurai astronaut model elf 1girl 1boy queen king soldier warrior human',
  ),
  cat: list('cat kitten kitty feline catgirl panther lynx'),
  fox: list('fox fennec wolf dog puppy husky corgi coyote animal squirrel'),
  bird: list('bird birds gull gulls eagle owl swan crow raven seagull flock parrot phoenix crane'),
  flower: list('flower flowers rose roses tulip sunflower lotus blossom daisy lily orchid bouquet poppy petals sakura'),
  bottle: list('bottle potion flask vase jar perfume'),
  boat: list('boat ship sailboat yacht sailing canoe vessel pirate'),
  house: list('house cottage cabin hut home barn village treehouse mill'),
  lighthouse: list('lighthouse beacon'),
  castle: list('castle palace fortress tower temple cathedral church ruins'),
  planet: list('planet saturn jupiter moon earth world'),
  tree: list('tree oak willow baobab bonsai'),
};

const TIMES: Readonly<Record<DayTime, Words>> = {
  night: list('night midnight nocturnal moonlight moonlit starry dark aurora'),
  sunset: list('sunset dusk golden twilight sundown'),
  dawn: list('dawn sunrise morning'),
  evening: list('evening candlelight lantern'),
  day: list('day daylight noon sunny midday afternoon summer bright'),
};

const WEATHERS: Readonly<Record<Weather, Words>> = {
  mist: list('mist misty fog foggy haze hazy ethereal dreamy smoke'),
  snow: list('snow snowy winter ice icy frozen frost arctic blizzard freezing'),
  storm: list('storm stormy thunder lightning hurricane dramatic tempest'),
  rain: list('rain rainy wet drizzle'),
  clear: list('clear cloudless'),
};

const SEASONS = {
  spring: list('spring blossom sakura cherry bloom'),
  autumn: list('autumn fall october maple harvest'),
  winter: list('winter snow snowy christmas'),
} as const;

const HUES: Readonly<Record<number, Words>> = {
  25: list('red crimson scarlet ruby blood fire flame lava'),
  50: list('orange amber copper rust pumpkin ginger'),
  88: list('yellow gold golden lemon honey sunflower blonde'),
  140: list('green emerald lime jade olive moss'),
  190: list('teal cyan turquoise aqua'),
  252: list('blue azure navy cobalt sapphire'),
  285: list('indigo'),
  308: list('purple violet lavender amethyst lilac'),
  355: list('pink magenta fuchsia rose sakura'),
  60: list('brown chocolate wooden sepia bronze'),
};

const NEON = list('neon cyberpunk synthwave vaporwave hologram glowing');
const EARS = list('fennec fox cat ears kitsune catgirl');
const LOUD = list('vivid vibrant colorful colourful neon saturated psychedelic rainbow hdr cyberpunk bright pop');
const QUIET = list('muted monochrome grayscale grey gray pale faded minimal minimalist noir pastel vintage');
const BRIGHT = list('bright white light sunny high-key pastel snow airy');
const DARK = list('dark black noir moody gloomy night shadow low-key gothic');

/** Reads a prompt. Never fails: an unknown text gives an empty impression and its words. */
export function readPrompt(text: string): Impression {
  const words = wordsOf(text);
  const hues = ranked(words, HUES as Readonly<Record<string, Words>>).map(Number);
  return {
    settings: ranked(words, SETTINGS),
    subjects: ranked(words, SUBJECTS),
    time: ranked(words, TIMES)[0] ?? null,
    weather: ranked(words, WEATHERS)[0] ?? null,
    season: ranked(words, SEASONS)[0] ?? null,
    hues,
    vividness: has(words, LOUD) - has(words, QUIET),
    lightness: has(words, BRIGHT) - has(words, DARK),
    neon: has(words, NEON) > 0,
    ears: has(words, EARS) > 0,
    words: words.map((word) => word.text),
  };
}

interface WeightedWord {
  readonly text: string;
  readonly weight: number;
}

/** Words in order, without emphasis marks; `(a b:1.3)` gives its words the weight 1.3, bare brackets 1.1. */
function wordsOf(text: string): WeightedWord[] {
  const words: WeightedWord[] = [];
  let depth = 0;
  for (const token of text.toLowerCase().match(/[()]|:\d+(?:\.\d+)?|[\p{L}\p{N}][\p{L}\p{N}'-]*/gu) ?? []) {
    if (token === '(') depth++;
    else if (token === ')') depth = Math.max(0, depth - 1);
    else if (token.startsWith(':')) reweigh(words, Number(token.slice(1)));
    else words.push({ text: token, weight: depth > 0 ? 1.1 : 1 });
  }
  return words;
}

/** Gives a weight to the run of bracketed words that ends here. */
function reweigh(words: WeightedWord[], weight: number): void {
  for (let i = words.length - 1; i >= 0 && words[i]!.weight === 1.1; i--) {
    words[i] = { text: words[i]!.text, weight: clampWeight(weight) };
  }
}

function clampWeight(weight: number): number {
  // 1.1 marks a bracketed word that has no number yet.
  return weight === 1.1 ? 1.101 : Math.min(Math.max(weight, 0), 2);
}

function matches(word: string, known: Words): boolean {
  return known.has(word) || known.has(word.replace(/s$/, '')) || known.has(word.replace(/es$/, ''));
}

function has(words: readonly WeightedWord[], known: Words): number {
  return words.some((word) => matches(word.text, known)) ? 1 : 0;
}

/** Keys whose words occur, best first: weight, less what it loses by coming late. */
function ranked<K extends string>(words: readonly WeightedWord[], lists: Readonly<Record<K, Words>>): K[] {
  const scores: { key: K; score: number }[] = [];
  for (const key of Object.keys(lists) as K[]) {
    let score = 0;
    words.forEach((word, place) => {
      if (matches(word.text, lists[key])) score += (word.weight * 12) / (12 + place);
    });
    if (score > 0) scores.push({ key, score });
  }
  return scores.sort((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1)).map((entry) => entry.key);
}
