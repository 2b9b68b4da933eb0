import { describe, expect, it } from 'vitest';
import { drawPicture, erasePicture, pictureProtocol, readyForTerminal } from './pictures.js';
import { COLOURED, columnsOf, fitTo, PLAIN, printable, styleFor } from './style.js';
import { formatBytes, formatDuration, plural } from './words.js';

const terminal = { isTTY: true, write: () => true };
const pipe = { write: () => true };

describe('styleFor', () => {
  it.each([
    ['a terminal', terminal, {}, true, COLOURED],
    ['a pipe', pipe, {}, true, PLAIN],
    ['NO_COLOR', terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }, true, PLAIN],
    ['an empty NO_COLOR', terminal, { NO_COLOR: '' }, true, COLOURED],
    ['--no-color', terminal, {}, false, PLAIN],
    ['FORCE_COLOR on a pipe', pipe, { FORCE_COLOR: '1' }, true, COLOURED],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, true, PLAIN],
  ])('%s', (_name, output, environment, colour, expected) => {
    expect(styleFor(output, environment, colour)).toBe(expected);
  });
});

describe('text of unknown origin', () => {
  it('cannot move the cursor', () => {
    expect(printable('a\u001b[2Jb\u0007\nc')).toBe('a[2Jb c');
  });

  it('is measured in columns', () => {
    expect(columnsOf('灯台')).toBe(4);
    expect(columnsOf('e\u0301')).toBe(1);
    expect(fitTo('灯台の絵', 5)).toBe('灯台…');
    expect(fitTo('KSampler', 8)).toBe('KSampler');
    expect(fitTo('KSampler', 0)).toBe('');
  });
});

describe('pictureProtocol', () => {
  it.each([
    [{ KITTY_WINDOW_ID: '1', TERM: 'xterm-kitty' }, 'kitty'],
    [{ TERM_PROGRAM: 'ghostty' }, 'kitty'],
    [{ TERM_PROGRAM: 'iTerm.app' }, 'iterm2'],
    [{ LC_TERMINAL: 'iTerm2', TERM: 'xterm-256color' }, 'iterm2'],
    [{ TERM_PROGRAM: 'WezTerm' }, 'iterm2'],
    [{ TERM: 'xterm-256color' }, null],
    [{ KITTY_WINDOW_ID: '1', TMUX: '/tmp/tmux' }, null],
    [{ TERM_PROGRAM: 'iTerm.app', TERM: 'screen-256color' }, null],
  ])('%j is %j', (environment, expected) => {
    expect(pictureProtocol(terminal, environment)).toBe(expected);
    expect(pictureProtocol(pipe, environment)).toBeNull();
  });
});

describe('pictures', () => {
  const pixel = async (format: 'png' | 'jpeg') => {
    const { default: sharp } = await import('sharp');
    return sharp({ create: { width: 8, height: 8, channels: 3, background: '#c00' } })
      .toFormat(format)
      .toBuffer();
  };

  it('become PNG, whatever the backend sent', async () => {
    const png = await readyForTerminal(await pixel('jpeg'), 'image/jpeg', 512);
    expect(png?.subarray(1, 4).toString()).toBe('PNG');
    expect(await readyForTerminal(Buffer.from('no picture'), 'image/jpeg', 512)).toBeNull();
  });

  it('go to Kitty in chunks of at most 4096, all but the last announcing more', () => {
    const text = drawPicture('kitty', Buffer.alloc(9_000, 1), 10, true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences
    const chunks = [...text.matchAll(/\u001b_G([^;]*);([^\u001b]*)\u001b\\/g)];
    expect(chunks.map((chunk) => /m=(\d)/.exec(chunk[1]!)?.[1])).toEqual(['1', '1', '0']);
    expect(chunks.every((chunk) => chunk[2]!.length <= 4_096)).toBe(true);
    expect(Buffer.from(chunks.map((chunk) => chunk[2]).join(''), 'base64')).toEqual(Buffer.alloc(9_000, 1));
    expect(chunks[0]![1]).toContain('C=1');
    expect(erasePicture('kitty')).toContain('a=d');
  });

  it('go to iTerm2 in one piece', () => {
    expect(drawPicture('iterm2', Buffer.from('x'), 7, false)).toBe(
      '\u001b]1337;File=inline=1;size=1;height=7;preserveAspectRatio=1:eA==\u0007',
    );
    expect(erasePicture('iterm2')).toBe('');
  });
});

describe('words', () => {
  it.each([
    [0, '0.0 s'],
    [420, '0.4 s'],
    [59_940, '59.9 s'],
    [59_990, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [3_725_000, '1 h 02 min'],
  ])('%d ms is %s', (ms, expected) => expect(formatDuration(ms)).toBe(expected));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [999_600, '1.0 MB'],
    [412_345, '412 kB'],
    [5_000_000_000, '5.0 GB'],
  ])('%d bytes is %s', (bytes, expected) => expect(formatBytes(bytes)).toBe(expected));

  it('count', () => {
    expect(plural(1, 'node')).toBe('1 node');
    expect(plural(2, 'node class', 'node classes')).toBe('2 node classes');
  });
});
