import type { Environment, TextOutput } from '../io.js';

/**
 * Pictures in terminals that can show them: the graphics protocols of Kitty (also Ghostty) and of iTerm2 (also WezTerm).
 * The terminal is never asked, since an answer could arrive as typed text; its environment says what it is.
 */
export type PictureProtocol = 'kitty' | 'iterm2';

export function pictureProtocol(output: TextOutput, environment: Environment): PictureProtocol | null {
  // A multiplexer between us and the terminal swallows or garbles the escapes.
  if (output.isTTY !== true || environment['TMUX'] || /^(screen|tmux|dumb)/.test(environment['TERM'] ?? ''))
    return null;
  const program = environment['TERM_PROGRAM'] ?? '';
  if (environment['KITTY_WINDOW_ID'] || environment['TERM'] === 'xterm-kitty') return 'kitty';
  if (program === 'ghostty' || environment['TERM'] === 'xterm-ghostty') return 'kitty';
  if (program === 'iTerm.app' || environment['LC_TERMINAL'] === 'iTerm2' || program === 'WezTerm') return 'iterm2';
  return null;
}

/** Kitty takes PNG only; previews of ComfyUI are mostly JPEG. */
export async function readyForTerminal(bytes: Buffer, contentType: string, maxPixels: number): Promise<Buffer | null> {
  try {
    const { default: sharp } = await import('sharp');
    const picture = sharp(bytes, { limitInputPixels: 16_384 * 16_384 });
    if (contentType === 'image/png' && bytes.length < 200_000) return bytes;
    return await picture.resize(maxPixels, maxPixels, { fit: 'inside', withoutEnlargement: true }).png().toBuffer();
  } catch {
    // A preview is a courtesy: one that cannot be read is left out.
    return null;
  }
}

const ESC = '\u001b';
const KITTY_CHUNK = 4_096;
/** One image that each preview replaces. */
const KITTY_IMAGE_ID = 4_217;

/** Draws a PNG at the cursor, `rows` high. With `stay` the cursor does not move. */
export function drawPicture(protocol: PictureProtocol, png: Buffer, rows: number, stay: boolean): string {
  const base64 = png.toString('base64');
  if (protocol === 'iterm2') {
    const options = `inline=1;size=${png.length};height=${rows};preserveAspectRatio=1${stay ? ';doNotMoveCursor=1' : ''}`;
    return `${ESC}]1337;File=${options}:${base64}\u0007`;
  }
  const chunks = base64.match(new RegExp(`.{1,${KITTY_CHUNK}}`, 'g')) ?? [];
  const options = `a=T,f=100,i=${KITTY_IMAGE_ID},p=1,q=2,r=${rows}${stay ? ',C=1' : ''}`;
  return chunks
    .map((chunk, index) => {
      const more = index < chunks.length - 1 ? 1 : 0;
      return `${ESC}_G${index === 0 ? `${options},` : ''}m=${more};${chunk}${ESC}\\`;
    })
    .join('');
}

/** Text escapes erase an iTerm2 picture; Kitty's lie above the text. */
export function erasePicture(protocol: PictureProtocol): string {
  return protocol === 'kitty' ? `${ESC}_Ga=d,d=I,i=${KITTY_IMAGE_ID},q=2${ESC}\\` : '';
}
