import type { ImageBatch } from '../node.js';
import type { Guide } from '../rehearsal/sample.js';
import { conditioning, guideOf, promptEntry, withGuides } from './conditioning-values.js';
import type { Inputs } from './inputs.js';
import { emptyLatent } from './latent-values.js';
import { sizedLatent } from './latents.js';
import type { NodeFamily, Run } from './library.js';
import type { ConditioningValue, LatentValue } from './values.js';

/**
 * Nodes that prepare films and turning objects from pictures: they hand on the prompts with the pictures as guides, and
 * an empty latent of the right size and length.
 */
const interfaces = `
= wan v3 conditioning/video_models
WanImageToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  clip_vision_output?:CLIP_VISION_OUTPUT start_image?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT
WanFirstLastFrameToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  clip_vision_start_image,clip_vision_end_image?:CLIP_VISION_OUTPUT start_image,end_image?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT
WanFunControlToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  clip_vision_output?:CLIP_VISION_OUTPUT start_image,control_video?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT
WanFunInpaintToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  clip_vision_output?:CLIP_VISION_OUTPUT start_image,end_image?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT
Wan22FunControlToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  ref_image,control_video?:IMAGE -> positive,negative:CONDITIONING latent:LATENT
WanVaceToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  strength:FLOAT=1[0..1000/0.01] control_video?:IMAGE control_masks?:MASK reference_image?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT trim_latent:INT
WanCameraImageToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  clip_vision_output?:CLIP_VISION_OUTPUT start_image?:IMAGE camera_conditions?:WAN_CAMERA_EMBEDDING
  -> positive,negative:CONDITIONING latent:LATENT
WanPhantomSubjectToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4 batch_size:BATCH
  images?:IMAGE -> positive:CONDITIONING negative_text:CONDITIONING negative_img_text:CONDITIONING latent:LATENT
WanTrackToVideo
  positive,negative:CONDITIONING vae:VAE tracks:TEXT=[] width:SIDE16=832 height:SIDE16=480 length:FRAMES4
  batch_size:BATCH temperature:FLOAT=220[1..1000/0.1] topk:INT=2[1..10] start_image:IMAGE
  clip_vision_output?:CLIP_VISION_OUTPUT -> positive,negative:CONDITIONING latent:LATENT
WanAnimateToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4=77 batch_size:BATCH
  continue_motion_max_frames:FRAMES4=5 video_frame_offset:PLACE clip_vision_output?:CLIP_VISION_OUTPUT
  reference_image,face_video,pose_video,background_video?:IMAGE character_mask?:MASK continue_motion?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT trim_latent:INT trim_image:INT video_frame_offset:INT
WanSoundImageToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4=77 batch_size:BATCH
  audio_encoder_output?:AUDIO_ENCODER_OUTPUT ref_image,control_video,ref_motion?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT
WanHuMoImageToVideo
  positive,negative:CONDITIONING vae:VAE width:SIDE16=832 height:SIDE16=480 length:FRAMES4=97 batch_size:BATCH
  audio_encoder_output?:AUDIO_ENCODER_OUTPUT ref_image?:IMAGE
  -> positive,negative:CONDITIONING latent:LATENT
= camera_trajectory v3 camera
WanCameraEmbedding
  camera_pose:(Static|Pan Up|Pan Down|Pan Left|Pan Right|Zoom In|Zoom Out|Anti Clockwise (ACW)|ClockWise (CW))=Static
  width:SIDE16=832 height:SIDE16=480 length:FRAMES4 speed?:FLOAT=1[0..10/0.1] fx,fy?:FLOAT=0.5[0..1/1e-09]
  cx,cy?:UNIT=0.5 -> camera_embedding:WAN_CAMERA_EMBEDDING width:INT height:INT length:INT
= wan v3 conditioning/inpaint
Wan22ImageToVideoLatent
  vae:VAE width:INT=1280[32..16384/32] height:INT=704[32..16384/32] length:FRAMES4=49 batch_size:BATCH
  start_image?:IMAGE -> LATENT
= hunyuan v1>v3 conditioning/video_models
HunyuanImageToVideo
  positive:CONDITIONING vae:VAE width:SIDE16=848 height:SIDE16=480 length:FRAMES4=53 batch_size:BATCH
  guidance_type:(v1 (concat)|v2 (replace)|custom) start_image?:IMAGE -> positive:CONDITIONING latent:LATENT
= hunyuan v3 conditioning/video_models
HunyuanVideo15ImageToVideo @0.8
  positive,negative:CONDITIONING vae:VAE width:SIDE16=848 height:SIDE16=480 length:FRAMES4=33 batch_size:BATCH
  start_image?:IMAGE clip_vision_output?:CLIP_VISION_OUTPUT
  -> positive,negative:CONDITIONING latent:LATENT
= hunyuan v3 sd
HunyuanVideo15SuperResolution @0.8
  positive,negative:CONDITIONING latent:LATENT noise_augmentation:UNIT=0.7 vae?:VAE start_image?:IMAGE
  clip_vision_output?:CLIP_VISION_OUTPUT -> positive,negative:CONDITIONING latent:LATENT
= cosmos v3 conditioning/inpaint
CosmosImageToVideoLatent
  vae:VAE width:SIDE16=1280 height:SIDE16=704 length:FRAMES8=121 batch_size:BATCH start_image,end_image?:IMAGE
  -> LATENT
CosmosPredict2ImageToVideoLatent
  vae:VAE width:SIDE16=848 height:SIDE16=480 length:FRAMES4=93 batch_size:BATCH start_image,end_image?:IMAGE
  -> LATENT
= lt v3 conditioning/video_models
LTXVImgToVideo
  positive,negative:CONDITIONING vae:VAE image:IMAGE width:SIDE32 height:SIDE32=512 length:INT=97[9..16384/8]
  batch_size:BATCH strength:FLOAT=1[0..1] -> positive,negative:CONDITIONING latent:LATENT
LTXVImgToVideoInplace @0.8
  vae:VAE image:IMAGE latent:LATENT strength:FLOAT=1[0..1] bypass:BOOLEAN=false -> latent:LATENT
LTXVAddGuide
  positive,negative:CONDITIONING vae:VAE latent:LATENT image:IMAGE frame_idx:INT=0[-9999..9999] strength:UNIT
  -> positive,negative:CONDITIONING latent:LATENT
LTXVCropGuides
  positive,negative:CONDITIONING latent:LATENT -> positive,negative:CONDITIONING latent:LATENT
= lt v3 image
LTXVPreprocess  image:IMAGE img_compression:INT=35[0..100] -> output_image:IMAGE
= kandinsky5 v3 conditioning/video_models
Kandinsky5ImageToVideo @0.8
  positive,negative:CONDITIONING vae:VAE width:SIDE16=768 height:SIDE16=512 length:FRAMES4=121 batch_size:BATCH
  start_image?:IMAGE -> positive,negative:CONDITIONING latent:LATENT cond_latent:LATENT
= video_model v1 conditioning/video_models
SVD_img2vid_Conditioning
  clip_vision:CLIP_VISION init_image:IMAGE vae:VAE width:SIDE8=1024 height:SIDE8=576 video_frames:BATCH=14
  motion_bucket_id:INT=127[1..1023] fps:INT=6[1..1024] augmentation_level:GAIN=0
  -> positive,negative:CONDITIONING latent:LATENT
= stable3d v3 conditioning/3d_models
SV3D_Conditioning
  clip_vision:CLIP_VISION init_image:IMAGE vae:VAE width,height:SIDE8=576 video_frames:BATCH=21
  elevation:FLOAT=0[-90..90/0.1~no] -> positive,negative:CONDITIONING latent:LATENT
StableZero123_Conditioning
  clip_vision:CLIP_VISION init_image:IMAGE vae:VAE width,height:SIDE8=256 batch_size:BATCH
  elevation,azimuth:FLOAT=0[-180..180/0.1~no] -> positive,negative:CONDITIONING latent:LATENT
StableZero123_Conditioning_Batched
  clip_vision:CLIP_VISION init_image:IMAGE vae:VAE width,height:SIDE8=256 batch_size:BATCH
  elevation,azimuth,elevation_batch_increment,azimuth_batch_increment:FLOAT=0[-180..180/0.1~no]
  -> positive,negative:CONDITIONING latent:LATENT
= sdupscale v3 conditioning/upscale_diffusion
SD_4XUpscale_Conditioning
  images:IMAGE positive,negative:CONDITIONING scale_ratio:GAIN=4 noise_augmentation:PERCENT
  -> positive,negative:CONDITIONING latent:LATENT
`;

/** How strongly a picture that a film starts from, or takes its look from, shows. */
const START_WEIGHT = 1.3;
const STRUCTURE_WEIGHT = 0.7;
const LOOK_INPUTS = ['start_image', 'image', 'init_image', 'ref_image', 'reference_image', 'images', 'end_image'];
const STRUCTURE_INPUTS = ['control_video', 'pose_video'];

function guidesIn(inputs: Inputs): Guide[] {
  const present = (names: readonly string[]) => names.flatMap((name) => inputs.maybe(name, 'IMAGE') ?? []);
  const looks = present(LOOK_INPUTS);
  return [
    ...looks.map((image) => guideOf(image, 'look', START_WEIGHT / looks.length)),
    ...present(STRUCTURE_INPUTS).map((image) => guideOf(image, 'structure', STRUCTURE_WEIGHT)),
  ];
}

/** The outputs by their declared names, for all nodes of this kind. */
const prepares: Run = (inputs, _context, _setup, definition) => {
  const guides = guidesIn(inputs);
  const latent = inputs.maybe('latent', 'LATENT') ?? sizedLatent(inputs);
  return (definition.output_name ?? []).map((name) => {
    switch (name) {
      case 'positive':
        return withGuides(promptOf(inputs, 'positive'), guides);
      case 'negative':
      case 'negative_text':
      case 'negative_img_text':
        return promptOf(inputs, 'negative');
      case 'trim_latent':
      case 'trim_image':
        return 0;
      case 'video_frame_offset':
        return inputs.integer('video_frame_offset') + latent.length;
      default:
        return latent;
    }
  });
};

function promptOf(inputs: Inputs, name: string): ConditioningValue {
  return inputs.maybe(name, 'CONDITIONING') ?? conditioning([promptEntry([])]);
}

/** Image-to-video models that put the picture into the latent: here it becomes what the latent shows already. */
const latentOnly: Run = (inputs) => {
  const latent = inputs.maybe('latent', 'LATENT') ?? sizedLatent(inputs);
  const image = inputs.maybe('start_image', 'IMAGE') ?? inputs.maybe('image', 'IMAGE');
  return [image && !inputs.flag('bypass') ? showing(latent, image) : latent];
};

function showing(latent: LatentValue, image: ImageBatch): LatentValue {
  const { picture } = guideOf(image, 'look', 1);
  const fitted = picture.resized(latent.width, latent.height);
  return { ...latent, items: latent.items.map((item) => ({ ...item, picture: fitted })) };
}

/** Models without text: the picture is the prompt. */
const fromPicture =
  (count: 'batch_size' | 'video_frames'): Run =>
  (inputs) => {
    const guides = [guideOf(inputs.get('init_image', 'IMAGE'), 'look', START_WEIGHT)];
    const angles = ['elevation', 'azimuth'].flatMap((name) =>
      inputs.has(name) ? [`${name} ${inputs.number(name)}`] : [],
    );
    const entry = promptEntry(['studio object'], { guides, notes: angles });
    const items = inputs.integer(count);
    const latent = emptyLatent(
      inputs.integer('width'),
      inputs.integer('height'),
      count === 'batch_size' ? items : 1,
      count === 'batch_size' ? 1 : items,
    );
    return [conditioning([entry]), conditioning([promptEntry([])]), latent];
  };

export const videoFamily: NodeFamily = {
  interfaces,
  otherwise: prepares,
  behaviours: {
    WanCameraEmbedding: (inputs) => [
      { type: 'WAN_CAMERA_EMBEDDING' },
      inputs.integer('width'),
      inputs.integer('height'),
      inputs.integer('length'),
    ],
    Wan22ImageToVideoLatent: latentOnly,
    CosmosImageToVideoLatent: latentOnly,
    CosmosPredict2ImageToVideoLatent: latentOnly,
    LTXVImgToVideoInplace: latentOnly,
    LTXVPreprocess: (inputs) => [inputs.get('image', 'IMAGE')],
    LTXVCropGuides: (inputs) => [
      inputs.get('positive', 'CONDITIONING'),
      inputs.get('negative', 'CONDITIONING'),
      inputs.get('latent', 'LATENT'),
    ],
    SVD_img2vid_Conditioning: fromPicture('video_frames'),
    SV3D_Conditioning: fromPicture('video_frames'),
    StableZero123_Conditioning: fromPicture('batch_size'),
    StableZero123_Conditioning_Batched: fromPicture('batch_size'),
    SD_4XUpscale_Conditioning: (inputs) => {
      const images = inputs.get('images', 'IMAGE');
      const guides = [guideOf(images, 'look', START_WEIGHT)];
      const scale = inputs.number('scale_ratio');
      return [
        withGuides(inputs.get('positive', 'CONDITIONING'), guides),
        inputs.get('negative', 'CONDITIONING'),
        emptyLatent(images.width * scale, images.height * scale, images.frames.length),
      ];
    },
  },
};
