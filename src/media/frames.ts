import { spawn } from 'node:child_process';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';

const FRAME_MS = 60_000;
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/** Which demuxer ffmpeg must use, by type. It would otherwise guess, and playlists that name other files are a guess away. */
const DEMUXERS: readonly (readonly [RegExp, string])[] = [
  [/^video\/(mp4|quicktime|x-m4v|3gpp2?)/, 'mov'],
  [/^video\/(webm|matroska|x-matroska)/, 'matroska'],
  [/^video\/(vnd\.avi|x-msvideo)/, 'avi'],
  [/^video\/ogg/, 'ogg'],
  [/^video\/(mpeg|mp1s|mp2t)/, 'mpeg'],
];

export interface FrameOptions {
  readonly clock: Clock;
  /** The program. */
  readonly ffmpeg: string;
  readonly frameMs: number;
  /** Of one picture, by and large. The decoder needs memory for several at once. */
  readonly maxPixels: number;
}

/**
 * One frame of a video in a local file, as PNG. ffmpeg may read that file and nothing else: no network, no other file.
 * Throws `media_tool_missing`, `media_invalid`, `media_too_complex`, `media_underivable`.
 */
export async function grabFrame(path: string, contentType: string, options: FrameOptions): Promise<Buffer> {
  const demuxer = DEMUXERS.find(([types]) => types.test(contentType))?.[1];
  if (demuxer === undefined) throw new EaselError('media_underivable', `No frame can be taken of a ${contentType}.`);
  const { stdout, code, said } = await run(options.ffmpeg, options.clock, [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-protocol_whitelist', 'file,pipe', '-threads', '1'],
    // The decoder counts its margins too. What comes out is measured exactly by whoever reads it.
    ...['-max_pixels', String(2 * options.maxPixels)],
    ...['-ss', (options.frameMs / 1000).toFixed(3), '-f', demuxer, '-i', `file:${path}`],
    ...['-an', '-sn', '-dn', '-frames:v', '1', '-f', 'image2pipe', '-c:v', 'png', 'pipe:1'],
  ]);
  if (code === 0 && stdout.length > 0) return stdout;
  if (code === 0)
    throw new EaselError('media_underivable', `The video has no frame at ${options.frameMs} ms.`, {
      hint: 'Choose a time within the length of the video.',
    });
  if (/max pixel count/.test(said))
    throw new EaselError('media_too_complex', 'The video has more pixels than is allowed.');
  throw new EaselError('media_invalid', 'The video cannot be decoded.', { cause: new Error(said) });
}

interface Ended {
  readonly stdout: Buffer;
  readonly code: number | null;
  readonly said: string;
}

function run(program: string, clock: Clock, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let said = '';
    let fault: EaselError | null = null;
    const stop = (error: EaselError) => {
      fault ??= error;
      child.kill('SIGKILL');
    };
    const timer = clock.setTimer(
      () => stop(new EaselError('media_underivable', `Taking the frame took longer than ${FRAME_MS} ms.`)),
      FRAME_MS,
    );
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_FRAME_BYTES) stop(new EaselError('media_too_complex', 'The frame is too large.'));
      else chunks.push(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      timer.cancel();
      const missing = error.code === 'ENOENT' || error.code === 'EACCES';
      reject(
        missing
          ? new EaselError('media_tool_missing', `The program ${program} cannot be run.`, { cause: error })
          : error,
      );
    });
    child.once('close', (code) => {
      timer.cancel();
      if (fault === null) resolve({ stdout: Buffer.concat(chunks), code, said });
      else reject(fault);
    });
  });
}
