import type { Guide } from '../rehearsal/sample.js';
import { conditioning, guideOf, mapEntries, promptEntry } from './conditioning-values.js';
import type { Inputs } from './inputs.js';
import type { NodeFamily, Run } from './library.js';
import type { ClipValue, ConditioningValue } from './values.js';

/** Text encoders. A rehearsal keeps the texts themselves. */
const interfaces = `
= nodes v1 conditioning
CLIPTextEncode  text:PROMPT clip:CLIP -> CONDITIONING
CLIPSetLastLayer  clip:CLIP stop_at_clip_layer:INT=-1[-24..-1/1] -> CLIP
= clip_sdxl v3 advanced/conditioning
CLIPTextEncodeSDXL
  clip:CLIP width,height:INT=1024[0..16384] crop_w,crop_h:INT=0[0..16384]
  target_width,target_height:INT=1024[0..16384] text_g,text_l:PROMPT -> CONDITIONING
CLIPTextEncodeSDXLRefiner
  ascore:FLOAT=6[0..1000/0.01] width,height:INT=1024[0..16384] text:PROMPT clip:CLIP -> CONDITIONING
= sd3 v3 advanced/conditioning
CLIPTextEncodeSD3  clip:CLIP clip_l,clip_g,t5xxl:PROMPT empty_padding:(none|empty_prompt) -> CONDITIONING
= flux v3 advanced/conditioning/flux
CLIPTextEncodeFlux  clip:CLIP clip_l,t5xxl:PROMPT guidance:FLOAT=3.5[0..100/0.1] -> CONDITIONING
= hunyuan v1>v3 advanced/conditioning
CLIPTextEncodeHunyuanDiT  clip:CLIP bert,mt5xl:PROMPT -> CONDITIONING
TextEncodeHunyuanVideo_ImageToVideo
  clip:CLIP clip_vision_output:CLIP_VISION_OUTPUT prompt:PROMPT image_interleave:INT=2[1..512] -> CONDITIONING
= pixart v3 advanced/conditioning
CLIPTextEncodePixArtAlpha  width,height:INT=1024[0..16384] text:PROMPT clip:CLIP -> CONDITIONING
= lumina2 v3 conditioning
CLIPTextEncodeLumina2  system_prompt:(superior|alignment) user_prompt:PROMPT clip:CLIP -> CONDITIONING
= hidream v3 advanced/conditioning
CLIPTextEncodeHiDream  clip:CLIP clip_l,clip_g,t5xxl,llama:PROMPT -> CONDITIONING
= kandinsky5 v3 advanced/conditioning/kandinsky5
CLIPTextEncodeKandinsky5 @0.8  clip:CLIP clip_l,qwen25_7b:PROMPT -> CONDITIONING
= cond v3 _for_testing/conditioning
CLIPTextEncodeControlnet  clip:CLIP conditioning:CONDITIONING text:PROMPT -> CONDITIONING
T5TokenizerOptions  clip:CLIP min_padding,min_length:INT=0[0..10000/1] -> CLIP
= qwen v3 advanced/conditioning
TextEncodeQwenImageEdit  clip:CLIP prompt:PROMPT vae?:VAE image?:IMAGE -> CONDITIONING
TextEncodeQwenImageEditPlus  clip:CLIP prompt:PROMPT vae?:VAE image1,image2,image3?:IMAGE -> CONDITIONING
= photomaker v3 _for_testing/photomaker
PhotoMakerEncode  photomaker:PHOTOMAKER image:IMAGE clip:CLIP text:PROMPT="photograph of photomaker" -> CONDITIONING
= attention_multiply v3 _for_testing/attention_experiments
CLIPAttentionMultiply  clip:CLIP q,k,v,out:GAIN -> CLIP
`;

/** Weight of pictures that an edit model is shown: they stay recognisable. */
const EDIT_WEIGHT = 1.1;

/** An encoder that reads these texts. Everything else it was told becomes a note. */
function encodes(...texts: readonly string[]): Run {
  return (inputs) => {
    const others = inputs.names().filter((name) => !texts.includes(name) && name !== 'clip');
    const notes = [...clipNotes(inputs.get('clip', 'CLIP')), ...literalNotes(inputs, others)];
    return [
      encoded(
        texts.map((name) => inputs.text(name)),
        notes,
      ),
    ];
  };
}

function encoded(texts: readonly string[], notes: readonly string[], guides: readonly Guide[] = []): ConditioningValue {
  return conditioning([promptEntry(texts, { notes, guides })]);
}

/** What the text encoder was set to, as far as it changes nuances: the file names of its parts do not. */
function clipNotes(clip: ClipValue): string[] {
  return [...clip.notes, ...clip.loras.map((lora) => `${lora.name} ${lora.strength}`)];
}

/** `name=value` for each plain value among the inputs. */
export function literalNotes(inputs: Inputs, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = inputs.any(name);
    return typeof value === 'object' || value === undefined ? [] : [`${name}=${String(value)}`];
  });
}

/** A text with the pictures that it speaks of. */
function encodesWithImages(...images: readonly string[]): Run {
  return (inputs) => {
    const shown = images.flatMap((name) => inputs.maybe(name, 'IMAGE') ?? []);
    const guides = shown.map((image) => guideOf(image, 'look', EDIT_WEIGHT / shown.length));
    return [encoded([inputs.text('prompt')], clipNotes(inputs.get('clip', 'CLIP')), guides)];
  };
}

const notesOnClip =
  (label: string): Run =>
  (inputs) => {
    const clip = inputs.get('clip', 'CLIP');
    const note = `${label} ${literalNotes(inputs, inputs.names()).join(' ')}`;
    return [{ ...clip, notes: [...clip.notes, note] }];
  };

export const encoderFamily: NodeFamily = {
  interfaces,
  behaviours: {
    CLIPTextEncode: encodes('text'),
    CLIPSetLastLayer: notesOnClip('layer'),
    CLIPTextEncodeSDXL: encodes('text_g', 'text_l'),
    CLIPTextEncodeSDXLRefiner: encodes('text'),
    CLIPTextEncodeSD3: encodes('clip_l', 'clip_g', 't5xxl'),
    CLIPTextEncodeFlux: encodes('clip_l', 't5xxl'),
    CLIPTextEncodeHunyuanDiT: encodes('bert', 'mt5xl'),
    CLIPTextEncodePixArtAlpha: encodes('text'),
    CLIPTextEncodeLumina2: encodes('user_prompt'),
    CLIPTextEncodeHiDream: encodes('clip_l', 'clip_g', 't5xxl', 'llama'),
    CLIPTextEncodeKandinsky5: encodes('clip_l', 'qwen25_7b'),
    CLIPTextEncodeControlnet: (inputs) => [
      mapEntries(inputs.get('conditioning', 'CONDITIONING'), (entry) => ({
        notes: [...entry.notes, `controlnet text: ${inputs.text('text')}`],
      })),
    ],
    T5TokenizerOptions: notesOnClip('t5'),
    TextEncodeQwenImageEdit: encodesWithImages('image'),
    TextEncodeQwenImageEditPlus: encodesWithImages('image1', 'image2', 'image3'),
    TextEncodeHunyuanVideo_ImageToVideo: (inputs) => [
      encoded([inputs.text('prompt')], clipNotes(inputs.get('clip', 'CLIP')), [
        guideOf(inputs.get('clip_vision_output', 'CLIP_VISION_OUTPUT').image, 'look', 0.6),
      ]),
    ],
    PhotoMakerEncode: (inputs) => [
      encoded([inputs.text('text')], clipNotes(inputs.get('clip', 'CLIP')), [
        guideOf(inputs.get('image', 'IMAGE'), 'look', 0.6),
      ]),
    ],
    CLIPAttentionMultiply: notesOnClip('attention'),
  },
};
