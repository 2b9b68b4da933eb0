import type { Guide } from '../rehearsal/sample.js';
import {
  conditioning,
  firstPicture,
  guideOf,
  guidesOf,
  mapEntries,
  promptEntry,
  withGuides,
  withNote,
} from './conditioning-values.js';
import { literalNotes } from './encoders.js';
import type { Inputs } from './inputs.js';
import { encode, withNoiseMask } from './latent-values.js';
import type { NodeFamily, Run } from './library.js';
import type { Area, ConditioningValue } from './values.js';

/** Nodes that combine, restrict and enrich prompts. */
const interfaces = `
= nodes v1 conditioning
ConditioningCombine  conditioning_1,conditioning_2:CONDITIONING -> CONDITIONING
ConditioningConcat  conditioning_to,conditioning_from:CONDITIONING -> CONDITIONING
ConditioningAverage  conditioning_to,conditioning_from:CONDITIONING conditioning_to_strength:UNIT -> CONDITIONING
ConditioningSetArea
  conditioning:CONDITIONING width,height:INT=64[64..16384/8] x,y:PLACE8 strength:GAIN -> CONDITIONING
ConditioningSetAreaPercentage  conditioning:CONDITIONING width,height:UNIT x,y:UNIT=0 strength:GAIN -> CONDITIONING
ConditioningSetAreaStrength  conditioning:CONDITIONING strength:GAIN -> CONDITIONING
ConditioningSetMask
  conditioning:CONDITIONING mask:MASK strength:GAIN set_cond_area:(default|mask bounds) -> CONDITIONING
unCLIPConditioning
  conditioning:CONDITIONING clip_vision_output:CLIP_VISION_OUTPUT strength:FLOAT=1[-10..10/0.01]
  noise_augmentation:UNIT=0 -> CONDITIONING
= video_model v1 conditioning
ConditioningSetAreaPercentageVideo
  conditioning:CONDITIONING width,height,temporal:UNIT x,y,z:UNIT=0 strength:GAIN -> CONDITIONING
= nodes v1 advanced/conditioning
ConditioningSetTimestepRange  conditioning:CONDITIONING start:PERCENT end:PERCENT=1 -> CONDITIONING
ConditioningZeroOut  conditioning:CONDITIONING -> CONDITIONING
= nodes v1 conditioning/style_model
StyleModelApply
  conditioning:CONDITIONING style_model:STYLE_MODEL clip_vision_output:CLIP_VISION_OUTPUT
  strength:FLOAT=1[0..10/0.001] strength_type:(multiply|attn_bias) -> CONDITIONING
= nodes v1 conditioning/controlnet
ControlNetApply  conditioning:CONDITIONING control_net:CONTROL_NET image:IMAGE strength:GAIN -> CONDITIONING
ControlNetApplyAdvanced
  positive,negative:CONDITIONING control_net:CONTROL_NET image:IMAGE strength:GAIN start_percent:PERCENT
  end_percent:PERCENT=1 vae?:VAE -> positive,negative:CONDITIONING
= sd3 v3 conditioning/controlnet
ControlNetApplySD3
  positive,negative:CONDITIONING control_net:CONTROL_NET vae:VAE image:IMAGE strength:GAIN start_percent:PERCENT
  end_percent:PERCENT=1 -> positive,negative:CONDITIONING
= controlnet v1>v3 conditioning/controlnet
ControlNetInpaintingAliMamaApply
  positive,negative:CONDITIONING control_net:CONTROL_NET vae:VAE image:IMAGE mask:MASK strength:GAIN
  start_percent:PERCENT end_percent:PERCENT=1 -> positive,negative:CONDITIONING
= nodes v1 conditioning/gligen
GLIGENTextBoxApply
  conditioning_to:CONDITIONING clip:CLIP gligen_textbox_model:GLIGEN text:PROMPT width,height:INT=64[8..16384/8]
  x,y:PLACE8 -> CONDITIONING
= flux v3 advanced/conditioning/flux
FluxGuidance  conditioning:CONDITIONING guidance:FLOAT=3.5[0..100/0.1] -> CONDITIONING
FluxDisableGuidance  conditioning:CONDITIONING -> CONDITIONING
FluxKontextMultiReferenceLatentMethod
  conditioning:CONDITIONING reference_latents_method:(offset|index|uxo/uno|index_timestep_zero@0.8) -> CONDITIONING
= edit_model v3 advanced/conditioning/edit_models
ReferenceLatent  conditioning:CONDITIONING latent?:LATENT -> CONDITIONING
= lotus v3 conditioning/lotus
LotusConditioning  -> conditioning:CONDITIONING
= stable_cascade v3 conditioning/stable_cascade
StableCascade_StageB_Conditioning  conditioning:CONDITIONING stage_c:LATENT -> CONDITIONING
= nodes v1 conditioning/inpaint
InpaintModelConditioning
  positive,negative:CONDITIONING vae:VAE pixels:IMAGE mask:MASK noise_mask:BOOLEAN=true
  -> positive,negative:CONDITIONING latent:LATENT
= ip2p v3 conditioning/instructpix2pix
InstructPixToPixConditioning
  positive,negative:CONDITIONING vae:VAE pixels:IMAGE -> positive,negative:CONDITIONING latent:LATENT
= lt v3 conditioning/video_models
LTXVConditioning
  positive,negative:CONDITIONING frame_rate:FLOAT=25[0..1000/0.01] -> positive,negative:CONDITIONING
`;

/** Weights of pictures that steer: a reference stays recognisable, a finished stage C is nearly the result. */
const REFERENCE_WEIGHT = 1.1;
const STAGE_C_WEIGHT = 1.6;

/** Passes the conditioning on with the node's plain values as a note. */
const noted: Run = (inputs, _context, _setup, definition) => [
  withNote(
    inputs.get('conditioning', 'CONDITIONING'),
    [definition.name, ...literalNotes(inputs, inputs.names())].join(' '),
  ),
];

const controlNet: Run = (inputs) => {
  const control = inputs.get('control_net', 'CONTROL_NET');
  const strength = inputs.number('strength');
  const start = inputs.has('start_percent') ? inputs.number('start_percent') : 0;
  const end = inputs.has('end_percent') ? inputs.number('end_percent') : 1;
  const guide = guideOf(inputs.get('image', 'IMAGE'), 'structure', strength * Math.max(0, end - start));
  const apply = (value: ConditioningValue) =>
    strength === 0 ? value : withNote(withGuides(value, [guide]), `${control.name} ${strength} ${start}-${end}`);
  if (!inputs.has('positive')) return [apply(inputs.get('conditioning', 'CONDITIONING'))];
  return [apply(inputs.get('positive', 'CONDITIONING')), apply(inputs.get('negative', 'CONDITIONING'))];
};

/** A prompt that is steered by what a picture shows. */
function steered(inputs: Inputs, label: string): readonly [ConditioningValue] {
  const strength = inputs.number('strength');
  const value = inputs.get('conditioning', 'CONDITIONING');
  if (strength === 0) return [value];
  const image = inputs.get('clip_vision_output', 'CLIP_VISION_OUTPUT').image;
  return [withNote(withGuides(value, [guideOf(image, 'look', strength)]), `${label} ${strength}`)];
}

function withArea(inputs: Inputs, unit: Area['unit']): readonly [ConditioningValue] {
  const area: Area = {
    unit,
    x: inputs.number('x'),
    y: inputs.number('y'),
    width: inputs.number('width'),
    height: inputs.number('height'),
  };
  const strength = inputs.number('strength');
  return [mapEntries(inputs.get('conditioning', 'CONDITIONING'), () => ({ area, strength }))];
}

/** The same pictures for both prompts, as edit and inpaint models get them beside the noise. */
function besideNoise(inputs: Inputs, guides: readonly Guide[]): [ConditioningValue, ConditioningValue] {
  return [
    withGuides(inputs.get('positive', 'CONDITIONING'), guides),
    withGuides(inputs.get('negative', 'CONDITIONING'), guides),
  ];
}

export const conditioningFamily: NodeFamily = {
  interfaces,
  behaviours: {
    ConditioningCombine: (inputs) => [
      conditioning([
        ...inputs.get('conditioning_1', 'CONDITIONING').entries,
        ...inputs.get('conditioning_2', 'CONDITIONING').entries,
      ]),
    ],
    ConditioningConcat: (inputs) => {
      const [added] = inputs.get('conditioning_from', 'CONDITIONING').entries;
      return [
        mapEntries(inputs.get('conditioning_to', 'CONDITIONING'), (entry) =>
          added ? { text: joined(entry.text, added.text), guides: [...entry.guides, ...added.guides] } : {},
        ),
      ];
    },
    ConditioningAverage: (inputs) => {
      const share = inputs.number('conditioning_to_strength');
      const [other] = inputs.get('conditioning_from', 'CONDITIONING').entries;
      return [
        mapEntries(inputs.get('conditioning_to', 'CONDITIONING'), (entry) => {
          if (!other || share === 1) return {};
          // The stronger text leads, since earlier words count more.
          const text = share >= 0.5 ? joined(entry.text, other.text) : joined(other.text, entry.text);
          return { text: share === 0 ? other.text : text, notes: [...entry.notes, `average ${share}`] };
        }),
      ];
    },
    ConditioningSetArea: (inputs) => withArea(inputs, 'pixels'),
    ConditioningSetAreaPercentage: (inputs) => withArea(inputs, 'fraction'),
    ConditioningSetAreaPercentageVideo: (inputs) => withArea(inputs, 'fraction'),
    ConditioningSetAreaStrength: (inputs) => [
      mapEntries(inputs.get('conditioning', 'CONDITIONING'), () => ({ strength: inputs.number('strength') })),
    ],
    ConditioningSetMask: (inputs) => [
      mapEntries(inputs.get('conditioning', 'CONDITIONING'), () => ({
        mask: inputs.get('mask', 'MASK'),
        strength: inputs.number('strength'),
      })),
    ],
    ConditioningSetTimestepRange: (inputs) => [
      mapEntries(inputs.get('conditioning', 'CONDITIONING'), () => ({
        range: [inputs.number('start'), inputs.number('end')] as const,
      })),
    ],
    ConditioningZeroOut: (inputs) => [
      mapEntries(inputs.get('conditioning', 'CONDITIONING'), () => ({ text: '', guides: [] })),
    ],
    unCLIPConditioning: (inputs) => steered(inputs, 'unclip'),
    StyleModelApply: (inputs) => steered(inputs, inputs.get('style_model', 'STYLE_MODEL').name),
    ControlNetApply: controlNet,
    ControlNetApplyAdvanced: controlNet,
    ControlNetApplySD3: controlNet,
    ControlNetInpaintingAliMamaApply: controlNet,
    GLIGENTextBoxApply: (inputs) => {
      const whole = inputs.get('conditioning_to', 'CONDITIONING');
      const box: Area = {
        unit: 'pixels',
        x: inputs.number('x'),
        y: inputs.number('y'),
        width: inputs.number('width'),
        height: inputs.number('height'),
      };
      return [conditioning([...whole.entries, { ...promptEntry([inputs.text('text')]), area: box }])];
    },
    FluxGuidance: noted,
    FluxDisableGuidance: noted,
    FluxKontextMultiReferenceLatentMethod: noted,
    ReferenceLatent: (inputs) => {
      const latent = inputs.maybe('latent', 'LATENT');
      const value = inputs.get('conditioning', 'CONDITIONING');
      return [latent ? withGuides(value, guidesOf(latent, REFERENCE_WEIGHT)) : value];
    },
    LotusConditioning: () => [conditioning([promptEntry([])])],
    StableCascade_StageB_Conditioning: (inputs) => [
      withGuides(inputs.get('conditioning', 'CONDITIONING'), guidesOf(inputs.get('stage_c', 'LATENT'), STAGE_C_WEIGHT)),
    ],
    InpaintModelConditioning: (inputs) => {
      const latent = encode(inputs.get('pixels', 'IMAGE'));
      return [
        inputs.get('positive', 'CONDITIONING'),
        inputs.get('negative', 'CONDITIONING'),
        inputs.flag('noise_mask') ? withNoiseMask(latent, inputs.get('mask', 'MASK')) : latent,
      ];
    },
    InstructPixToPixConditioning: (inputs) => {
      const pixels = inputs.get('pixels', 'IMAGE');
      const guide: Guide = { picture: firstPicture(pixels), kind: 'look', weight: REFERENCE_WEIGHT };
      const { width, height, items } = encode(pixels);
      const empty = items.map((item) => ({ ...item, picture: null }));
      return [
        ...besideNoise(inputs, [guide]),
        { type: 'LATENT', width, height, length: 1, items: empty, noiseMask: null, seconds: 0, trim: 0 },
      ];
    },
    LTXVConditioning: (inputs) => {
      const note = `${inputs.number('frame_rate')} fps`;
      return [
        withNote(inputs.get('positive', 'CONDITIONING'), note),
        withNote(inputs.get('negative', 'CONDITIONING'), note),
      ];
    },
  },
};

function joined(first: string, second: string): string {
  return [first, second].filter((text) => text !== '').join(', ');
}
