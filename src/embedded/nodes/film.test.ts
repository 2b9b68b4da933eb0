import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileTypeFromBuffer } from 'file-type';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, openBench } from '../../../test/helpers/node-bench.js';
import { imageBatch } from './pixels.js';
import type { AudioValue } from './values.js';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench(
    {},
    { prompt: { '1': { class_type: 'X', inputs: {} } }, extraPngInfo: { workflow: { nodes: [] } } },
  );
});
afterAll(() => bench.close());

const film = imageBatch(33, 20, 3, [
  Buffer.alloc(33 * 20 * 3, Buffer.from([200, 20, 20])),
  Buffer.alloc(33 * 20 * 3, Buffer.from([20, 20, 200])),
  Buffer.alloc(33 * 20 * 3, Buffer.from([20, 200, 20])),
]);

async function saved(file: unknown): Promise<Buffer> {
  const { filename, subfolder, type } = file as { filename: string; subfolder: string; type: 'output' | 'temp' };
  return readFile(join(bench.folders[type], subfolder, filename));
}

const count = (bytes: Buffer, part: Buffer) => bytes.toString('latin1').split(part.toString('latin1')).length - 1;

describe('films', () => {
  it('SaveWEBM writes VP8 key frames with the graph in the tags', async () => {
    const { ui } = await bench.run('SaveWEBM', { images: film, filename_prefix: 'f', codec: 'vp9', fps: 12, crf: 20 });
    expect(ui).toEqual({ images: [{ filename: 'f_00001_.webm', subfolder: '', type: 'output' }], animated: [true] });
    const bytes = await saved(ui?.['images']?.[0]);
    expect((await fileTypeFromBuffer(bytes))?.mime).toBe('video/webm');
    expect(bytes.includes('V_VP8')).toBe(true);
    // The start code of a VP8 key frame, and the size that follows it.
    expect(count(bytes, Buffer.from([0x9d, 0x01, 0x2a, 33, 0, 20, 0]))).toBe(3);
    expect(bytes.includes('{"1": {"class_type": "X", "inputs": {}}}')).toBe(true);
  });

  it('SaveVideo writes JPEG frames into MP4, at the place that its table names', async () => {
    const video = await bench.output('CreateVideo', { images: film, fps: 12 });
    const { ui } = await bench.run('SaveVideo', { video, filename_prefix: 'video/f', format: 'auto', codec: 'auto' });
    expect(ui?.['images']).toEqual([{ filename: 'f_00001_.mp4', subfolder: 'video', type: 'output' }]);
    const bytes = await saved(ui?.['images']?.[0]);
    expect((await fileTypeFromBuffer(bytes))?.mime).toBe('video/mp4');
    const table = bytes.indexOf('stco') + 4;
    const offset = bytes.readUInt32BE(table + 8);
    const sizes = bytes.indexOf('stsz') + 4;
    expect(bytes.readUInt32BE(sizes + 8)).toBe(3);
    let at = offset;
    for (let i = 0; i < 3; i++) {
      const size = bytes.readUInt32BE(sizes + 12 + i * 4);
      expect([...bytes.subarray(at, at + 2), ...bytes.subarray(at + size - 2, at + size)]).toEqual([
        0xff, 0xd8, 0xff, 0xd9,
      ]);
      at += size;
    }
    expect(at).toBe(bytes.length);
  });

  it('says that it has no encoder for a codec that was asked for by name', async () => {
    const video = await bench.output('CreateVideo', { images: film, fps: 12 });
    await expect(
      bench.run('SaveVideo', { video, filename_prefix: 'f', format: 'mp4', codec: 'h264' }),
    ).rejects.toMatchObject({ exceptionType: 'ValueError' });
  });
});

describe('sound', () => {
  const tone = (values: readonly number[], sampleRate = 10): AudioValue => ({
    type: 'AUDIO',
    sampleRate,
    clips: [[Float32Array.from(values)]],
    isRehearsed: false,
  });
  const samples = (audio: unknown) =>
    Array.from((audio as AudioValue).clips[0]![0]!, (value) => Math.round(value * 100) / 100);

  it('cuts, joins, merges and changes loudness', async () => {
    const [a, b] = [tone([0.1, 0.2, 0.3, 0.4]), tone([0.5, 0.5])];
    expect(samples(await bench.output('TrimAudioDuration', { audio: a, start_index: 0.1, duration: 0.2 }))).toEqual([
      0.2, 0.3,
    ]);
    expect(samples(await bench.output('TrimAudioDuration', { audio: a, start_index: -0.1, duration: 9 }))).toEqual([
      0.4,
    ]);
    expect(samples(await bench.output('AudioConcat', { audio1: a, audio2: b, direction: 'before' }))).toEqual([
      0.5, 0.5, 0.1, 0.2, 0.3, 0.4,
    ]);
    expect(samples(await bench.output('AudioMerge', { audio1: a, audio2: b, merge_method: 'add' }))).toEqual([
      0.6, 0.7, 0.3, 0.4,
    ]);
    expect(samples(await bench.output('AudioAdjustVolume', { audio: tone([0.5]), volume: -20 }))).toEqual([0.05]);
    const empty = (await bench.output('EmptyAudio', { duration: 0.5, sample_rate: 10, channels: 2 })) as AudioValue;
    expect([empty.clips[0]!.length, empty.clips[0]![0]!.length]).toEqual([2, 5]);
  });

  it('writes FLAC that holds the samples', async () => {
    const { ui } = await bench.run('SaveAudio', { audio: tone([0, 0, 0, 0], 44_100), filename_prefix: 'audio/s' });
    expect(ui).toEqual({ audio: [{ filename: 's_00001_.flac', subfolder: 'audio', type: 'output' }] });
    const bytes = await saved(ui?.['audio']?.[0]);
    expect((await fileTypeFromBuffer(bytes))?.mime).toBe('audio/flac');
    expect(bytes.includes('prompt={"1"')).toBe(true);
    expect(bytes.includes('EASEL REHEARSAL')).toBe(false);
    // Rate, channels, bits and number of samples, as the stream's head packs them.
    const head = bytes.readBigUInt64BE(8 + 10);
    expect([head >> 44n, (head >> 41n) & 7n, (head >> 36n) & 31n, head & 0xfffffffffn]).toEqual([44_100n, 0n, 15n, 4n]);
  });

  it('rehearses a sound model: the same melody for the same inputs, marked in the file', async () => {
    const play = async (seed: bigint) => {
      const { outputs } = await bench.run('CheckpointLoaderSimple', { ckpt_name: 'sound.safetensors' });
      const [model, clip, vae] = outputs;
      const positive = await bench.output('CLIPTextEncode', { text: 'calm piano', clip });
      const latent_image = await bench.output('EmptyLatentAudio', { seconds: 2, batch_size: 1 });
      const settings = { seed, steps: 2, cfg: 5, sampler_name: 'euler', scheduler: 'simple', denoise: 1 };
      const samples = await bench.output('KSampler', {
        model,
        positive,
        negative: positive,
        latent_image,
        ...settings,
      });
      return (await bench.output('VAEDecodeAudio', { samples, vae })) as AudioValue;
    };
    const [first, again, other] = [await play(1n), await play(1n), await play(2n)];
    const bytes = (audio: AudioValue) => Buffer.from(audio.clips[0]![0]!.buffer);
    expect(first.clips[0]![0]!.length).toBe(88_200);
    expect(bytes(first).equals(bytes(again))).toBe(true);
    expect(bytes(first).equals(bytes(other))).toBe(false);
    expect(Math.max(...first.clips[0]![0]!)).toBeGreaterThan(0.05);
    const { ui } = await bench.run('PreviewAudio', { audio: first });
    expect(ui?.['audio']?.[0]).toMatchObject({ filename: 'ComfyUI_temp_abcde_00001_.flac', type: 'temp' });
    expect((await saved(ui?.['audio']?.[0])).includes('EASEL REHEARSAL')).toBe(true);
  });
});
