import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comf, exif, iTXt, jpeg, png, pngChunk, tEXt, webp, zTXt } from '../../test/helpers/pictures.js';
import { EaselError } from '../core/errors.js';
import { loadWorkflow, readEmbeddedWorkflow, sniffWorkflowFile } from './embedded-metadata.js';

const SEED = 18446744073709551615n;
const PROMPT = `{"3": {"inputs": {"seed": ${SEED}, "text": "sch\\u00f6n"}, "class_type": "K", "is_changed": [NaN]}}`;
const WORKFLOW = '{"nodes": [{"id": 3, "type": "K", "widgets_values": [18446744073709551615]}], "links": []}';
const graph = { '3': { class_type: 'K', inputs: { seed: SEED, text: 'schön' } } };
const workflow = { nodes: [{ id: 3, type: 'K', widgets_values: [SEED] }], links: [] };
const both = { format: 'api', graph, workflow };

const ascii = { 272: `prompt:${PROMPT}`, 271: `workflow:${WORKFLOW}` };
const comment = (charset: string, body: Buffer) =>
  Buffer.concat([Buffer.from(charset.padEnd(8, '\0'), 'latin1'), body]);
const wrapped = `{"prompt": ${PROMPT}, "workflow": ${WORKFLOW}}`;

const files: [string, Buffer][] = [
  ['PNG, tEXt', png(tEXt('prompt', PROMPT), tEXt('workflow', WORKFLOW))],
  ['PNG, zTXt', png(zTXt('prompt', PROMPT), zTXt('workflow', WORKFLOW))],
  ['PNG, iTXt', png(iTXt('prompt', PROMPT), iTXt('workflow', WORKFLOW, true))],
  [
    'animated PNG, comf after the image data',
    png(pngChunk('IDAT', Buffer.alloc(9)), comf('prompt', PROMPT), comf('workflow', WORKFLOW)),
  ],
  ['WebP, ASCII tags', webp(exif({ ascii }))],
  ['WebP, ASCII tags, big endian', webp(exif({ ascii, bigEndian: true }))],
  ['WebP with the header of JPEG', webp(Buffer.concat([Buffer.from('Exif\0\0'), exif({ ascii })]))],
  ['WebP, UserComment in ASCII', webp(exif({ userComment: comment('ASCII', Buffer.from(wrapped)) }))],
  ['WebP, UserComment without character set', webp(exif({ userComment: Buffer.from(wrapped) }))],
  [
    'JPEG, UserComment in UTF-16',
    jpeg([
      [
        0xe1,
        Buffer.concat([
          Buffer.from('Exif\0\0'),
          exif({ userComment: comment('UNICODE', Buffer.from(wrapped, 'utf16le')) }),
        ]),
      ],
    ]),
  ],
  [
    'JPEG, UserComment in UTF-16, big endian',
    jpeg([
      [
        0xe1,
        Buffer.concat([
          Buffer.from('Exif\0\0'),
          exif({ bigEndian: true, userComment: comment('UNICODE', Buffer.from(wrapped, 'utf16le').swap16()) }),
        ]),
      ],
    ]),
  ],
  [
    'JPEG, comment',
    jpeg([
      [0xe0, Buffer.from('JFIF\0')],
      [0xfe, Buffer.from(wrapped)],
    ]),
  ],
  ['JSON', Buffer.from(wrapped)],
];

describe('a graph and a workflow', () => {
  it.each(files)('are read from %s', (_, bytes) => {
    expect(loadWorkflow(bytes)).toEqual(both);
  });

  it.each([
    ['the graph alone', png(tEXt('prompt', PROMPT)), { format: 'api', graph }],
    ['the workflow alone', png(tEXt('workflow', WORKFLOW)), { format: 'ui', workflow }],
    ['a graph inside a JSON string', png(tEXt('prompt', JSON.stringify(PROMPT))), { format: 'api', graph }],
    [
      'the last of two',
      png(tEXt('prompt', '{"1": {"class_type": "Old", "inputs": {}}}'), tEXt('prompt', PROMPT)),
      { format: 'api', graph },
    ],
    [
      'the workflow where the graph is malformed',
      png(tEXt('prompt', '{"3": {"class_type": "K"}}'), tEXt('workflow', WORKFLOW)),
      { format: 'ui', workflow },
    ],
    [
      'the workflow where the graph is cut off',
      png(tEXt('prompt', PROMPT.slice(0, 30)), tEXt('workflow', WORKFLOW)),
      { format: 'ui', workflow },
    ],
    [
      'UTF-8 in a Latin-1 chunk',
      png(pngChunk('tEXt', Buffer.from(`prompt\0${PROMPT.replace('\\u00f6', 'ö')}`))),
      { format: 'api', graph },
    ],
  ])('%s', (_, bytes, expected) => {
    expect(readEmbeddedWorkflow(bytes)).toEqual(expected);
  });
});

describe('a file without one', () => {
  it.each([
    ['a bare picture', png(), 'picture without an embedded'],
    ['a picture with other texts', png(tEXt('parameters', 'a cat, Steps: 20')), 'picture without an embedded'],
    ['a damaged prompt', png(tEXt('prompt', '{"3": ')), 'its prompt is not valid JSON'],
    ['an empty file', Buffer.alloc(0), 'is empty'],
    ['binary data', Buffer.from([0, 1, 2, 0xff, 0xfe]), 'neither text nor'],
  ])('%s', (_, bytes, message) => {
    try {
      loadWorkflow(bytes, { sourceName: 'x' });
      expect.fail('it was accepted');
    } catch (error) {
      expect(error).toMatchObject({ code: 'file_not_a_workflow' });
      expect((error as Error).message).toContain(message);
    }
  });

  it('is told apart from a malformed graph', () => {
    const bytes = png(tEXt('prompt', '{"3": {"class_type": "K"}}'));
    expect(() => readEmbeddedWorkflow(bytes)).toThrow(expect.objectContaining({ code: 'graph_invalid' }));
  });
});

describe('hostile files', () => {
  /** Nothing but a result or our own error, in reasonable time. */
  function survives(bytes: Buffer): void {
    try {
      loadWorkflow(bytes, { maxMetadataBytes: 1_000_000 });
    } catch (error) {
      expect(error).toBeInstanceOf(EaselError);
      expect(['file_not_a_workflow', 'graph_invalid']).toContain((error as EaselError).code);
    }
  }

  it.each(files)('%s survives being cut off anywhere', (_, bytes) => {
    for (let length = 0; length < bytes.length; length++) survives(bytes.subarray(0, length));
  });

  it.each(files)('%s survives random changes', (_, bytes) => {
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, value] of changes) damaged[at] = value;
        survives(damaged);
      }),
      { numRuns: 200 },
    );
  });

  it('do not unpack without bound', () => {
    const bomb = deflateSync(Buffer.alloc(20_000_000, 0x20));
    const chunk = pngChunk('zTXt', Buffer.concat([Buffer.from('prompt\0\0'), bomb]));
    const bytes = png(...Array.from({ length: 200 }, () => chunk), tEXt('workflow', WORKFLOW));
    const start = performance.now();
    expect(readEmbeddedWorkflow(bytes, { maxMetadataBytes: 1_000_000 })).toEqual({ format: 'ui', workflow });
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('do not read the same bytes a thousand times', () => {
    const block = exif({
      ascii: Object.fromEntries(Array.from({ length: 900 }, (_, index) => [index + 1, 'x'.repeat(8)])),
    });
    const padded = Buffer.concat([block, Buffer.alloc(3_000_000, 0x7b)]);
    // Every entry claims all of the block.
    for (let index = 0; index < 900; index++) {
      padded.writeUInt32LE(padded.length - 8, 10 + index * 12 + 4);
      padded.writeUInt32LE(8, 10 + index * 12 + 8);
    }
    const start = performance.now();
    survives(webp(padded, padded, padded));
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

it('tells kinds of files by their signature', () => {
  expect(files.map(([, bytes]) => sniffWorkflowFile(bytes))).toEqual([
    ...['png', 'png', 'png', 'png'],
    ...['webp', 'webp', 'webp', 'webp', 'webp'],
    ...['jpeg', 'jpeg', 'jpeg', 'json'],
  ]);
});
